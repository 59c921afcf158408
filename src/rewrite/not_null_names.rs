//! NOT NULL whose constraint has names of their own in the tables below (from version 18 on).
//!
//! *In words*: a rename leaves these names as they are, so the second column has to get them. A NOT NULL constraint that
//! comes down cannot be renamed below, and one that has other names below cannot be renamed at all. So each leaf of a
//! partitioned table gets a constraint of its own, NOT VALID and validated, which is renamed in contract; then those above are
//! added under their names and find every leaf NOT NULL already: nothing is read. What came down from above is the
//! partition's own from then on.
//!
//! A change of type as written gives partitions the name of the table above (observed on 18), and so does the plan; only its
//! rollback gives them their own back.

use super::draft::Draft;
use super::rebuild::{self, Names, not_null_constraint};
use super::text::{alter, alter_of};
use super::{partitioned, set_not_null};
use crate::catalog::{Catalog, Constraint, Relation, RelationKind};
use crate::plan::Phase;
use crate::sql::{QualifiedName, quote_ident, quote_literal};

/// The table that NOT NULL of `column` of `member` comes from, where it has another name there.
pub(super) fn named_otherwise<'c>(
    catalog: &'c Catalog,
    member: &Relation,
    column: &str,
) -> Option<&'c QualifiedName> {
    let own = not_null_constraint(member, column).filter(|own| own.inherited)?;
    let above = member.parents.iter().filter_map(|name| catalog.relation(name));
    above
        .filter_map(|above| Some((above, not_null_constraint(above, column)?)))
        .find(|(_, constraint)| constraint.name != own.name)
        .map(|(above, _)| &above.name)
}

/// Why an inheritance tree in which that is so cannot be given another column.
pub(super) fn obstacle(child: &QualifiedName, above: &QualifiedName) -> String {
    format!(
        "NOT NULL of child {child} has another name than that of {above}, from which it comes, and would lose it: in revisions before, DROP NOT NULL on {above}, RENAME CONSTRAINT on {child} to the name that it has there, and SET NOT NULL on {above} again"
    )
}

/// The tables below `found` with their NOT NULL constraints of `column`, parents first, when one of them has another
/// name than `found`'s; else none.
pub(super) fn below(
    catalog: &Catalog,
    found: &Relation,
    column: &str,
) -> Vec<(Relation, Constraint)> {
    let Some(own) = not_null_constraint(found, column) else { return Vec::new() };
    let below: Vec<(Relation, Constraint)> = catalog
        .family(found)
        .into_iter()
        .skip(1)
        .filter_map(|member| Some((member.clone(), not_null_constraint(member, column)?.clone())))
        .collect();
    if below.iter().any(|(_, constraint)| constraint.name != own.name) { below } else { Vec::new() }
}

/// NOT NULL of the partitioned table `found` and of those `below` it, for column `new`.
pub(super) fn build(
    draft: &mut Draft<'_>,
    (found, existing): (&Relation, &Constraint),
    below: &[(Relation, Constraint)],
    new: &str,
    names: &mut Names,
) {
    let passing = draft.temporary_name();
    let is_leaf = |member: &Relation| member.kind != RelationKind::PartitionedTable;
    for (member, _) in below.iter().filter(|(member, _)| is_leaf(member)) {
        set_not_null::named(draft, Phase::Migrate, &member.name, new, &passing);
    }
    let without = format!(
        "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = {} AND a.attnotnull)",
        quote_literal(new)
    );
    partitioned::no_new_leaf(draft, Phase::Migrate, found, &without, &existing.name);
    let mut sql = Vec::new();
    for (member, constraint) in below.iter().rev() {
        if is_leaf(member) {
            let to = format!("{} TO {}", quote_ident(&passing), quote_ident(&constraint.name));
            sql.push(alter_of(member, &format!("RENAME CONSTRAINT {to}")));
        } else {
            sql.push(alter_of(member, &adding(constraint, new)));
        }
        sql.extend(rebuild::comment_on_constraint(member, constraint));
    }
    sql.push(alter(&found.name, &adding(existing, new)));
    sql.extend(rebuild::comment_on_constraint(found, existing));
    // A key of the parent would make constraints under names of the server's choice.
    names.sql.splice(0..0, sql);
}

fn adding(constraint: &Constraint, column: &str) -> String {
    format!("ADD CONSTRAINT {} NOT NULL {}", quote_ident(&constraint.name), quote_ident(column))
}

/// Rollback, in the transaction that puts the columns back: those of the column `new` go, and `column`, which a check
/// proves, gets its own again.
pub(super) fn back(
    (found, existing): (&Relation, &Constraint),
    below: &[(Relation, Constraint)],
    [new, column]: [&str; 2],
) -> Vec<String> {
    let all = || std::iter::once((found, existing)).chain(below.iter().map(|(r, c)| (r, c)));
    let free = format!("ALTER COLUMN {} DROP NOT NULL", quote_ident(new));
    let mut sql: Vec<String> = all().map(|(member, _)| alter_of(member, &free)).collect();
    let mut again: Vec<Vec<String>> = all()
        .map(|(member, constraint)| {
            let mut sql = vec![alter_of(member, &adding(constraint, column))];
            sql.extend(rebuild::comment_on_constraint(member, constraint));
            sql
        })
        .collect();
    again.reverse();
    sql.extend(again.into_iter().flatten());
    sql
}
