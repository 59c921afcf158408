//! `ADD COLUMN … serial` and `ADD COLUMN … GENERATED … AS IDENTITY` on a table with rows.
//!
//! *In words*: as written the table and its indexes are written anew under ACCESS EXCLUSIVE.
//! Instead, expand: the sequence, a plain column, and a trigger that numbers every row which is
//! written from then on. Migrate: the rows that exist are numbered in batches, then the column
//! becomes NOT NULL and gets its keys. At the end one short transaction puts the default, or the
//! identity with the sequence where it stands, in the place of the trigger.
//!
//! The trigger runs as the migrating role: with a default the writer itself needs USAGE on the
//! sequence, which nobody but the owner has yet. So where other roles may insert, a serial column
//! gets its default only in contract, behind a gate. An identity column needs no privilege.

use super::add_column::string_node;
use super::draft::Draft;
use super::sync::{Fires, Runs, SyncTrigger};
use super::text::alter;
use crate::catalog::{Persistence, Relation, RelationKind, names};
use crate::lock::LockMode;
use crate::plan::{Action, Backfill, Change, NoteKind, Phase, RelationLock, Undo, WorkKind};
use crate::sql::{Diagnostic, QualifiedName, Span, deparse, quote_ident, quote_literal};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ConstrType, Constraint, CreateSeqStmt, DefElem,
    DefElemAction, DropBehavior, Node, ObjectType, TypeName,
};

/// What gives the column its numbers.
#[derive(Debug, Clone)]
pub(super) enum Numbering {
    /// With the integer type that the pseudo-type stands for.
    Serial(&'static str),
    Identity(Box<Constraint>),
}

impl Numbering {
    /// For a type name as written.
    pub fn of_serial(name: &str) -> Option<Self> {
        Some(Numbering::Serial(match name {
            "smallserial" | "serial2" => "smallint",
            "serial" | "serial4" => "integer",
            "bigserial" | "serial8" => "bigint",
            _ => return None,
        }))
    }
}

/// The column while it is being added.
struct Numbered<'a> {
    relation: &'a Relation,
    column: String,
    type_name: String,
    numbering: &'a Numbering,
    /// Gives the numbers until the end; of a serial column the final one.
    sequence: QualifiedName,
    /// The name of the sequence that stays.
    final_sequence: QualifiedName,
    trigger: SyncTrigger,
}

/// Adds the column and numbers the rows; gives what is to be done behind its constraints.
pub(super) fn steps(
    draft: &mut Draft<'_>,
    relation: &Relation,
    column: &str,
    type_name: &str,
    numbering: &Numbering,
    span: Span,
) -> Option<Finish> {
    if let Some(refusal) = impossible(draft, relation, numbering, span) {
        draft.refuse(refusal);
        return None;
    }
    let named = match numbering {
        Numbering::Identity(clause) => sequence_option(clause),
        Numbering::Serial(_) => None,
    };
    let final_sequence = match named {
        Some((schema, name)) => {
            QualifiedName::new(schema.unwrap_or_else(|| relation.name.schema.clone()), name)
        }
        None => relation.name.sibling(names::sequence_name(&draft.catalog, &relation.name, column)),
    };
    let sequence = match numbering {
        Numbering::Serial(_) => final_sequence.clone(),
        Numbering::Identity(_) => {
            QualifiedName::new("airlock", format!("{}_seq", draft.temporary_name()))
        }
    };
    let numbered = Numbered {
        relation,
        column: column.to_owned(),
        type_name: type_name.to_owned(),
        numbering,
        sequence,
        final_sequence,
        trigger: SyncTrigger::new(draft, &relation.name),
    };
    numbered.expand(draft);
    numbered.backfill(draft);
    Some(numbered.finish(draft))
}

