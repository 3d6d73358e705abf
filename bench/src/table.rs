//! Rows, their ratios and bars, and the table for people and for programs.

use serde_json::{Value, json};
use std::fmt;

/// Which way is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Better {
    More,
    Less,
}

/// A number with its unit.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    value: f64,
    unit: &'static str,
    better: Better,
}

impl Quantity {
    /// Of which more is better, such as a rate.
    pub const fn more(value: f64, unit: &'static str) -> Self {
        Self { value, unit, better: Better::More }
    }

    /// Of which less is better, such as a time or a size.
    pub const fn less(value: f64, unit: &'static str) -> Self {
        Self { value, unit, better: Better::Less }
    }

    /// How many times better than another one.
    fn ratio(self, peer: Self) -> f64 {
        match self.better {
            Better::More => self.value / peer.value,
            Better::Less => peer.value / self.value,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match self.value.abs() {
            value if value >= 100.0 => 0,
            value if value >= 10.0 => 1,
            value if value >= 1.0 => 2,
            _ => 3,
        };
        let text = format!("{:.decimals$}", self.value);
        let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
        write!(formatter, "{}", thousands(whole))?;
        if let Some(fraction) = fraction {
            write!(formatter, ".{fraction}")?;
        }
        write!(formatter, " {}", self.unit)
    }
}

fn thousands(digits: &str) -> String {
    let grouped = digits.char_indices().flat_map(|(at, digit)| {
        let comma = at > 0 && (digits.len() - at).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    grouped.collect()
}

/// What must be reached.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    /// At least so many times the peer.
    Ratio(f64),
    /// At most this, in the unit of ours.
    AtMost(f64),
}

/// One comparison.
#[derive(Debug)]
pub struct Row {
    section: &'static str,
    what: String,
    ours: Quantity,
    peer: Option<(String, Quantity)>,
    bar: Option<Bar>,
}

impl Row {
    /// Something of ours.
    pub fn new(section: &'static str, what: impl Into<String>, ours: Quantity) -> Self {
        Self { section, what: what.into(), ours, peer: None, bar: None }
    }

    /// What it is held against.
    pub fn against(mut self, name: impl Into<String>, peer: Quantity) -> Self {
        self.peer = Some((name.into(), peer));
        self
    }

    /// What it must reach.
    pub const fn bar(mut self, bar: Bar) -> Self {
        self.bar = Some(bar);
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.peer.as_ref().map(|(_, peer)| self.ours.ratio(*peer))
    }

    fn met(&self) -> Option<bool> {
        match self.bar? {
            Bar::Ratio(least) => self.ratio().map(|ratio| ratio >= least),
            Bar::AtMost(most) => Some(self.ours.value <= most),
        }
    }

    fn bar_text(&self) -> String {
        match self.bar {
            Some(Bar::Ratio(least)) => format!("≥ {least}×"),
            Some(Bar::AtMost(most)) => format!("≤ {most} {}", self.ours.unit),
            None => String::new(),
        }
    }

    fn cells(&self) -> [String; 7] {
        let met = self.met().map_or("", |met| if met { "yes" } else { "NO" });
        let (name, peer) =
            self.peer.as_ref().map_or_else(Default::default, |(name, peer)| (name.clone(), peer.to_string()));
        let ratio = self.ratio().map(factor).unwrap_or_default();
        [
            format!("{}: {}", self.section, self.what),
            self.ours.to_string(),
            name,
            peer,
            ratio,
            self.bar_text(),
            met.into(),
        ]
    }

    fn value(&self) -> Value {
        json!({
            "section": self.section,
            "what": self.what,
            "ours": self.ours.value,
            "unit": self.ours.unit,
            "peer": self.peer.as_ref().map(|(name, _)| name),
            "peers": self.peer.as_ref().map(|(_, peer)| peer.value),
            "ratio": self.ratio(),
            "bar": self.bar_text(),
            "met": self.met(),
        })
    }
}

fn factor(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.3}×") } else { format!("{ratio:.2}×") }
}

/// All comparisons and what has to be said about them.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

const HEAD: [&str; 7] = ["what", "ours", "peer", "the peer's", "ratio", "bar", "met"];

impl Table {
    /// Adds a row, and says so to whoever waits.
    pub fn row(&mut self, row: Row) {
        println!("  ok  {}", row.cells().join("  "));
        self.rows.push(row);
    }

    /// Adds a remark, once.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// For programs.
    pub fn value(&self) -> Value {
        json!({ "rows": self.rows.iter().map(Row::value).collect::<Vec<_>>(), "notes": self.notes })
    }
}

/// Markdown, aligned so that it reads well as it is.
impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![HEAD.map(String::from)];
        lines.extend(self.rows.iter().map(Row::cells));
        let widths: Vec<usize> = (0..HEAD.len())
            .map(|column| {
                lines
                    .iter()
                    .filter_map(|line| line.get(column))
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for (index, line) in lines.iter().enumerate() {
            let cells =
                line.iter().zip(&widths).map(|(cell, width)| format!(" {cell:width$} |", width = *width));
            writeln!(formatter, "|{}", cells.collect::<String>())?;
            if index == 0 {
                let rule = widths.iter().map(|width| format!("{}|", "-".repeat(width + 2)));
                writeln!(formatter, "|{}", rule.collect::<String>())?;
            }
        }
        self.notes.iter().try_for_each(|note| write!(formatter, "\n- {note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_says_how_many_times_better() {
        let rate =
            Row::new("log", "a", Quantity::more(50.0, "rec/s")).against("b", Quantity::more(100.0, "rec/s"));
        let time = Row::new("light", "a", Quantity::less(0.5, "s")).against("b", Quantity::less(1.0, "s"));
        assert_eq!((rate.ratio(), time.ratio()), (Some(0.5), Some(2.0)));
        assert_eq!(rate.bar(Bar::Ratio(0.5)).met(), Some(true));
        assert_eq!(time.bar(Bar::AtMost(0.4)).met(), Some(false));
    }

    #[test]
    fn numbers_are_told_with_three_digits() {
        let text = |value| Quantity::more(value, "rec/s").to_string();
        assert_eq!(text(1_234_567.8), "1,234,568 rec/s");
        assert_eq!([text(123.4), text(12.34), text(0.1234)], ["123 rec/s", "12.3 rec/s", "0.123 rec/s"]);
    }
}
