//! `ADD COLUMN`, in all its forms.
//!
//! *In words*: nullable, or with a default that is not volatile: brief, as it is (a stable default
//! gives every old row the same value, and the plan says so). Inline CHECK, UNIQUE, PRIMARY KEY and
//! REFERENCES are split off, each with its own recipe, under the names that the server would have
//! chosen. NOT NULL without default needs a value for old rows: a later UPDATE of the same
//! migration or a `backfill` directive; then the column is added nullable, kept in step by a sync
//! trigger, filled, and only then made NOT NULL. A volatile default would rewrite the table: the
//! column is added without it, the default set for rows to come, and the old rows are filled in
//! batches with the default expression; a nullable one through a marker, because a NULL that the
//! application writes in the meantime must stay NULL. The volatile default of a domain goes the same way.

use super::add_numbered::{self, Numbering};
use super::as_is;
use super::dispatch::is_brief;
use super::draft::Draft;
use super::groups;
use super::text::alter;
use super::{add_check, add_foreign_key, add_stored, add_unique, add_volatile, fill, set_not_null};
use crate::analyze::{Impact, volatility};
use crate::catalog::{Volatility, names};
use crate::lock::LockMode;
use crate::plan::{Action, NoteKind, Undo, WorkKind};
use crate::sql::directive::AllowedHazard;
use crate::sql::{Diagnostic, DirectiveKind, QualifiedName, Statement, deparse, quote_ident};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, ColumnDef, ConstrType, Constraint, Node};

/// The column definition taken apart.
pub(super) struct Parts {
    /// Type and collation only.
    pub(super) bare: ColumnDef,
    pub(super) default: Option<Node>,
    /// The default is not the column's own.
    pub(super) of_domain: bool,
    pub(super) not_null: Option<Constraint>,
    /// CHECK, UNIQUE, PRIMARY KEY, REFERENCES, as constraints of the table.
    constraints: Vec<Constraint>,
    /// `serial` or IDENTITY.
    numbering: Option<Numbering>,
    /// `GENERATED ALWAYS AS (…)`, and whether STORED.
    pub(super) generated: Option<(Node, bool)>,
}

pub(super) fn steps(
    draft: &mut Draft<'_>,
    part: &Statement,
    command: &AlterTableCmd,
    relation: &QualifiedName,
    impact: &Impact,
) {
    let Some(NodeEnum::ColumnDef(column)) = command.def.as_ref().and_then(|def| def.node.as_ref())
    else {
        return as_is::steps(draft, part, impact);
    };
    let exists =
        draft.catalog.relation(relation).is_some_and(|r| r.column(&column.colname).is_some());
    if (command.missing_ok && exists) || draft.is_new(relation) {
        return as_is::steps(draft, part, impact);
    }
    let mut parts = take_apart(column);
    add_volatile::take_default_of_domain(draft, &mut parts);
    let parts = parts;
    let name = column.colname.clone();
    let filled_later = draft.groups.fills(relation, &name);
    let directive = groups::from_directive(part, relation, &name, &draft.catalog);
    let needs_value = parts.not_null.is_some()
        && parts.default.is_none()
        && parts.numbering.is_none()
        && parts.generated.is_none();
    let unused = !filled_later && directive.is_none() && draft.is_unused(relation);
    if (unused && !by_trigger(draft, part))
        || (parts.constraints.is_empty() && !needs_value && directive.is_none() && is_brief(impact))
    {
        stable_default_note(draft, relation, &name, &parts);
        return as_is::steps(draft, part, impact);
    }
    let constrained = impact.work.iter().any(|work| work.kind == WorkKind::Rewrite)
        && is_checked(&parts.bare, draft);
    let allowed = parts.numbering.is_some() && draft.allows(part, AllowedHazard::Blocking);
    if let Some((expression, true)) = &parts.generated
        && by_trigger(draft, part)
    {
        return stored(draft, part, command, relation, &parts, expression);
    }
    if parts.generated.is_some() || constrained || allowed {
        return as_is::steps(draft, part, impact);
    }
    if let Some(numbering) = &parts.numbering {
        return numbered(draft, part, command, relation, &parts, numbering);
    }
    if needs_value && !filled_later && directive.is_none() {
        draft.refuse(
            Diagnostic::new(
                format!("column {name} is NOT NULL and has no value for the rows that exist"),
                part.span,
            )
            .label("fails on a table with rows")
            .hint(format!(
                "Give it a DEFAULT, fill it in an UPDATE of the same migration, or write `-- airlock: backfill {}.{} = <expression>` above the statement.",
                quote_ident(&relation.name),
                quote_ident(&name)
            )),
        );
        return;
    }
    let has_key = parts.constraints.iter().any(|c| c.contype() == ConstrType::ConstrPrimary);
    if needs_value && has_key && directive.is_none() {
        draft.refuse(
            Diagnostic::new(
                format!("column {name} becomes the primary key before it has values"),
                part.span,
            )
            .hint("Add the column first, fill it, and add the primary key in a statement of its own behind the UPDATE."),
        );
        return;
    }
    let default = parts.default.as_ref();
    let is_volatile = default.is_some_and(|node| add_volatile::is_volatile(draft, &parts, node));
    match (default, is_volatile) {
        (Some(default), true) => {
            add_volatile::steps(draft, relation, &parts, default);
        }
        _ => add_plain(draft, part, command, relation, &parts, needs_value),
    }
    // The constraints below name the column, so they must see it in the catalog.
    let before = draft.catalog.clone();
    draft.catalog.apply(&without_constraints(part, command, &parts));
    if let Some((group, used)) = directive {
        draft.use_directive(&used);
        let span = used.span;
        fill::steps(draft, &group, span, false);
        if let Some(constraint) = &parts.not_null {
            let given = (!constraint.conname.is_empty()).then_some(constraint.conname.as_str());
            set_not_null::emit_and_mark(draft, relation, &name, given);
        }
    } else if is_volatile && let Some(constraint) = &parts.not_null {
        let given = (!constraint.conname.is_empty()).then_some(constraint.conname.as_str());
        set_not_null::emit_and_mark(draft, relation, &name, given);
    }
    for constraint in &parts.constraints {
        emit_constraint(draft, part, constraint, relation);
    }
    draft.catalog = before;
}

