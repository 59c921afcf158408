//! A case file as a value. The format is laid down in `tests/cases/README.md`; what does not keep to
//! it is an error with its line, never ignored. Reads files, knows no server.

use airlock::plan::NoteKind;
use airlock::sql::QualifiedName;
use std::ops::Range;
use std::path::Path;

/// Range of `:id` when the case does not say.
const KEYS_DEFAULT: u32 = 200;

#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub name: String,
    /// The whole file, in which the ranges below are places.
    pub text: String,
    pub servers: Servers,
    pub keys: u32,
    pub volatile: Vec<VolatileColumn>,
    pub notes: Vec<NoteKind>,
    pub refusal: Option<ExpectedRefusal>,
    pub rollback: Rollback,
    pub new_starts_at_gate: bool,
    pub setup: Vec<String>,
    /// Place of the migration in `text`, for the parser under test.
    pub migration: Range<usize>,
    pub as_written: Vec<String>,
    pub old: Vec<String>,
    pub new: Vec<String>,
    pub new_from_gate: Vec<String>,
    pub agree_at_gate: Vec<String>,
    pub agree: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Servers {
    All,
    Only(Vec<u32>),
    From(u32),
}

impl Servers {
    pub fn include(&self, major: u32) -> bool {
        match self {
            Servers::All => true,
            Servers::Only(majors) => majors.contains(&major),
            Servers::From(first) => major >= *first,
        }
    }
}

/// What a rollback brings back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollback {
    Complete,
    SchemaOnly,
    Incomplete,
}

#[derive(Debug, Clone, PartialEq)]
pub struct VolatileColumn {
    pub table: QualifiedName,
    pub column: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedRefusal {
    /// `airlock::error::Kind::name`.
    pub kind: String,
    pub words: String,
}

impl Case {
    /// Whether the two-applications check has anything to run.
    pub fn has_applications(&self) -> bool {
        !self.old.is_empty() || !self.new.is_empty()
    }
}

/// Every case of the folder, by name.
pub fn load_all(folder: &Path) -> Result<Vec<Case>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut cases = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_none_or(|extension| extension != "sql") {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let case = parse(&stem.unwrap_or_default(), &text)
            .map_err(|why| format!("{}:{why}", path.display()))?;
        cases.push(case);
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Setup,
    Migration,
    AsWritten,
    Old,
    New,
    NewFromGate,
    AgreeAtGate,
    Agree,
}

impl Section {
    fn named(title: &str) -> Option<Section> {
        Some(match title {
            "setup" => Section::Setup,
            "migration" => Section::Migration,
            "as-written" => Section::AsWritten,
            "old application" => Section::Old,
            "new application" => Section::New,
            "new application from gate" => Section::NewFromGate,
            "agree at gate" => Section::AgreeAtGate,
            "agree" => Section::Agree,
            _ => return None,
        })
    }
}

/// `text` as the case `stem`; an error begins with its line number.
pub fn parse(stem: &str, text: &str) -> Result<Case, String> {
    let (headings, sections) = divide(text)?;
    let mut case = Case {
        name: stem.to_owned(),
        text: text.to_owned(),
        servers: Servers::All,
        keys: KEYS_DEFAULT,
        volatile: Vec::new(),
        notes: Vec::new(),
        refusal: None,
        rollback: Rollback::Complete,
        new_starts_at_gate: false,
        setup: Vec::new(),
        migration: 0..0,
        as_written: Vec::new(),
        old: Vec::new(),
        new: Vec::new(),
        new_from_gate: Vec::new(),
        agree_at_gate: Vec::new(),
        agree: Vec::new(),
    };
    read_headings(&mut case, &headings)?;
    for (section, line, range) in &sections {
        let body = &text[range.clone()];
        if body.trim().is_empty() {
            return Err(format!("{line}: empty section"));
        }
        if *section == Section::Migration {
            // May be broken on purpose: for the parser under test alone.
            case.migration = range.clone();
            continue;
        }
        let statements = split(body).map_err(|why| format!("{line}: {why}"))?;
        match section {
            Section::Setup => case.setup = statements,
            Section::Migration => {}
            Section::AsWritten => case.as_written = statements,
            Section::Old => case.old = statements,
            Section::New => case.new = statements,
            Section::NewFromGate => case.new_from_gate = statements,
            Section::AgreeAtGate => case.agree_at_gate = statements,
            Section::Agree => case.agree = statements,
        }
    }
    check(&case)?;
    Ok(case)
}

/// A heading line: its number and what it says.
type Heading<'t> = (usize, &'t str);

/// A section: what it is, the number of the line that opens it, the place of its text.
type Body = (Section, usize, Range<usize>);

