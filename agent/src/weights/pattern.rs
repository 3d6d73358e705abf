//! Where a job's checkpoints are, and which of them is the newest. Nothing that the job puts there leads anywhere else: names are matched, never
//! resolved, links are not followed, and what is no regular file is never opened.

use attest::record::Miss;
use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat},
    io::{self, Errno},
};
use serde::{Deserialize, Serialize};
use std::{ffi::CString, fs::File, path::PathBuf, rc::Rc};

/// Names that are looked at, at most.
const MOST: usize = 100_000;
/// The newest files that are remembered: one of them has to stand still.
const KEPT: usize = 8;

/// A path whose names may have `*` in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    written: String,
    /// The folder above the first `*`.
    root: PathBuf,
    /// Names below it; the last is the files'.
    names: Vec<String>,
}

/// Why a path is no place for checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It depends on the working folder.
    #[error(
        "checkpoints must be an absolute path, such as /runs/llm/*.safetensors, or /runs/llm/ for all files of the folder"
    )]
    NotAbsolute,
    /// It leads up.
    #[error("checkpoints must not have .. in the path")]
    LeadsUp,
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(written: String) -> Result<Self, PatternError> {
        let below = written.strip_prefix('/').ok_or(PatternError::NotAbsolute)?;
        let mut names: Vec<String> =
            below.split('/').filter(|name| !matches!(*name, "" | ".")).map(Into::into).collect();
        if names.iter().any(|name| name == ".." || name.contains('\0')) {
            return Err(PatternError::LeadsUp);
        }
        if written.ends_with('/') {
            names.push("*".into());
        }
        let fixed =
            names.iter().take(names.len().saturating_sub(1)).take_while(|name| !name.contains('*')).count();
        let rest = names.split_off(fixed);
        let root = std::iter::once("/".into()).chain(names).collect();
        Ok(Self { written, root, names: rest })
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.written
    }
}

/// A file as it was found: what changes when it is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    /// Length, bytes.
    pub size: u64,
    /// When it was written last: seconds since 1970, and nanoseconds.
    pub modified: (i64, u64),
    changed: (i64, u64),
}

impl Identity {
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_lossless,
        reason = "the fields' types differ between architectures"
    )]
    fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64),
        }
    }

    /// Whether the file has the same contents, as far as its size and times tell. Being renamed or deleted changes none.
    pub fn same_contents(&self, other: &Self) -> bool {
        (self.device, self.inode, self.size, self.modified)
            == (other.device, other.inode, other.size, other.modified)
    }

    /// ms since 1970.
    pub fn modified_ms(&self) -> u64 {
        let (seconds, nanoseconds) = self.modified;
        u64::try_from(seconds).unwrap_or(0).saturating_mul(1000).saturating_add(nanoseconds / 1_000_000)
    }
}

/// A regular file that may be a checkpoint.
#[derive(Debug, Clone)]
pub struct Candidate {
    folder: Rc<OwnedFd>,
    name: CString,
    /// As it was when it was found.
    pub identity: Identity,
}

impl Candidate {
    /// Opens the file: the very one that was found, as it was.
    pub fn open(&self) -> Result<File, Miss> {
        // A pipe in its place must not hold us up.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = openat(&*self.folder, &self.name, flags, Mode::empty()).map_err(miss)?;
        let stat = fstat(&file).map_err(miss)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Miss::Irregular);
        }
        match Identity::of(&stat) == self.identity {
            true => Ok(File::from(file)),
            false => Err(Miss::Torn),
        }
    }
}

/// An open file, as it is now.
pub fn identity(file: &File) -> Result<Identity, Miss> {
    fstat(file).map(|stat| Identity::of(&stat)).map_err(miss)
}

fn miss(error: Errno) -> Miss {
    match error {
        Errno::NOENT => Miss::Vanished,
        Errno::LOOP => Miss::Symlink,
        Errno::NXIO | Errno::ISDIR | Errno::NOTDIR => Miss::Irregular,
        _ => Miss::Unreadable,
    }
}

