//! An identity column hands its numbers over: the server ties the sequence to its column for good,
//! so the other column gets a new one that goes on where the first stands, under the same name.

use super::{Change, Table};
use crate::catalog::{Identity, Relation, Sequence};
use crate::rewrite::acl;
use crate::rewrite::draft::Draft;
use crate::rewrite::text::alter;
use crate::sql::{QualifiedName, quote_ident, quote_literal};

/// The sequences that `change`'s column owns.
pub(super) fn owned<'c>(
    draft: &'c Draft<'_>,
    table: &Table,
    change: &Change,
) -> impl Iterator<Item = &'c Relation> {
    let (name, column) = (table.found.name.clone(), change.name().to_owned());
    draft.catalog.relations.values().filter(move |sequence| {
        sequence.owned_by.as_ref().is_some_and(|(on, of)| *on == name && *of == column)
    })
}

/// From column `from`, which is named so now, to column `to` of type `type_name`; both are NOT NULL.
pub(super) fn hand_over(
    draft: &Draft<'_>,
    table: &Table,
    sequence: &Relation,
    identity: Identity,
    passing: &str,
    [from, to]: [&str; 2],
    [old_type, new_type]: [&str; 2],
) -> Vec<String> {
    let Some(counts) = sequence.sequence else { return Vec::new() };
    let (name, on) = (&sequence.name, &table.found.name);
    let aside: QualifiedName = name.sibling(passing);
    let kind = match identity {
        Identity::Always => "ALWAYS",
        Identity::ByDefault => "BY DEFAULT",
    };
    let mut sql = vec![
        format!("ALTER SEQUENCE {name} RENAME TO {}", quote_ident(passing)),
        alter(
            on,
            &format!(
                "ALTER COLUMN {} ADD GENERATED {kind} AS IDENTITY (SEQUENCE NAME {name} {})",
                quote_ident(to),
                options(&counts, old_type, new_type)
            ),
        ),
        format!(
            "SELECT pg_catalog.setval({}, s.last_value, s.is_called) FROM {aside} AS s",
            quote_literal(&name.to_string())
        ),
    ];
    sql.extend(acl::exactly(draft, sequence, name, acl::Kind::Sequence));
    if let Some(comment) = &sequence.comment {
        sql.push(format!("COMMENT ON SEQUENCE {name} IS {}", quote_literal(comment)));
    }
    sql.push(alter(on, &format!("ALTER COLUMN {} DROP IDENTITY", quote_ident(from))));
    sql
}

/// Bounds that were those of the old type become those of the new one, as `ALTER SEQUENCE … AS` has
/// it (manual, "ALTER SEQUENCE").
fn options(counts: &Sequence, old_type: &str, new_type: &str) -> String {
    let (old, new) = (range(old_type), range(new_type));
    let bound = |value: i64, old: i64, new: i64| if value == old { new } else { value };
    let least = bound(counts.min_value, old.0, new.0);
    let most = bound(counts.max_value, old.1, new.1);
    let cycle = if counts.cycle { " CYCLE" } else { "" };
    format!(
        "START WITH {} INCREMENT BY {} MINVALUE {least} MAXVALUE {most} CACHE {}{cycle}",
        counts.start, counts.increment, counts.cache
    )
}

fn range(type_name: &str) -> (i64, i64) {
    match type_name {
        "smallint" => (i16::MIN.into(), i16::MAX.into()),
        "integer" => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN, i64::MAX),
    }
}
