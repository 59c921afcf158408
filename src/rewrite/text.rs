//! Small pieces of SQL text that several recipes write.

use crate::catalog::Relation;
use crate::sql::{QualifiedName, quote_ident, quote_literal};
use std::collections::BTreeSet;

/// The identifiers that occur in `sql`, as the server reads them: folded unless quoted.
pub(super) fn words(sql: &str) -> BTreeSet<String> {
    let identifier = |word: &str| match word.strip_prefix('"').and_then(|w| w.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => word.to_lowercase(),
    };
    tokens(sql).into_iter().map(identifier).collect()
}

/// The identifiers that occur in the string constants of `sql`.
pub(super) fn words_in_strings(sql: &str) -> BTreeSet<String> {
    // E'…' and $tag$…$tag$ too.
    let text = |token: &str| {
        token.find(['\'', '$']).map(|at| words(token[at..].trim_matches(['\'', '$'])))
    };
    tokens(sql).into_iter().filter_map(text).flatten().collect()
}

fn tokens(sql: &str) -> Vec<&str> {
    let Ok(scanned) = crate::sql::grammar::scan(sql) else { return Vec::new() };
    scanned
        .iter()
        .filter_map(|token| {
            sql.get(usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?)
        })
        .collect()
}

/// `sql`, which airlock wrote, with the qualified name `from` replaced by `to` wherever it stands as
/// `schema.name`; in a `DO` block also where it is all that a string says.
pub(super) fn renamed(sql: &str, from: &QualifiedName, to: &QualifiedName) -> String {
    const BODY: &str = "$airlock$";
    let body = sql.strip_prefix("DO ").and_then(|rest| rest.strip_prefix(BODY)?.strip_suffix(BODY));
    if let Some(body) = body {
        let literal = |name: &QualifiedName| quote_literal(&name.to_string());
        let body = names_replaced(body, from, to).replace(&literal(from), &literal(to));
        return format!("DO {}", dollar_quoted(&body));
    }
    names_replaced(sql, from, to)
}

fn names_replaced(sql: &str, from: &QualifiedName, to: &QualifiedName) -> String {
    let Ok(scanned) = crate::sql::grammar::scan(sql) else { return sql.to_owned() };
    let spans: Vec<(usize, usize)> = scanned
        .iter()
        .filter_map(|t| Some((usize::try_from(t.start).ok()?, usize::try_from(t.end).ok()?)))
        .collect();
    let (schema, name) = (quote_ident(&from.schema), quote_ident(&from.name));
    let mut text = String::new();
    let mut copied = 0;
    for window in spans.windows(3) {
        let [first, dot, last] = window else { continue };
        if first.0 >= copied
            && sql[first.0..first.1] == schema
            && &sql[dot.0..dot.1] == "."
            && sql[last.0..last.1] == name
        {
            text.push_str(&sql[copied..first.0]);
            text.push_str(&to.to_string());
            copied = last.1;
        }
    }
    text.push_str(&sql[copied..]);
    text
}

/// `"a", "b"`.
pub(super) fn columns<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| quote_ident(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// `ALTER TABLE s.t <rest>`.
pub(super) fn alter(relation: &QualifiedName, rest: &str) -> String {
    format!("ALTER TABLE {relation} {rest}")
}

/// The same for a partition, which may be dropped while the rollout is on.
pub(super) fn alter_if_there(relation: &QualifiedName, rest: &str) -> String {
    format!("ALTER TABLE IF EXISTS {relation} {rest}")
}

/// The one or the other, as `relation` is.
pub(super) fn alter_of(relation: &Relation, rest: &str) -> String {
    let alter = if relation.partition_bound.is_some() { alter_if_there } else { self::alter };
    alter(&relation.name, rest)
}

/// `relation` as `ALTER TABLE` names it when the tables below it are to be left alone.
pub(super) fn only(relation: &Relation) -> String {
    let only = if relation.children.is_empty() { "" } else { "ONLY " };
    format!("{only}{}", relation.name)
}

/// `probe` for something on a partition: with the partition gone, nothing is left to do.
pub(super) fn done_without(relation: &QualifiedName, probe: &str) -> String {
    format!(
        "SELECT CASE WHEN pg_catalog.to_regclass({}) IS NULL THEN 'done' ELSE ({probe}) END",
        quote_literal(&relation.to_string())
    )
}

/// One row, one text: whether the index is `absent`, `half-done` (invalid) or `done`.
pub(super) fn index_built_probe(index: &QualifiedName) -> String {
    index_probe(index, "'absent'", "'done'")
}

/// The same for a drop: `absent` means that the drop has not begun, `done` that the index is gone.
pub(super) fn index_dropped_probe(index: &QualifiedName) -> String {
    index_probe(index, "'done'", "'absent'")
}

fn index_probe(index: &QualifiedName, when_missing: &str, when_valid: &str) -> String {
    format!(
        "SELECT CASE WHEN i.indexrelid IS NULL THEN {when_missing} \
         WHEN i.indisvalid AND i.indisready AND i.indislive THEN {when_valid} \
         ELSE 'half-done' END \
         FROM (SELECT 1) AS one LEFT JOIN (pg_catalog.pg_index AS i \
         JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace) \
         ON n.nspname = {} AND c.relname = {}",
        quote_literal(&index.schema),
        quote_literal(&index.name)
    )
}

/// `body` in dollar quotes whose tag does not occur in it.
pub(super) fn dollar_quoted(body: &str) -> String {
    let mut tag = "$airlock$".to_owned();
    let mut number = 0;
    while body.contains(&tag) {
        number += 1;
        tag = format!("$airlock{number}$");
    }
    format!("{tag}{body}{tag}")
}

/// `a, b and c`, for sentences.
pub(super) fn listed<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [rest @ .., last] => {
            let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", rest.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_unless_quoted() {
        let found = words("ALTER TABLE \"T\" ADD Foo int -- bar\n");
        assert!(found.contains("T") && found.contains("foo"));
        assert!(!found.contains("t") && !found.contains("bar"));
    }

    #[test]
    fn qualified_names_are_replaced_as_tokens() {
        let from = QualifiedName::new("public", "order");
        let to = QualifiedName::new("public", "T");
        assert_eq!(
            renamed("DROP TRIGGER \"order\" ON public.\"order\" -- public.\"order\"", &from, &to),
            "DROP TRIGGER \"order\" ON public.\"T\" -- public.\"order\""
        );
        assert_eq!(renamed("SELECT 'public.\"order\"'", &from, &to), "SELECT 'public.\"order\"'");
        assert_eq!(
            renamed("DO $airlock$ f('public.\"order\"', public.\"order\") $airlock$", &from, &to),
            "DO $airlock$ f('public.\"T\"', public.\"T\") $airlock$"
        );
    }

    #[test]
    fn dollar_tags_never_end_early() {
        assert_eq!(dollar_quoted("a"), "$airlock$a$airlock$");
        assert_eq!(dollar_quoted("$airlock$"), "$airlock1$$airlock$$airlock1$");
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(&["a"]), "a");
    }
}
