//! The program `airlock`: everything it does is in the library's `cli`.

fn main() -> std::process::ExitCode {
    airlock::cli::main()
}
