//! Mounts over the driver's files (`proc(5)`, `/proc/pid/mountinfo`).

use super::Host;
use crate::{
    Options,
    finding::{Check, Finding},
};
use std::path::{Path, PathBuf};

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is seen.
    pub point: String,
    /// What of the mounted file system is seen there.
    pub root: String,
    /// The file system's type.
    pub kind: String,
    /// What is mounted.
    pub source: String,
}

/// All mounts that this process sees. Lines that make no sense are left out.
pub fn read_all(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse).collect()
}

pub fn read(options: &Options) -> Vec<Mount> {
    read_all(&super::read(options, "self/mountinfo").unwrap_or_default())
}

/// `36 35 98:0 /root /point options … - type source options`
fn parse(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(3);
    let (root, point) = (before.next()?, before.next()?);
    let mut after = after.split(' ');
    let (kind, source) = (after.next()?, after.next()?);
    Some(Mount { point: unescape(point), root: unescape(root), kind: kind.into(), source: unescape(source) })
}

/// Blanks and the like are written as three octal digits.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// Whether a mount lies on a watched file, in a watched folder, or between it and the folder that libraries are in.
pub fn covers(mount: &Mount, watched: &[PathBuf]) -> bool {
    let point = Path::new(&mount.point);
    // A whole `/usr` or all modules on a mount of their own are an installation's choice; a library's folder is not.
    let deep = point.components().count() > 3 && point != Path::new("/usr/lib/modules");
    watched.iter().any(|file| point.starts_with(file) || deep && file.starts_with(point))
}

pub fn finding(host: &Host) -> Finding {
    let check = Check::Mounts;
    if read(&host.options).is_empty() {
        return Finding::failed(check, "no /proc/self/mountinfo");
    }
    let list: Vec<String> = host
        .mounts
        .iter()
        .map(|Mount { point, root, kind, source }| format!("{kind} {source}{root} on {point}"))
        .collect();
    match host.mounts.is_empty() {
        true => Finding::consistent(check, "nothing lies over the driver's files"),
        // A container's runtime brings the host's driver by such mounts: digests have to tell.
        false if host.container => {
            Finding::unknown(check, format!("a container, whose driver is mounted: {}", list.join("; ")))
        }
        false => Finding::suspicious(check, 800, list.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_nonsense_is_not() {
        let text = "36 35 98:0 /a\\040b /usr/lib/libcuda.so.1 rw,noatime shared:1 - overlay over rw,lowerdir=/x\n\
            nonsense\n22 27 0:21 / /proc rw - proc proc rw\n1 2 - - -";
        let mounts = read_all(text);
        assert_eq!(mounts.len(), 2, "{mounts:?}");
        assert_eq!((mounts[0].root.as_str(), mounts[0].kind.as_str()), ("/a b", "overlay"));
        let watched = [PathBuf::from("/usr/lib/libcuda.so.1"), "/proc/driver/nvidia".into()];
        assert!(covers(&mounts[0], &watched));
        assert!(!covers(&mounts[1], &watched), "all of /proc is no mount over a driver");
    }
}
