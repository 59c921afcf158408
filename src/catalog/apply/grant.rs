//! `GRANT` and `REVOKE` on tables, views, sequences and columns, by name.
//!
//! The owner is taken for the one that gives: another role's statement is not told from the text.

use crate::catalog::acl::{self, AclItem};
use crate::catalog::type_name::strings;
use crate::catalog::{Catalog, Relation, RelationKind};
use pg_query::protobuf::{GrantStmt, GrantTargetType, ObjectType, RoleSpec, RoleSpecType, node};

const OF_TABLES: &str = "arwdDxtm";
const OF_COLUMNS: &str = "arwx";
const OF_SEQUENCES: &str = "rwU";

/// What one statement does to a list of items.
struct Change {
    grantees: Vec<Option<String>>,
    is_grant: bool,
    option: bool,
    owner: String,
}

pub(super) fn grant(catalog: &mut Catalog, grant: &GrantStmt) {
    let of_relations =
        matches!(grant.objtype(), ObjectType::ObjectTable | ObjectType::ObjectSequence);
    if grant.targtype() != GrantTargetType::AclTargetObject || !of_relations {
        return;
    }
    let role = catalog.server.role.name.clone();
    let roles = grant.grantees.iter().filter_map(|grantee| match &grantee.node {
        Some(node::Node::RoleSpec(spec)) => Some(named(spec, &role)),
        _ => None,
    });
    let grantees: Vec<Option<String>> = roles.collect();
    let major = catalog.server.major();
    let targets: Vec<_> = grant
        .objects
        .iter()
        .filter_map(|object| match &object.node {
            Some(node::Node::RangeVar(range)) => catalog.target(Some(range)),
            _ => None,
        })
        .collect();
    for target in targets {
        let Some(relation) = catalog.relations.get_mut(&target) else { continue };
        let change = Change {
            grantees: grantees.clone(),
            is_grant: grant.is_grant,
            option: grant.grant_option,
            owner: relation.owner.clone(),
        };
        if change.owner.is_empty() {
            continue;
        }
        if grant.privileges.is_empty() {
            change.whole(relation, &every(relation, major), major);
        }
        for privilege in &grant.privileges {
            let Some(node::Node::AccessPriv(privilege)) = &privilege.node else { continue };
            let letter = acl::letter(&privilege.priv_name);
            let columns = strings(&privilege.cols);
            if columns.is_empty() {
                let letters = letter.map_or(every(relation, major), String::from);
                change.whole(relation, &letters, major);
            }
            let letters = letter.map_or(OF_COLUMNS.to_owned(), String::from);
            for column in relation.columns.iter_mut().filter(|c| columns.contains(&c.name)) {
                change.put(&mut column.privileges, &letters);
            }
        }
    }
}

/// The grantee, or `None` for PUBLIC.
fn named(spec: &RoleSpec, role: &str) -> Option<String> {
    match spec.roletype() {
        RoleSpecType::RolespecPublic => None,
        RoleSpecType::RolespecCstring => Some(spec.rolename.clone()),
        RoleSpecType::RolespecCurrentUser
        | RoleSpecType::RolespecCurrentRole
        | RoleSpecType::RolespecSessionUser
        | RoleSpecType::Undefined => Some(role.to_owned()),
    }
}

/// All privileges that there are on `relation`.
fn every(relation: &Relation, major: u32) -> String {
    let letters = match relation.kind {
        RelationKind::Sequence => OF_SEQUENCES,
        RelationKind::Table
        | RelationKind::PartitionedTable
        | RelationKind::View
        | RelationKind::MaterializedView
        | RelationKind::ForeignTable
        | RelationKind::CompositeType => OF_TABLES,
    };
    letters.chars().filter(|letter| major >= 17 || *letter != 'm').collect()
}

impl Change {
    /// On the relation itself; what is taken from someone there is taken from them on its columns too.
    fn whole(&self, relation: &mut Relation, letters: &str, major: u32) {
        let mut items = relation.privileges.take().unwrap_or_else(|| {
            let privileges = every(relation, major).chars().map(|letter| (letter, false)).collect();
            let (grantee, grantor) = (Some(self.owner.clone()), self.owner.clone());
            vec![AclItem { grantee, privileges, grantor }.to_string()]
        });
        self.put(&mut items, letters);
        relation.privileges = Some(items);
        if !self.is_grant {
            for column in &mut relation.columns {
                self.put(&mut column.privileges, letters);
            }
        }
    }

    fn put(&self, items: &mut Vec<String>, letters: &str) {
        let mut read: Vec<AclItem> = items.iter().filter_map(|item| AclItem::parse(item)).collect();
        for grantee in &self.grantees {
            let same = |item: &&mut AclItem| item.grantee == *grantee && item.grantor == self.owner;
            match read.iter_mut().find(same) {
                Some(item) if self.is_grant => {
                    letters.chars().for_each(|letter| item.give(letter, self.option));
                }
                Some(item) => letters.chars().for_each(|letter| item.take(letter, self.option)),
                None if self.is_grant => {
                    let (grantee, grantor) = (grantee.clone(), self.owner.clone());
                    let mut item = AclItem { grantee, privileges: Vec::new(), grantor };
                    letters.chars().for_each(|letter| item.give(letter, self.option));
                    read.push(item);
                }
                None => {}
            }
        }
        read.retain(|item| !item.privileges.is_empty());
        *items = read.iter().map(ToString::to_string).collect();
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::sql::QualifiedName;

    #[test]
    fn privileges_come_and_go() {
        let sql = "CREATE TABLE t (a int, b int); GRANT SELECT (a), UPDATE (a, b) ON t TO x WITH GRANT OPTION; \
            GRANT ALL ON t TO x, PUBLIC; REVOKE INSERT, UPDATE ON t FROM x; REVOKE GRANT OPTION FOR SELECT (a) ON t FROM x";
        let mut catalog = Catalog::default();
        catalog.server.version_num = 150_000;
        catalog.server.search_path = vec!["public".to_owned()];
        catalog.schemas = ["public".to_owned()].into();
        catalog.server.role.name = "me".to_owned();
        let script = crate::sql::parse(sql, 0..sql.len()).unwrap();
        for statement in &script.statements {
            catalog.apply(statement);
            if let Some(table) = catalog.relations.get_mut(&QualifiedName::new("public", "t")) {
                table.owner = "me".to_owned();
            }
        }
        let table = catalog.relation(&QualifiedName::new("public", "t")).unwrap();
        let items = table.privileges.as_ref().unwrap();
        assert_eq!(items, &["me=arwdDxt/me", "x=rdDxt/me", "=arwdDxt/me"]);
        assert_eq!(table.columns[0].privileges, ["x=r/me"]);
        assert!(table.columns[1].privileges.is_empty());
    }
}