fn impossible(
    draft: &Draft<'_>,
    relation: &Relation,
    numbering: &Numbering,
    span: Span,
) -> Option<Diagnostic> {
    let partitioned = relation.kind == RelationKind::PartitionedTable;
    let identity = matches!(numbering, Numbering::Identity(_));
    if partitioned && identity && draft.major() < 17 {
        return Some(
            Diagnostic::new("a partitioned table cannot get an identity column", span)
                .detail("PostgreSQL supports identity columns of partitioned tables from version 17 on.")
                .hint("Use bigserial: the partitions share its sequence."),
        );
    }
    if !partitioned && !relation.children.is_empty() {
        return Some(
            Diagnostic::new(
                format!("{} has inheritance children, whose rows a trigger on it does not number", relation.name),
                span,
            )
            .hint("Add the column to each child in a migration of its own, or allow the rewrite with `-- airlock: allow blocking \"why\"`."),
        );
    }
    None
}

/// The name in `SEQUENCE NAME s.n` of an identity clause.
fn sequence_option(clause: &Constraint) -> Option<(Option<String>, String)> {
    let option = options(clause).find(|option| option.defname == "sequence_name")?;
    let Some(NodeEnum::List(list)) = option.arg.as_ref()?.node.as_ref() else { return None };
    match super::groups::strings(&list.items).as_slice() {
        [name] => Some((None, name.clone())),
        [.., schema, name] => Some((Some(schema.clone()), name.clone())),
        [] => None,
    }
}

fn options(clause: &Constraint) -> impl Iterator<Item = &DefElem> {
    clause.options.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::DefElem(option)) => Some(option.as_ref()),
        _ => None,
    })
}

