//! Which objects a revision's statements are about, as far as they say so themselves: for telling
//! whether two branches get in each other's way. Names without a schema count as of `public`, or of the
//! schema that a first `SET search_path` names.

use super::Revision;
use crate::sql::walk::walk;
use crate::sql::{SqlError, Statement};
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, DropStmt, Node, ObjectType, RangeVar, RenameStmt,
};
use pg_query::{NodeEnum, NodeRef};
use std::collections::BTreeSet;
use std::fmt;

/// What is only read, or only pointed at.
const USED: &str = "used";

/// An object: schema, name and, for a part of a table, the part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    schema: String,
    name: String,
    part: Option<String>,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)?;
        match self.part.as_deref() {
            None | Some(USED) => Ok(()),
            Some(part) => write!(f, ".{part}"),
        }
    }
}

impl Object {
    /// Whether changes of both, one after the other, may come to something else than the other way
    /// round.
    fn meets(&self, other: &Object) -> bool {
        let parts = match (self.part.as_deref(), other.part.as_deref()) {
            (None, _) | (_, None) => true,
            (Some(a), Some(b)) => a == b && a != USED,
        };
        parts && self.schema == other.schema && self.name == other.name
    }
}

/// An object and the statement that touches it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    pub object: Object,
    pub path: String,
    /// Of the file, from 1.
    pub line: usize,
}

/// What the upgrade section touches.
///
/// # Errors
/// Syntax errors.
pub fn touched(revision: &Revision) -> Result<Vec<Touch>, SqlError> {
    let script = revision.upgrade_script()?;
    let mut schema = "public".to_owned();
    let mut found = Vec::new();
    for statement in &script.statements {
        if let NodeEnum::VariableSetStmt(set) = &statement.node
            && set.name == "search_path"
            && let Some(first) = strings(&set.args).into_iter().next()
        {
            schema = first;
        }
        let mut objects = Objects { schema: &schema, found: BTreeSet::new() };
        objects.statement(statement);
        found.extend(objects.found.into_iter().map(|object| Touch {
            object,
            path: revision.path.clone(),
            line: statement.line,
        }));
    }
    Ok(found)
}

/// Pairs of touches, one of each side, that are about the same object; each object once.
pub fn clashes<'a>(left: &'a [Touch], right: &'a [Touch]) -> Vec<(&'a Touch, &'a Touch)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for one in left {
        for other in right.iter().filter(|other| one.object.meets(&other.object)) {
            let of = if one.object.part.is_some() { &one.object } else { &other.object };
            if seen.insert(of) {
                found.push((one, other));
            }
        }
    }
    found
}

struct Objects<'s> {
    schema: &'s str,
    found: BTreeSet<Object>,
}

