//! Results: for people, or as JSON for programs. Results go to stdout, everything else to stderr.

use anyhow::{Context, Result};
use serde_json::Value;
use std::io::IsTerminal;

/// How results are written.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// As JSON.
    pub json: bool,
    /// With colours.
    pub colour: bool,
}

impl Output {
    /// Colours only for a person, and not for one who has set `NO_COLOR` (no-color.org).
    pub fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { json, colour: wanted && !json && std::io::stdout().is_terminal() }
    }

    /// Writes a result; nothing where the text is empty.
    pub fn result(&self, value: &Value, text: impl FnOnce() -> String) -> Result<()> {
        if self.json {
            return write(&format!("{value:#}\n"));
        }
        match text().trim_end() {
            "" => Ok(()),
            text => write(&format!("{text}\n")),
        }
    }

    /// Green.
    pub fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Yellow.
    pub fn doubtful(&self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Red.
    pub fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.into() }
    }
}

/// Writes to standard output. A reader that has gone away (`| head`) is no failure.
pub fn write(text: &str) -> Result<()> {
    plain_io::print(text).context("the result cannot be written to standard output")
}

/// So many things: `1 record`, `2 records`.
pub fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A moment in words: how long ago, or in how long.
pub fn ago(ms: u64) -> String {
    let now = crate::clock::now_ms();
    let span = span(now.abs_diff(ms));
    if ms > now { format!("in {span}") } else { format!("{span} ago") }
}

/// A stretch of time in words.
pub fn span(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_words() {
        let now = crate::clock::now_ms();
        assert_eq!(ago(now - 5_500), "5 s ago");
        assert_eq!(ago(now - 600_000), "10 min ago");
        assert_eq!(ago(now + 90_500), "in 90 s");
        assert_eq!(ago(0).split(' ').next_back(), Some("ago"));
    }

    #[test]
    fn one_thing_is_no_plural() {
        assert_eq!([0, 1, 2].map(|number| count(number, "record")), ["0 records", "1 record", "2 records"]);
    }

    #[test]
    fn without_colours_text_is_itself() {
        let output = Output { json: false, colour: false };
        assert_eq!(output.bad("x"), "x");
    }
}
