//! What others put on a column, a view or a materialized view while a rollout builds the one that takes its place.
//!
//! *In words*: between plan and switch lie days. An index, a check, statistics, a privilege, a comment or a setting that
//! comes in that time is not part of what was built, and would go with the old one. So the transaction that
//! exchanges the two looks first, under its locks, whether something is there that the plan does not know, and stops
//! before it has changed anything. Views, triggers, policies, defaults and keys are facts of the plan.

use super::draft::Draft;
use super::text::dollar_quoted;
use crate::catalog::acl::AclItem;
use crate::catalog::{Column, Relation};
use crate::sql::{QualifiedName, quote_literal};
use std::collections::BTreeSet;

/// What is told to somebody who put something there.
const HINT: &str =
    "Take it away and put it there again when the rollout is over, or roll back and plan again.";

/// How the names of passing objects begin.
const OURS: &str = "airlock";

/// A column that goes: its table, what it was like when the plan was made, and its name at that moment.
pub(super) struct Going<'a> {
    pub table: &'a Relation,
    pub like: &'a Column,
    pub name: &'a str,
    /// Whether a privilege that was taken away meanwhile would come back.
    pub loses: bool,
}

/// The statement that stops where something hangs on one of `columns`, or is said of it, that is neither what it had nor
/// the plan's own.
pub(super) fn on_columns<'a>(
    draft: &Draft<'_>,
    columns: impl IntoIterator<Item = Going<'a>>,
) -> String {
    let rows: Vec<String> = columns
        .into_iter()
        .map(|Going { table, like, name, loses }| {
            let now = given(like.privileges.iter());
            let first =
                draft.start.relation(&table.name).and_then(|table| table.column(&like.name));
            let first = first.map_or(now.clone(), |column| given(column.privileges.iter()));
            // A REVOKE of the migration may be done by then, or come later.
            let kept: Vec<&String> = now.intersection(&first).filter(|_| loses).collect();
            let known = known(draft, &table.name, |columns| columns.contains(&like.name));
            let mut options = like.options.clone();
            options.sort();
            format!(
                "({}, {}, {}, {}, {}, {}, {}, {})",
                quote_literal(&table.name.to_string()),
                quote_literal(name),
                array(known),
                array(now.union(&first)),
                array(kept),
                comment(like.comment.as_ref()),
                like.statistics_target.unwrap_or(-1),
                array(options)
            )
        })
        .collect();
    let looks = [
        objects("d.refobjsubid = a.attnum"),
        said(
            "the comment",
            "pg_catalog.col_description(a.attrelid, a.attnum) IS DISTINCT FROM w.said",
        ),
        said("the privileges", &misfits(&explode("a.attacl"))),
        said("the statistics target", "coalesce(nullif(a.attstattarget, -1), -1) <> w.target"),
        said(
            "the options",
            &differs(
                "SELECT o COLLATE \"C\" AS item FROM pg_catalog.unnest(a.attoptions) AS o \
             WHERE pg_catalog.split_part(o, '=', 1) IN ('n_distinct', 'n_distinct_inherited')",
                "w.options",
            ),
        ),
    ];
    stop(
        &rows,
        "relation, name, known, given, kept, said, target, options",
        "JOIN pg_catalog.pg_attribute AS a ON a.attrelid = pg_catalog.to_regclass(w.relation) AND a.attname = w.name AND NOT a.attisdropped",
        &looks,
        "pg_catalog.quote_ident(w.name) || ' of ' || w.relation",
    )
}