fn stable_default_note(draft: &mut Draft<'_>, relation: &QualifiedName, name: &str, parts: &Parts) {
    let Some(default) = &parts.default else { return };
    if volatility::of_expression(default, &draft.catalog) == Volatility::Stable
        && !draft.is_new(relation)
    {
        draft.note(
            NoteKind::Information,
            format!(
                "every row that exists gets the same value for {name} of {relation}: {} is computed once, when the column is added",
                deparse::expression(default)
            ),
        );
    }
}

fn take_apart(column: &ColumnDef) -> Parts {
    let mut bare = column.clone();
    bare.constraints.clear();
    let mut parts = Parts {
        bare,
        default: None,
        of_domain: false,
        not_null: None,
        constraints: Vec::new(),
        numbering: None,
        generated: None,
    };
    for node in &column.constraints {
        let Some(NodeEnum::Constraint(constraint)) = &node.node else { continue };
        match constraint.contype() {
            ConstrType::ConstrNotnull => parts.not_null = Some((**constraint).clone()),
            ConstrType::ConstrDefault => {
                parts.default = constraint.raw_expr.as_deref().cloned();
            }
            ConstrType::ConstrIdentity => {
                parts.numbering = Some(Numbering::Identity(constraint.clone()));
            }
            ConstrType::ConstrGenerated => {
                let stored = constraint.generated_kind != "v";
                parts.generated = constraint.raw_expr.as_deref().cloned().map(|e| (e, stored));
            }
            ConstrType::ConstrCheck => parts.constraints.push((**constraint).clone()),
            ConstrType::ConstrUnique | ConstrType::ConstrPrimary => {
                let mut table_level = (**constraint).clone();
                table_level.keys = vec![string_node(&column.colname)];
                if table_level.contype() == ConstrType::ConstrPrimary && parts.not_null.is_none() {
                    parts.not_null = Some(Constraint {
                        contype: ConstrType::ConstrNotnull as i32,
                        ..Constraint::default()
                    });
                }
                parts.constraints.push(table_level);
            }
            ConstrType::ConstrForeign => {
                let mut table_level = (**constraint).clone();
                table_level.fk_attrs = vec![string_node(&column.colname)];
                parts.constraints.push(table_level);
            }
            // DEFERRABLE and friends are written behind the constraint that they belong to.
            ConstrType::ConstrAttrDeferrable => set_last(&mut parts, |c| c.deferrable = true),
            ConstrType::ConstrAttrDeferred => set_last(&mut parts, |c| {
                c.deferrable = true;
                c.initdeferred = true;
            }),
            ConstrType::ConstrAttrNotEnforced => set_last(&mut parts, |c| {
                c.is_enforced = false;
                c.skip_validation = true;
            }),
            _ => {}
        }
    }
    if let Some(numbering) = serial(column) {
        parts.numbering = Some(numbering);
    }
    parts
}

