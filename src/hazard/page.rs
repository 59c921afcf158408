//! The page of a hazard, and the list of all, as Markdown: what `docs/hazards/` holds.

use super::{Hazard, Severity, all};
use std::fmt::Write;

/// The page of one hazard.
pub fn markdown(hazard: &Hazard) -> String {
    let Hazard { code, name, summary, effect, remedy, bad, good, source, severity } = hazard;
    let severity = severity.name();
    format!(
        "# {code} {name}\n\n{summary}. Severity: {severity}.\n\n{effect}\n\n## What to do\n\n\
         {remedy}\n\n## Examples\n\nHas the hazard:\n\n```sql\n{bad}\n```\n\n\
         Has it not:\n\n```sql\n{good}\n```\n\n## Source\n\n{source}\n"
    )
}

/// The list of all hazards, with a link to each page.
pub fn index() -> String {
    let mut text = String::from(
        "# Hazards\n\nWhat `airlock lint` finds; `airlock explain CODE` prints a page. An error makes \
         the application wait for as long as\nwork takes that grows with a table, or breaks it; a \
         warning is a strong lock for a moment, or risky together with\nsomething else; an info is \
         worth knowing.\n\n| code | name | severity | what |\n|---|---|---|---|\n",
    );
    for hazard in all() {
        let Hazard { code, name, severity, summary, .. } = hazard;
        let severity = match severity {
            Severity::Error => "**error**",
            Severity::Warning | Severity::Info => severity.name(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| [{code}]({code}.md) | {name} | {severity} | {summary} |");
    }
    text
}
