//! `ALTER COLUMN … ADD / SET / DROP IDENTITY` of a column that exists.
//!
//! *In words*: all are brief. ADD comes in expand; where the same `ALTER TABLE` drops the column's
//! default (the way from `serial` to an identity), both go in one transaction, so that no INSERT
//! meets a column that has neither. What takes something away from the old application (DROP, and
//! the switch to ALWAYS, which refuses values that it gives itself) waits for contract.

use super::as_is;
use super::dispatch::target;
use super::draft::Draft;
use super::op;
use crate::analyze::Impact;
use crate::catalog::Identity;
use crate::plan::{NoteKind, Phase};
use crate::sql::{QualifiedName, Statement};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType, Constraint, DefElem, Node};

/// Whether `parts` are the way from a default to an identity, and nothing else.
pub(super) fn is_conversion(parts: &[Statement]) -> bool {
    let commands: Vec<&AlterTableCmd> = parts
        .iter()
        .filter_map(|part| match &part.node {
            NodeEnum::AlterTableStmt(alter) => op::command(alter),
            _ => None,
        })
        .collect();
    let dropped = |name: &str| {
        commands.iter().any(|c| {
            c.subtype() == AlterTableType::AtColumnDefault && c.def.is_none() && c.name == name
        })
    };
    let added = |name: &str| {
        commands.iter().any(|c| c.subtype() == AlterTableType::AtAddIdentity && c.name == name)
    };
    commands.len() > 1
        && commands.len() == parts.len()
        && commands.iter().all(|c| match c.subtype() {
            AlterTableType::AtAddIdentity => dropped(&c.name),
            AlterTableType::AtColumnDefault => c.def.is_none() && added(&c.name),
            _ => false,
        })
}

/// The whole statement in one transaction.
pub(super) fn convert(
    draft: &mut Draft<'_>,
    statement: &Statement,
    parts: &[Statement],
    impact: &Impact,
) {
    for part in parts {
        let NodeEnum::AlterTableStmt(alter) = &part.node else { continue };
        let (Some(command), Some(name)) =
            (op::command(alter), target(draft, alter.relation.as_ref()))
        else {
            continue;
        };
        if command.subtype() == AlterTableType::AtAddIdentity {
            note_start(draft, &name, command);
        }
    }
    as_is::at_phase(draft, statement, impact, Phase::Expand);
}

/// One subcommand.
pub(super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    command: &AlterTableCmd,
    relation: &QualifiedName,
    impact: &Impact,
) {
    let column = &command.name;
    let current = draft.catalog.relation(relation).and_then(|found| found.column(column)?.identity);
    let new = draft.is_new(relation);
    match command.subtype() {
        AlterTableType::AtAddIdentity if !new => note_start(draft, relation, command),
        AlterTableType::AtDropIdentity if !new && current.is_some() => {
            draft.gate(
                Phase::Contract,
                format!("every running application gives {column} of {relation} a value itself"),
            );
            as_is::at_phase(draft, part, impact, Phase::Contract);
            draft.floors.member(relation, column, Phase::Contract);
            return;
        }
        AlterTableType::AtSetIdentity
            if !new && current == Some(Identity::ByDefault) && becomes_always(command) =>
        {
            draft.gate(
                Phase::Contract,
                format!("no running application gives {column} of {relation} a value itself"),
            );
            as_is::at_phase(draft, part, impact, Phase::Contract);
            draft.floors.member(relation, column, Phase::Contract);
            return;
        }
        _ => {}
    }
    as_is::steps(draft, part, impact);
}

fn options(nodes: &[Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::DefElem(option)) => Some(option.as_ref()),
        _ => None,
    })
}

/// The switch between ALWAYS (`a`) and BY DEFAULT (`d`) in a `SET` clause.
pub(super) fn switch(command: &AlterTableCmd) -> Option<char> {
    let Some(NodeEnum::List(list)) = command.def.as_ref().and_then(|def| def.node.as_ref()) else {
        return None;
    };
    let option = options(&list.items).find(|option| option.defname == "generated")?;
    match option.arg.as_ref()?.node.as_ref()? {
        NodeEnum::Integer(letter) => u8::try_from(letter.ival).ok().map(char::from),
        _ => None,
    }
}

/// Whether a `SET` clause does nothing but switch.
pub(super) fn only_switches(command: &AlterTableCmd) -> bool {
    match command.def.as_ref().and_then(|def| def.node.as_ref()) {
        Some(NodeEnum::List(list)) => options(&list.items).all(|o| o.defname == "generated"),
        _ => false,
    }
}

/// The clause that gives a column, quoted, the identity that it had.
pub(super) fn switched_back(column: &str, was: Identity) -> String {
    let word = match was {
        Identity::Always => "ALWAYS",
        Identity::ByDefault => "BY DEFAULT",
    };
    format!("ALTER COLUMN {column} SET GENERATED {word}")
}

fn becomes_always(command: &AlterTableCmd) -> bool {
    switch(command) == Some('a')
}

/// The sequence of a new identity knows nothing of the values that are there.
fn note_start(draft: &mut Draft<'_>, relation: &QualifiedName, command: &AlterTableCmd) {
    let started = match command.def.as_ref().and_then(|def| def.node.as_ref()) {
        Some(NodeEnum::Constraint(clause)) => {
            let clause: &Constraint = clause;
            options(&clause.options).any(|o| matches!(o.defname.as_str(), "start" | "restart"))
        }
        _ => false,
    };
    let empty = draft.catalog.relation(relation).is_none_or(|found| found.empty);
    if !started && !empty {
        draft.note(
            NoteKind::Application,
            format!(
                "the new identity of {} of {relation} begins at 1, whatever values the rows hold: give it START WITH a number behind them, or the next INSERT may meet one that exists",
                command.name
            ),
        );
    }
}
