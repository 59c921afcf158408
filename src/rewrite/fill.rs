//! A group of columns is filled and kept in step.
//!
//! *In words*: expand: a sync trigger computes the columns of every row written from now on, unless
//! the application gave them a value itself. Migrate: a backfill over block ranges sets the rest
//! directly; a chunked scan proves that nothing is left. Contract: when no application needs it any
//! more, the trigger goes.

use super::draft::Draft;
use super::groups::{Group, Target};
use super::sync::{Fires, Runs, SyncTrigger, changed, differ, typed};
use super::witness::Witness;
use super::{sync, text};
use crate::catalog::{Relation, Volatility};
use crate::plan::{Action, Backfill, Change, Check, NoteKind, Phase, Undo, WorkKind};
use crate::sql::{Diagnostic, Span, quote_ident};

/// Functions that never raise an error whatever text or NULL they are given; all are built in.
const NEVER_FAIL: [&str; 16] = [
    "lower",
    "upper",
    "btrim",
    "ltrim",
    "rtrim",
    "trim",
    "both",
    "leading",
    "trailing",
    "concat",
    "concat_ws",
    "coalesce",
    "nullif",
    "initcap",
    "length",
    "md5",
];

/// Keywords of expressions that cannot raise an error by themselves.
const HARMLESS: [&str; 17] = [
    "case",
    "when",
    "then",
    "else",
    "end",
    "is",
    "not",
    "null",
    "and",
    "or",
    "true",
    "false",
    "from",
    "distinct",
    "pg_catalog",
    "collate",
    "ilike",
];

/// Steps for `group`, whose `UPDATE` (or column, for a directive) stands at `span`.
///
/// `written` when the migration itself has the `UPDATE`: then the application's triggers fire, as
/// they would for it.
pub(super) fn steps(draft: &mut Draft<'_>, group: &Group, span: Span, written: bool) {
    if let Some(problem) = impossible(draft, group) {
        let told = Diagnostic::new(problem.what, span).label("needs a sync trigger");
        draft.refuse(told.hint(problem.hint));
        return;
    }
    let names: Vec<&str> = group.targets.iter().map(|t| t.column.as_str()).collect();
    let what = text::listed(&names);
    let trigger = match witness(draft, group) {
        Some(witness) => SyncTrigger::with_witness(draft, &group.relation, witness),
        None => SyncTrigger::new(draft, &group.relation),
    };
    draft.ledger.has_trigger = true;
    let body = body(draft, group);
    let search_path = draft.catalog.server.search_path.clone();
    let sql = trigger.create(Fires::InsertOrUpdate, "", Runs::AsOwner, &search_path, &body);
    trigger.create_step(
        draft,
        Phase::Expand,
        format!(
            "rows that are written from now on get {what} too, whichever application writes them"
        ),
        sql,
    );
    backfill(draft, group, &what, written);
    verify(draft, group, &what);
    trigger.remove_step(
        draft,
        Phase::Contract,
        format!("no application relies on {} any more", sync::describe(&trigger)),
    );
    draft.gate(
        Phase::Contract,
        if group.source_dropped {
            format!(
                "every running application reads and writes {what} of {} and no longer {}",
                group.relation,
                text::listed(&group.sources)
            )
        } else {
            format!("every running application gives {what} of {} a value itself", group.relation)
        },
    );
    if group.reads_other_tables {
        draft.note(
            NoteKind::Application,
            format!(
                "{what} of {} is computed from other tables: a row follows their changes only when it is written itself",
                group.relation
            ),
        );
    }
    draft.floors.filled(&group.relation);
}

/// Counts writes to the one column that the targets replace and that is dropped in the end.
fn witness(draft: &mut Draft<'_>, group: &Group) -> Option<Witness> {
    let [source] = group.sources.as_slice() else { return None };
    let column = draft.catalog.relation(&group.relation)?.column(source)?.clone();
    let counts = group.source_dropped && column.generated.is_none();
    counts.then(|| Witness::new(draft, &group.relation, &column, None))
}

/// Why a group cannot be kept in step, and what can be done.
struct Problem {
    what: String,
    hint: &'static str,
}

impl Problem {
    fn new(what: String) -> Self {
        let hint = "Write the expression so that it reads plain columns of the row, or split the migration in two revisions with a deploy between them.";
        Self { what, hint }
    }
}