impl Numbered<'_> {
    fn quoted(&self) -> String {
        quote_ident(&self.column)
    }

    fn next_value(&self) -> String {
        let name = quote_literal(&self.sequence.to_string());
        format!("pg_catalog.nextval({name}::pg_catalog.regclass)")
    }

    fn exclusive(&self, draft: &Draft<'_>) -> Vec<RelationLock> {
        draft.locks(self.relation, LockMode::AccessExclusive)
    }

    /// The sequence that gives the numbers until the end.
    fn create_sequence(&self) -> String {
        let mut options = match self.numbering {
            Numbering::Serial(_) => Vec::new(),
            Numbering::Identity(clause) => clause
                .options
                .iter()
                .filter(|node| {
                    !matches!(&node.node, Some(NodeEnum::DefElem(o)) if o.defname == "sequence_name")
                })
                .cloned()
                .collect(),
        };
        let own_type =
            |node: &Node| matches!(&node.node, Some(NodeEnum::DefElem(o)) if o.defname == "as");
        if !options.iter().any(own_type) {
            options.insert(0, type_option(&self.type_name));
        }
        deparse::statement(&NodeEnum::CreateSeqStmt(CreateSeqStmt {
            sequence: Some(super::add_unique::range_of(&self.sequence)),
            options,
            ..CreateSeqStmt::default()
        }))
    }

    fn create_trigger(&self) -> Vec<String> {
        let column = self.quoted();
        let body = format!(
            "  IF NEW.{column} IS NULL THEN NEW.{column} := {}; END IF;",
            self.next_value()
        );
        self.trigger.create(
            Fires::InsertOrUpdate,
            "",
            Runs::AsOwner,
            &["pg_catalog".to_owned()],
            &body,
        )
    }

    fn expand(&self, draft: &mut Draft<'_>) {
        let name = &self.relation.name;
        let quoted = self.quoted();
        let mut sql = vec![self.create_sequence()];
        let add = alter(name, &format!("ADD COLUMN {quoted} {}", self.type_name));
        let mut undo = self.trigger.remove_if_there();
        undo.push(alter(name, &format!("DROP COLUMN IF EXISTS {quoted}")));
        match self.numbering {
            Numbering::Serial(_) => {
                sql.extend(self.like_its_table(draft));
                sql.push(add);
                sql.push(format!("ALTER SEQUENCE {} OWNED BY {name}.{quoted}", self.sequence));
            }
            Numbering::Identity(_) => {
                sql.push(add);
                undo.push(format!("DROP SEQUENCE IF EXISTS {}", self.sequence));
            }
        }
        sql.extend(self.create_trigger());
        let locks = self.exclusive(draft);
        draft
            .additive_step(
                format!(
                    "{} is added empty: numbering the rows at once would rewrite the table. A trigger numbers what is written from here on",
                    self.column
                ),
                Action::Transaction { sql },
            )
            .locks(locks.clone())
            .undo(Undo::Transaction { sql: undo, locks });
    }

    /// As the server does it: the sequence belongs to whom the table belongs, and is logged as it is
    /// (from 15 on).
    fn like_its_table(&self, draft: &Draft<'_>) -> Vec<String> {
        let mut sql = Vec::new();
        if self.relation.persistence == Persistence::Unlogged && draft.major() >= 15 {
            sql.push(format!("ALTER SEQUENCE {} SET UNLOGGED", self.sequence));
        }
        if self.relation.owner != draft.catalog.server.role.name && !self.relation.owner.is_empty()
        {
            let owner = quote_ident(&self.relation.owner);
            sql.push(format!("ALTER SEQUENCE {} OWNER TO {owner}", self.sequence));
        }
        sql
    }

    fn backfill(&self, draft: &mut Draft<'_>) {
        let name = &self.relation.name;
        let quoted = self.quoted();
        draft
            .step(
                Phase::Migrate,
                format!("rows from before the trigger get a number for {}", self.column),
                Action::Backfill(Backfill {
                    relation: name.clone(),
                    alias: name.name.clone(),
                    change: Change::Update {
                        set: format!("{quoted} = {}", self.next_value()),
                        from: None,
                    },
                    predicate: format!("{quoted} IS NULL"),
                    fires_triggers: false,
                    repeat: false,
                }),
            )
            .locks(super::data::row_locks(name))
            .work(WorkKind::RowChanges, name);
        draft.floors.filled(name);
        draft.floors.relation(name, Phase::Migrate);
        draft.note(
            NoteKind::Information,
            format!(
                "the rows of {name} that exist are numbered in {} while the application goes on: a row that is inserted meanwhile may get a lower number than an older one",
                self.column
            ),
        );
    }

    fn finish(&self, draft: &mut Draft<'_>) -> Finish {
        let name = &self.relation.name;
        let quoted = self.quoted();
        let locks = self.exclusive(draft);
        let mut sql = self.trigger.remove();
        let mut back = Vec::new();
        let (why, phase) = match self.numbering {
            Numbering::Serial(_) => {
                sql.push(alter(
                    name,
                    &format!("ALTER COLUMN {quoted} SET DEFAULT {}", self.next_value()),
                ));
                back.push(alter(name, &format!("ALTER COLUMN {quoted} DROP DEFAULT")));
                self.default_phase(draft)
            }
            Numbering::Identity(clause) => {
                let position = |to: &QualifiedName, from: &QualifiedName| {
                    format!(
                        "SELECT pg_catalog.setval({}::pg_catalog.regclass, s.last_value, s.is_called) FROM {from} AS s",
                        quote_literal(&to.to_string())
                    )
                };
                sql.push(add_identity(name, &self.column, clause));
                sql.push(position(&self.final_sequence, &self.sequence));
                sql.push(format!("DROP SEQUENCE {}", self.sequence));
                back.push(self.create_sequence());
                back.push(position(&self.sequence, &self.final_sequence));
                back.push(alter(name, &format!("ALTER COLUMN {quoted} DROP IDENTITY IF EXISTS")));
                draft.floors.word(&self.final_sequence.name, Phase::Migrate);
                let why = format!("{} numbers itself from here on", self.column);
                (why, Phase::Migrate)
            }
        };
        back.extend(self.create_trigger());
        Finish { phase, why, sql, back, locks }
    }

    /// The default needs a privilege of the writer; the trigger does not.
    fn default_phase(&self, draft: &mut Draft<'_>) -> (String, Phase) {
        let why = format!("{} numbers itself from here on", self.column);
        let owner = &self.relation.owner;
        let writers: Vec<&String> = self
            .relation
            .privileges
            .iter()
            .flatten()
            .chain(self.relation.columns.iter().flat_map(|column| &column.privileges))
            .filter(|item| super::acl::gives(item, "INSERT"))
            .filter(|item| !super::acl::is_for(item, std::slice::from_ref(owner)))
            .collect();
        if writers.is_empty() {
            return (why, Phase::Migrate);
        }
        draft.gate(
            Phase::Contract,
            format!(
                "every role that inserts into {} has USAGE on sequence {}, which {} takes its default from",
                self.relation.name, self.sequence, self.column
            ),
        );
        draft.note(
            NoteKind::Application,
            format!(
                "roles other than the owner insert into {}: each needs USAGE on the new sequence {} once {} has its default, in the contract phase. A GRANT in this migration gives it in time",
                self.relation.name, self.sequence, self.column
            ),
        );
        (why, Phase::Contract)
    }
}

