//! Samples that were taken in turns, and the table of their medians.

use std::fmt;

/// Times of one variant, in microseconds, in the order in which they were taken.
#[derive(Default, Clone)]
pub struct Samples(pub Vec<f64>);

const PARTS: usize = 10;

impl Samples {
    pub fn median(&self) -> f64 {
        median(&self.0)
    }

    /// The ratio of medians to another variant's, and the lowest and highest of it in ten equal parts of the run.
    pub fn ratio_to(&self, base: &Samples) -> Ratio {
        let part = |samples: &Samples, i: usize| {
            let n = samples.0.len();
            median(&samples.0[i * n / PARTS..(i + 1) * n / PARTS])
        };
        let mut parts: Vec<f64> = (0..PARTS)
            .filter(|_| self.0.len() >= 3 * PARTS)
            .map(|i| part(self, i) / part(base, i))
            .collect();
        parts.sort_by(f64::total_cmp);
        let all = self.median() / base.median();
        Ratio {
            all,
            // without the two parts that are furthest out
            low: parts.get(1).copied().unwrap_or(all),
            high: parts.iter().rev().nth(1).copied().unwrap_or(all),
        }
    }
}

#[derive(Clone, Copy)]
pub struct Ratio {
    pub all: f64,
    pub low: f64,
    pub high: f64,
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// One measure: a line for each variant.
pub struct Table {
    pub title: String,
    pub unit: &'static str,
    /// Variant, value, ratio to the first variant.
    pub lines: Vec<(String, f64, Option<Ratio>)>,
    pub note: String,
    /// Whether it is part of the picture.
    pub in_picture: bool,
}

impl Table {
    /// Of samples; the first variant is what the others are compared with.
    pub fn of_samples(title: &str, samples: &[(String, Samples)]) -> Self {
        let base = &samples[0].1;
        Table {
            title: title.to_owned(),
            unit: "µs",
            lines: samples
                .iter()
                .map(|(name, s)| (name.clone(), s.median(), Some(s.ratio_to(base))))
                .collect(),
            note: String::new(),
            in_picture: true,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        writeln!(
            f,
            "| variant | {} | ratio | parts of the run |\n|---|---|---|---|",
            self.unit
        )?;
        for (name, value, ratio) in &self.lines {
            let digits = if *value < 100.0 { 1 } else { 0 };
            match ratio {
                Some(Ratio { all, low, high }) => writeln!(
                    f,
                    "| {name} | {value:.digits$} | {all:.3} | {low:.2} .. {high:.2} |"
                )?,
                None => writeln!(f, "| {name} | {value:.digits$} | | |")?,
            }
        }
        if !self.note.is_empty() {
            writeln!(f, "\n{}", self.note)?;
        }
        Ok(())
    }
}