impl Objects<'_> {
    fn add(&mut self, path: &[String], part: Option<String>) {
        let (schema, name) = match path {
            [name] => (self.schema.to_owned(), name.clone()),
            [.., schema, name] => (schema.clone(), name.clone()),
            [] => return,
        };
        self.found.insert(Object { schema, name, part });
    }

    fn range(&mut self, range: Option<&RangeVar>, part: Option<String>) {
        if let Some(range) = range {
            self.add(&path(range), part);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        let node = &statement.node;
        self.read(node);
        match node {
            NodeEnum::CreateStmt(create) => {
                self.range(create.relation.as_ref(), None);
                create.table_elts.iter().for_each(|element| self.points_at(element));
            }
            NodeEnum::CreateTableAsStmt(create) => {
                self.range(create.into.as_ref().and_then(|into| into.rel.as_ref()), None);
                self.query(create.query.as_deref());
            }
            NodeEnum::ViewStmt(view) => {
                self.range(view.view.as_ref(), None);
                self.query(view.query.as_deref());
            }
            NodeEnum::CreateSeqStmt(create) => self.range(create.sequence.as_ref(), None),
            NodeEnum::AlterSeqStmt(alter) => self.range(alter.sequence.as_ref(), None),
            NodeEnum::CompositeTypeStmt(create) => self.range(create.typevar.as_ref(), None),
            NodeEnum::CreateEnumStmt(create) => self.add(&strings(&create.type_name), None),
            NodeEnum::AlterEnumStmt(alter) => self.add(&strings(&alter.type_name), None),
            NodeEnum::CreateRangeStmt(create) => self.add(&strings(&create.type_name), None),
            NodeEnum::CreateDomainStmt(create) => self.add(&strings(&create.domainname), None),
            NodeEnum::AlterDomainStmt(alter) => self.add(&strings(&alter.type_name), None),
            NodeEnum::CreateFunctionStmt(create) => self.add(&strings(&create.funcname), None),
            NodeEnum::TruncateStmt(truncate) => {
                for relation in &truncate.relations {
                    if let Some(NodeEnum::RangeVar(range)) = &relation.node {
                        self.range(Some(range), None);
                    }
                }
            }
            NodeEnum::AlterTableStmt(alter) => self.alter(alter),
            NodeEnum::AlterObjectSchemaStmt(alter) => self.range(alter.relation.as_ref(), None),
            NodeEnum::RenameStmt(rename) => self.rename(rename),
            NodeEnum::DropStmt(drop) => self.drop(drop),
            NodeEnum::IndexStmt(index) => {
                self.range(index.relation.as_ref(), Some(USED.to_owned()));
                if !index.idxname.is_empty() {
                    let mut own = index.relation.as_ref().map(path).unwrap_or_default();
                    own.pop();
                    own.push(index.idxname.clone());
                    self.add(&own, None);
                }
            }
            NodeEnum::CreateTrigStmt(trigger) => {
                let part = format!("trigger {}", trigger.trigname);
                self.range(trigger.relation.as_ref(), Some(part));
            }
            NodeEnum::CreatePolicyStmt(policy) => {
                let part = format!("policy {}", policy.policy_name);
                self.range(policy.table.as_ref(), Some(part));
            }
            NodeEnum::AlterPolicyStmt(policy) => {
                let part = format!("policy {}", policy.policy_name);
                self.range(policy.table.as_ref(), Some(part));
            }
            NodeEnum::UpdateStmt(update) => {
                for target in &update.target_list {
                    if let Some(NodeEnum::ResTarget(set)) = &target.node {
                        self.range(update.relation.as_ref(), Some(set.name.clone()));
                    }
                }
            }
            NodeEnum::DeleteStmt(delete) => {
                self.range(delete.relation.as_ref(), Some("rows".to_owned()));
            }
            _ => {}
        }
    }

    fn alter(&mut self, alter: &AlterTableStmt) {
        let commands = alter.cmds.iter().filter_map(|node| match &node.node {
            Some(NodeEnum::AlterTableCmd(command)) => Some(&**command),
            _ => None,
        });
        for command in commands {
            self.range(alter.relation.as_ref(), Some(part(command)));
            if let Some(def) = &command.def {
                self.points_at(def);
            }
        }
    }

    /// The relations that a statement of data reads or writes.
    fn read(&mut self, node: &NodeEnum) {
        walk(node, |found| {
            if let NodeRef::RangeVar(range) = found {
                self.range(Some(range), Some(USED.to_owned()));
            }
        });
    }

    fn query(&mut self, query: Option<&Node>) {
        if let Some(node) = query.and_then(|query| query.node.as_ref()) {
            self.read(node);
        }
    }

    /// The tables that foreign keys of a column or of a table point at.
    fn points_at(&mut self, node: &Node) {
        match &node.node {
            Some(NodeEnum::ColumnDef(column)) => {
                column.constraints.iter().for_each(|constraint| self.points_at(constraint));
            }
            Some(NodeEnum::Constraint(constraint)) => {
                self.range(constraint.pktable.as_ref(), Some(USED.to_owned()));
            }
            _ => {}
        }
    }

    fn rename(&mut self, rename: &RenameStmt) {
        let Some(range) = rename.relation.as_ref() else {
            if let Some(object) = rename.object.as_ref() {
                self.add(&names(object), None);
            }
            return;
        };
        if rename.subname.is_empty() {
            let mut renamed = path(range);
            self.add(&renamed, None);
            renamed.pop();
            renamed.push(rename.newname.clone());
            return self.add(&renamed, None);
        }
        for name in [&rename.subname, &rename.newname] {
            self.range(Some(range), Some(name.clone()));
        }
    }

    fn drop(&mut self, drop: &DropStmt) {
        let of_table = matches!(
            drop.remove_type(),
            ObjectType::ObjectTrigger | ObjectType::ObjectPolicy | ObjectType::ObjectRule
        );
        for object in &drop.objects {
            let mut path = names(object);
            if of_table && let Some(name) = path.pop() {
                let kind = if drop.remove_type() == ObjectType::ObjectPolicy {
                    "policy"
                } else {
                    "trigger"
                };
                self.add(&path, Some(format!("{kind} {name}")));
            } else {
                self.add(&path, None);
            }
        }
    }
}

/// Which part of its table a subcommand is about.
fn part(command: &AlterTableCmd) -> String {
    match command.def.as_ref().and_then(|def| def.node.as_ref()) {
        Some(NodeEnum::ColumnDef(column)) if !column.colname.is_empty() => column.colname.clone(),
        Some(NodeEnum::Constraint(constraint)) if !constraint.conname.is_empty() => {
            constraint.conname.clone()
        }
        Some(NodeEnum::Constraint(constraint)) => {
            let keys = [&constraint.keys[..], &constraint.fk_attrs[..]].concat();
            format!("constraint ({})", strings(&keys).join(", "))
        }
        _ if !command.name.is_empty() => command.name.clone(),
        _ => format!("{:?}", command.subtype()),
    }
}

fn path(range: &RangeVar) -> Vec<String> {
    let parts = [&range.schemaname, &range.relname];
    parts.into_iter().filter(|part| !part.is_empty()).cloned().collect()
}

fn names(node: &Node) -> Vec<String> {
    match &node.node {
        Some(NodeEnum::List(list)) => strings(&list.items),
        Some(NodeEnum::TypeName(name)) => strings(&name.names),
        Some(NodeEnum::ObjectWithArgs(object)) => strings(&object.objname),
        Some(NodeEnum::String(text)) => vec![text.sval.clone()],
        _ => Vec::new(),
    }
}

fn strings(nodes: &[Node]) -> Vec<String> {
    let text = |node: &Node| match &node.node {
        Some(NodeEnum::String(text)) => Some(text.sval.clone()),
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(pg_query::protobuf::a_const::Val::Sval(text)) => Some(text.sval.clone()),
            _ => None,
        },
        _ => None,
    };
    nodes.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests;
