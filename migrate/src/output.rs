//! What the acting commands say: a line for each step on the terminal, a bar where there is one, all of it in a log file.

use crate::problem::Problem;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

pub struct Output {
    verbose: bool,
    log: Option<Mutex<File>>,
    bar: ProgressBar,
}

impl Output {
    /// `log`: appended to.
    pub fn new(verbose: bool, log: Option<&Path>) -> Result<Self, Problem> {
        let open = |path: &Path| {
            let mut options = File::options();
            options.create(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(path).map_err(|error| {
                Problem::new(
                    format!("the log file {} cannot be written: {error}", path.display()),
                    "give another by --log PATH, or none by --log ''",
                )
            })
        };
        Ok(Self {
            verbose,
            log: log.map(open).transpose()?.map(Mutex::new),
            // drawn on stderr, and only when that is a terminal
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        })
    }

    /// Nothing is said.
    pub fn none() -> Self {
        Self {
            verbose: false,
            log: None,
            bar: ProgressBar::hidden(),
        }
    }

    /// What everybody should see.
    pub fn say(&self, text: &str) {
        self.write(text);
        self.bar.suspend(|| println!("{text}"));
    }

    /// What is of use when something is looked for.
    pub fn detail(&self, text: &str) {
        self.write(text);
        if self.verbose {
            self.bar.suspend(|| println!("  {text}"));
        }
    }

    pub fn warn(&self, text: &str) {
        self.write(&format!("warning: {text}"));
        self.bar.suspend(|| eprintln!("warning: {text}"));
    }

    /// Only for the file: the error that ends the program is printed by its main function.
    pub fn failed(&self, problem: &Problem) {
        self.write(&format!("error: {problem}"));
    }

    /// A step is done.
    pub fn step(&self, name: &str, note: &str, took: Duration) {
        let took = took.as_secs_f64();
        self.say(&format!("{name:<14} {took:>8.1} s  {note}"));
    }

    /// A bar for what runs now, until [`Output::no_bar`].
    pub fn bar(&self, name: &str, total: u64, bytes: bool) {
        let template = if bytes {
            "{prefix:14} {bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} left  {msg}"
        } else {
            "{prefix:14} {bar:30} {pos}/{len} {eta} left  {msg}"
        };
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.reset();
        self.bar.set_length(total);
        self.bar.set_position(0);
        self.bar.set_prefix(name.to_owned());
        self.bar.set_message("");
        self.bar
            .set_style(ProgressStyle::with_template(template).expect("a template"));
    }

    pub fn at(&self, position: u64, message: &str) {
        self.bar.set_position(position);
        self.bar.set_message(message.to_owned());
    }

    pub fn no_bar(&self) {
        self.bar.finish_and_clear();
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
    }

    fn write(&self, text: &str) {
        let Some(log) = &self.log else { return };
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let mut log = log.lock().unwrap_or_else(|broken| broken.into_inner());
        // whatever happens to the file, the migration goes on
        let _ = writeln!(log, "{} {text}", utc(since.as_secs()));
    }
}

/// `2026-01-31 23:59:59Z`, of seconds since 1970.
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // days since 0000-03-01, in eras of 400 years
    let z = days + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// `1.2 GB`, as PostgreSQL counts (1024).
pub fn size(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} bytes")
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

/// For a text: 2 h 5 min.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..10 => format!("{:.1} s", seconds.max(0.0)),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59:59Z");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00Z");
        assert_eq!(utc(1_893_456_000), "2030-01-01 00:00:00Z");
    }

    #[test]
    fn durations() {
        assert_eq!(duration(0.84), "0.8 s");
        assert_eq!(duration(75.0), "1 min 15 s");
        assert_eq!(duration(7500.0), "2 h 5 min");
    }

    #[test]
    fn sizes() {
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(1536), "1.5 kB");
        assert_eq!(size(3 << 30), "3.0 GB");
    }
}