fn set_last(parts: &mut Parts, change: impl Fn(&mut Constraint)) {
    if let Some(last) = parts.constraints.last_mut() {
        change(last);
    }
}

fn serial(column: &ColumnDef) -> Option<Numbering> {
    let names = groups::strings(&column.type_name.as_ref()?.names);
    Numbering::of_serial(names.last()?)
}

/// Storing a value checks it against a domain.
fn is_checked(column: &ColumnDef, draft: &Draft<'_>) -> bool {
    let written = column.type_name.as_ref();
    written.is_some_and(|written| draft.catalog.is_checked_by_domain(written))
}

/// Whether a stored generated column is to be kept by a trigger.
fn by_trigger(draft: &mut Draft<'_>, part: &Statement) -> bool {
    draft
        .directive(part, |kind| matches!(kind, DirectiveKind::StoredTrigger).then_some(()))
        .is_some()
}

/// A stored generated column as a plain one that a trigger keeps.
fn stored(
    draft: &mut Draft<'_>,
    part: &Statement,
    command: &AlterTableCmd,
    relation: &QualifiedName,
    parts: &Parts,
    expression: &Node,
) {
    let Some(found) = draft.catalog.relation(relation).cloned() else { return };
    let name = &parts.bare.colname;
    let type_name = parts.bare.type_name.as_ref().map(deparse::type_name).unwrap_or_default();
    if !add_stored::steps(draft, &found, name, &type_name, expression, part.span) {
        return;
    }
    constrain(draft, part, command, relation, parts, parts.bare.clone());
}

/// NOT NULL and the constraints of a column that is there as `plain` and filled.
fn constrain(
    draft: &mut Draft<'_>,
    part: &Statement,
    command: &AlterTableCmd,
    relation: &QualifiedName,
    parts: &Parts,
    plain: ColumnDef,
) {
    let before = draft.catalog.clone();
    let node = node_for(part, command, plain, None);
    draft.catalog.apply(&Statement { sql: deparse::statement(&node), node, ..part.clone() });
    if parts.not_null.is_some() || parts.numbering.is_some() {
        let given = parts.not_null.as_ref().map(|c| c.conname.as_str()).filter(|n| !n.is_empty());
        set_not_null::emit_and_mark(draft, relation, &parts.bare.colname, given);
    }
    for constraint in &parts.constraints {
        emit_constraint(draft, part, constraint, relation);
    }
    draft.catalog = before;
}

/// `serial` or IDENTITY: plain first, numbered row by row, and its default or identity at the end.
fn numbered(
    draft: &mut Draft<'_>,
    part: &Statement,
    command: &AlterTableCmd,
    relation: &QualifiedName,
    parts: &Parts,
    numbering: &Numbering,
) {
    let Some(found) = draft.catalog.relation(relation).cloned() else { return };
    let name = &parts.bare.colname;
    let mut plain = parts.bare.clone();
    if let Numbering::Serial(integer) = numbering {
        plain.type_name = Some(add_numbered::integer_type(integer));
    }
    let type_name = plain.type_name.as_ref().map(deparse::type_name).unwrap_or_default();
    let steps = add_numbered::steps(draft, &found, name, &type_name, numbering, part.span);
    let Some(finish) = steps else { return };
    constrain(draft, part, command, relation, parts, plain);
    finish.step(draft);
}

pub(super) fn string_node(text: &str) -> Node {
    Node { node: Some(NodeEnum::String(pg_query::protobuf::String { sval: text.to_owned() })) }
}

