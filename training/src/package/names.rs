//! The closed list of names in a package.

use super::PackageError;

/// The manifest.
pub const MANIFEST: &str = "manifest.json";
/// The terms.
pub const TERMS: &str = "terms.json";
/// The graph.
pub const GRAPH: &str = "model.onnx";
/// Where checkpoints lie.
pub const CHECKPOINTS: &str = "checkpoints";
const SUFFIX: &str = ".safetensors";
const DIGITS: usize = 10;

/// The one name of a checkpoint: its step in ten digits.
pub fn checkpoint_name(step: u64) -> String {
    format!("{CHECKPOINTS}/{step:0DIGITS$}{SUFFIX}")
}

/// Whether a package can hold a file of this name. Pickles are told apart, so that people learn why.
pub fn check(name: &str) -> Result<(), PackageError> {
    let pickles = [".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt"];
    if pickles.iter().any(|end| name.to_ascii_lowercase().ends_with(end)) {
        return Err(PackageError::Pickle(name.into()));
    }
    let known = [MANIFEST, TERMS, GRAPH].contains(&name) || step_of(name).is_some();
    if known { Ok(()) } else { Err(PackageError::BadName(name.into())) }
}

/// Whether a package can hold a file of this name.
pub fn is_name(name: &str) -> bool {
    check(name).is_ok()
}

/// The step that a checkpoint's name says.
pub fn step_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(CHECKPOINTS)?.strip_prefix('/')?.strip_suffix(SUFFIX)?;
    let all = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_out_are_no_names() {
        for name in
            ["../terms.json", "/etc/passwd", "checkpoints/../terms.json", "checkpoints/1.safetensors", ""]
        {
            assert!(matches!(check(name), Err(PackageError::BadName(_))), "{name}");
        }
        assert!(matches!(check("checkpoints/epoch-1.PT"), Err(PackageError::Pickle(_))));
        assert!(check(&checkpoint_name(7)).is_ok());
        assert_eq!(step_of(&checkpoint_name(7)), Some(7));
    }
}
