//! Goes through the files in order: parse, analyze, hazards, apply.

use super::assume::{self, Judged};
use super::input::{self, Adapted};
use super::model::{
    File, FileReport, Knowledge, Note, Options, Problem, ProblemKind, Report, StatementReport,
};
use super::ordered::in_order_by_size;
use super::suppress::Suppressions;
use crate::analyze::Verdict;
use crate::catalog::Catalog;
use crate::hazard::{self, Checker, Finding};
use crate::sql::outline::{self, Outline, Piece};
use crate::sql::{QualifiedName, SqlError, Statement};
use crate::threads::on_large_stack;
use pg_query::NodeEnum;
use std::collections::BTreeSet;

/// Statements that are parsed in one go: a file of very many is never held as trees as a whole.
const STATEMENTS_PER_UNIT: usize = 256;
/// Statements of small files that are parsed in one go.
const STATEMENTS_AT_ONCE: usize = 64;
/// Bytes of small files that are cut into statements in one go.
const BYTES_AT_ONCE: usize = 16 * 1024;

/// A file cut into statements.
pub(super) struct Prepared<'a> {
    pub(super) adapted: Adapted<'a>,
    pub(super) outline: Outline,
}

/// A part of a file's statements.
struct Unit {
    file: usize,
    pieces: std::ops::Range<usize>,
    last: bool,
}

/// Checks `files` in order against `catalog`, which is the one before the first of them.
pub fn check(files: Vec<File>, catalog: Catalog, options: &Options) -> Report {
    on_large_stack(|| check_here(files, catalog, options))
}

fn check_here(files: Vec<File>, mut catalog: Catalog, options: &Options) -> Report {
    catalog.relations.keep_hints();
    let prepared = prepare(&files);
    let units = units(&prepared);
    let mut run = Run {
        files: &files,
        prepared: &prepared,
        reports: Vec::with_capacity(files.len()),
        assumed: BTreeSet::new(),
        unseen: false,
        sizes_known: catalog.sizes_known,
        postgres: catalog.server.major(),
        catalog,
        options,
        current: None,
    };
    in_order_by_size(
        units.len(),
        STATEMENTS_AT_ONCE,
        |index| units[index].pieces.len(),
        |index| {
            let unit = &units[index];
            let Prepared { adapted, outline } = &prepared[unit.file];
            let pieces = &outline.pieces[unit.pieces.clone()];
            pieces.iter().map(|piece| outline::statements(&adapted.text, piece)).collect()
        },
        |index, parsed| run.unit(&units[index], parsed),
    );
    let Run { reports, assumed, sizes_known, postgres, .. } = run;
    let mut reports = reports;
    for (report, file) in reports.iter_mut().zip(files) {
        report.text = file.text;
    }
    let mut report = Report {
        postgres,
        knowledge: options.knowledge,
        sizes_known,
        files: reports,
        assumed: assumed.into_iter().collect(),
        unused_rules: Vec::new(),
    };
    if options.whole_folder {
        report.unused_rules = options.rules.unused(&report);
    }
    report
}

pub(super) fn prepare(files: &[File]) -> Vec<Prepared<'_>> {
    let mut prepared = Vec::with_capacity(files.len());
    in_order_by_size(
        files.len(),
        BYTES_AT_ONCE,
        |index| files[index].text.len(),
        |index| {
            let file = &files[index];
            let adapted = match &file.problem {
                Some(problem) => Adapted::unreadable(&file.text, problem.clone()),
                None => input::adapt(file.tool, &file.path, &file.text),
            };
            let outline = outline::outline(&adapted.text, adapted.section.clone());
            Prepared { adapted, outline }
        },
        |_, file| prepared.push(file),
    );
    prepared
}

/// Every file has at least one unit, so that it is begun and ended.
fn units(prepared: &[Prepared<'_>]) -> Vec<Unit> {
    let mut units = Vec::with_capacity(prepared.len());
    for (file, Prepared { outline, .. }) in prepared.iter().enumerate() {
        let count = outline.pieces.len();
        let mut start = 0;
        loop {
            let end = (start + STATEMENTS_PER_UNIT).min(count);
            units.push(Unit { file, pieces: start..end, last: end == count });
            start = end;
            if end == count {
                break;
            }
        }
    }
    units
}

struct Run<'a> {
    files: &'a [File],
    prepared: &'a [Prepared<'a>],
    reports: Vec<FileReport>,
    catalog: Catalog,
    assumed: BTreeSet<QualifiedName>,
    /// A statement has run whose text does not show what it makes.
    unseen: bool,
    sizes_known: bool,
    postgres: u32,
    options: &'a Options,
    current: Option<Current>,
}

/// The file that is being gone through.
struct Current {
    report: FileReport,
    checker: Checker,
    suppressions: Suppressions,
    creates: bool,
}

