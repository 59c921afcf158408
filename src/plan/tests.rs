//! The file of a plan: it reads well, comes back as it was, and nothing malformed gets through.

use super::file::{PlanError, digest, from_toml, to_toml};
use super::*;
use crate::lock::LockMode;
use crate::sql::QualifiedName;
use proptest::prelude::*;

fn name(text: &str) -> QualifiedName {
    QualifiedName::new("public", text)
}

/// A plan with one of everything.
fn sample() -> Plan {
    let lock = |mode| RelationLock { relation: name("users"), mode };
    let step = |id: &str, phase, action, undo| Step {
        id: id.to_owned(),
        phase,
        statements: vec![1],
        why: "because".to_owned(),
        action,
        locks: vec![lock(LockMode::ShareRowExclusive)],
        work: Vec::new(),
        undo,
    };
    let drop = || Undo::Transaction {
        sql: vec!["ALTER TABLE public.users DROP COLUMN email".to_owned()],
        locks: vec![lock(LockMode::AccessExclusive)],
    };
    let sealed = Plan {
        format: FORMAT,
        revision: PlannedRevision {
            id: "a1b2c3d4e5f6".to_owned(),
            parents: vec!["000000000001".to_owned()],
            message: "add email".to_owned(),
            digest: "00".repeat(32),
        },
        server: 18,
        search_path: vec!["public".to_owned()],
        settings: std::collections::BTreeMap::new(),
        digest: String::new(),
        notes: vec![Note { kind: NoteKind::ColumnOrder, text: "email comes last".to_owned() }],
        gates: vec![Gate { before: Phase::Contract, until: "the application is out".to_owned() }],
        statements: vec![PlannedStatement {
            number: 1,
            line: 9,
            sql: "ALTER TABLE users\n  ADD email text NOT NULL".to_owned(),
            locks: vec![lock(LockMode::AccessExclusive)],
            work: vec![Work { kind: WorkKind::Rewrite, relation: name("users") }],
        }],
        steps: vec![
            step(
                "expand-1",
                Phase::Expand,
                Action::Transaction {
                    sql: vec![
                        "ALTER TABLE public.users ADD email text".to_owned(),
                        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN NEW;\nEND $$".to_owned(),
                    ],
                },
                drop(),
            ),
            step(
                "migrate-1",
                Phase::Migrate,
                Action::Backfill(Backfill {
                    relation: name("users"),
                    alias: "t".to_owned(),
                    change: Change::Update {
                        set: "email = s.x || '\\'".to_owned(),
                        from: Some("public.s".to_owned()),
                    },
                    predicate: "s.id = t.id AND t.email IS NULL".to_owned(),
                    fires_triggers: false,
                    repeat: true,
                }),
                Undo::Nothing,
            ),
            step(
                "migrate-2",
                Phase::Migrate,
                Action::Concurrent {
                    sql: "CREATE INDEX CONCURRENTLY i ON public.users (email)".to_owned(),
                    probe: "SELECT 'absent'".to_owned(),
                    cleanup: "DROP INDEX CONCURRENTLY IF EXISTS public.i".to_owned(),
                },
                Undo::Concurrent {
                    sql: "DROP INDEX CONCURRENTLY IF EXISTS public.i".to_owned(),
                    probe: "SELECT 'absent'".to_owned(),
                    cleanup: "DROP INDEX CONCURRENTLY IF EXISTS public.i".to_owned(),
                },
            ),
            step(
                "migrate-3",
                Phase::Migrate,
                Action::Verify {
                    relation: name("users"),
                    check: Check::Rows {
                        alias: "users".to_owned(),
                        condition: "email IS NULL".to_owned(),
                    },
                    meaning: "rows without email".to_owned(),
                },
                Undo::Nothing,
            ),
            step(
                "migrate-4",
                Phase::Migrate,
                Action::Validate {
                    sql: "ALTER TABLE public.users VALIDATE CONSTRAINT c".to_owned(),
                },
                Undo::Nothing,
            ),
            step(
                "contract-1",
                Phase::Contract,
                Action::Statement { sql: "DELETE FROM public.users WHERE gone".to_owned() },
                Undo::Irreversible { why: "rows are gone".to_owned() },
            ),
        ],
        facts: vec![Fact {
            about: "column public.users.id".to_owned(),
            value: "bigint, not null".to_owned(),
        }],
    };
    seal(sealed)
}

fn seal(mut plan: Plan) -> Plan {
    plan.digest = digest(&plan);
    plan
}

#[test]
fn a_plan_reads_well() {
    insta::assert_snapshot!(to_toml(&sample()));
}

#[test]
fn a_plan_comes_back_as_it_was() {
    assert_eq!(from_toml(&to_toml(&sample())), Ok(sample()));
}

#[test]
fn the_digest_covers_everything_but_itself() {
    let plan = sample();
    let mut other = plan.clone();
    other.digest = "else".to_owned();
    assert_eq!(digest(&other), plan.digest);
    other.facts[0].value.push('!');
    assert_ne!(digest(&other), plan.digest);
}

#[test]
fn an_edit_by_hand_is_noticed() {
    let text = to_toml(&sample()).replace("WHERE gone", "WHERE true");
    let error = from_toml(&text).unwrap_err();
    assert!(matches!(error, PlanError::Digest { .. }), "{error:?}");
}