fn divide(text: &str) -> Result<(Vec<Heading<'_>>, Vec<Body>), String> {
    let mut headings: Vec<Heading<'_>> = Vec::new();
    let mut sections: Vec<Body> = Vec::new();
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let (number, end) = (index + 1, start + line.len());
        let title = line
            .strip_prefix("-- ")
            .map(str::trim_end)
            .filter(|title| sections.is_empty() || !title.starts_with("airlock:"));
        match (title, title.and_then(Section::named)) {
            (Some(title), Some(section)) => {
                if sections.iter().any(|(other, ..)| *other == section) {
                    return Err(format!("{number}: section \"{title}\" stands here twice"));
                }
                sections.push((section, number, end..end));
            }
            (Some(title), None) if sections.is_empty() => headings.push((number, title)),
            (Some(title), None) => return Err(format!("{number}: unknown section \"{title}\"")),
            (None, _) => match sections.last_mut() {
                Some((_, _, range)) => range.end = end,
                None => return Err(format!("{number}: expected a heading, `-- …`")),
            },
        }
        start = end;
    }
    Ok((headings, sections))
}

fn read_headings(case: &mut Case, headings: &[(usize, &str)]) -> Result<(), String> {
    let mut shows = false;
    for (position, (line, heading)) in headings.iter().enumerate() {
        let at = |why: String| format!("{line}: {why}");
        let (key, value) = heading
            .split_once(':')
            .ok_or_else(|| at(format!("heading without a colon: \"{heading}\"")))?;
        let value = value.trim();
        if value.is_empty() {
            return Err(at(format!("\"{key}\" says nothing")));
        }
        match key {
            "case" if position == 0 && value == case.name => {}
            "case" => return Err(at(format!("the file is named {}.sql", case.name))),
            "shows" => shows = true,
            "servers" => case.servers = servers(value).map_err(at)?,
            "keys" => case.keys = value.parse().map_err(|e| at(format!("{value}: {e}")))?,
            "volatile" => case.volatile = volatile(value).map_err(at)?,
            "expect note" => case.notes.push(note(value).map_err(at)?),
            "expect refusal" => {
                let (kind, words) = value
                    .split_once(' ')
                    .ok_or_else(|| at("write the kind and the words".to_owned()))?;
                let (kind, words) = (kind.to_owned(), words.trim().to_owned());
                case.refusal = Some(ExpectedRefusal { kind, words });
            }
            "rollback" if value == "schema only" => case.rollback = Rollback::SchemaOnly,
            "rollback" if value == "incomplete" => case.rollback = Rollback::Incomplete,
            "new application starts" if value == "at the gate" => case.new_starts_at_gate = true,
            _ => return Err(at(format!("unknown heading \"{heading}\""))),
        }
    }
    match headings.first() {
        Some((_, first)) if first.starts_with("case:") && shows => Ok(()),
        Some((_, first)) if first.starts_with("case:") => Err("1: no `-- shows:`".to_owned()),
        _ => Err("1: does not begin with `-- case:`".to_owned()),
    }
}

fn servers(text: &str) -> Result<Servers, String> {
    let number = |word: &str| word.trim().parse::<u32>().map_err(|e| format!("{word}: {e}"));
    match text.strip_suffix('+') {
        Some(first) => Ok(Servers::From(number(first)?)),
        None => Ok(Servers::Only(text.split(',').map(number).collect::<Result<_, _>>()?)),
    }
}

fn volatile(text: &str) -> Result<Vec<VolatileColumn>, String> {
    text.split(',')
        .map(|item| {
            let item = item.trim();
            // `table.column` is spelt as a schema and a name are.
            if let Ok(QualifiedName { schema: table, name: column }) = item.parse() {
                return Ok(VolatileColumn { table: QualifiedName::new("public", table), column });
            }
            let (table, column) =
                item.rsplit_once('.').ok_or_else(|| format!("{item}: no column"))?;
            let table = table.parse::<QualifiedName>().map_err(|error| error.to_string())?;
            let QualifiedName { name: column, .. } =
                format!("t.{column}").parse().map_err(|_| format!("{item}: no column"))?;
            Ok(VolatileColumn { table, column })
        })
        .collect()
}

fn note(text: &str) -> Result<NoteKind, String> {
    toml::Value::String(text.to_owned())
        .try_into()
        .map_err(|_| format!("\"{text}\" is no kind of note"))
}

/// The statements of a section, as written, without their semicolons.
pub fn split(body: &str) -> Result<Vec<String>, String> {
    let statements = pg_query::split_with_scanner(body).map_err(|error| error.to_string())?;
    Ok(statements.into_iter().map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect())
}

fn check(case: &Case) -> Result<(), String> {
    if case.setup.is_empty() || case.migration.is_empty() {
        return Err("1: a case needs a setup and a migration".to_owned());
    }
    let never_runs = case.has_applications() || !case.as_written.is_empty();
    if case.refusal.is_some() && never_runs {
        return Err("1: a refused migration never runs".to_owned());
    }
    if case.new.is_empty() && !case.new_from_gate.is_empty() {
        return Err("1: \"new application from gate\" adds to \"new application\"".to_owned());
    }
    Ok(())
}
