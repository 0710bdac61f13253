//! The `gonogo` program: everything is in the library.

fn main() -> std::process::ExitCode {
    gonogo::cli::main()
}
