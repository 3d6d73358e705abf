//! Standard output and standard error, which somebody else may have closed or filled.

use std::{
    fmt::Arguments,
    io::{Error, ErrorKind, Result, Write},
};

/// Writes to standard output, all of it at once. A reader that has gone away (`| head`) is no failure; a full disk is.
pub fn print(text: &str) -> Result<()> {
    forgiven(std::io::stdout().lock(), text)
}

/// Writes a line to standard error, like `eprintln!`. One that is closed or full changes nothing about how the program ends.
#[macro_export]
macro_rules! tell {
    ($($word:tt)*) => { $crate::tell(::core::format_args!($($word)*)) };
}

/// What [`tell!`] calls.
pub fn tell(words: Arguments<'_>) {
    // There is nobody left to tell that nobody listens.
    let _ = std::io::stderr().write_all(format!("{words}\n").as_bytes());
}

fn forgiven(mut out: impl Write, text: &str) -> Result<()> {
    let gone = |error: &Error| error.kind() == ErrorKind::BrokenPipe;
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if !gone(&error) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::{fs::File, io::pipe};

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        forgiven(writer, "words").unwrap();
    }

    #[test]
    fn a_full_disk_is_one() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(forgiven(full, "words").unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
