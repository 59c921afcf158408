//! The catalog after a statement, so that the next statement of a file sees its effect.
//!
//! Pure and total: what a statement changes beyond what is known here stays as it was, and a
//! statement that the server would refuse changes as much of the catalog as still makes sense
//! (`analyze` has refused it before). One file for each family of statements. Expressions are kept as
//! the migration writes them, not as the server prints them.

mod alter_column;
mod alter_table;
mod column;
mod comment;
mod constraint;
mod create_table;
mod drop;
mod foreign;
mod grant;
mod index;
mod partition;
mod program;
mod query;
mod reference;
mod rename;
mod rename_text;
mod schema;
mod types;
mod user_code;
mod view;

pub use schema::elements as schema_elements;

use super::{Catalog, Dependant, Relation, RelationKind, ReplicaIdentity};
use crate::sql::{QualifiedName, Statement};
use pg_query::NodeEnum;
use pg_query::protobuf::{Constraint, RangeVar};

/// Where temporary tables are, until the session ends.
const TEMPORARY_SCHEMA: &str = "pg_temp";

impl Catalog {
    /// Moves the catalog forward over `statement`, which `analyze` has accepted.
    pub fn apply(&mut self, statement: &Statement) {
        self.apply_node(&statement.node);
    }

    /// The same for a parse tree.
    pub fn apply_node(&mut self, node: &NodeEnum) {
        self.change(node);
        self.relations.settle();
    }

    fn change(&mut self, node: &NodeEnum) {
        match node {
            NodeEnum::CreateStmt(create) => create_table::create(self, create),
            NodeEnum::CreateForeignTableStmt(create) => {
                if let Some(base) = &create.base_stmt {
                    create_table::create_foreign(self, base);
                    foreign::create_table(self, base, &create.servername);
                }
            }
            NodeEnum::CreateForeignServerStmt(create) => foreign::create_server(self, create),
            NodeEnum::CreateUserMappingStmt(create) => foreign::map(self, &create.servername),
            NodeEnum::CreateTableAsStmt(create) => view::create_as(self, create),
            NodeEnum::SelectStmt(select) => {
                view::select_into(self, select);
                schema::set_config(self, node);
            }
            NodeEnum::ViewStmt(view) => view::create(self, view),
            NodeEnum::AlterTableStmt(alter) => alter_table::alter(self, alter),
            NodeEnum::IndexStmt(create) => index::create(self, create),
            NodeEnum::DropStmt(drop) => drop::drop(self, drop),
            NodeEnum::RenameStmt(rename) => rename::rename(self, rename),
            NodeEnum::AlterObjectSchemaStmt(alter) => schema::set_schema(self, alter),
            NodeEnum::AlterOwnerStmt(alter) => schema::set_owner(self, alter),
            NodeEnum::CreateSchemaStmt(create) => schema::create(self, create),
            NodeEnum::VariableSetStmt(set) => schema::set_variable(self, set),
            NodeEnum::CreateSeqStmt(create) => schema::create_sequence(self, create),
            NodeEnum::AlterSeqStmt(alter) => schema::alter_sequence(self, alter),
            NodeEnum::CreateExtensionStmt(create) => {
                self.extensions.insert(create.extname.clone());
                self.user_casts = true;
            }
            NodeEnum::CreateCastStmt(create) => user_code::create_cast(self, create),
            NodeEnum::DefineStmt(define) => user_code::define(self, define),
            NodeEnum::CreateEnumStmt(create) => types::create_enum(self, create),
            NodeEnum::AlterEnumStmt(alter) => types::alter_enum(self, alter),
            NodeEnum::CreateDomainStmt(create) => types::create_domain(self, create),
            NodeEnum::AlterDomainStmt(alter) => types::alter_domain(self, alter),
            NodeEnum::CompositeTypeStmt(create) => types::create_composite(self, create),
            NodeEnum::CreateRangeStmt(create) => types::create_range(self, create),
            NodeEnum::CreateFunctionStmt(create) => program::create_function(self, create),
            NodeEnum::AlterFunctionStmt(alter) => program::alter_function(self, alter),
            NodeEnum::CreateTrigStmt(create) => program::create_trigger(self, create),
            NodeEnum::CreatePolicyStmt(create) => program::create_policy(self, create),
            NodeEnum::RuleStmt(create) => program::create_rule(self, create),
            NodeEnum::CreateStatsStmt(create) => program::create_statistics(self, create),
            NodeEnum::AlterStatsStmt(alter) => program::alter_statistics(self, alter),
            NodeEnum::CommentStmt(comment) => comment::comment(self, comment),
            NodeEnum::GrantStmt(grant) => grant::grant(self, grant),
            _ => {}
        }
    }