impl Pattern {
    /// The newest regular files, newest first; by name where two are of one time.
    pub fn look(&self) -> Result<Vec<Candidate>, Miss> {
        let root = match openat(CWD, &self.root, FOLDER, Mode::empty()) {
            Ok(root) => root,
            Err(Errno::NOENT) => return Err(Miss::NoCheckpoint),
            Err(error) => return Err(miss(error)),
        };
        let mut look = Look { left: MOST, found: Vec::new(), else_there: None };
        look.folder(&Rc::new(root), &self.names)?;
        match (look.found.is_empty(), look.else_there) {
            (false, _) => Ok(look.found),
            (true, Some(miss)) => Err(miss),
            (true, None) => Err(Miss::NoCheckpoint),
        }
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

struct Look {
    left: usize,
    found: Vec<Candidate>,
    /// What matched and is no regular file.
    else_there: Option<Miss>,
}

impl Look {
    fn folder(&mut self, folder: &Rc<OwnedFd>, names: &[String]) -> Result<(), Miss> {
        let Some((name, below)) = names.split_first() else { return Ok(()) };
        for entry in Dir::read_from(&**folder).map_err(miss)? {
            let Ok(entry) = entry else { return Err(Miss::Unreadable) };
            self.left = self.left.checked_sub(1).ok_or(Miss::TooMany)?;
            let found = entry.file_name();
            if !matches(name.as_bytes(), found.to_bytes()) {
                continue;
            }
            if below.is_empty() {
                self.file(folder, found.to_owned());
                continue;
            }
            match openat(&**folder, found, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(next) => self.folder(&Rc::new(next), below)?,
                Err(error) => self.pass_over(error),
            }
        }
        Ok(())
    }

    fn file(&mut self, folder: &Rc<OwnedFd>, name: CString) {
        let stat = match statat(&**folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(error) => return self.pass_over(error),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Symlink => return self.pass_over(Errno::LOOP),
            _ => return self.pass_over(Errno::NXIO),
        }
        self.found.push(Candidate { folder: folder.clone(), name, identity: Identity::of(&stat) });
        // So that neither memory nor open folders grow with what is there.
        let newest = |one: &Candidate| (one.identity.modified, one.name.clone());
        self.found.sort_by_cached_key(|one| std::cmp::Reverse(newest(one)));
        self.found.truncate(KEPT);
    }

    /// What is gone already is nothing to tell of.
    fn pass_over(&mut self, error: io::Errno) {
        if error != Errno::NOENT {
            self.else_there.get_or_insert(miss(error));
        }
    }
}

/// Whether a name is of a pattern: `*` stands for any part of it, but not for a first `.`.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') || matches!(name, b"." | b"..") {
        return false;
    }
    let mut parts = pattern.split(|byte| *byte == b'*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<&[u8]> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let Some(at) = rest.windows(part.len()).position(|window| window == part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        os::unix::{fs::symlink, net::UnixListener},
        path::Path,
        time::{Duration, SystemTime},
    };

    fn pattern(folder: &Path, rest: &str) -> Pattern {
        Pattern::try_from(format!("{}/{rest}", folder.display())).unwrap()
    }

    /// A file of so many seconds ago.
    fn put(path: &Path, seconds_ago: u64) {
        fs::write(path, path.display().to_string()).unwrap();
        let then = SystemTime::now() - Duration::from_secs(seconds_ago);
        File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    }

    fn names(pattern: &Pattern) -> Vec<String> {
        let name = |one: &Candidate| one.name.to_str().unwrap().to_owned();
        pattern.look().unwrap().iter().map(name).collect()
    }

    fn pipe(path: &Path) {
        rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    }

