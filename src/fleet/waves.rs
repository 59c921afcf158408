//! In which order the members of a fleet come.

use super::Member;
use super::group::{Group, matches};

/// Members that may be worked on together; the next wave begins when all of them have done well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    pub name: String,
    /// Places in the list of members.
    pub members: Vec<usize>,
}

/// Cuts `members` into waves: the canaries, then the rest.
///
/// # Errors
/// No member is a canary although some are named.
pub fn waves(group: &Group, members: &[Member]) -> Result<Vec<Wave>, String> {
    let all = 0..members.len();
    let is_canary = |place: &usize| match group.canary.as_slice() {
        [] => *place == 0,
        patterns => matches(patterns, &members[*place].name),
    };
    let (canaries, rest): (Vec<usize>, Vec<usize>) = all.partition(is_canary);
    if canaries.is_empty() && !members.is_empty() {
        return Err("no member has a name that `canary` gives".to_owned());
    }
    let mut waves = Vec::new();
    if !canaries.is_empty() {
        waves.push(Wave { name: "canary".to_owned(), members: canaries });
    }
    let size = group.wave.unwrap_or(rest.len()).max(1);
    for (number, members) in rest.chunks(size).enumerate() {
        waves.push(Wave { name: format!("wave {}", number + 1), members: members.to_vec() });
    }
    Ok(waves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Pattern;

    fn group(canary: &[&str], wave: Option<usize>) -> Group {
        Group {
            name: "g".to_owned(),
            sources: vec![],
            schemas: vec![],
            path: vec![],
            canary: canary.iter().map(|text| Pattern::parse(text).unwrap()).collect(),
            wave,
            jobs: 1,
        }
    }

    fn cut(canary: &[&str], wave: Option<usize>) -> Vec<Vec<usize>> {
        let members: Vec<Member> =
            ["a", "b", "c", "d", "e"].iter().map(|name| Member::new(name, None)).collect();
        let waves = waves(&group(canary, wave), &members).unwrap();
        waves.into_iter().map(|wave| wave.members).collect()
    }

    #[test]
    fn canaries_come_first_and_the_rest_in_waves() {
        assert_eq!(cut(&[], None), [vec![0], vec![1, 2, 3, 4]]);
        assert_eq!(cut(&["c", "[de]"], Some(1)), [vec![2, 3, 4], vec![0], vec![1]]);
        assert_eq!(cut(&["*"], Some(2)), [vec![0, 1, 2, 3, 4]]);
    }

    #[test]
    fn canaries_that_are_named_must_be_there() {
        let members = [Member::new("a", None)];
        assert!(waves(&group(&["x"], None), &members).is_err());
        assert_eq!(waves(&group(&["x"], None), &[]), Ok(vec![]));
    }
}
