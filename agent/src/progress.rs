//! What a person sees while a command works: a spinner with the step at hand. Where nobody looks on, a line for each new step.

use crate::output::Output;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The steps of one command.
pub struct Steps {
    bar: Option<ProgressBar>,
    last: Mutex<String>,
    quiet: bool,
}

impl Steps {
    /// Shows steps on stderr.
    pub fn new(output: &Output) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| spinner(output));
        Self { bar, last: Mutex::new(String::new()), quiet: output.json }
    }

    /// What happens now.
    pub fn now(&self, what: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == what {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(what.to_string()),
            None if self.quiet || counts_only(&last, what) => {}
            None => plain_io::tell!("{what}"),
        }
        *last = what.into();
    }

    /// The step at hand.
    pub fn last(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Clears the line for the result.
    pub fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Lines that differ by a number only are not worth a line each.
fn counts_only(last: &str, what: &str) -> bool {
    let words = |text: &str| text.chars().filter(|character| !character.is_ascii_digit()).collect::<String>();
    words(last) == words(what)
}

fn spinner(output: &Output) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let style = if output.colour {
        "{spinner:.green} {elapsed} {wide_msg:.dim}"
    } else {
        "{spinner} {elapsed} {wide_msg}"
    };
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_only_count_are_told_once() {
        assert!(counts_only("connecting, 1 s", "connecting, 12 s"));
        assert!(!counts_only("connecting, 1 s", "ready, 1 s"));
    }
}
