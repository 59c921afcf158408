//! `airlock completions`: the script that makes a shell complete commands and options.

use super::output::Done;
use clap_complete::{Shell, generate};

/// Print the script that makes a shell complete airlock's commands and options
///
/// For bash: `airlock completions bash > /etc/bash_completion.d/airlock`. For zsh: write it as `_airlock`
/// into a folder of `$fpath`. For fish: `~/.config/fish/completions/airlock.fish`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &Args) -> Done {
    let mut script = Vec::new();
    generate(args.shell, &mut super::args::command(), "airlock", &mut script);
    Done::rendered(String::from_utf8_lossy(&script).into_owned())
}
