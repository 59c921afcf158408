//! Writes the lock-impact report to files, for `plan --report` and `report`.

use super::{lint_rules, project};
use crate::catalog::Catalog;
use crate::config::Settings;
use crate::error::Error;
use crate::lint;
use crate::plan::Plan;
use crate::report::review::{Remark, Review, Subject};
use crate::report::{html, markdown};
use crate::revision::Revision;
use std::path::{Path, PathBuf};

/// A file to write, of the kind that its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    path: PathBuf,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Markdown,
}

impl ReportFile {
    /// For `clap`.
    ///
    /// # Errors
    /// An ending that is none of the known ones.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let form = match ending.as_deref() {
            Some("html" | "htm") => Form::Html,
            Some("md" | "markdown") => Form::Markdown,
            _ => return Err("the name has to end in .html or .md".to_owned()),
        };
        Ok(Self { path, form })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A revision, its plan, and the database before it.
#[derive(Debug)]
pub struct Planned<'a> {
    pub revision: &'a Revision,
    pub plan: Plan,
    pub catalog: Catalog,
}

/// Writes every file.
///
/// # Errors
/// The settings' of `lint`, and the file system's.
pub fn write(
    files: &[ReportFile],
    planned: &[Planned<'_>],
    settings: &Settings,
) -> Result<(), Error> {
    if files.is_empty() {
        return Ok(());
    }
    let mut remarks = Vec::new();
    for Planned { revision, catalog, .. } in planned {
        remarks.push(found(&lint_revision(revision, catalog, settings)?));
    }
    let reviews: Vec<Review<'_>> = planned
        .iter()
        .zip(&remarks)
        .map(|(Planned { plan, catalog, .. }, remarks)| {
            let catalog = Some(catalog);
            Review::new(Subject { plan, catalog, speed: settings.speed, remarks })
        })
        .collect();
    for file in files {
        let text = match file.form {
            Form::Html => html::page(&reviews),
            Form::Markdown => markdown::page(&reviews),
        };
        project::write(&file.path, &text, true)?;
    }
    Ok(())
}

/// The statements of a revision as written, linted against the database before it.
///
/// # Errors
/// The settings' of `lint`.
pub fn lint_revision(
    revision: &Revision,
    catalog: &Catalog,
    settings: &Settings,
) -> Result<lint::Report, Error> {
    let file = lint::File {
        path: revision.path.clone(),
        text: revision.text.clone(),
        tool: lint::input::Tool::Airlock,
        linted: true,
        problem: None,
    };
    let options = lint::Options {
        knowledge: lint::Knowledge::Database,
        rules: lint_rules::rules(&settings.lint)?,
        whole_folder: false,
    };
    Ok(lint::check(vec![file], catalog.clone(), &options))
}

fn found(report: &lint::Report) -> Vec<Remark> {
    let findings = report.linted().flat_map(|file| &file.findings);
    let mut remarks: Vec<Remark> = findings
        .map(|found| Remark {
            hazard: found.finding.hazard,
            severity: found.severity,
            statement: found.finding.statement,
            message: found.finding.message.clone(),
            remedy: found.finding.remedy.clone(),
            allowed: found.allowed.as_ref().map(|allowed| allowed.reason.clone()),
        })
        .collect();
    remarks.sort_by_key(|remark| remark.statement);
    remarks
}
