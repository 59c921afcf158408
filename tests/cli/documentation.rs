//! `docs/cli.md` holds what `--help` says, `docs/configuration.md` what `airlock init` writes. With
//! `AIRLOCK_UPDATE_DOCS=1` these tests write them.

use clap::Command;
use std::fmt::Write;

const BEGIN: &str = "<!-- from here on written by tests/cli/documentation.rs -->\n";
const COLUMNS: usize = 100;

fn help(command: &mut Command) -> String {
    let text = command.render_long_help().to_string();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn generated() -> String {
    // The width is the command's, whatever the terminal of whoever runs this.
    let mut command = airlock::cli::command().term_width(COLUMNS);
    command.build();
    let mut text = format!("{BEGIN}\n## airlock\n\n```text\n{}```\n", help(&mut command));
    for subcommand in command.get_subcommands_mut() {
        let name = subcommand.get_name().to_owned();
        write!(text, "\n## airlock {name}\n\n```text\n{}```\n", help(subcommand)).unwrap();
        for inner in subcommand.get_subcommands_mut() {
            let inner_name = inner.get_name().to_owned();
            write!(text, "\n## airlock {name} {inner_name}\n\n```text\n{}```\n", help(inner))
                .unwrap();
        }
    }
    text
}

/// Holds what stands in a page below the marker to `generated`, which begins with the marker.
fn assert_current(page: &str, generated: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (by_hand, written) = text.split_at(text.find(BEGIN).expect("the marker is there"));
    if std::env::var_os("AIRLOCK_UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{by_hand}{generated}")).unwrap();
    } else {
        assert!(written == generated, "{page} is stale: run with AIRLOCK_UPDATE_DOCS=1");
    }
}

#[test]
fn the_command_reference_is_current() {
    assert_current("docs/cli.md", &generated());
}

#[test]
fn the_settings_reference_is_current() {
    let template = airlock::config::template::TEMPLATE;
    assert_current("docs/configuration.md", &format!("{BEGIN}\n```toml\n{template}```\n"));
}

#[test]
fn every_exit_code_is_in_the_help() {
    use airlock::error::Kind;
    let text = help(&mut airlock::cli::command());
    for kind in [
        Kind::Failed,
        Kind::Input,
        Kind::Drift,
        Kind::Refused,
        Kind::Retry,
        Kind::Busy,
        Kind::Interrupted,
    ] {
        let line = format!("  {:<5}", kind.exit_code());
        assert!(text.lines().any(|found| found.starts_with(&line)), "{line}");
    }
}
