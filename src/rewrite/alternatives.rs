//! What to do in place of a statement that has no online form: the reason, the cost, the choices.
//!
//! *In words*: some changes need a second copy of the whole table (a *table shadow*, kept in step by
//! triggers and swapped in), which airlock does not make yet. Such a statement is refused with what
//! makes it impossible, about how long it would stand in the way of the application, and the nearest
//! thing that can be done now. Nothing here plans a step: a recipe that takes a statement over is a
//! line in `dispatch.rs` and goes from here.

use super::draft::Draft;
use super::op;
use crate::analyze::{self, Impact};
use crate::catalog::{TypeDef, user_type};
use crate::plan::{Work, WorkKind};
use crate::sql::{QualifiedName, Statement, deparse, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint};
use std::time::Duration;

/// Why a statement has no online form, and what to do.
pub(super) struct Advice {
    pub why: &'static str,
    pub choices: String,
}

/// `about 40 s`, for the work of a statement: an estimate from the size of the tables.
pub(super) fn cost(draft: &Draft<'_>, work: &[Work]) -> Option<String> {
    let time = analyze::estimate(work, &draft.catalog)?;
    Some(if time < Duration::from_secs(1) {
        "less than a second".to_owned()
    } else if time < Duration::from_secs(120) {
        format!("about {} s", time.as_secs())
    } else if time < Duration::from_secs(2 * 3600) {
        format!("about {} min", time.as_secs().div_ceil(60))
    } else {
        format!("about {} h", time.as_secs().div_ceil(3600))
    })
}

const SHADOW: &str = "It takes a second copy of the table, kept in step and swapped in, which airlock does not make yet.";

/// What is known of `statement`; `None` for one that nothing special is known of.
pub(super) fn of(draft: &Draft<'_>, statement: &Statement, impact: &Impact) -> Option<Advice> {
    match &statement.node {
        NodeEnum::AlterTableStmt(alter) => alter_table(draft, alter),
        NodeEnum::AlterDomainStmt(alter) => Some(domain(alter, impact)),
        NodeEnum::ClusterStmt(_) => Some(Advice {
            why: SHADOW,
            choices: "Without a lock for long: pg_repack with its --order-by option writes the table in the order of an index. Or leave it: the order is lost again as rows are written.".to_owned(),
        }),
        NodeEnum::VacuumStmt(_) => Some(Advice {
            why: SHADOW,
            choices: "A plain VACUUM makes the space free for new rows and stands in nobody's way; pg_repack gives it back to the file system without a lock for long.".to_owned(),
        }),
        _ => None,
    }
}

fn alter_table(draft: &Draft<'_>, alter: &AlterTableStmt) -> Option<Advice> {
    let command = op::command(alter)?;
    let advice = |choices: &str| Some(Advice { why: SHADOW, choices: choices.to_owned() });
    match (command.subtype(), command.def.as_ref().and_then(|def| def.node.as_ref())) {
        (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint)))
            if constraint.contype() == ConstrType::ConstrExclusion =>
        {
            Some(exclusion(constraint))
        }
        (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
            new_column(draft, alter, column)
        }
        (AlterTableType::AtSetTableSpace, _) => advice(
            "Indexes can go one by one: build each anew with CREATE INDEX … TABLESPACE, and drop the old one. A table goes with pg_repack and its --tablespace option; new partitions can be created in the tablespace from the start.",
        ),
        (AlterTableType::AtSetLogged | AlterTableType::AtSetUnLogged, _) => advice(
            "Create a second table with the persistence that is wanted, let the application write to both, copy the rows, and rename: for a table that can be filled again that is all.",
        ),
        (AlterTableType::AtSetAccessMethod, _) => advice(
            "Partitions that are created from now on can have the access method from the start.",
        ),
        _ => None,
    }
}

