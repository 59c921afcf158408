//! The figures of both sides, and the table that puts them side by side.

pub use super::measure::Figures;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, Table};
use serde::Serialize;
use std::time::Duration;

/// What one side of the demo did and what its application saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    pub application: Figures,
    pub migrations: Vec<Migration>,
    pub bytes_before: u64,
    pub bytes_after: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Migration {
    pub message: String,
    pub seconds: f64,
    /// Of its backfills; `None` where it had none, or as written.
    pub rows_per_second: Option<f64>,
    /// Longest wait behind airlock that its guard saw.
    pub worst_stall_ms: Option<f64>,
    /// Time spent outside the lock queue, waiting for the transaction that sits on the table.
    pub waited_for_locks_ms: Option<f64>,
    /// What the server said, when the migration as written failed.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemoReport {
    pub rows: u64,
    pub server: u32,
    #[serde(serialize_with = "milliseconds")]
    pub budget: Duration,
    pub as_written: Side,
    pub airlocked: Side,
}

fn milliseconds<S: serde::Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64(time.as_secs_f64() * 1000.0)
}

impl DemoReport {
    /// Whether the promise was kept: no statement failed, and nobody waited behind airlock beyond
    /// the budget.
    pub fn kept(&self) -> bool {
        let worst =
            self.airlocked.migrations.iter().filter_map(|m| m.worst_stall_ms).fold(0.0, f64::max);
        self.airlocked.application.failed == 0 && worst <= self.budget.as_secs_f64() * 1000.0
    }

    pub fn text(&self) -> String {
        format!("{}\n\n{}\n{}", self.application(), self.migrations(), self.verdict())
    }

    fn application(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header(vec!["the application saw", "as written", "with airlock"]);
        let mut row = |what: &str, read: &dyn Fn(&Side) -> String| {
            table.add_row(vec![
                Cell::new(what),
                Cell::new(read(&self.as_written)).set_alignment(CellAlignment::Right),
                Cell::new(read(&self.airlocked)).set_alignment(CellAlignment::Right),
            ]);
        };
        row("statements run", &|side| side.application.statements.to_string());
        row("statements failed", &|side| side.application.failed.to_string());
        row("longest statement", &|side| ms(side.application.longest_ms));
        row("99th percentile", &|side| ms(side.application.p99_ms));
        row("statements over 50 ms", &|side| side.application.stalled.to_string());
        row("time beyond 50 ms, all clients", &|side| {
            format!("{:.1} s", side.application.stalled_s)
        });
        row("table and indexes before", &|side| megabytes(side.bytes_before));
        row("table and indexes after", &|side| megabytes(side.bytes_after));
        table
    }

    fn migrations(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header(vec![
            "migration",
            "as written",
            "with airlock",
            "backfill",
            "waited outside the queue",
            "longest wait behind airlock",
        ]);
        for (written, airlocked) in
            self.as_written.migrations.iter().zip(&self.airlocked.migrations)
        {
            let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            table.add_row(vec![
                Cell::new(&written.message),
                right(match &written.failure {
                    Some(_) => "failed".to_owned(),
                    None => format!("{:.1} s", written.seconds),
                }),
                right(format!("{:.1} s", airlocked.seconds)),
                right(
                    airlocked.rows_per_second.map_or("-".to_owned(), |r| format!("{r:.0} rows/s")),
                ),
                right(airlocked.waited_for_locks_ms.map_or("-".to_owned(), ms)),
                right(airlocked.worst_stall_ms.map_or("-".to_owned(), ms)),
            ]);
        }
        table
    }

    fn verdict(&self) -> String {
        let budget = self.budget.as_millis();
        let mut lines = Vec::new();
        if self.kept() {
            lines.push(format!(
                "kept: no application statement failed, and none waited behind airlock beyond the stall budget of {budget} ms"
            ));
        } else {
            lines.push(format!(
                "not kept: with airlock {} statements failed, or one waited behind it beyond the stall budget of {budget} ms",
                self.airlocked.application.failed
            ));
        }
        for migration in &self.as_written.migrations {
            if let Some(message) = &migration.failure {
                lines.push(format!("as written: {} failed: {message}", migration.message));
            }
        }
        for (side, name) in [(&self.as_written, "as written"), (&self.airlocked, "with airlock")] {
            for (message, count) in &side.application.failures {
                lines.push(format!("{name}: {count} × {message}"));
            }
        }
        lines.join("\n")
    }
}

fn ms(value: f64) -> String {
    if value >= 1000.0 { format!("{:.2} s", value / 1000.0) } else { format!("{value:.1} ms") }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1_000_000.0)
}
