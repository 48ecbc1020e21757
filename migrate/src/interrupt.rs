//! Ctrl-C, and SIGTERM: they are seen between two steps, where everything can be left as it was before, and in every loop
//! that waits.

use crate::problem::Problem;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on a signal does not end the program at once. (Where there can be no handler, it does as ever.)
pub fn catch() {
    let _ = ctrlc::set_handler(|| ASKED.store(true, Ordering::SeqCst));
}

pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// An error once somebody has asked for the end.
pub fn check() -> Result<(), Problem> {
    if asked() {
        return Err(Problem::new("interrupted", ""));
    }
    Ok(())
}
