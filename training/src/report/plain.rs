//! Text of a package, as a terminal or a page can show it.

use std::fmt::Write;

/// The text with everything escaped that would move a cursor, colour a line, begin a new one, or turn the direction of reading.
pub fn printable(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, one| {
        if is_hidden(one) {
            out.extend(one.escape_default())
        } else {
            out.push(one)
        }
        out
    })
}

/// The same of JSON, which stays the same value: such characters can only be in its strings. Lines are the encoder's own.
pub fn printable_json(json: &str) -> String {
    json.chars().fold(String::new(), |mut out, one| {
        if one == '\n' || !is_hidden(one) {
            out.push(one);
        } else {
            for unit in one.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        out
    })
}

/// Control characters, and those that only tell others how to be shown.
fn is_hidden(one: char) -> bool {
    let formats = matches!(
        one,
        '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    one.is_control() || formats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_shown_and_json_keeps_its_value() {
        assert_eq!(printable("a\u{1b}[2J\n\u{9b}\u{202e}é"), "a\\u{1b}[2J\\n\\u{9b}\\u{202e}é");
        let told = serde_json::json!({ "order": "a\u{1b}\u{9b}\u{202e}\u{e0001}\n" });
        let shown = printable_json(&serde_json::to_string_pretty(&told).unwrap());
        assert!(!shown.chars().any(|one| one != '\n' && is_hidden(one)), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), told);
    }
}
