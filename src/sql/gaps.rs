//! Trees that the library's deparser does not write: built with assertions it ends the program,
//! without them it leaves out what it does not know, so that two statements look the same.

use super::{grammar, raw_names, walk};
use pg_query::protobuf::{GrantStmt, Node, ObjectType, ParseResult, TypeName};
use pg_query::{NodeEnum, NodeRef};

/// What the server says of a statement that the grammar takes and the deparser does not write.
pub(super) fn refusal(root: &NodeEnum) -> Option<&'static str> {
    // `numeric(a = b)`: the grammar takes any expression there, the server only these.
    let mut types = Types { odd: false };
    types.statement(root);
    types.odd.then_some("type modifiers must be simple constants or identifiers")
}

/// Looks at the types that a statement names.
struct Types {
    odd: bool,
}

impl Types {
    fn statement(&mut self, root: &NodeEnum) {
        match root {
            NodeEnum::CreateDomainStmt(create) => {
                self.name(create.type_name.as_ref());
                self.list(&create.constraints);
            }
            NodeEnum::CreateStmt(create) => self.list(&create.table_elts),
            NodeEnum::CreateForeignTableStmt(create) => {
                self.list(create.base_stmt.as_ref().map_or(&[], |base| &base.table_elts));
            }
            NodeEnum::CompositeTypeStmt(create) => self.list(&create.coldeflist),
            NodeEnum::AlterTableStmt(alter) => {
                for command in &alter.cmds {
                    if let Some(NodeEnum::AlterTableCmd(command)) = &command.node {
                        self.list(command.def.as_deref().map_or(&[], std::slice::from_ref));
                    }
                }
            }
            NodeEnum::CreateFunctionStmt(create) => {
                self.name(create.return_type.as_ref());
                self.list(&create.parameters);
            }
            NodeEnum::IndexStmt(create) => {
                self.list(&create.index_params);
                self.list(create.where_clause.as_deref().map_or(&[], std::slice::from_ref));
            }
            NodeEnum::ViewStmt(create) => {
                self.list(create.query.as_deref().map_or(&[], std::slice::from_ref));
            }
            _ => self.expression(root),
        }
    }

    fn list(&mut self, nodes: &[Node]) {
        for node in nodes.iter().filter_map(|node| node.node.as_ref()) {
            match node {
                NodeEnum::ColumnDef(column) => {
                    self.name(column.type_name.as_ref());
                    self.list(&column.constraints);
                    self.list(column.raw_default.as_deref().map_or(&[], std::slice::from_ref));
                }
                NodeEnum::Constraint(constraint) => {
                    self.list(constraint.raw_expr.as_deref().map_or(&[], std::slice::from_ref));
                }
                NodeEnum::FunctionParameter(parameter) => {
                    self.name(parameter.arg_type.as_ref());
                    self.list(parameter.defexpr.as_deref().map_or(&[], std::slice::from_ref));
                }
                other => self.expression(other),
            }
        }
    }

    fn expression(&mut self, root: &NodeEnum) {
        walk::walk(root, |node| {
            if let NodeRef::TypeCast(cast) = node {
                self.name(cast.type_name.as_ref());
            }
        });
    }

    fn name(&mut self, name: Option<&TypeName>) {
        self.odd |= name.is_some_and(|name| !name.typmods.iter().all(is_plain_modifier));
    }
}

/// SQL text for a tree.
///
/// # Errors
/// The deparser's own message, for a tree that no text gives.
pub(super) fn deparse(tree: &ParseResult) -> Result<String, String> {
    if let [statement] = tree.stmts.as_slice()
        && let Some(NodeEnum::GrantStmt(grant)) =
            statement.stmt.as_ref().and_then(|node| node.node.as_ref())
        && grant.objtype() == ObjectType::ObjectParameterAcl
    {
        return on_parameters(tree, grant);
    }
    grammar::deparse(&raw_names::quoted(tree))
}

fn is_plain_modifier(node: &Node) -> bool {
    matches!(node.node, Some(NodeEnum::AConst(_) | NodeEnum::ColumnRef(_) | NodeEnum::ParamRef(_)))
}

/// `GRANT … ON PARAMETER`, written as a grant on another kind of thing that is named in the same way.
fn on_parameters(tree: &ParseResult, grant: &GrantStmt) -> Result<String, String> {
    let like = GrantStmt { objtype: ObjectType::ObjectTablespace as i32, ..grant.clone() };
    let mut like_tree = tree.clone();
    if let Some(raw) = like_tree.stmts.first_mut() {
        raw.stmt = Some(Box::new(Node { node: Some(NodeEnum::GrantStmt(like)) }));
    }
    Ok(grammar::deparse(&like_tree)?.replacen(" ON TABLESPACE ", " ON PARAMETER ", 1))
}

#[cfg(test)]
mod tests {
    use crate::sql::outline::{outline, statements};
    use crate::sql::{canonical, parse};

    fn parsed(sql: &str) -> Result<String, String> {
        parse(sql, 0..sql.len())
            .map(|script| canonical::digest(&script))
            .map_err(|error| error.diagnostic().message.clone())
    }

    #[test]
    fn grants_on_parameters_differ() {
        let one = parsed("GRANT SET ON PARAMETER work_mem TO bob").unwrap();
        assert_eq!(one, parsed("grant set on parameter work_mem to bob;").unwrap());
        for other in [
            "GRANT SET ON PARAMETER log_duration TO bob",
            "GRANT SET ON PARAMETER a.b, c TO bob",
            "GRANT ALTER SYSTEM ON PARAMETER work_mem TO bob",
            "GRANT ALL ON PARAMETER work_mem TO bob WITH GRANT OPTION",
            "REVOKE GRANT OPTION FOR SET ON PARAMETER work_mem FROM bob CASCADE",
            "GRANT CREATE ON TABLESPACE work_mem TO bob",
        ] {
            assert_ne!(one, parsed(other).unwrap(), "{other}");
        }
    }

    #[test]
    fn modifiers_that_the_server_refuses_are_refused() {
        for sql in [
            "CREATE DOMAIN d AS range(subtype = int4)",
            "CREATE TABLE t (a numeric(1 + 2))",
            "ALTER TABLE t ADD COLUMN a geometry(f(1)) DEFAULT 'x'",
            "SELECT x::numeric(a = b)",
        ] {
            let said = parsed(sql).unwrap_err();
            assert!(said.starts_with("type modifiers must be"), "{sql}: {said}");
            let outline = outline(sql, 0..sql.len());
            assert!(statements(sql, &outline.pieces[0]).is_err(), "{sql}");
        }
        let known = "CREATE TABLE t (a numeric(3, -2), b geometry(Point, 4326), c interval(3))";
        parsed(known).unwrap();
    }
}
