//! Privileges as the catalog keeps them (`aclitem` texts), as `GRANT` statements.
//!
//! Source: manual, "Privileges", table 5.1: `a` INSERT, `r` SELECT, `w` UPDATE, `d` DELETE, and so
//! on; `*` behind a letter is the grant option; an empty grantee is PUBLIC.

use crate::sql::quote_ident;

/// One `aclitem` read.
struct Item {
    /// `None` for PUBLIC.
    grantee: Option<String>,
    privileges: Vec<(&'static str, bool)>,
}

fn parse(item: &str) -> Option<Item> {
    let (grantee, rest) = split_name(item)?;
    let rest = rest.strip_prefix('=')?;
    let letters = rest.split('/').next().unwrap_or("");
    let mut privileges = Vec::new();
    let mut chars = letters.chars().peekable();
    while let Some(letter) = chars.next() {
        let option = chars.next_if_eq(&'*').is_some();
        if let Some(word) = word(letter) {
            privileges.push((word, option));
        }
    }
    Some(Item { grantee: (!grantee.is_empty()).then_some(grantee), privileges })
}

/// The role name at the start, unquoted, and what follows it.
fn split_name(item: &str) -> Option<(String, &str)> {
    let Some(quoted) = item.strip_prefix('"') else {
        let end = item.find('=')?;
        return Some((item[..end].to_owned(), &item[end..]));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, rest)),
        }
    }
}

fn word(letter: char) -> Option<&'static str> {
    Some(match letter {
        'r' => "SELECT",
        'a' => "INSERT",
        'w' => "UPDATE",
        'd' => "DELETE",
        'x' => "REFERENCES",
        'U' => "USAGE",
        'X' => "EXECUTE",
        _ => return None,
    })
}

/// `GRANT`s that give `object` what `items` say, to everyone but `owner`, restricted to the
/// privileges `wanted`. `columns` is put behind each privilege: empty, or ` (a, b)`.
pub(super) fn grants(
    items: &[String],
    owner: &str,
    object: &str,
    columns: &str,
    wanted: &[&str],
) -> Vec<String> {
    let mut statements = Vec::new();
    for item in items.iter().filter_map(|item| parse(item)) {
        if item.grantee.as_deref() == Some(owner) {
            continue;
        }
        let grantee = item.grantee.as_deref().map_or("PUBLIC".to_owned(), quote_ident);
        for with_option in [false, true] {
            let words: Vec<String> = item
                .privileges
                .iter()
                .filter(|(word, option)| *option == with_option && wanted.contains(word))
                .map(|(word, _)| format!("{word}{columns}"))
                .collect();
            if !words.is_empty() {
                let option = if with_option { " WITH GRANT OPTION" } else { "" };
                statements
                    .push(format!("GRANT {} ON {object} TO {grantee}{option}", words.join(", ")));
            }
        }
    }
    statements
}

/// Whether `item` gives anything to one of `roles`.
pub(super) fn is_for(item: &str, roles: &[String]) -> bool {
    parse(item).is_some_and(|item| item.grantee.is_some_and(|grantee| roles.contains(&grantee)))
}

/// Whether `item` gives `privilege` to anyone.
pub(super) fn gives(item: &str, privilege: &str) -> bool {
    parse(item).is_some_and(|item| item.privileges.iter().any(|(word, _)| *word == privilege))
}

#[cfg(test)]
mod tests {
    use super::grants;

    #[test]
    fn items_become_grants() {
        let items = [
            "owner=arwdDxt/owner".to_owned(),
            "app=ar*w/owner".to_owned(),
            "=r/owner".to_owned(),
            "\"we\"\"ird=x\"=d/owner".to_owned(),
        ];
        let all = ["SELECT", "INSERT", "UPDATE", "DELETE"];
        assert_eq!(
            grants(&items, "owner", "public.t", "", &all),
            [
                "GRANT INSERT, UPDATE ON public.t TO app",
                "GRANT SELECT ON public.t TO app WITH GRANT OPTION",
                "GRANT SELECT ON public.t TO PUBLIC",
                "GRANT DELETE ON public.t TO \"we\"\"ird=x\"",
            ]
        );
        assert_eq!(
            grants(&items[1..2], "owner", "public.t", " (b)", &["SELECT"]),
            ["GRANT SELECT (b) ON public.t TO app WITH GRANT OPTION"]
        );
    }
}
