//! The picture beside bench/results.md: one bar for each variant of each measure, as its ratio to no capture.

use crate::measure::Table;
use plotters::prelude::*;
use std::path::Path;

const ROW: i32 = 18;
const LEFT: i32 = 330;
const WIDTH: i32 = 900;
/// Longer bars are cut, and say so by their number.
const MOST: f64 = 4.0;

pub fn bars(path: &Path, tables: &[Table]) -> Result<(), Box<dyn std::error::Error>> {
    let shown: Vec<&Table> = tables.iter().filter(|table| table.in_picture).collect();
    let rows: i32 = shown.iter().map(|table| table.lines.len() as i32 + 2).sum();
    let height = ROW * (rows + 1);
    let root = SVGBackend::new(path, (WIDTH as u32, height as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let black = ("sans-serif", 13).into_font().color(&BLACK);
    let x = |ratio: f64| LEFT + (f64::from(WIDTH - LEFT - 70) * ratio.min(MOST) / MOST) as i32;
    let mut y = ROW / 2;
    for table in &shown {
        let heading = ("sans-serif", 14)
            .into_font()
            .style(FontStyle::Bold)
            .color(&BLACK);
        root.draw(&Text::new(table.title.clone(), (10, y), heading))?;
        y += ROW;
        for line in &table.lines {
            let (name, value) = (&line.variant, line.value);
            let ratio = line.ratio.map_or(f64::NAN, |ratio| ratio.all);
            let colour = match name {
                name if name.starts_with("extension") => RGBColor(33, 113, 181),
                name if name.starts_with("PL/pgSQL") => RGBColor(217, 95, 14),
                _ => RGBColor(150, 150, 150),
            };
            root.draw(&Text::new(name.clone(), (24, y), black.clone()))?;
            if ratio.is_finite() {
                root.draw(&Rectangle::new(
                    [(LEFT, y + 1), (x(ratio), y + ROW - 5)],
                    colour.filled(),
                ))?;
                let label = format!("{ratio:.2}   ({value:.0} {})", table.unit);
                root.draw(&Text::new(label, (x(ratio) + 6, y), black.clone()))?;
            }
            y += ROW;
        }
        y += ROW;
    }
    root.draw(&PathElement::new(
        vec![(x(1.0), 4), (x(1.0), height - 4)],
        BLACK.mix(0.5).stroke_width(1),
    ))?;
    root.present()?;
    Ok(())
}
