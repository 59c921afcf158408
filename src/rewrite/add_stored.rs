//! `ADD COLUMN … GENERATED ALWAYS AS (…) STORED` under `-- airlock: stored trigger`.
//!
//! *In words*: the server can make a stored generated column only by writing the table anew. With
//! the directive it becomes a plain column that a trigger of the user's own schema computes for good:
//! expand adds column, function and trigger; migrate fills the rows that exist in batches and compares.
//! The trigger's name begins with `~`, so that it fires behind the application's own, as the server
//! computes a generated column behind them. A value that a statement gives is overwritten, where a
//! generated column would refuse it. It is an ordinary trigger: what sets `session_replication_role`
//! to `replica` (a subscriber of logical replication does) writes the values that it is given.

use super::draft::Draft;
use super::sync::differ;
use super::text::{self, alter};
use crate::analyze::volatility;
use crate::catalog::{Relation, Volatility};
use crate::lock::LockMode;
use crate::plan::{Action, Backfill, Change, Check, NoteKind, Phase, Undo, WorkKind};
use crate::sql::{Diagnostic, QualifiedName, Span, deparse, derived_name, quote_ident};
use pg_query::protobuf::Node;

/// Adds and fills `column`; false when that is refused.
pub(super) fn steps(
    draft: &mut Draft<'_>,
    relation: &Relation,
    column: &str,
    type_name: &str,
    generated: &Node,
    span: Span,
) -> bool {
    let name = &relation.name;
    let expression = deparse::expression(generated);
    if volatility::of_expression(generated, &draft.catalog) != Volatility::Immutable {
        draft.reject(
            Diagnostic::new("generation expression is not immutable", span)
                .label("the server refuses it as written, too"),
        );
        return false;
    }
    if relation.partition_key.is_none() && !relation.children.is_empty() {
        draft.refuse(Diagnostic::new(
            format!("{name} has inheritance children, which do not inherit triggers"),
            span,
        ));
        return false;
    }
    let object = derived_name(&[&name.name, column, "generated"]);
    let function = name.sibling(object.as_str());
    let trigger = quote_ident(&derived_name(&[&format!("~{object}")]));
    let quoted = quote_ident(column);
    let value = format!("CAST(({expression}) AS {type_name})");
    let path: Vec<String> =
        draft.catalog.server.search_path.iter().map(|schema| quote_ident(schema)).collect();
    let body = format!(
        "\n#variable_conflict use_column\nBEGIN\n  NEW.{quoted} := (SELECT {value} FROM (SELECT NEW.*) AS {});\n  RETURN NEW;\nEND\n",
        quote_ident(&name.name)
    );
    let sql = vec![
        alter(name, &format!("ADD COLUMN {quoted} {type_name}")),
        format!(
            "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path = {} AS {}",
            path.join(", "),
            text::dollar_quoted(&body)
        ),
        format!(
            "CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION {function}()"
        ),
    ];
    let undo = vec![
        format!("DROP TRIGGER IF EXISTS {trigger} ON {name}"),
        format!("DROP FUNCTION IF EXISTS {function}()"),
        alter(name, &format!("DROP COLUMN IF EXISTS {quoted}")),
    ];
    let locks = draft.locks(relation, LockMode::AccessExclusive);
    draft
        .additive_step(
            format!("{column} is a plain column that trigger {trigger} computes from here on"),
            Action::Transaction { sql },
        )
        .locks(locks.clone())
        .undo(Undo::Transaction { sql: undo, locks });
    let differs = |alias: &str| differ(&format!("{}.{quoted}", quote_ident(alias)), &value);
    fill(draft, name, column, &value, &differs(&name.name));
    draft.note(
        NoteKind::Application,
        format!(
            "{column} of {name} is an ordinary column kept by trigger {trigger}: a value that a statement gives is overwritten, not refused"
        ),
    );
    true
}

fn fill(draft: &mut Draft<'_>, name: &QualifiedName, column: &str, value: &str, differs: &str) {
    let quoted = quote_ident(column);
    draft
        .step(
            Phase::Migrate,
            format!("rows from before the trigger get {column}"),
            Action::Backfill(Backfill {
                relation: name.clone(),
                alias: name.name.clone(),
                change: Change::Update { set: format!("{quoted} = {value}"), from: None },
                predicate: differs.to_owned(),
                fires_triggers: false,
                repeat: false,
            }),
        )
        .locks(super::data::row_locks(name))
        .work(WorkKind::RowChanges, name);
    draft
        .step(
            Phase::Migrate,
            format!("nothing is taken for done before {column} is compared in every row"),
            Action::Verify {
                relation: name.clone(),
                check: Check::Rows { alias: name.name.clone(), condition: differs.to_owned() },
                meaning: format!(
                    "rows of {name} in which {column} is not what it is computed from"
                ),
            },
        )
        .work(WorkKind::Scan, name);
    draft.floors.filled(name);
    draft.floors.relation(name, Phase::Migrate);
}