/// What puts the default or the identity in the place of the trigger; comes behind the constraints.
pub(super) struct Finish {
    phase: Phase,
    why: String,
    sql: Vec<String>,
    back: Vec<String>,
    locks: Vec<RelationLock>,
}

impl Finish {
    pub fn step(self, draft: &mut Draft<'_>) {
        let undo = match self.phase {
            Phase::Contract => Undo::Nothing,
            Phase::Expand | Phase::Migrate | Phase::Switch => {
                Undo::Transaction { sql: self.back, locks: self.locks.clone() }
            }
        };
        draft
            .step(self.phase, self.why, Action::Transaction { sql: self.sql })
            .locks(self.locks)
            .undo(undo);
    }
}

/// `smallint`, `integer` or `bigint` as a type of the server's own.
pub(super) fn integer_type(name: &str) -> TypeName {
    let short = match name {
        "smallint" | "int2" => "int2",
        "integer" | "int" | "int4" => "int4",
        _ => "int8",
    };
    let names = vec![string_node("pg_catalog"), string_node(short)];
    TypeName { names, typemod: -1, ..TypeName::default() }
}

fn type_option(type_name: &str) -> Node {
    let arg = Node { node: Some(NodeEnum::TypeName(integer_type(type_name))) };
    let option = DefElem {
        defname: "as".to_owned(),
        arg: Some(Box::new(arg)),
        defaction: DefElemAction::DefelemUnspec as i32,
        ..DefElem::default()
    };
    Node { node: Some(NodeEnum::DefElem(Box::new(option))) }
}

/// `ALTER TABLE relation ALTER COLUMN column ADD GENERATED …`.
fn add_identity(relation: &QualifiedName, column: &str, clause: &Constraint) -> String {
    let clause = Constraint {
        contype: ConstrType::ConstrIdentity as i32,
        generated_when: clause.generated_when.clone(),
        options: clause.options.clone(),
        ..Constraint::default()
    };
    let command = AlterTableCmd {
        subtype: AlterTableType::AtAddIdentity as i32,
        name: column.to_owned(),
        def: Some(Box::new(Node { node: Some(NodeEnum::Constraint(Box::new(clause))) })),
        behavior: DropBehavior::DropRestrict as i32,
        ..AlterTableCmd::default()
    };
    deparse::statement(&NodeEnum::AlterTableStmt(AlterTableStmt {
        relation: Some(super::add_unique::range_of(relation)),
        cmds: vec![Node { node: Some(NodeEnum::AlterTableCmd(Box::new(command))) }],
        objtype: ObjectType::ObjectTable as i32,
        missing_ok: false,
    }))
}
