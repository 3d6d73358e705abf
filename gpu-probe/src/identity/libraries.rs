//! The driver's libraries in this process: where they come from, what goes before them, and their digests.

use super::{Host, in_root, kernel::is_version, read};
use crate::{
    Options, files,
    finding::{Check, Finding},
};
use attest::{Hash, sha256};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// What is watched, by the beginnings of file names.
const NAMES: [&str; 2] = ["libcuda.so", "libnvidia-ml.so"];
/// Where distributions, NVIDIA's installer and container runtimes put them.
const PLACES: [&str; 6] =
    ["/usr/lib", "/lib", "/usr/lib64", "/lib64", "/usr/local/nvidia", "/run/opengl-driver"];
/// NVIDIA's own libraries for older kernel modules, of another version than these.
const COMPAT: &str = "/usr/local/cuda";
/// Where a module's file lies under its release's folder.
const MODULES: [&str; 5] =
    ["updates/dkms", "kernel/drivers/video", "kernel/nvidia", "extra", "kernel/drivers/char/drm"];
/// No driver file is longer.
const LONGEST: u64 = 1 << 29;

/// A driver file's digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of it.
    pub sha256: Hash,
}

/// The driver's libraries, as this process has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Libraries {
    /// Files that are loaded.
    pub loaded: Vec<PathBuf>,
    /// What is loaded ahead of all others: `LD_PRELOAD` and `/etc/ld.so.preload`.
    pub preloaded: Vec<String>,
    /// Digests of loaded files and of the kernel's module, where they can be read.
    pub digests: Vec<Digest>,
}

impl Libraries {
    /// Looks at this process and at the module's file.
    pub fn look(options: &Options) -> Self {
        let loaded = loaded(&read(options, "self/maps").unwrap_or_default());
        let files = loaded.iter().cloned().chain(module(options));
        let digests = files.filter_map(|path| {
            let sha256 = digest(&in_root(options, path.to_str()?))?;
            Some(Digest { path, sha256 })
        });
        Self { digests: digests.collect(), preloaded: preloaded(options), loaded }
    }

    /// Files and folders that nothing should be mounted over.
    pub fn watched(&self) -> Vec<PathBuf> {
        let fixed = ["/proc/driver/nvidia", "/sys/module/nvidia"].map(PathBuf::from);
        let digested = self.digests.iter().map(|digest| digest.path.clone());
        // `/lib` has long been a link, and mounts are told by where it leads.
        let linked = digested.clone().filter(|path| path.starts_with("/lib"));
        let linked = linked.map(|path| Path::new("/usr").join(path.strip_prefix("/").unwrap_or(&path)));
        self.loaded.iter().cloned().chain(fixed).chain(digested.clone()).chain(linked).collect()
    }
}

/// Lines of maps end in the file, after five fields.
fn loaded(maps: &str) -> Vec<PathBuf> {
    let path = |line: &str| line.find('/').and_then(|at| line.get(at..)).map(PathBuf::from);
    let mut paths: Vec<PathBuf> = maps.lines().filter_map(path).filter(|path| watches(path)).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn watches(path: &Path) -> bool {
    NAMES.iter().any(|name| files::file_name(path).starts_with(name))
}

fn module(options: &Options) -> Option<PathBuf> {
    let release = read(options, "sys/kernel/osrelease")?;
    let candidates = MODULES.iter().flat_map(|folder| {
        ["", ".zst", ".xz", ".gz"]
            .map(|end| format!("/lib/modules/{}/{folder}/nvidia.ko{end}", release.trim()))
    });
    candidates.into_iter().find(|path| in_root(options, path).is_file()).map(PathBuf::from)
}

fn preloaded(options: &Options) -> Vec<String> {
    let environment = read(options, "self/environ").unwrap_or_default();
    let variable = environment.split('\0').find_map(|variable| variable.strip_prefix("LD_PRELOAD="));
    let file = files::read(in_root(options, "etc/ld.so.preload")).unwrap_or_default();
    let names = variable.unwrap_or_default().split([':', ' ']).chain(file.split_whitespace());
    names.filter(|name| !name.is_empty()).map(|name| files::clean(name).as_str().into()).collect()
}

fn digest(path: &Path) -> Option<Hash> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(sha256(&[&bytes]))
}

/// Honest hosts preload allocators and the like; whoever fakes NVML does as well.
pub fn preload(libraries: &Libraries) -> Finding {
    let check = Check::Preload;
    let list = libraries.preloaded.join(", ");
    let names = ["nvml", "nvidia", "cuda"];
    if list.is_empty() {
        Finding::consistent(check, "nothing is preloaded")
    } else if names.iter().any(|name| list.to_lowercase().contains(name)) {
        Finding::suspicious(check, 900, format!("preloaded: {list}"))
    } else {
        Finding::unknown(check, format!("preloaded: {list}"))
    }
}

/// Libraries come from a system's folders, one file of each name, of the driver's version.
pub fn places(host: &Host) -> Finding {
    let (check, loaded) = (Check::Libraries, &host.libraries.loaded);
    if loaded.is_empty() {
        return Finding::unknown(check, "this process has loaded none of the driver's libraries");
    }
    for name in NAMES {
        let files: Vec<&PathBuf> =
            loaded.iter().filter(|path| files::file_name(path).starts_with(name)).collect();
        if files.len() > 1 {
            return Finding::suspicious(
                check,
                900,
                format!("{name} is loaded from several files: {files:?}"),
            );
        }
    }
    let mut odd = Vec::new();
    for path in loaded {
        let place = PLACES.iter().any(|place| path.starts_with(place));
        let compat = path.starts_with(COMPAT) || path.ancestors().any(|folder| folder.ends_with("compat"));
        if !place && !compat {
            return Finding::suspicious(
                check,
                800,
                format!("{} is none of the system's libraries", path.display()),
            );
        }
        let version = files::file_name(path).split_once(".so.").map(|(_, version)| version);
        let differs =
            version.filter(|version| is_version(version)).is_some_and(|version| version != host.driver);
        if differs && !compat && !host.driver.is_empty() {
            let reason = format!("{} is not of driver {}", path.display(), host.driver);
            return Finding::suspicious(check, 700, reason);
        }
        odd.extend(compat.then(|| path.display().to_string()));
    }
    match odd.is_empty() {
        true => Finding::consistent(check, format!("{} of the system's libraries", loaded.len())),
        false => Finding::unknown(check, format!("NVIDIA's libraries for older drivers: {}", odd.join(", "))),
    }
}

/// What nobody has listed is unknown: allow-lists have cut off honest hosts after a driver's update.
pub fn digests(libraries: &Libraries, known: &[Hash]) -> Finding {
    let check = Check::Digests;
    let told = |digest: &Digest| {
        let hex: String = digest.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} {hex}", files::file_name(&digest.path))
    };
    let list: Vec<String> = libraries.digests.iter().map(told).collect();
    match libraries.digests.iter().all(|digest| known.contains(&digest.sha256)) {
        _ if list.is_empty() => Finding::unknown(check, "none of the driver's files can be read"),
        true => Finding::consistent(check, list.join(", ")),
        false => Finding::unknown(check, list.join(", ")),
    }
}
