//! The report for people: plain columns, nothing wider than 80.

use super::{Figures, Floor, Report};

const MIB: f64 = 1024.0 * 1024.0;

/// The whole report.
pub(super) fn table(report: &Report) -> String {
    let mut text = String::new();
    if !report.sets.is_empty() {
        let quality = [quality_head()]
            .into_iter()
            .chain(report.sets.iter().map(quality));
        let cost = [cost_head()]
            .into_iter()
            .chain(report.sets.iter().map(cost));
        for rows in [quality.collect::<Vec<_>>(), cost.collect()] {
            text.push_str(&columns(&rows));
            text.push('\n');
        }
    }
    text.push_str(&columns(
        &report.floors.iter().map(floor).collect::<Vec<_>>(),
    ));
    let below = report.floors.iter().filter(|floor| !floor.is_met).count();
    text.push_str(&format!("\n{} floors, {below} below", report.floors.len()));
    text
}

fn cells(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn quality_head() -> Vec<String> {
    cells(&[
        "per cent", "right", "top 3", "answered", "wrong", "precise", "held", "AUROC", "cal.err",
    ])
}

fn quality(figures: &Figures) -> Vec<String> {
    let share = |share: f64| format!("{share:.1}");
    let perhaps = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |s| format!("{s:.1}"));
    vec![
        figures.set.clone(),
        share(figures.accuracy),
        share(figures.top_three),
        share(figures.answered_right),
        share(figures.answered_wrong),
        perhaps(figures.answered_precision),
        perhaps(figures.held_back),
        perhaps(figures.auroc),
        format!("{:.3}", figures.calibration_error),
    ]
}

fn cost_head() -> Vec<String> {
    cells(&[
        "cost",
        "intents",
        "texts",
        "asked",
        "train ms",
        "ask us",
        "model MiB",
        "peak MiB",
    ])
}

fn cost(figures: &Figures) -> Vec<String> {
    vec![
        figures.set.clone(),
        figures.intents.to_string(),
        figures.train.to_string(),
        figures.test.to_string(),
        format!("{:.0}", figures.train_cpu_ms),
        format!("{:.1}", figures.classify_p50_us),
        format!("{:.1}", figures.model_bytes as f64 / MIB),
        figures.peak_bytes.map_or_else(
            || "-".to_owned(),
            |bytes| format!("{:.1}", bytes as f64 / MIB),
        ),
    ]
}

fn floor(floor: &Floor) -> Vec<String> {
    let digits = if floor.wanted < 0.2 { 3 } else { 1 };
    let bound = if floor.is_ceiling {
        "at most"
    } else {
        "at least"
    };
    vec![
        format!("{} {}", floor.goal, floor.what),
        floor
            .figure
            .map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}")),
        bound.to_owned(),
        format!("{}", floor.wanted),
        if floor.is_met { "ok" } else { "below" }.to_owned(),
    ]
}

/// Rows with their cells one below the other: the first to the left, the others to the right.
fn columns(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            match widths.get_mut(at) {
                Some(width) => *width = cell.len().max(*width),
                None => widths.push(cell.len()),
            }
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line.push_str(&match at {
                0 => format!("{cell:width$}"),
                _ => format!("  {cell:>width$}"),
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
