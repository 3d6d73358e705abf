//! Whether the state folder can be written to.

use super::Finding;
use crate::state_dir::StateDir;
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The log needs this much room, MiB.
const ROOM_MIB: u64 = 256;

/// Whether it is there, and has room.
pub fn folder(state: &StateDir) -> Finding {
    const SUBJECT: &str = "folder";
    let path = state.path();
    let owner = format!("create it for the agent's user: install -d -m 750 -o matrixai {}", path.display());
    if !path.is_dir() {
        return match nearest(path) {
            Some(file) if !file.is_dir() => Finding::bad(
                SUBJECT,
                format!("{} is no folder", file.display()),
                "set state_dir in the configuration to a folder, or move that file away",
            ),
            Some(parent) if writable(parent) => {
                Finding::fine(SUBJECT, format!("{} will be created", path.display()))
            }
            _ => Finding::bad(
                SUBJECT,
                format!("{} does not exist and cannot be created", path.display()),
                owner,
            ),
        };
    }
    if !writable(path) {
        let advice = format!("run as the user it belongs to, or: chown -R matrixai {}", path.display());
        return Finding::bad(SUBJECT, format!("{} cannot be written by this user", path.display()), advice);
    }
    // The worst first.
    let room = state.room().map(|room| room >> 20);
    match (room, state.writable_by_all()) {
        (Some(0), _) => {
            let advice = "free some space: nothing is logged or anchored until there is some";
            Finding::bad(SUBJECT, format!("{}: no room left", path.display()), advice)
        }
        (_, Some(open)) => Finding::doubtful(SUBJECT, open, format!("chmod o-w {}", path.display())),
        (Some(mib), None) if mib < ROOM_MIB => {
            let advice = format!("free some space; the log wants {ROOM_MIB} MiB to spare");
            Finding::doubtful(SUBJECT, format!("{}: {mib} MiB free", path.display()), advice)
        }
        (Some(mib), None) => Finding::fine(SUBJECT, format!("{}: writable, {mib} MiB free", path.display())),
        (None, None) => Finding::fine(SUBJECT, format!("{}: writable", path.display())),
    }
}

/// The longest beginning of the path that exists, be it a folder or not.
fn nearest(path: &Path) -> Option<&Path> {
    let here = |part: &Path| part.as_os_str().is_empty();
    let parts = path.ancestors().map(|part| if here(part) { Path::new(".") } else { part });
    parts.into_iter().find(|part| fs::symlink_metadata(part).is_ok())
}

/// Tried, not deduced: read-only mounts and sandboxes do not show in permissions.
fn writable(folder: &Path) -> bool {
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let written = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&probe).is_ok();
    if written {
        let _ = fs::remove_file(&probe);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_missing_folder_is_fine_where_it_can_be_made() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(folder(&StateDir::new(&dir.path().join("a/b"))).state, State::Fine);
        assert_eq!(folder(&StateDir::new(dir.path())).state, State::Fine);
        assert_eq!(folder(&StateDir::new(Path::new("/proc/matrixai"))).state, State::Bad);
        assert_eq!(folder(&StateDir::new(Path::new("target/nowhere"))).state, State::Fine);
    }

    #[test]
    fn a_file_in_the_folders_place_is_bad() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state");
        fs::write(&file, "").unwrap();
        for place in [file.clone(), file.join("deeper")] {
            let found = folder(&StateDir::new(&place));
            assert_eq!(found.state, State::Bad);
            assert!(found.found.contains("is no folder"), "{found:?}");
        }
    }
}