fn impossible(draft: &Draft<'_>, group: &Group) -> Option<Problem> {
    let relation = draft.catalog.relation(&group.relation)?;
    if relation.partition_key.is_none() && !relation.children.is_empty() {
        return Some(Problem::new(format!(
            "{} has inheritance children, which do not inherit triggers",
            group.relation
        )));
    }
    if let Some(target) = group.targets.iter().find(|target| target.added_with_default) {
        return Some(Problem {
            what: format!(
                "{} of {} is added with a default, so that a row that is still to be filled looks like one in which an application has written that value",
                target.column, group.relation
            ),
            hint: "Add the column without the default, and set it after the UPDATE (ALTER COLUMN … SET DEFAULT …); or fill it by an UPDATE of its own.",
        });
    }
    if draft.floor() == Phase::Contract {
        return Some(Problem::new(format!(
            "{} can only be filled after the contract phase of an earlier statement",
            group.relation
        )));
    }
    None
}

/// Whether the row at hand, in an `INSERT`, got no value for the target: NULL, or the default beside
/// something in the columns that the target replaces. The default alone may be what the new
/// application wrote, which no longer gives those.
fn not_given(relation: &Relation, group: &Group, target: &Target, watched: &[String]) -> String {
    let value = |column: &str| format!("NEW.{}", quote_ident(column));
    let column = value(&target.column);
    let null = format!("{column} IS NULL");
    let default = target.default.as_ref().filter(|_| group.source_dropped);
    let (Some(default), Some(known)) = (default, relation.column(&target.column)) else {
        return null;
    };
    let given: Vec<String> = watched
        .iter()
        .filter_map(|source| relation.column(source))
        .map(|source| match &source.default {
            Some(usual) if !source.default_is_volatile => {
                differ(&value(&source.name), &typed(usual, source))
            }
            Some(_) | None => format!("{} IS NOT NULL", value(&source.name)),
        })
        .collect();
    if given.is_empty() {
        return null;
    }
    let other = differ(&column, &typed(default, known));
    format!("{null} OR (NOT ({other}) AND ({}))", given.join(" OR "))
}

fn body(draft: &Draft<'_>, group: &Group) -> String {
    let mut body = String::new();
    let Some(relation) = draft.catalog.relation(&group.relation) else { return body };
    let row = sync::new_row(relation, &group.alias);
    let over_row = |expression: &str| format!("(SELECT {expression} FROM {row})");
    // A generated source is watched through the columns that it is computed from.
    let watched: Vec<String> = group
        .sources
        .iter()
        .flat_map(|source| match relation.column(source).and_then(|c| c.generated.as_ref()) {
            Some(generated) => columns_of(&generated.expression, relation),
            None => vec![source.clone()],
        })
        .collect();
    for target in &group.targets {
        let column = format!("NEW.{}", quote_ident(&target.column));
        let unset = format!("{column} IS NULL");
        let value = over_row(&target.expression);
        let mut assign = format!("{column} := {value};");
        if let Some(condition) = &group.condition {
            let applies = over_row(condition);
            assign = format!("IF {applies} THEN {assign} END IF;");
        }
        if may_fail(&target.expression) || group.condition.as_deref().is_some_and(may_fail) {
            // An application statement must not fail because our expression does.
            assign = format!("BEGIN {assign} EXCEPTION WHEN OTHERS THEN NULL; END;");
        }
        if target.new {
            let mut triggers: Vec<String> = watched.iter().map(|s| changed(s)).collect();
            triggers.push(unset);
            let not_given = not_given(relation, group, target, &watched);
            body.push_str(&format!(
                "  IF TG_OP = 'INSERT' THEN\n    IF {not_given} THEN {assign} END IF;\n  \
                 ELSIF NOT ({}) AND ({}) THEN {assign}\n  END IF;\n",
                changed(&target.column),
                triggers.join(" OR ")
            ));
        } else {
            body.push_str(&format!("  IF {unset} THEN {assign} END IF;\n"));
        }
    }
    body
}

/// Columns of `relation` in an expression that the server printed.
fn columns_of(expression: &str, relation: &Relation) -> Vec<String> {
    let words = text::words(expression);
    relation.columns.iter().map(|c| c.name.clone()).filter(|name| words.contains(name)).collect()
}

/// Whether evaluating `expression` could raise an error for some row.
fn may_fail(expression: &str) -> bool {
    use pg_query::protobuf::Token;
    let Ok(scanned) = crate::sql::grammar::scan(expression) else { return true };
    let tokens = &scanned;
    let text = |index: usize| {
        let token: &pg_query::protobuf::ScanToken = &tokens[index];
        expression.get(token.start as usize..token.end as usize).unwrap_or("")
    };
    (0..tokens.len()).any(|index| {
        let word = text(index).to_lowercase();
        match tokens[index].token() {
            Token::Ident | Token::Sconst | Token::Iconst | Token::Fconst => {
                let called = index + 1 < tokens.len() && text(index + 1) == "(";
                called && !NEVER_FAIL.contains(&word.as_str())
            }
            _ => {
                let symbol = matches!(
                    word.as_str(),
                    "(" | ")" | "," | "." | "||" | "=" | "<>" | "!=" | "<" | ">" | "<=" | ">="
                );
                !symbol
                    && !HARMLESS.contains(&word.as_str())
                    && !NEVER_FAIL.contains(&word.as_str())
                    && !is_plain_name(&word, index, tokens.len(), &text)
            }
        }
    })
}

