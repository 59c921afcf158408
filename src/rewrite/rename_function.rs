//! `ALTER FUNCTION … RENAME TO`, and the same of procedures and aggregates.
//!
//! *In words*: expand, one transaction: the function itself gets its new name, so that views, defaults, indexes, triggers and
//! policies go on calling it, and a function in SQL under the old name calls it, with the same signature, defaults,
//! owner and privileges. Contract drops that one. What the function is, is a fact of the plan. What it runs is the function itself: `SECURITY DEFINER` and
//! settings are its own, and each caller needs `EXECUTE` of both, which both give.
//! A function of a trigger is called by triggers, which follow the rename: in place. A procedure may end
//! transactions, which it cannot when another one calls it; aggregates and window functions are no functions in
//! SQL: in place when the user says so (`-- airlock: rename in-place`).

use super::acl;
use super::as_is;
use super::draft::Draft;
use super::rename_other::consented;
use super::rename_table::strategy;
use super::text;
use crate::analyze::Impact;
use crate::catalog::{Function, Routine, RoutineKind, Volatility};
use crate::plan::{Action, NoteKind, Phase, Undo};
use crate::sql::directive::RenameStrategy;
use crate::sql::{QualifiedName, Statement, quote_ident};
use pg_query::protobuf::RenameStmt;

pub(super) fn steps(
    draft: &mut Draft<'_>,
    statement: &Statement,
    rename: &RenameStmt,
    impact: &Impact,
) {
    let Some((old, function)) = meant(draft, rename) else {
        return as_is::steps(draft, statement, impact);
    };
    let there =
        |known: &Function| known.schema == function.schema && known.arguments == function.arguments;
    if !draft.start.functions.get(&old.name).is_some_and(|known| known.iter().any(there)) {
        return as_is::steps(draft, statement, impact);
    }
    let strategy = strategy(draft, statement);
    let routine = function.routine.as_deref();
    if let Some(routine) = routine {
        draft.rely_on_function(&old, &old.sibling(&*rename.newname), routine);
    }
    if routine.is_some_and(|routine| routine.is_trigger) {
        draft.note(
            NoteKind::Information,
            format!("triggers call {old} whatever its name is; only a CREATE TRIGGER that says the old name fails from expand on"),
        );
        return as_is::steps(draft, statement, impact);
    }
    let what = match routine.map(|routine| routine.kind) {
        Some(RoutineKind::Procedure) => format!("procedure {old}"),
        Some(RoutineKind::Aggregate) => format!("aggregate {old}"),
        _ => format!("function {old}"),
    };
    match (routine, obstacle(routine)) {
        (Some(routine), None) if strategy != RenameStrategy::InPlace => {
            with_wrapper(draft, &old, &rename.newname, &function, routine);
        }
        (_, why) => {
            let why = why.unwrap_or_default();
            consented(draft, statement, impact, &what, &why);
        }
    }
}

/// The function that the statement means, of several the first on the search path.
fn meant(draft: &Draft<'_>, rename: &RenameStmt) -> Option<(QualifiedName, Function)> {
    let (name, found) = draft.catalog.functions_meant(rename.object.as_deref()?)?;
    let path = &draft.catalog.server.search_path;
    let place = |f: &&&Function| path.iter().position(|schema| *schema == f.schema);
    let function = (*found.iter().min_by_key(|f| place(f).unwrap_or(usize::MAX))?).clone();
    Some((QualifiedName::new(&*function.schema, name), function))
}

