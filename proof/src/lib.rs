//! What the programs of `proof/` share. They are started by scripts (`proof/fidelity`, `proof/torture`), which set up
//! PostgreSQL and install the extension, and run as the unprivileged user whose servers they start.

pub mod decoded;
pub mod fidelity;
pub mod migrate;

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A program that takes three arguments and is started by `proof/fidelity`: runs it, and says why it failed.
pub fn of_fidelity(program: impl FnOnce([String; 3]) -> Result<(), Box<dyn Error>>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.try_into() {
        Ok(arguments) => program(arguments),
        Err(_) => Err("start this program by proof/fidelity".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a thread that panicked has left is as good as any.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
