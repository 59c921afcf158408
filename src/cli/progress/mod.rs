//! Showing a run while it runs, on stderr: bars on a terminal, lines elsewhere, JSON lines with
//! `--format json`.

mod bars;
mod lines;

use super::output::Output;
use crate::run::Progress;
use std::io::IsTerminal;
use std::sync::Arc;

/// What fits where stderr goes.
pub fn choose(output: &Output) -> Arc<dyn Progress> {
    if output.is_json() {
        Arc::new(lines::Lines::json())
    } else if std::io::stderr().is_terminal() {
        Arc::new(bars::Bars::new())
    } else {
        Arc::new(lines::Lines::text())
    }
}