/// Why no function in SQL can stand under the old name.
fn obstacle(routine: Option<&Routine>) -> Option<String> {
    let Some(routine) = routine else {
        return Some("an earlier statement of the migration changes it, or its definition is not known: rename it in a revision of its own".to_owned());
    };
    match routine.kind {
        RoutineKind::Procedure => {
            return Some("a procedure may COMMIT, which it cannot when another procedure under the old name calls it: create the procedure under the new name as well, and drop the old one in a later revision".to_owned());
        }
        RoutineKind::Aggregate => {
            return Some("no function can call an aggregate for its caller: create the aggregate under the new name as well (the same SFUNC and STYPE), and drop the old one in a later revision".to_owned());
        }
        RoutineKind::Window => {
            return Some("no function can call a window function for its caller: create the new name as well from the same C symbol, and drop the old one in a later revision".to_owned());
        }
        RoutineKind::Function => {}
    }
    routine.pseudo_type.as_ref().map(|pseudo| {
        format!("a function in SQL that calls it cannot have the type {pseudo}: create the new name as well in the same language, and drop the old one in a later revision")
    })
}

fn with_wrapper(
    draft: &mut Draft<'_>,
    old: &QualifiedName,
    new: &str,
    function: &Function,
    routine: &Routine,
) {
    let new = old.sibling(new);
    let inputs = routine.inputs.join(", ");
    let called = |name: &QualifiedName| format!("{name}({inputs})");
    let rename = |from: &QualifiedName, to: &QualifiedName| {
        format!("ALTER FUNCTION {} RENAME TO {}", called(from), quote_ident(&to.name))
    };
    let mut sql = vec![rename(old, &new), wrapper(draft, old, &new, function, routine)];
    let on = called(old);
    if routine.owner != draft.catalog.server.role.name {
        sql.push(format!("ALTER FUNCTION {on} OWNER TO {}", quote_ident(&routine.owner)));
    }
    sql.push(format!("REVOKE ALL ON FUNCTION {on} FROM PUBLIC"));
    let object = format!("FUNCTION {on}");
    sql.extend(acl::grants_to_others(
        &routine.privileges,
        &routine.owner,
        &object,
        "",
        &["EXECUTE"],
    ));
    let drop = format!("DROP FUNCTION {on}");
    draft
        .step(
            Phase::Expand,
            format!("{} has both names: a function under the old one calls it", new.name),
            Action::Transaction { sql },
        )
        .undo(Undo::Transaction { sql: vec![drop.clone(), rename(&new, old)], locks: Vec::new() });
    draft.step(
        Phase::Contract,
        format!("nobody calls {old} any more"),
        Action::Transaction { sql: vec![drop] },
    );
    draft.gate(Phase::Contract, format!("every running application calls {new} instead of {old}"));
    draft.floors.word(&old.name, Phase::Contract);
}

fn wrapper(
    draft: &Draft<'_>,
    old: &QualifiedName,
    new: &QualifiedName,
    function: &Function,
    routine: &Routine,
) -> String {
    let last = routine.inputs.len();
    let given: Vec<String> = (1..=last)
        .map(|place| {
            let rest = if routine.variadic && place == last { "VARIADIC " } else { "" };
            format!("{rest}${place}")
        })
        .collect();
    let from = if routine.returns_set || routine.returns_record { "* FROM " } else { "" };
    let body = format!("SELECT {from}{new}({})", given.join(", "));
    let mut options = vec![match function.volatility {
        Volatility::Immutable => "IMMUTABLE".to_owned(),
        Volatility::Stable => "STABLE".to_owned(),
        Volatility::Volatile => "VOLATILE".to_owned(),
    }];
    if routine.strict {
        options.push("STRICT".to_owned());
    }
    // Only a superuser may say so; without it nothing but a plan may be worse.
    if routine.leakproof && draft.catalog.server.role.superuser {
        options.push("LEAKPROOF".to_owned());
    }
    options.push(match routine.parallel {
        's' => "PARALLEL SAFE".to_owned(),
        'r' => "PARALLEL RESTRICTED".to_owned(),
        _ => "PARALLEL UNSAFE".to_owned(),
    });
    options.push(format!("COST {}", routine.cost));
    if routine.returns_set {
        options.push(format!("ROWS {}", routine.rows));
    }
    let result = routine.result.as_deref().unwrap_or("void");
    format!(
        "CREATE FUNCTION {old}({}) RETURNS {result} LANGUAGE sql {} AS {}",
        routine.declared,
        options.join(" "),
        text::dollar_quoted(&body)
    )
}
