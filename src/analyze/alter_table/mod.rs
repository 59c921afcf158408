//! `ALTER TABLE` and its kin for views, materialized views, foreign tables and indexes.
//!
//! PostgreSQL takes the strongest lock that any subcommand needs (`AlterTableGetLockLevel`), on the
//! relation and on every descendant that a subcommand reaches, and reads or rewrites each table at
//! most once at the end, whatever the number of subcommands. [`Alter`] gathers the same way.

mod columns;
mod constraints;
mod foreign_key;
mod index;
mod index_constraint;
mod options;
mod partition_bounds;
mod partition_conditions;
mod partition_values;
mod partitions;
mod rows;
mod types;

use super::AnalyzeError;
use super::effects::Effects;
use super::resolve::{Context, Found};
use super::types::ColumnType;
use crate::catalog::{Column, Relation, RelationKind};
use crate::lock::LockMode;
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint, ObjectType,
};

pub(super) use columns::owned_sequences;
pub(super) use constraints::is_not_enforced;
pub(super) use foreign_key::{Action, Actions, refer_to_key};
pub(super) use partition_bounds::Bounds;
pub(super) use partitions::new_partition;
pub(super) use rows::partition_columns;

use foreign_key::RowsOf;

/// One `ALTER TABLE` while its subcommands are gone through.
struct Alter<'s, 'c, 'e> {
    cx: Context<'s, 'c>,
    fx: &'e mut Effects<'c>,
    relation: &'c Relation,
    /// `ONLY`: descendants are left out where the subcommand can do without them.
    only: bool,
    /// The relation and everything below it.
    family: Vec<&'c Relation>,
    /// The strongest lock that a subcommand needs.
    mode: LockMode,
    /// Columns that the statement itself adds.
    added: Vec<&'s ColumnDef>,
    added_constraints: Vec<&'s Constraint>,
    dropped_columns: Vec<&'s str>,
    dropped_constraints: Vec<&'s str>,
    /// Columns whose type or generating expression changes: indexes on them are made anew.
    retyped: Vec<Retyped<'s>>,
    /// Tables to be written anew at the end.
    rewritten: Vec<&'c Relation>,
    /// Tables to be read at the end.
    checked: Vec<&'c Relation>,
}

struct Retyped<'s> {
    column: &'s str,
    /// `None` for a new generating expression.
    types: Option<(ColumnType, ColumnType)>,
    collation_changes: bool,
}

/// A column that the subcommands can name.
enum Known<'c> {
    Here(&'c Column),
    Added,
}

/// The impact of an `ALTER TABLE`.
pub(super) fn alter_table<'c>(
    cx: Context<'_, 'c>,
    statement: &AlterTableStmt,
    fx: &mut Effects<'c>,
) -> Result<(), AnalyzeError> {
    let Some(name) = &statement.relation else { return Ok(()) };
    let commands: Vec<&AlterTableCmd> = statement.cmds.iter().filter_map(command).collect();
    let index = cx.catalog.resolve_index(
        (!name.schemaname.is_empty()).then_some(name.schemaname.as_str()),
        &name.relname,
    );
    match (cx.find(name), index) {
        (Found::Missing, Some((table, index))) => {
            return index::alter(cx, table, index, &commands, fx);
        }
        (Found::Missing, None) if statement.missing_ok => return Ok(()),
        (Found::Missing, None) if statement.objtype() == ObjectType::ObjectIndex => {
            cx.index(name)?;
        }
        (Found::Missing | Found::Relation(_) | Found::System, _) => {}
    }
    let relation = cx.relation(name)?;
    check_kind(cx, statement, relation)?;
    if relation.kind == RelationKind::CompositeType {
        return super::create::composite_type(cx, relation, statement, fx);
    }
    let mut alter = Alter::new(cx, relation, !name.inh, &commands, fx);
    alter.fx.lock(relation, alter.mode);
    for command in &commands {
        alter.run(command)?;
    }
    alter.finish();
    Ok(())
}

fn command(node: &pg_query::protobuf::Node) -> Option<&AlterTableCmd> {
    match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => Some(command),
        _ => None,
    }
}

