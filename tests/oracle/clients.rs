//! Applications: sessions that send statements of a case at random until they are told to stop, and
//! remember how long the slowest one took. A statement that fails stops everything.

use crate::server::Database;
use airlock::connect::Connection;
use airlock::sql::quote_literal;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{SimpleQueryMessage, Statement};

/// Sessions of one application: as many with values in the text as with prepared statements.
const SESSIONS: usize = 4;

/// How often each statement has to have run before the test goes on, and how long that may take.
const RUNS_MIN: u64 = 3;
const RUNS_TIMEOUT: Duration = Duration::from_secs(30);
const RUNS_INTERVAL: Duration = Duration::from_millis(2);

/// Between two statements of a session: the server has other things to do on two cores.
const THINK_TIME: Duration = Duration::from_millis(1);

const LETTERS: &[char] = &['a', 'b', 'Z', '0', '\'', '"', '\\', '$', ' ', 'ø', '名', '%'];

/// Keys that no row has ever had, over all sessions.
static FRESH: AtomicI64 = AtomicI64::new(1_000_000);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Id,
    Fresh,
    Number,
    Text,
}

impl Placeholder {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Placeholder::Id,
            "fresh" => Placeholder::Fresh,
            "n" => Placeholder::Number,
            "s" => Placeholder::Text,
            _ => return None,
        })
    }

    fn type_(self) -> Type {
        match self {
            Placeholder::Id | Placeholder::Fresh => Type::INT8,
            Placeholder::Number => Type::INT4,
            Placeholder::Text => Type::TEXT,
        }
    }

    fn draw(self, keys: u32) -> Value {
        match self {
            Placeholder::Id => Value::Key(fastrand::i64(1..=i64::from(keys))),
            Placeholder::Fresh => Value::Key(FRESH.fetch_add(1, Ordering::Relaxed)),
            Placeholder::Number => Value::Number(fastrand::i32(0..1000)),
            Placeholder::Text => Value::Text(
                (0..fastrand::usize(1..8)).map(|_| *fastrand::choice(LETTERS).unwrap()).collect(),
            ),
        }
    }
}

enum Value {
    Key(i64),
    Number(i32),
    Text(String),
}

impl Value {
    fn literal(&self) -> String {
        match self {
            Value::Key(key) => format!("{key}::bigint"),
            Value::Number(number) => format!("{number}::int"),
            Value::Text(text) => format!("{}::text", quote_literal(text)),
        }
    }

    fn parameter(&self) -> &(dyn ToSql + Sync) {
        match self {
            Value::Key(key) => key,
            Value::Number(number) => number,
            Value::Text(text) => text,
        }
    }
}

/// A statement in pieces: text, placeholder, text, …
pub struct Template {
    source: String,
    texts: Vec<String>,
    /// Between the texts, as a place in `kinds`.
    holes: Vec<usize>,
    kinds: Vec<Placeholder>,
}

impl Template {
    pub fn new(source: &str) -> Self {
        let tokens = airlock::sql::grammar::scan(source).unwrap();
        let place = |at: i32| usize::try_from(at).unwrap();
        let mut template = Template {
            source: source.to_owned(),
            texts: Vec::new(),
            holes: Vec::new(),
            kinds: Vec::new(),
        };
        let mut from = 0;
        for pair in tokens.windows(2) {
            let (colon, name) = (&pair[0], &pair[1]);
            if &source[place(colon.start)..place(colon.end)] != ":" || colon.end != name.start {
                continue;
            }
            let word = &source[place(name.start)..place(name.end)];
            if !word.starts_with(char::is_alphabetic) {
                continue;
            }
            let kind = Placeholder::named(word).unwrap_or_else(|| panic!(":{word} in {source}"));
            let number = template.kinds.iter().position(|k| *k == kind).unwrap_or_else(|| {
                template.kinds.push(kind);
                template.kinds.len() - 1
            });
            template.texts.push(source[from..place(colon.start)].to_owned());
            template.holes.push(number);
            from = place(name.end);
        }
        template.texts.push(source[from..].to_owned());
        template
    }

    fn fill(&self, hole: impl Fn(usize) -> String) -> String {
        let mut sql = self.texts[0].clone();
        for (number, text) in self.holes.iter().zip(&self.texts[1..]) {
            sql.push_str(&hole(*number));
            sql.push_str(text);
        }
        sql
    }

    pub fn with_parameters(&self) -> String {
        self.fill(|number| format!("${}", number + 1))
    }

    fn draw(&self, keys: u32) -> Vec<Value> {
        self.kinds.iter().map(|kind| kind.draw(keys)).collect()
    }
}

/// One statement of an application, and how it fared.
struct Line {
    template: Template,
    runs: AtomicU64,
}

/// A running application.
pub struct Application {
    name: &'static str,
    lines: Arc<Vec<Line>>,
    stop: Arc<AtomicBool>,
    failure: Arc<Mutex<Option<String>>>,
    sessions: Vec<JoinHandle<Slowest>>,
}

/// The statement that took longest.
#[derive(Debug, Clone, Default)]
pub struct Slowest {
    pub took: Duration,
    pub sql: String,
}

impl Slowest {
    fn see(&mut self, took: Duration, sql: &str) {
        if took > self.took {
            *self = Slowest { took, sql: sql.to_owned() };
        }
    }