/// The same for views and materialized views, each as a whole.
pub(super) fn on_views<'a>(
    draft: &Draft<'_>,
    views: impl IntoIterator<Item = &'a Relation>,
) -> Option<String> {
    let rows: Vec<String> = views
        .into_iter()
        .map(|found| {
            let items = |found: &Relation| {
                let owner = || vec![of_owner(draft, found)];
                given(found.privileges.clone().unwrap_or_else(owner).iter())
            };
            let now = items(found);
            let first = draft.start.relation(&found.name).map_or(now.clone(), items);
            format!(
                "({}, {}, {}, {}, {})",
                quote_literal(&found.name.to_string()),
                array(known(draft, &found.name, |_| true)),
                array(now.union(&first)),
                array(now.intersection(&first)),
                comment(found.comment.as_ref())
            )
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let acl = "coalesce(a.relacl, pg_catalog.acldefault('r', a.relowner))";
    let looks = [
        objects("d.refobjsubid > 0"),
        said(
            "the comment",
            "pg_catalog.obj_description(a.attrelid, 'pg_class') IS DISTINCT FROM w.said",
        ),
        said("the privileges", &misfits(&explode(acl))),
    ];
    Some(stop(
        &rows,
        "relation, known, given, kept, said",
        "JOIN (SELECT c.oid AS attrelid, c.relacl, c.relowner FROM pg_catalog.pg_class AS c) AS a ON a.attrelid = pg_catalog.to_regclass(w.relation)",
        &looks,
        "w.relation",
    ))
}

/// What the owner has as long as nobody says otherwise.
fn of_owner(draft: &Draft<'_>, found: &Relation) -> String {
    let letters = "arwdDxtm".chars().filter(|letter| draft.major() >= 17 || *letter != 'm');
    let item = AclItem {
        grantee: Some(found.owner.clone()),
        privileges: letters.map(|letter| (letter, false)).collect(),
        grantor: found.owner.clone(),
    };
    item.to_string()
}

/// Names of indexes, constraints and statistics of `name` over columns that `over` takes, as they are when the plan begins
/// and as the migration has made them.
fn known(
    draft: &Draft<'_>,
    name: &QualifiedName,
    over: impl Fn(&[String]) -> bool,
) -> BTreeSet<String> {
    let found = [draft.start.relation(name), draft.catalog.relation(name)];
    let mut names = BTreeSet::new();
    for relation in found.into_iter().flatten() {
        let indexes = relation.indexes.iter().map(|index| (&index.name, &index.columns));
        let constraints = relation.constraints.iter().map(|c| (&c.name, &c.columns));
        // A foreign key of the table to itself hangs on the columns that it points to as well.
        let to_itself =
            relation.constraints.iter().filter(|c| c.references.as_ref() == Some(&relation.name));
        let to_itself = to_itself.map(|c| (&c.name, &c.referenced_columns));
        let statistics = relation.statistics.iter().map(|s| (&s.name.name, &s.columns));
        let all = indexes.chain(constraints).chain(to_itself).chain(statistics);
        names.extend(all.filter(|(_, columns)| over(columns)).map(|(name, _)| name.clone()));
    }
    names
}

/// Who may do what, whoever gave it.
fn given<'i>(items: impl Iterator<Item = &'i String>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for item in items.filter_map(|item| AclItem::parse(item)) {
        let grantee = item.grantee.clone().unwrap_or_default();
        all.extend(
            item.words()
                .map(|(word, option)| format!("{grantee} {word}{}", if option { "*" } else { "" })),
        );
    }
    all
}

/// A condition: an item is not among those that may be there, or one is missing that has to be.
fn misfits(query: &str) -> String {
    format!(
        "EXISTS (SELECT FROM ({query}) AS items WHERE item <> ALL (w.given)) OR NOT w.kept <@ ARRAY({query})"
    )
}

fn explode(acl: &str) -> String {
    format!(
        "SELECT (coalesce(r.rolname::text, '') || ' ' || x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END) COLLATE \"C\" AS item \
         FROM pg_catalog.aclexplode({acl}) AS x LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = x.grantee"
    )
}

/// A condition: the items that `query` gives are others than `items`, which are in order.
fn differs(query: &str, items: &str) -> String {
    format!("ARRAY(SELECT DISTINCT item FROM ({query}) AS items ORDER BY item) <> {items}")
}

fn array<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let quoted: Vec<String> = items.into_iter().map(|item| quote_literal(item.as_ref())).collect();
    format!("ARRAY[{}]::text[]", quoted.join(", "))
}

fn comment(text: Option<&String>) -> String {
    text.map_or("NULL::text".to_owned(), |text| quote_literal(text))
}

fn said(what: &str, condition: &str) -> String {
    format!("SELECT {} WHERE {condition}", quote_literal(what))
}

/// Indexes, constraints and statistics that depend on what `on` says and are not known. NOT NULL is a fact of the
/// column.
fn objects(on: &str) -> String {
    format!(
        "SELECT DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, 0) AS what FROM pg_catalog.pg_depend AS d\n      \
         LEFT JOIN pg_catalog.pg_class AS i ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.oid = d.objid AND i.relkind IN ('i', 'I')\n      \
         LEFT JOIN pg_catalog.pg_constraint AS k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid AND k.conrelid = a.attrelid AND k.contype <> 'n' AND k.conparentid = 0\n      \
         LEFT JOIN pg_catalog.pg_statistic_ext AS s ON d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND s.oid = d.objid\n      \
         CROSS JOIN LATERAL (SELECT coalesce(i.relname, k.conname, s.stxname)::text AS name) AS its\n      \
         WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = a.attrelid AND {on}\n      \
         AND its.name <> ALL (w.known) AND NOT pg_catalog.starts_with(its.name, {})",
        quote_literal(OURS)
    )
}

fn stop(rows: &[String], columns: &str, join: &str, looks: &[String], of: &str) -> String {
    let body = format!(
        "\nDECLARE\n  airlock_found text;\nBEGIN\n  \
         SELECT pg_catalog.string_agg(looks.what || ' of ' || {of}, ', ') INTO airlock_found\n  \
         FROM (VALUES {}) AS w ({columns})\n  \
         {join}\n  \
         CROSS JOIN LATERAL (\n    {}) AS looks;\n  \
         IF airlock_found IS NOT NULL THEN\n    \
         RAISE EXCEPTION USING MESSAGE = airlock_found || {}, HINT = {};\n  END IF;\nEND\n",
        rows.join(",\n    "),
        looks.join("\n    UNION ALL "),
        quote_literal(": not what the plan was made for, and would be lost"),
        quote_literal(HINT)
    );
    format!("DO {}", dollar_quoted(&body))
}