    #[test]
    fn stars_match_as_a_shell_has_it() {
        for (pattern, name, is) in [
            ("*", "a", true),
            ("*", ".a", false),
            (".*", ".a", true),
            ("*", "..", false),
            (".*", "..", false),
            ("*.pt", "step-7.pt", true),
            ("*.pt", "step-7.pt.tmp", false),
            ("*.pt", ".pt", false),
            ("step-*.pt", "step-.pt", true),
            ("step-*.pt", "step.pt", false),
            ("a*b*c", "axbybc", true),
            ("a*b*c", "axbycd", false),
            ("a*a", "a", false),
            ("model", "model", true),
            ("model", "model2", false),
            ("**", "x", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), is, "{pattern} {name}");
        }
    }

    #[test]
    fn a_path_is_split_at_its_first_star() {
        let of = |text: &str| Pattern::try_from(text.to_owned()).map(|pattern| (pattern.root, pattern.names));
        assert_eq!(of("/a/b/"), Ok(("/a/b".into(), vec!["*".into()])));
        assert_eq!(of("/a/b*/c/*.pt"), Ok(("/a".into(), vec!["b*".into(), "c".into(), "*.pt".into()])));
        assert_eq!(of("/a/model.pt"), Ok(("/a".into(), vec!["model.pt".into()])));
        assert_eq!(of("/"), Ok(("/".into(), vec!["*".into()])));
        assert_eq!(of("a/*"), Err(PatternError::NotAbsolute));
        assert_eq!(of(""), Err(PatternError::NotAbsolute));
        assert_eq!(of("/a/../b"), Err(PatternError::LeadsUp));
        assert_eq!(of("/a/*/.."), Err(PatternError::LeadsUp));
    }

    #[test]
    fn the_newest_of_all_folders_comes_first_and_links_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        for (number, ago) in [(1, 30), (2, 10), (3, 20)] {
            let folder = dir.path().join(format!("checkpoint-{number}"));
            fs::create_dir(&folder).unwrap();
            put(&folder.join(format!("model-{number}.pt")), ago);
            put(&folder.join("optimizer.bin"), 0);
            put(&folder.join(".model-4.pt"), 0);
            symlink("optimizer.bin", folder.join("latest.pt")).unwrap();
        }
        symlink(dir.path().join("checkpoint-2"), dir.path().join("checkpoint-last")).unwrap();
        assert_eq!(
            names(&pattern(dir.path(), "checkpoint-*/*.pt")),
            ["model-2.pt", "model-3.pt", "model-1.pt"]
        );
        assert_eq!(names(&pattern(dir.path(), "checkpoint-1/")), ["optimizer.bin", "model-1.pt"]);
    }

    #[test]
    fn what_is_no_regular_file_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let miss = |rest: &str| pattern(dir.path(), rest).look().unwrap_err();
        assert_eq!(miss("*.pt"), Miss::NoCheckpoint);
        assert_eq!(miss("nowhere/*.pt"), Miss::NoCheckpoint);
        fs::write(dir.path().join("secret"), "secret").unwrap();
        symlink("secret", dir.path().join("a.pt")).unwrap();
        symlink("/etc", dir.path().join("d-etc")).unwrap();
        pipe(&dir.path().join("b.fifo"));
        let _socket = UnixListener::bind(dir.path().join("c.socket")).unwrap();
        fs::create_dir(dir.path().join("e.folder")).unwrap();
        assert_eq!(miss("*.pt"), Miss::Symlink);
        // A link in a folder's place leads nowhere.
        assert!(matches!(miss("d-*/passwd"), Miss::Symlink | Miss::Irregular));
        for name in ["*.fifo", "*.socket", "*.folder"] {
            assert_eq!(miss(name), Miss::Irregular, "{name}");
        }
        assert!(matches!(Pattern::try_from("/dev/nul*".to_string()).unwrap().look(), Err(Miss::Irregular)));
    }

    #[test]
    fn what_takes_a_files_place_is_found_out_when_it_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.pt");
        let after = |change: &dyn Fn()| {
            let _ = fs::remove_file(&path);
            put(&path, 5);
            let found = pattern(dir.path(), "*.pt").look().unwrap().remove(0);
            change();
            found.open().map(drop)
        };
        assert_eq!(after(&|| {}), Ok(()));
        assert_eq!(after(&|| fs::remove_file(&path).unwrap()), Err(Miss::Vanished));
        assert_eq!(after(&|| put(&path, 3)), Err(Miss::Torn));
        let replace = |with: &dyn Fn(&Path)| {
            fs::remove_file(&path).unwrap();
            with(&path);
        };
        assert_eq!(after(&|| replace(&|path| symlink("/etc/passwd", path).unwrap())), Err(Miss::Symlink));
        assert_eq!(after(&|| replace(&pipe)), Err(Miss::Irregular));
        assert_eq!(after(&|| replace(&|path| put(path, 5))), Err(Miss::Torn), "another inode");
    }

    #[test]
    fn names_without_end_are_not_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..100 {
            put(&dir.path().join(format!("{number}.pt")), number);
        }
        let mut look = Look { left: 50, found: Vec::new(), else_there: None };
        let root = Rc::new(openat(CWD, dir.path(), FOLDER, Mode::empty()).unwrap());
        assert_eq!(look.folder(&root, &["*".into()]), Err(Miss::TooMany));
        assert_eq!(pattern(dir.path(), "").look().unwrap().len(), KEPT);
    }
}