/// An unreserved keyword used as a column name (`name`, `value`, `first`): not followed by `(`.
fn is_plain_name<'t>(
    word: &str,
    index: usize,
    count: usize,
    text: &impl Fn(usize) -> &'t str,
) -> bool {
    let named = word.chars().all(|c| c.is_alphanumeric() || c == '_');
    named && (index + 1 == count || text(index + 1) != "(")
}

/// Rows of which a target is still to be set, and differs from what it should be.
fn needed(group: &Group) -> String {
    let parts: Vec<String> = group
        .targets
        .iter()
        .map(|target| {
            let column = quote_ident(&target.column);
            match group.volatility {
                Volatility::Volatile => format!("{column} IS NULL"),
                Volatility::Immutable | Volatility::Stable => {
                    format!("{column} IS NULL AND ({}) IS NOT NULL", target.expression)
                }
            }
        })
        .collect();
    let any = match parts.as_slice() {
        [only] => only.clone(),
        several => {
            format!(
                "({})",
                several.iter().map(|p| format!("({p})")).collect::<Vec<_>>().join(" OR ")
            )
        }
    };
    match &group.condition {
        Some(condition) => format!("{any} AND {condition}"),
        None => any,
    }
}

fn backfill(draft: &mut Draft<'_>, group: &Group, what: &str, written: bool) {
    let set = if let [target] = group.targets.as_slice() {
        format!("{} = {}", quote_ident(&target.column), target.expression)
    } else {
        group
            .targets
            .iter()
            .map(|target| {
                let column = quote_ident(&target.column);
                let qualified = format!("{}.{column}", quote_ident(&group.alias));
                format!(
                    "{column} = CASE WHEN {qualified} IS NULL THEN {} ELSE {qualified} END",
                    target.expression
                )
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    let invented = group.targets.iter().all(|target| target.new);
    let columns: Vec<&str> = group.targets.iter().map(|t| t.column.as_str()).collect();
    let fires = written
        && draft
            .catalog
            .relation(&group.relation)
            .is_some_and(|found| super::data::fires_triggers(&draft.catalog, found, &columns));
    if fires {
        draft.note(
            NoteKind::Triggers,
            format!(
                "the application's triggers fire for rows of {} that get {what}, as for the UPDATE; not for those that have the value by then, or get none",
                group.relation
            ),
        );
    }
    let action = Action::Backfill(Backfill {
        relation: group.relation.clone(),
        alias: group.alias.clone(),
        change: Change::Update { set, from: None },
        predicate: needed(group),
        fires_triggers: fires || !invented,
        repeat: false,
    });
    let undo = if invented && fires {
        Undo::Irreversible {
            why: format!(
                "what the application's triggers did for rows of {} that got {what} stays",
                group.relation
            ),
        }
    } else if invented {
        Undo::Nothing
    } else {
        Undo::Irreversible {
            why: format!("the values that {what} of {} was filled with stay", group.relation),
        }
    };
    draft
        .step(Phase::Migrate, format!("rows from before the trigger get {what}"), action)
        .locks(super::data::row_locks(&group.relation))
        .work(WorkKind::RowChanges, &group.relation)
        .undo(undo);
    draft.floors.relation(&group.relation, Phase::Migrate);
}

fn verify(draft: &mut Draft<'_>, group: &Group, what: &str) {
    if group.volatility == Volatility::Volatile && !group.not_null {
        return;
    }
    let condition = needed(group);
    let action = Action::Verify {
        relation: group.relation.clone(),
        check: Check::Rows { alias: group.alias.clone(), condition },
        meaning: format!(
            "rows of {} that the backfill should have filled ({what}) and did not",
            group.relation
        ),
    };
    draft
        .step(
            Phase::Migrate,
            format!("nothing is taken for done before {what} is checked in every row"),
            action,
        )
        .work(WorkKind::Scan, &group.relation);
}

#[cfg(test)]
mod tests {
    use super::may_fail;

    #[test]
    fn only_expressions_that_cannot_raise_run_unguarded() {
        for harmless in [
            "lower(email)",
            "first_name || ' ' || last_name",
            "COALESCE(a, 'x')",
            "CASE WHEN a IS NULL THEN 'x' ELSE \"B c\" END",
            "concat_ws(' ', first, last)",
        ] {
            assert!(!may_fail(harmless), "{harmless}");
        }
        for risky in [
            "a / b",
            "a::integer",
            "my_function(a)",
            "a + 1",
            "CAST(a AS date)",
            "split_part(a, ' ', n)",
        ] {
            assert!(may_fail(risky), "{risky}");
        }
    }
}