fn syntax(text: &str) -> (String, Option<(usize, usize)>) {
    match from_toml(text).unwrap_err() {
        PlanError::Syntax { message, span } => (message, span.map(|s| s.line_and_column(text))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_plan_is_refused_with_its_place() {
    let text = to_toml(&sample());
    let (message, place) = syntax(&text.replace("server = 18", "servre = 18"));
    assert!(message.contains("servre"), "{message}");
    assert!(place.is_some());
    let (message, _) = syntax(&text.replace("kind = \"nothing\"", "kind = \"magic\""));
    assert!(message.contains("magic"), "{message}");
    let (message, _) = syntax(&text.replace("[steps.action]", "[steps.action]\nextra = 1"));
    assert!(message.contains("extra"), "{message}");
    let (_, place) = syntax("format = 1\nx = = 2");
    assert_eq!(place.map(|(line, _)| line), Some(2));
    assert!(syntax("a = 1").0.contains("format"));
    assert_eq!(from_toml("format = 2\nnew = 1"), Err(PlanError::Format { found: 2 }));
    assert_eq!(from_toml(&" ".repeat(super::file::MAX_BYTES + 1)), Err(PlanError::TooLarge));
}

/// A change that a plan must not survive, though its digest is right.
fn invalid(change: impl FnOnce(&mut Plan)) -> String {
    let mut plan = sample();
    change(&mut plan);
    match from_toml(&to_toml(&seal(plan))).unwrap_err() {
        PlanError::Invalid(message) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plan_that_does_not_hang_together_is_refused() {
    let steps = [
        invalid(|plan| plan.steps[1].id = "expand-1".to_owned()),
        invalid(|plan| plan.steps.swap(0, 1)),
        invalid(|plan| plan.steps[0].statements = vec![2]),
        invalid(|plan| plan.steps[0].id = "Expand 1".to_owned()),
        invalid(|plan| plan.gates[0].before = Phase::Switch),
        invalid(|plan| plan.gates.push(plan.gates[0].clone())),
        invalid(|plan| plan.statements[0].number = 2),
        invalid(|plan| plan.revision.id.clear()),
        invalid(|plan| plan.steps[0].undo = Undo::Validate { sql: "SELECT 1".to_owned() }),
        invalid(|plan| plan.steps[0].undo = Undo::Sequence { parts: vec![Undo::Nothing] }),
    ];
    insta::assert_snapshot!(steps.join("\n"));
}

fn invalid_action(action: Action) -> String {
    invalid(|plan| plan.steps[0].action = action)
}

#[test]
fn every_statement_of_a_plan_is_one_statement() {
    let sql = |sql: &str| invalid_action(Action::Statement { sql: sql.to_owned() });
    let backfill = |change, predicate: &str| {
        invalid_action(Action::Backfill(Backfill {
            relation: name("t"),
            alias: "t".to_owned(),
            change,
            predicate: predicate.to_owned(),
            fires_triggers: false,
            repeat: false,
        }))
    };
    let update = |set: &str| Change::Update { set: set.to_owned(), from: None };
    let found = [
        sql("SELECT 1; SELECT 2"),
        sql("-- nothing"),
        sql("COMMIT"),
        sql("SELEC 1"),
        sql("SELECT 1\0"),
        invalid_action(Action::Transaction { sql: vec![] }),
        invalid_action(Action::Verify {
            relation: name("t"),
            check: Check::Query { sql: "DELETE FROM t".to_owned() },
            meaning: String::new(),
        }),
        backfill(update("a = 1 FROM u"), "true"),
        backfill(update("a = 1"), "true RETURNING *"),
        backfill(update("a = 1; DROP TABLE t; UPDATE t SET a = 1"), "true"),
        backfill(Change::Delete { using: None }, "true) OR (true"),
    ];
    insta::assert_snapshot!(found.join("\n"));
}

/// Strings that a quoting rule could get wrong.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,20}",
        r#"['"\\\n\r\t a]{0,12}"#,
        any::<Vec<char>>().prop_map(String::from_iter),
        Just("'''\n\"\"\"".to_owned()),
        Just("\n".to_owned()),
        Just("'\n'".to_owned()),
        Just("\u{7f}\u{0}\u{85}\n\u{2028}".to_owned()),
    ]
}

proptest! {
    #[test]
    fn any_text_survives_the_file(
        a in hostile(), b in hostile(), c in hostile(), d in proptest::collection::vec(hostile(), 0..4)
    ) {
        let mut plan = sample();
        plan.revision.message = a.clone();
        plan.revision.parents = d;
        plan.notes[0].text = b.clone();
        plan.statements[0].sql = c.clone();
        plan.facts[0].about = a;
        plan.steps[0].why = b;
        plan.statements[0].locks[0].relation = QualifiedName::new(format!("s{c}"), "t");
        let plan = seal(plan);
        let text = to_toml(&plan);
        prop_assert_eq!(from_toml(&text), Ok(plan.clone()), "{}", text);
        prop_assert_eq!(to_toml(&plan), text);
    }

    #[test]
    fn a_damaged_file_never_passes(at in 400usize..3000, put in any::<char>()) {
        let text = to_toml(&sample());
        let at = at.min(text.len() - 1);
        prop_assume!(text.is_char_boundary(at) && text.is_char_boundary(at + 1));
        let damaged = format!("{}{put}{}", &text[..at], &text[at + 1..]);
        if let Ok(plan) = from_toml(&damaged) {
            prop_assert_eq!(plan, sample(), "{}", damaged);
        }
    }
}