fn exclusion(constraint: &Constraint) -> Advice {
    let only_equal = constraint.exclusions.iter().all(|pair| match &pair.node {
        Some(NodeEnum::List(pair)) => pair.items.last().is_some_and(|operator| {
            matches!(&operator.node, Some(NodeEnum::List(name))
                if super::groups::strings(&name.items).last().is_some_and(|n| n == "="))
        }),
        _ => false,
    });
    let choices = if only_equal {
        "Every operator in it is `=`: UNIQUE says the same and is built without blocking. NULLs count as different in both."
    } else {
        "Until a window allows it, a trigger that looks for a conflicting row under an advisory lock on the key keeps new rows apart."
    };
    Advice {
        why: "An exclusion constraint builds its index under ACCESS EXCLUSIVE: it has no concurrent form, and no USING INDEX either.",
        choices: choices.to_owned(),
    }
}

fn new_column(draft: &Draft<'_>, alter: &AlterTableStmt, column: &ColumnDef) -> Option<Advice> {
    let table = alter.relation.as_ref().map(|range| quote_ident(&range.relname))?;
    let name = quote_ident(&column.colname);
    let written = column.type_name.as_ref()?;
    let generated = column.constraints.iter().find_map(|node| match &node.node {
        Some(NodeEnum::Constraint(c)) if c.contype() == ConstrType::ConstrGenerated => Some(c),
        _ => None,
    });
    if let Some(generated) = generated {
        let expression = generated.raw_expr.as_deref().map(deparse::expression).unwrap_or_default();
        let mut choices = format!(
            "Choose: `-- airlock: stored trigger` above the statement makes a plain column that a trigger computes from ({expression}) and that is filled in batches"
        );
        if draft.major() >= 18 {
            choices.push_str(
                "; VIRTUAL in place of STORED computes it when it is read, and is added at once",
            );
        } else {
            choices.push_str("; an index on the expression serves searches without a column");
        }
        choices.push('.');
        return Some(Advice {
            why: "A stored generated column is computed for every row when it is added, and a column that exists cannot become one.",
            choices,
        });
    }
    let domain = user_type(written, &draft.catalog)?;
    let (base, checks) = without_domain(draft, &domain, &name)?;
    Some(Advice {
        why: "A column of a domain with constraints has every row checked, and written, when it is added, even where it is NULL.",
        choices: format!(
            "The same rule without the domain is added online: ALTER TABLE {table} ADD COLUMN {name} {base}{checks}."
        ),
    })
}

/// The base type of a domain, and what its constraints are as those of a table, for `column` (quoted).
pub(super) fn without_domain(
    draft: &Draft<'_>,
    domain: &QualifiedName,
    column: &str,
) -> Option<(String, String)> {
    let TypeDef::Domain { base, checks, not_null, .. } = draft.catalog.types.get(domain)? else {
        return None;
    };
    let mut conditions: Vec<String> = checks
        .iter()
        .filter_map(|check| check.split_once(" CHECK (").map(|(_, rest)| rest))
        .map(|rest| rest.strip_suffix(')').unwrap_or(rest).replace("VALUE", column))
        .collect();
    if *not_null {
        conditions.push(format!("{column} IS NOT NULL"));
    }
    let checks = conditions.iter().map(|condition| format!(", ADD CHECK ({condition})")).collect();
    Some((base.clone(), checks))
}

fn domain(alter: &pg_query::protobuf::AlterDomainStmt, impact: &Impact) -> Advice {
    let tables: Vec<String> = impact
        .work
        .iter()
        .filter(|work| work.kind == WorkKind::Scan)
        .map(|work| work.relation.to_string())
        .collect();
    let tables = super::text::listed(&tables);
    let choices = match alter.subtype.as_str() {
        "V" => format!(
            "As long as it is NOT VALID every value that is written is checked already: count the old rows of {tables} that break it, correct them, and leave VALIDATE for a quiet minute."
        ),
        "O" => format!(
            "`ADD CONSTRAINT … CHECK (VALUE IS NOT NULL) NOT VALID` takes no lock on {tables} and refuses NULL in whatever is written from then on."
        ),
        _ => format!(
            "With NOT VALID at its end it takes no lock on {tables} and holds for whatever is written from then on; the old rows can be counted and corrected at leisure, and VALIDATE CONSTRAINT follows in a quiet minute."
        ),
    };
    Advice {
        why: "A constraint of a domain is checked in every table that uses it under SHARE, which holds up writes; the server has no weaker form, and takes no CHECK of a table for a proof.",
        choices,
    }
}
