//! `alter table t alter "{{int|text}}" type {{int|text}}`: one line for every combination.

/// Every text that `pattern` stands for; itself when it has no alternatives.
pub(crate) fn expand(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once("{{") else { return vec![pattern.to_owned()] };
    let Some((alternatives, after)) = rest.split_once("}}") else {
        return vec![pattern.to_owned()];
    };
    let tails = expand(after);
    let heads = alternatives.split('|').map(|one| format!("{before}{one}"));
    heads.flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}"))).collect()
}

#[test]
fn every_combination_comes_once() {
    assert_eq!(expand("a"), ["a"]);
    assert_eq!(expand("{{a|b}} {{|1}}"), ["a ", "a 1", "b ", "b 1"]);
}
