//! Where results and remarks go, and the exit code.

use super::args::{Color, Format};
use crate::error::{Error, Kind};
use crate::report;
use serde_json::{Value, json};
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, OnceLock};

/// The first failure to write to stdout, in words. A result of which a part is missing, a script for
/// instance, must not look like a whole one.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// The result of a command.
#[derive(Debug)]
pub struct Done {
    pub text: String,
    pub json: Value,
    /// Printed as it is, whatever the format.
    pub rendered: Option<String>,
    /// When the command did its work and the answer is still not "all is well".
    pub exit: Option<Kind>,
}

impl Done {
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, rendered: None, exit: None }
    }

    /// A result that has its form already.
    pub fn rendered(text: String) -> Self {
        Self { rendered: Some(text), ..Self::nothing() }
    }

    /// Everything has been printed already.
    pub fn nothing() -> Self {
        Self::new("", Value::Null)
    }
}

/// How to print.
#[derive(Debug, Clone)]
pub struct Output {
    format: Format,
    /// Every document on a line of its own, the last one and an error too.
    lines: bool,
    /// Whom remarks are about, when several are at work.
    about: Option<Arc<str>>,
}

impl Output {
    pub fn new(format: Format, color: Color) -> Self {
        match color {
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self { format, lines: false, about: None }
    }

    /// The same for a command that writes one document after the other.
    pub fn in_lines(self, lines: bool) -> Self {
        Self { lines, ..self }
    }

    fn document(&self, json: &Value) {
        stdout(&if self.lines { json.to_string() } else { format!("{json:#}") });
    }

    /// The same for one of several, whose name stands before its remarks.
    pub fn under(&self, name: &str) -> Self {
        Self { about: Some(name.into()), ..self.clone() }
    }

    pub fn format(&self) -> Format {
        self.format
    }

    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// A remark on the way, on stderr.
    pub fn say(&self, text: &str) {
        match self.format {
            Format::Json => {
                let mut notice = json!({ "event": "notice", "text": plain(text) });
                if let Some(name) = &self.about {
                    notice["target"] = json!(**name);
                }
                stderr(&notice.to_string());
            }
            _ => match &self.about {
                Some(name) => stderr(&format!("{name}: {text}")),
                None => stderr(text),
            },
        }
    }

    /// A part of a result that comes in parts, on stdout.
    pub fn part(&self, done: &Done) {
        match self.format {
            Format::Json => stdout(&done.json.to_string()),
            _ => stdout(done.text.trim_end()),
        }
    }

    /// Control sequences for the terminal that stdout is.
    pub fn raw(&self, sequence: &str) {
        heed(write!(io::stdout().lock(), "{sequence}"));
    }

    /// Prints the result and says the exit code.
    pub fn finish(&self, result: Result<Done, Error>) -> u8 {
        let code = self.print(result);
        heed(io::stdout().flush());
        let Some(why) = UNWRITTEN.get() else { return code };
        let error = Error::new(Kind::Failed, "cannot write the result to standard output").detail(
            match code {
                0 => format!(
                    "{why}. Nothing else failed: what was to be done in a database is done."
                ),
                _ => format!("{why}."),
            },
        );
        stderr(report::error::text(&error).trim_end());
        // One that says more stays.
        if code == 0 { error.kind.exit_code() } else { code }
    }

    fn print(&self, result: Result<Done, Error>) -> u8 {
        match result {
            Ok(done) => {
                match (&done.rendered, self.format) {
                    (Some(text), Format::Text) => stdout(text.trim_end()),
                    // Nothing in it is styled, and it may be long.
                    (Some(text), _) => {
                        heed(io::stdout().lock().write_all(text.as_bytes()));
                    }
                    (None, Format::Json) if done.json.is_null() => {}
                    (None, Format::Json) => self.document(&done.json),
                    (None, _) if done.text.is_empty() => {}
                    (None, _) => stdout(done.text.trim_end()),
                }
                done.exit.map_or(0, Kind::exit_code)
            }
            Err(error) => {
                match self.format {
                    Format::Json => self.document(&report::error::json(&error)),
                    _ => stderr(report::error::text(&error).trim_end()),
                }
                error.kind.exit_code()
            }
        }
    }
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn stdout(text: &str) {
    heed(writeln!(anstream::stdout().lock(), "{text}"));
}

/// A reader that has gone away (`| head`) is no failure of ours; a full disk is.
fn heed(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _ = UNWRITTEN.set(error.to_string());
    }
}

/// Prints what the arguments ask for at once (`--help`, `--version`), or what is wrong with them, and
/// says the exit code.
pub fn usage(error: &clap::Error) -> u8 {
    let written = error.print().and_then(|()| io::stdout().flush());
    match u8::try_from(error.exit_code()).unwrap_or(Kind::Input.exit_code()) {
        0 if written.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe) => {
            Kind::Failed.exit_code()
        }
        code => code,
    }
}

fn stderr(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}
