//! Linux's little files. Whatever is missing or makes no sense is `None`.

use attest::record::{Text, text};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    str::FromStr,
};

/// No file that is read here is longer, on the largest hosts.
const LONGEST: u64 = 8 << 20;

pub fn read(path: impl AsRef<Path>) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

pub fn number<T: FromStr>(path: impl AsRef<Path>) -> Option<T> {
    read(path)?.trim().parse().ok()
}

/// The file's text, fit for a record; empty where there is none.
pub fn name(path: impl AsRef<Path>) -> Text {
    clean(&read(path).unwrap_or_default())
}

/// Somebody else's text, fit for a record and for terminals.
pub fn clean(from: &str) -> Text {
    let printable: String = from.chars().filter(|character| !character.is_control()).collect();
    text(printable.trim())
}

/// What lies in a folder, in an order that `v9` and `v10` keep.
pub fn list(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    paths
}

pub fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// The number after a key in `Key: 123 kB` lines.
pub fn field(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.split(':').next() == Some(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
