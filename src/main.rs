//! The program `airlock`: everything it does is in the library's `cli`.

/// Trees of statements are many small pieces, made on one thread and given back on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    airlock::cli::main()
}