    /// The relation that exists under the name in `range`.
    fn target(&self, range: Option<&RangeVar>) -> Option<QualifiedName> {
        let range = range?;
        let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
        self.resolve(schema, &range.relname).map(|relation| relation.name.clone())
    }

    /// The name that an object made under the name in `range` gets.
    fn created_name(&self, range: &RangeVar) -> QualifiedName {
        if !range.schemaname.is_empty() {
            return QualifiedName::new(&range.schemaname, &range.relname);
        }
        if range.relpersistence == "t" {
            return QualifiedName::new(TEMPORARY_SCHEMA, &range.relname);
        }
        self.name_in_creation_schema(&range.relname)
    }

    fn name_in_creation_schema(&self, name: &str) -> QualifiedName {
        QualifiedName::new(self.creation_schema().unwrap_or("public"), name)
    }

    /// The name that a list such as `schema.name` means for an object to be made.
    fn created_from_list(&self, names: &[String]) -> Option<QualifiedName> {
        match names {
            [.., schema, name] => Some(QualifiedName::new(schema, name)),
            [name] => Some(self.name_in_creation_schema(name)),
            [] => None,
        }
    }

    /// Says that `dependant` hangs on `relation`.
    fn add_dependant(&mut self, relation: &QualifiedName, dependant: Dependant) {
        if let Some(relation) = self.relations.get_mut(relation)
            && !relation.dependants.contains(&dependant)
        {
            relation.dependants.push(dependant);
            relation.dependants.sort();
        }
    }

    /// Forgets what is known to hang on any relation where `forget` says so.
    fn forget_dependants(&mut self, forget: impl Fn(&Dependant) -> bool) {
        for relation in self.relations.values_mut() {
            relation.dependants.retain(|dependant| !forget(dependant));
        }
    }

    /// A relation as a migration makes it: ours, empty, seen by nobody else.
    fn new_relation(&self, name: &QualifiedName, kind: RelationKind) -> Relation {
        let has_rows = matches!(kind, RelationKind::Table | RelationKind::MaterializedView);
        Relation {
            owner: self.server.role.name.clone(),
            empty: has_rows || kind == RelationKind::PartitionedTable,
            created_here: true,
            replica_identity: match kind {
                RelationKind::Table
                | RelationKind::PartitionedTable
                | RelationKind::MaterializedView => ReplicaIdentity::Default,
                RelationKind::View
                | RelationKind::ForeignTable
                | RelationKind::Sequence
                | RelationKind::CompositeType => ReplicaIdentity::Nothing,
            },
            access_method: has_rows.then(|| self.default_access_method()),
            ..Relation::new(name.clone(), kind)
        }
    }

    fn default_access_method(&self) -> String {
        let setting = self.server.settings.get("default_table_access_method");
        setting.cloned().unwrap_or_else(|| "heap".to_owned())
    }
}

/// The constraint that a clause at table level makes on `table`.
pub(super) fn add_constraint(catalog: &mut Catalog, table: &QualifiedName, clause: &Constraint) {
    constraint::add(catalog, table, clause, constraint::Origin::Altered);
}

#[cfg(test)]
mod tests;