fn check_kind(
    cx: Context<'_, '_>,
    statement: &AlterTableStmt,
    relation: &Relation,
) -> Result<(), AnalyzeError> {
    use RelationKind::{ForeignTable, MaterializedView, Sequence, View};
    let (wanted, fits) = match statement.objtype() {
        ObjectType::ObjectView => ("a view", relation.kind == View),
        ObjectType::ObjectMatview => ("a materialized view", relation.kind == MaterializedView),
        ObjectType::ObjectSequence => ("a sequence", relation.kind == Sequence),
        ObjectType::ObjectForeignTable => ("a foreign table", relation.kind == ForeignTable),
        ObjectType::ObjectType => {
            ("a composite type", relation.kind == RelationKind::CompositeType)
        }
        ObjectType::ObjectTable => ("a table", relation.kind != RelationKind::CompositeType),
        _ => return Ok(()),
    };
    match (&statement.relation, fits) {
        (Some(name), false) => Err(cx.wrong_kind(relation, wanted, name)),
        (Some(_), true) | (None, _) => Ok(()),
    }
}

impl<'s, 'c, 'e> Alter<'s, 'c, 'e> {
    fn new(
        cx: Context<'s, 'c>,
        relation: &'c Relation,
        only: bool,
        commands: &[&'s AlterTableCmd],
        fx: &'e mut Effects<'c>,
    ) -> Self {
        let mode = commands.iter().map(|command| options::lock_level(command)).max();
        let mut alter = Self {
            cx,
            fx,
            relation,
            only,
            family: cx.catalog.family(relation),
            mode: mode.unwrap_or(LockMode::AccessExclusive),
            added: Vec::new(),
            added_constraints: Vec::new(),
            dropped_columns: Vec::new(),
            dropped_constraints: Vec::new(),
            retyped: Vec::new(),
            rewritten: Vec::new(),
            checked: Vec::new(),
        };
        for command in commands {
            match (command.subtype(), command.def.as_ref().and_then(|def| def.node.as_ref())) {
                (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
                    alter.added.push(column);
                }
                (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) => {
                    alter.added_constraints.push(constraint);
                }
                (AlterTableType::AtDropColumn, _) => alter.dropped_columns.push(&command.name),
                (AlterTableType::AtDropConstraint, _) => {
                    alter.dropped_constraints.push(&command.name);
                }
                _ => {}
            }
        }
        alter
    }

    fn run(&mut self, command: &'s AlterTableCmd) -> Result<(), AnalyzeError> {
        use AlterTableType as At;
        if !options::is_permitted(command.subtype(), self.relation.kind) {
            return Err(self.unsupported("this subcommand"));
        }
        match command.subtype() {
            At::AtAddColumn => self.add_column(command),
            At::AtDropColumn => self.drop_column(command),
            At::AtColumnDefault => self.column_default(command),
            At::AtSetNotNull => self.set_not_null(&command.name),
            At::AtDropNotNull => self.drop_not_null(&command.name),
            At::AtSetExpression => self.set_expression(command),
            At::AtDropExpression => self.plain_column(command, !self.only),
            At::AtSetStorage | At::AtSetStatistics => self.plain_column(command, !self.only),
            At::AtSetCompression | At::AtSetOptions | At::AtResetOptions => {
                self.plain_column(command, false)
            }
            At::AtAddIdentity | At::AtSetIdentity | At::AtDropIdentity => self.identity(command),
            At::AtAlterColumnType => self.column_type(command),
            At::AtAddConstraint => self.add_constraint(command),
            At::AtAlterConstraint => self.alter_constraint(command),
            At::AtValidateConstraint => self.validate_constraint(&command.name),
            At::AtDropConstraint => self.drop_constraint(command),
            At::AtAttachPartition => self.attach_partition(command),
            At::AtDetachPartition => self.detach_partition(command),
            At::AtDetachPartitionFinalize => self.finalize_detach(command),
            At::AtAddInherit | At::AtDropInherit => self.inherit(command),
            _ => self.option(command),
        }
    }

    /// Locks everything below the relation too.
    fn lock_family(&mut self) {
        self.fx.lock_all(self.family.iter().copied(), self.mode);
    }

    /// Locks what is directly below the relation, where something becomes its own.
    fn lock_children(&mut self) {
        let children = self.relation.children.iter();
        let children = children.filter_map(|child| self.cx.catalog.relation(child));
        self.fx.lock_all(children, self.mode);
    }

    /// The relation, and what is below it unless `ONLY`.
    fn reached(&self) -> Vec<&'c Relation> {
        if self.only { vec![self.relation] } else { self.family.clone() }
    }

