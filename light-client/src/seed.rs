//! A seed as people keep it in a file: 64 hexadecimal digits on one line, `0x` before them or not; `#` begins a comment.

use zeroize::Zeroizing;

/// Reads it.
///
/// # Errors
///
/// What the text is instead, with nothing repeated that stands in it.
pub fn parse(text: &str) -> Result<Zeroizing<[u8; 32]>, &'static str> {
    let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let line = lines.find(|line| !line.is_empty()).ok_or("it is empty")?;
    if lines.any(|line| !line.is_empty()) {
        return Err("it has more than one line");
    }
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(line.strip_prefix("0x").unwrap_or(line), seed.as_mut())
        .map_err(|_| "it is not 64 hexadecimal digits")?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_may_have_comments() {
        let seed = "07".repeat(32);
        for text in [format!("{seed}\n"), format!("# for the lab\n\n0x{seed} # twenty machines\n")] {
            assert_eq!(*parse(&text).unwrap(), [7; 32]);
        }
    }

    #[test]
    fn anything_else_is_refused_without_being_repeated() {
        let (short, seed) = ("07".repeat(31), "07".repeat(32));
        for text in ["", "# nothing", &short, "zz", &format!("{seed}\n{seed}"), &format!("0x0x{seed}")] {
            assert!(!parse(text).unwrap_err().contains("0707"));
        }
    }
}