/// `ADD COLUMN` with type, collation and a default that is not volatile; NOT NULL only when the
/// default fills it.
fn add_plain(
    draft: &mut Draft<'_>,
    part: &Statement,
    command: &AlterTableCmd,
    relation: &QualifiedName,
    parts: &Parts,
    needs_value: bool,
) {
    let Some(found) = draft.catalog.relation(relation) else { return };
    let locks = draft.locks(found, LockMode::AccessExclusive);
    stable_default_note(draft, relation, &parts.bare.colname, parts);
    let mut column = parts.bare.clone();
    if let Some(default) = &parts.default {
        column.constraints.push(default_node(default));
    }
    if !needs_value && let Some(not_null) = &parts.not_null {
        column
            .constraints
            .push(Node { node: Some(NodeEnum::Constraint(Box::new(not_null.clone()))) });
    }
    let why = if needs_value {
        format!("{} is added without NOT NULL: no row has a value yet", column.colname)
    } else if parts.constraints.is_empty() {
        format!("{} is added", column.colname)
    } else {
        format!("{} is added; its constraints follow one by one", column.colname)
    };
    let sql = statement_for(part, command, column, relation);
    draft
        .additive_step(why, Action::Transaction { sql: vec![sql] })
        .locks(locks.clone())
        .undo(drop_column(relation, &parts.bare.colname, locks));
}

fn drop_column(
    relation: &QualifiedName,
    column: &str,
    locks: Vec<crate::plan::RelationLock>,
) -> Undo {
    Undo::Transaction {
        sql: vec![alter(relation, &format!("DROP COLUMN IF EXISTS {}", quote_ident(column)))],
        locks,
    }
}

fn default_node(default: &Node) -> Node {
    Node {
        node: Some(NodeEnum::Constraint(Box::new(Constraint {
            contype: ConstrType::ConstrDefault as i32,
            raw_expr: Some(Box::new(default.clone())),
            ..Constraint::default()
        }))),
    }
}

/// The `ALTER TABLE … ADD COLUMN` of `part` with another column definition, the table qualified.
fn statement_for(
    part: &Statement,
    command: &AlterTableCmd,
    column: ColumnDef,
    relation: &QualifiedName,
) -> String {
    deparse::statement(&node_for(part, command, column, Some(relation)))
}

fn node_for(
    part: &Statement,
    command: &AlterTableCmd,
    column: ColumnDef,
    relation: Option<&QualifiedName>,
) -> NodeEnum {
    let NodeEnum::AlterTableStmt(alter) = &part.node else { return part.node.clone() };
    let mut alter: AlterTableStmt = alter.clone();
    if let (Some(range), Some(name)) = (alter.relation.as_mut(), relation) {
        range.schemaname.clone_from(&name.schema);
    }
    let command = AlterTableCmd {
        def: Some(Box::new(Node { node: Some(NodeEnum::ColumnDef(Box::new(column))) })),
        ..command.clone()
    };
    alter.cmds = vec![Node { node: Some(NodeEnum::AlterTableCmd(Box::new(command))) }];
    NodeEnum::AlterTableStmt(alter)
}

/// The statement as the catalog sees it before the split-off constraints are there.
fn without_constraints(part: &Statement, command: &AlterTableCmd, parts: &Parts) -> Statement {
    let mut column = parts.bare.clone();
    if let Some(default) = parts.default.as_ref().filter(|_| !parts.of_domain) {
        column.constraints.push(default_node(default));
    }
    let node = node_for(part, command, column, None);
    Statement { sql: deparse::statement(&node), node, ..part.clone() }
}

fn emit_constraint(
    draft: &mut Draft<'_>,
    part: &Statement,
    constraint: &Constraint,
    relation: &QualifiedName,
) {
    match constraint.contype() {
        ConstrType::ConstrCheck => add_check::emit(draft, constraint, relation),
        ConstrType::ConstrForeign => add_foreign_key::emit(draft, part, constraint, relation),
        ConstrType::ConstrUnique | ConstrType::ConstrPrimary => {
            add_unique::emit_inline(draft, part, constraint, relation);
        }
        _ => {}
    }
    // The next constraint may get a name that collides with this one's.
    names::reserve(&mut draft.catalog, relation, constraint);
}
