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

    /// The ratio of medians to another variant's, and the lowest and highest of it in equal parts of the run.
    pub fn ratio_to(&self, base: &Samples) -> Ratio {
        let count = self.0.len().min(base.0.len());
        // where there are few, each is a part
        let parts = if count >= 3 * PARTS { PARTS } else { count };
        let part = |samples: &Samples, i: usize| {
            let n = samples.0.len();
            median(&samples.0[i * n / parts..(i + 1) * n / parts])
        };
        let mut ratios: Vec<f64> = (0..parts).map(|i| part(self, i) / part(base, i)).collect();
        ratios.sort_by(f64::total_cmp);
        // without the two parts that are furthest out
        let out = usize::from(parts == PARTS);
        Ratio {
            all: self.median() / base.median(),
            low: ratios.get(out).copied().unwrap_or(f64::NAN),
            high: ratios.iter().rev().nth(out).copied().unwrap_or(f64::NAN),
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

/// The variant that the others are compared with beside no capture.
pub const FLOOR: &str = "floor";

/// One measure: a line for each variant.
pub struct Table {
    pub title: String,
    pub unit: &'static str,
    pub lines: Vec<Line>,
    pub note: String,
    /// Whether it is part of the picture.
    pub in_picture: bool,
}

#[derive(Default)]
pub struct Line {
    pub variant: String,
    pub value: f64,
    /// To the first variant.
    pub ratio: Option<Ratio>,
    /// Beyond the first variant.
    pub adds: Option<f64>,
    /// What is added, as a ratio to what the floor adds; where that is something.
    pub of_floor: Option<f64>,
}

impl Table {
    /// Of samples; the first variant is what the others are compared with.
    pub fn of_samples(title: &str, samples: &[(String, Samples)]) -> Self {
        let base = &samples[0].1;
        let adds = |s: &Samples| s.median() - base.median();
        let floor = samples.iter().find(|(name, _)| name == FLOOR);
        // less is noise, or that of a floor that writes nothing
        let something = (0.01 * base.median()).max(5.0);
        let floor = floor
            .map(|(_, s)| adds(s))
            .filter(|floor| *floor > something);
        let line = |(i, (name, s)): (usize, &(String, Samples))| Line {
            variant: name.clone(),
            value: s.median(),
            ratio: Some(s.ratio_to(base)),
            adds: (i > 0).then(|| adds(s)),
            of_floor: floor.filter(|_| i > 0).map(|floor| adds(s) / floor),
        };
        Table {
            title: title.to_owned(),
            unit: "µs",
            lines: samples.iter().enumerate().map(line).collect(),
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
            "| variant | {} | ratio | parts of the run | adds | of the floor's |\n|---|---|---|---|---|---|",
            self.unit
        )?;
        for line in &self.lines {
            let number = |value: f64| {
                let digits = if value.abs() < 100.0 { 1 } else { 0 };
                format!("{value:.digits$}")
            };
            let (ratio, parts) = line.ratio.map_or_else(Default::default, |r| {
                (
                    format!("{:.3}", r.all),
                    format!("{:.2} .. {:.2}", r.low, r.high),
                )
            });
            writeln!(
                f,
                "| {} | {} | {ratio} | {parts} | {} | {} |",
                line.variant,
                number(line.value),
                line.adds.map_or_else(String::new, number),
                line.of_floor
                    .map_or_else(String::new, |v| format!("{v:.2}")),
            )?;
        }
        if !self.note.is_empty() {
            writeln!(f, "\n{}", self.note)?;
        }
        Ok(())
    }
}
