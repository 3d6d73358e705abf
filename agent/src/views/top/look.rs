//! What a terminal can show: colours or none, Unicode or plain ASCII.

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier, Style},
};
use std::env;

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// With colours.
    pub colour: bool,
    /// With more than ASCII.
    pub unicode: bool,
}

/// From nothing to full.
const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const PLAIN_BARS: [&str; 8] = [".", ":", "-", "=", "+", "*", "%", "#"];

impl Look {
    /// As the environment has it: `NO_COLOR`, and the character set of the locale.
    pub fn of_environment() -> Self {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_lowercase();
        Self {
            colour: set("NO_COLOR").is_none(),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }

    /// Green.
    pub fn good(self) -> Style {
        self.in_colour(Color::Green)
    }

    /// Yellow.
    pub fn doubtful(self) -> Style {
        self.in_colour(Color::Yellow)
    }

    /// Red, and bold for who sees no colours.
    pub fn bad(self) -> Style {
        self.in_colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What is not there.
    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Little pictures.
    pub fn picture(self) -> Style {
        self.in_colour(Color::Cyan)
    }

    fn in_colour(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// A share of a whole, as a bar; none as a dot.
    pub fn bar(self, value: Option<u64>, whole: u64) -> &'static str {
        let bars = if self.unicode { BARS } else { PLAIN_BARS };
        let Some(value) = value else { return if self.unicode { "·" } else { " " } };
        let step =
            value.min(whole).saturating_mul(7).saturating_add(whole / 2).checked_div(whole).unwrap_or(0);
        usize::try_from(step).ok().and_then(|step| bars.get(step)).copied().unwrap_or("?")
    }

    /// Takes from the picture what the terminal cannot show.
    pub fn adapt(self, buffer: &mut Buffer) {
        if self.unicode {
            return;
        }
        for cell in &mut buffer.content {
            if !cell.symbol().is_ascii() {
                let plain = plain(cell.symbol());
                cell.set_symbol(plain);
            }
        }
    }
}

fn plain(symbol: &str) -> &'static str {
    match symbol {
        "─" | "–" | "—" => "-",
        "│" => "|",
        "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┬" | "┴" | "┼" | "╭" | "╮" | "╰" | "╯" => {
            "+"
        }
        "…" => "~",
        "·" | "×" => ".",
        "→" => ">",
        "↑" => "^",
        "↓" => "v",
        "°" => " ",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow() {
        let look = Look { colour: false, unicode: true };
        let bars: String =
            [None, Some(0), Some(500), Some(1000), Some(9999)].map(|value| look.bar(value, 1000)).concat();
        assert_eq!(bars, "·▁▅██");
        assert_eq!(look.bar(Some(5), 0), "▁", "of nothing");
        assert_eq!(Look { unicode: false, ..look }.bar(Some(1000), 1000), "#");
    }
}
