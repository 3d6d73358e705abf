//! No room left: by a small file system where one can be mounted, and by a limit on files' sizes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{check, records};
use log_store::{LogError, LogStore};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const LIMITED: &str = "LOG_STORE_TEST_LIMITED";

/// Appends until there is no room; nothing of the failed batches may be seen, by anyone.
fn fill(log: &mut LogStore, folder: &Path) -> u64 {
    loop {
        let before = log.size();
        match log.append(&records(before, 50)) {
            Ok(_) => {}
            Err(LogError::Full(_)) => {
                check(log, before);
                check(&LogStore::open_read_only(folder).unwrap(), before);
                return before;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A mounted file system that goes away with its guard.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(at: &Path) -> Option<Mounted> {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).arg(at);
    command.output().ok()?.status.success().then(|| Mounted(at.into()))
}

#[test]
fn a_full_disk_takes_nothing_and_goes_on_when_there_is_room() {
    let place = tempfile::tempdir().unwrap();
    let Some(_mounted) = mount(place.path()) else {
        println!("no right to mount a file system: the limit on files' sizes is tested alone");
        return;
    };
    for segment_bytes in [8 << 20, 4096] {
        let folder = place.path().join(segment_bytes.to_string());
        let spare = place.path().join("spare");
        fs::write(&spare, vec![1; 40_000]).unwrap();
        let mut log = LogStore::open_with(&folder, segment_bytes).unwrap();
        let size = fill(&mut log, &folder);
        assert!(size > 0);
        fs::remove_file(&spare).unwrap();
        log.append(&records(size, 50)).unwrap();
        let size = fill(&mut log, &folder);
        drop(log);
        let log = LogStore::open_with(&folder, segment_bytes).unwrap();
        assert_eq!(log.recovered().truncated_bytes, 0);
        check(&log, size);
        fs::remove_dir_all(&folder).unwrap();
    }
}

/// The child: the shell has limited its files.
#[test]
fn limited() {
    let Some(folder) = env::var_os(LIMITED) else { return };
    let mut log = LogStore::open(Path::new(&folder)).unwrap();
    let size = fill(&mut log, Path::new(&folder));
    // Smaller batches still fit.
    let mut more = size;
    while log.append(&records(more, 1)).is_ok() {
        more += 1;
    }
    check(&log, more);
    assert!(more > size);
}

#[test]
fn a_limit_on_files_sizes_is_told_and_nothing_is_lost() {
    if env::var_os(LIMITED).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = r#"trap '' XFSZ; ulimit -f 100; exec "$0" --exact limited"#;
    // Into a pipe: what this test itself prints may go to a file that is larger.
    let child = Command::new("sh")
        .args(["-c", script])
        .arg(env::current_exe().unwrap())
        .env(LIMITED, folder.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    let mut log = LogStore::open(folder.path()).unwrap();
    let size = log.size();
    check(&log, size);
    log.append(&records(size, 50)).unwrap();
    check(&log, size + 50);
}