    /// The column `name`, there already or added by the statement itself.
    fn known(&self, name: &str) -> Result<Known<'c>, AnalyzeError> {
        if self.added.iter().any(|column| column.colname == name) {
            return Ok(Known::Added);
        }
        if self.dropped_columns.contains(&name) {
            return Err(self.cx.no_column(self.relation, name, self.after_name()));
        }
        self.cx.column(self.relation, name, self.after_name()).map(Known::Here)
    }

    /// Where the relation's own name is over, so that a column of the same name is told apart.
    fn after_name(&self) -> i32 {
        let span = self.cx.span_of(&self.relation.name.name, 0);
        i32::try_from(span.end.saturating_sub(self.cx.statement.span.start)).unwrap_or(0)
    }

    /// `relation` is read at the end, unless it is rewritten anyway.
    fn check(&mut self, relation: &'c Relation) {
        if !self.checked.iter().any(|known| known.name == relation.name) {
            self.checked.push(relation);
        }
    }

    fn rewrite(&mut self, relation: &'c Relation) {
        if !self.rewritten.iter().any(|known| known.name == relation.name) {
            self.rewritten.push(relation);
        }
    }

    fn rewrites(&self, relation: &Relation) -> bool {
        self.rewritten.iter().any(|known| known.name == relation.name)
    }

    fn rewrite_reached(&mut self) {
        for relation in self.reached() {
            self.rewrite(relation);
        }
    }

    fn check_reached(&mut self) {
        for relation in self.reached() {
            self.check(relation);
        }
    }

    /// What happens once all subcommands have been prepared.
    fn finish(mut self) {
        for relation in std::mem::take(&mut self.checked) {
            if !self.rewrites(relation) {
                self.fx.scan(relation);
            }
        }
        for relation in self.rewritten.clone() {
            self.fx.rewrite(relation);
            if relation.kind == RelationKind::PartitionedTable {
                continue;
            }
            self.fx.lock_indexes(relation, LockMode::AccessExclusive);
            for index in &relation.indexes {
                if !self.is_made_anew(index) {
                    self.fx.replace_index_file(relation, index);
                } else if !self.goes(index) {
                    self.fx.builds_on(relation);
                }
            }
        }
        self.finish_retyped();
    }

    fn is_made_anew(&self, index: &crate::catalog::Index) -> bool {
        let reads = |column: &str| index.columns.iter().any(|read| read == column);
        self.retyped.iter().any(|retyped| reads(retyped.column)) || self.goes(index)
    }

    /// Whether the statement drops the index.
    fn goes(&self, index: &crate::catalog::Index) -> bool {
        self.dropped_columns.iter().any(|dropped| index.columns.iter().any(|c| c == dropped))
            || index
                .constraint
                .as_deref()
                .is_some_and(|constraint| self.dropped_constraints.contains(&constraint))
    }

    /// Whether the statement drops the constraint, by name or with one of its columns.
    fn is_freed(&self, constraint: &str) -> bool {
        let with_column = |columns: &[String]| {
            columns.iter().any(|column| self.dropped_columns.contains(&column.as_str()))
        };
        self.dropped_constraints.contains(&constraint)
            || self.relation.constraint(constraint).is_some_and(|found| with_column(&found.columns))
    }

    /// The statement needs a newer server than this one.
    fn needs(&self, major: u32, what: &str, word: &str) -> Result<(), AnalyzeError> {
        self.cx.needs(major, what, word)
    }
}

/// The constraint that `ADD COLUMN` or `CREATE TABLE` writes behind a column.
fn inline_constraints(column: &ColumnDef) -> impl Iterator<Item = &Constraint> {
    column.constraints.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::Constraint(constraint)) => Some(&**constraint),
        _ => None,
    })
}

fn has(column: &ColumnDef, wanted: ConstrType) -> bool {
    inline_constraints(column).any(|constraint| constraint.contype() == wanted)
}