    pub fn or(self, other: Slowest) -> Slowest {
        if other.took > self.took { other } else { self }
    }
}

impl Application {
    /// Starts `statements` in [`SESSIONS`] sessions.
    pub async fn start(
        database: &Database<'_>,
        name: &'static str,
        statements: &[String],
        keys: u32,
    ) -> Self {
        let line = |sql: &String| Line { template: Template::new(sql), runs: AtomicU64::new(0) };
        let mut application = Self {
            name,
            lines: Arc::new(statements.iter().map(line).collect()),
            stop: Arc::default(),
            failure: Arc::default(),
            sessions: Vec::new(),
        };
        if statements.is_empty() {
            return application;
        }
        for number in 0..SESSIONS {
            let session = Session {
                connection: database.connect_application(name).await,
                lines: application.lines.clone(),
                stop: application.stop.clone(),
                failure: application.failure.clone(),
                keys,
                prepared: (number % 2 == 1).then(BTreeMap::new),
            };
            application.sessions.push(tokio::spawn(session.run()));
        }
        application
    }

    /// Waits until each statement has run some more times than it has now.
    pub async fn exercise(&self) {
        let goals: Vec<u64> =
            self.lines.iter().map(|l| l.runs.load(Ordering::Relaxed) + RUNS_MIN).collect();
        let deadline = Instant::now() + RUNS_TIMEOUT;
        let reached = || {
            self.lines.iter().zip(&goals).all(|(l, goal)| l.runs.load(Ordering::Relaxed) >= *goal)
        };
        while !reached() {
            self.assert_well();
            assert!(Instant::now() < deadline, "the {} gets nowhere", self.name);
            tokio::time::sleep(RUNS_INTERVAL).await;
        }
        self.assert_well();
    }

    /// Panics when a statement has failed.
    pub fn assert_well(&self) {
        if let Some(failure) = self.failure.lock().unwrap().as_ref() {
            panic!("a statement of the {} failed: {failure}", self.name);
        }
    }

    /// Ends the sessions after their current statement; the slowest statement of all.
    pub async fn stop(mut self) -> Slowest {
        self.stop.store(true, Ordering::Relaxed);
        let mut slowest = Slowest::default();
        for session in std::mem::take(&mut self.sessions) {
            slowest = slowest.or(session.await.unwrap());
        }
        self.assert_well();
        slowest
    }
}

struct Session {
    connection: Connection,
    lines: Arc<Vec<Line>>,
    stop: Arc<AtomicBool>,
    failure: Arc<Mutex<Option<String>>>,
    keys: u32,
    /// Statements that are prepared once and executed again; `None` for a session that sends text.
    prepared: Option<BTreeMap<usize, Statement>>,
}

impl Session {
    async fn run(mut self) -> Slowest {
        let mut slowest = Slowest::default();
        let lines = self.lines.clone();
        while !self.stop.load(Ordering::Relaxed) {
            let number = fastrand::usize(..lines.len());
            let line = &lines[number];
            let values = line.template.draw(self.keys);
            let begun = Instant::now();
            let answer = match self.prepared.is_some() {
                true => self.execute(number, &line.template, &values).await,
                false => self.send(&line.template.fill(|n| values[n].literal())).await,
            };
            slowest.see(begun.elapsed(), &line.template.source);
            line.runs.fetch_add(1, Ordering::Relaxed);
            if let Err(why) = answer {
                let sql = line.template.fill(|n| values[n].literal());
                self.failure.lock().unwrap().get_or_insert(format!("{sql}\n{why}"));
                break;
            }
            tokio::time::sleep(THINK_TIME).await;
        }
        self.connection.close().await;
        slowest
    }

    async fn execute(
        &mut self,
        number: usize,
        template: &Template,
        values: &[Value],
    ) -> Result<(), String> {
        let prepared = self.prepared.get_or_insert_default();
        if !prepared.contains_key(&number) {
            let types: Vec<Type> = template.kinds.iter().map(|kind| kind.type_()).collect();
            let sql = template.with_parameters();
            let statement =
                self.connection.prepare_typed(&sql, &types).await.map_err(|e| describe(&e))?;
            prepared.insert(number, statement);
        }
        let parameters: Vec<&(dyn ToSql + Sync)> = values.iter().map(Value::parameter).collect();
        let rows = self
            .connection
            .query(&prepared[&number], &parameters)
            .await
            .map_err(|error| describe(&error))?;
        for row in rows {
            if let [column] = row.columns()
                && *column.type_() == Type::BOOL
                && row.get::<_, Option<bool>>(0) != Some(true)
            {
                return Err("did not return true".to_owned());
            }
        }
        Ok(())
    }

    async fn send(&self, sql: &str) -> Result<(), String> {
        let messages = self.connection.simple_query(sql).await.map_err(|e| describe(&e))?;
        for message in messages {
            // In text, only a boolean is `f`; no case lets a text of one letter be the sole result.
            if let SimpleQueryMessage::Row(row) = message
                && row.len() == 1
                && row.get(0) == Some("f")
            {
                return Err("did not return true".to_owned());
            }
        }
        Ok(())
    }
}

fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!(
            "{} {}{}{}",
            db.code().code(),
            db.message(),
            db.detail().map(|detail| format!("\n{detail}")).unwrap_or_default(),
            db.where_().map(|place| format!("\n{place}")).unwrap_or_default(),
        ),
        None => format!("{error:?}"),
    }
}
