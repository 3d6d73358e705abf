//! Python packages, into a folder of their own: nothing that a person installed is touched.

use crate::{setup, sh};
use anyhow::Result;
use std::{fs, path::PathBuf, process::Command};

const PIP: &[setup::Package] = &[(
    "python3-pip",
    "/usr/lib/python3/dist-packages/pip",
    "fetches Python packages into the target folder",
)];

/// A Python that has pip; Debian's is given one where there is none.
pub fn python() -> Result<&'static str> {
    let has_pip = |python: &&str| {
        Command::new(python).args(["-m", "pip", "--version"]).output().is_ok_and(|out| out.status.success())
    };
    if let Some(python) = ["python3", "/usr/bin/python3"].iter().find(|python| has_pip(python)) {
        return Ok(python);
    }
    setup::install(PIP)?;
    Ok("/usr/bin/python3")
}

/// Fetches packages once; the folder that they are in. With hashes in the requirements, other content is refused.
pub fn fetch(name: &str, what: &str, requirements: &str, options: &[&str]) -> Result<PathBuf> {
    let folder = sh::target_dir().join(name);
    let done = folder.join("requirements.txt");
    if fs::read_to_string(&done).is_ok_and(|fetched| fetched == requirements) {
        return Ok(folder);
    }
    fs::create_dir_all(&folder)?;
    let wanted = folder.join("requirements.wanted.txt");
    fs::write(&wanted, requirements)?;
    let mut pip = Command::new(python()?);
    pip.args(["-m", "pip", "install", "--quiet", "--upgrade"]).args(options);
    sh::step(what, pip.arg("--target").arg(&folder).arg("-r").arg(&wanted))?;
    fs::rename(wanted, done)?;
    Ok(folder)
}
