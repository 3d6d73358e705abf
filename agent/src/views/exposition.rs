//! Prometheus' text format, version 0.0.4.

use std::fmt::Write;

/// What HTTP calls it.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It goes up, or begins anew.
    Counter,
    /// Another's name, whose form is not ours to choose.
    Untyped,
}

/// Labels of a sample.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// The text as it grows.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// A metric, which appears with its first sample.
    pub fn family<'a>(&'a mut self, name: &'a str, kind: Kind, help: &'a str) -> Family<'a> {
        Family { text: &mut self.0, name, kind, help, begun: false }
    }

    /// A metric with one sample, or none.
    pub fn one(&mut self, name: &str, kind: Kind, help: &str, value: Option<f64>) {
        self.family(name, kind, help).sample(&[], value);
    }

    /// All of it.
    pub fn finish(self) -> String {
        self.0
    }
}

/// One metric and its samples.
pub struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
    kind: Kind,
    help: &'a str,
    begun: bool,
}

impl Family<'_> {
    /// A sample; what is not known is not there.
    pub fn sample(&mut self, labels: Labels<'_>, value: Option<f64>) {
        let Some(value) = value else { return };
        self.begin();
        self.text.push_str(self.name);
        for (index, (label, text)) in labels.iter().enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            self.text.push_str(label);
            self.text.push_str("=\"");
            escape(text, self.text);
            self.text.push('"');
        }
        let close = if labels.is_empty() { "" } else { "}" };
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{close} {value}");
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let kind = match self.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Untyped => "untyped",
        };
        let _ = writeln!(self.text, "# HELP {} {}\n# TYPE {} {kind}", self.name, self.help, self.name);
    }
}

fn escape(from: &str, into: &mut String) {
    for character in from.chars() {
        match character {
            '\\' => into.push_str("\\\\"),
            '"' => into.push_str("\\\""),
            '\n' => into.push_str("\\n"),
            character => into.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_one_head_and_hostile_labels_stay_inside() {
        let mut page = Exposition::default();
        let mut family = page.family("matrixai_x", Kind::Gauge, "An x.");
        family.sample(&[("name", "a\"} 1\n\\")], Some(0.5));
        family.sample(&[("name", "b"), ("kind", "c")], Some(2.0));
        page.one("matrixai_y", Kind::Counter, "Never seen.", None);
        let text = "# HELP matrixai_x An x.\n# TYPE matrixai_x gauge\nmatrixai_x{name=\"a\\\"} 1\\n\\\\\"} 0.5\n\
                    matrixai_x{name=\"b\",kind=\"c\"} 2\n";
        assert_eq!(page.finish(), text);
    }
}
