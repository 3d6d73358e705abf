//! Debian's Prometheus and its linter, unpacked beside what we build: installed, it would be a service of the machine.

use crate::{setup, sh};
use anyhow::{Context, Result, ensure};
use std::{fs, path::Path, process::Command};

const FOLDER: &str = "prometheus";

/// Fetches them, once. Tests find them in the target folder.
pub fn fetch() -> Result<()> {
    let folder = sh::target_dir().join(FOLDER);
    let fetched = |program| folder.join("usr/bin").join(program).is_file();
    if fetched("promtool") && fetched("prometheus") {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    let what = "Prometheus, by apt-get, not installed: 19 MB";
    if sh::step(what, &mut download(&folder)).is_err() {
        setup::update()?;
        sh::step(what, &mut download(&folder))?;
    }
    let package = package(&folder)?.context("apt-get downloaded no package")?;
    sh::step("dpkg-deb", Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&folder))?;
    ensure!(fetched("promtool") && fetched("prometheus"), "{} holds no Prometheus", package.display());
    Ok(fs::remove_file(package)?)
}

fn download(folder: &Path) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["download", "prometheus"]).current_dir(folder);
    command
}

fn package(folder: &Path) -> Result<Option<std::path::PathBuf>> {
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