impl Run<'_> {
    fn unit(&mut self, unit: &Unit, parsed: Vec<Result<Vec<Statement>, SqlError>>) {
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin(unit.file),
        };
        let pieces = &self.prepared[unit.file].outline.pieces[unit.pieces.clone()];
        for (piece, result) in pieces.iter().zip(parsed) {
            match result {
                Ok(statements) => {
                    for statement in &statements {
                        self.statement(&mut current, statement);
                    }
                }
                Err(error) => {
                    if matches!(error, SqlError::TooDeep(_)) {
                        Self::unread(&mut current, piece);
                    }
                    current.report.problems.push(problem(error));
                }
            }
        }
        if unit.last { self.end(current) } else { self.current = Some(current) }
    }

    fn begin(&self, index: usize) -> Current {
        let file = &self.files[index];
        let Prepared { adapted, outline } = &self.prepared[index];
        let in_transaction = adapted.transaction == input::Transaction::File;
        let options = hazard::Options { in_transaction, ..hazard::Options::default() };
        let (suppressions, unknown) = Suppressions::of_file(&outline.directives);
        let problems = adapted.problems.iter().chain(&outline.problems).cloned().map(problem);
        Current {
            report: FileReport {
                path: file.path.clone(),
                text: String::new(),
                tool: file.tool,
                transaction: adapted.transaction,
                linted: file.linted,
                statements: Vec::with_capacity(outline.pieces.len()),
                problems: problems.chain(unknown).collect(),
                notes: adapted.notes.iter().map(|n| Note { diagnostic: n.clone() }).collect(),
                findings: Vec::new(),
                unused: Vec::new(),
            },
            checker: Checker::new(options),
            suppressions,
            creates: false,
        }
    }

    fn statement(&mut self, current: &mut Current, statement: &Statement) {
        let number = current.report.statements.len() + 1;
        let judged = assume::judge(statement, &mut self.catalog, self.unseen, &mut self.assumed);
        let verdict = match &judged {
            Judged::Impact(impact) => impact.verdict,
            Judged::Fails(_) => Verdict::Unknown,
        };
        let unknown = current.suppressions.statement(number, statement, verdict);
        current.report.problems.extend(unknown);
        let impact = match judged {
            Judged::Impact(impact) => {
                // What only makes the catalog is of no interest itself.
                if current.report.linted {
                    let found = current.checker.statement(statement, &self.catalog, &impact);
                    self.add(current, found);
                }
                Some(impact)
            }
            Judged::Fails(error) => {
                current.checker.refused(statement);
                if current.report.linted || self.options.knowledge != Knowledge::Files {
                    let diagnostic = error.diagnostic().clone();
                    current.report.problems.push(Problem { kind: ProblemKind::Fails, diagnostic });
                }
                None
            }
        };
        self.catalog.apply(statement);
        self.unseen |= matches!(statement.node, NodeEnum::DoStmt(_) | NodeEnum::CallStmt(_));
        current.creates |= assume::creates(&statement.node);
        let (span, line) = (statement.span, statement.line);
        current.report.statements.push(StatementReport { number, span, line, impact, verdict });
    }

    /// What the grammar may well take: it is listed, as one of which nothing is known.
    fn unread(current: &mut Current, piece: &Piece) {
        let number = current.report.statements.len() + 1;
        current.checker.unread();
        let (span, line) = (piece.span, piece.line);
        let verdict = Verdict::Unknown;
        current.report.statements.push(StatementReport {
            number,
            span,
            line,
            impact: None,
            verdict,
        });
    }

    fn add(&self, current: &mut Current, found: Vec<Finding>) {
        for finding in found {
            let path = &current.report.path;
            let found = current.suppressions.weigh(finding, path, &self.options.rules);
            current.report.findings.push(found);
        }
    }

    fn end(&mut self, mut current: Current) {
        if current.report.linted {
            let found = current.checker.end(&self.catalog);
            self.add(&mut current, found);
            current.report.unused = current.suppressions.unused();
            let order = |found: &super::Found| (found.finding.statement, found.finding.span.start);
            current.report.findings.sort_by_key(order);
        }
        if current.creates {
            self.settle();
        }
        self.reports.push(current.report);
    }

    /// The next file runs on another day: what this one made is in use then, and has rows.
    fn settle(&mut self) {
        self.catalog.relations.made(|relation| {
            relation.created_here = false;
            relation.empty = false;
        });
    }
}

fn problem(error: SqlError) -> Problem {
    let kind = match &error {
        SqlError::Syntax(_) => ProblemKind::Syntax,
        SqlError::Directive(_) => ProblemKind::Directive,
        SqlError::NotSql(_) => ProblemKind::NotSql,
        SqlError::TooDeep(_) => ProblemKind::TooDeep,
    };
    Problem { kind, diagnostic: error.into_diagnostic() }
}
