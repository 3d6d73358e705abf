//! Manufacture: `swtpm_setup` makes the endorsement key, and an authority of its own certifies it.

use super::failed;
use crate::TpmError;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where the authority's program is, on the distributions that have it.
const PROGRAMS: [&str; 3] =
    ["/usr/bin/swtpm_localca", "/usr/share/swtpm/swtpm-localca", "/usr/local/bin/swtpm_localca"];

pub(super) fn root_certificate(dir: &Path) -> PathBuf {
    authority(dir).join("swtpm-localca-rootca-cert.pem")
}

pub(super) fn issuer_certificate(dir: &Path) -> PathBuf {
    authority(dir).join("issuercert.pem")
}

/// Makes keys and certificates, unless a TPM is there already.
pub(super) fn manufacture(dir: &Path) -> Result<(), TpmError> {
    fs::create_dir_all(authority(dir)).map_err(|error| failed("making the authority's folder", &error))?;
    for (name, text) in settings(dir) {
        fs::write(dir.join(name), text).map_err(|error| failed(&format!("writing {name}"), &error))?;
    }
    let mut command = Command::new("swtpm_setup");
    command.args(["--tpm2", "--createek", "--decryption", "--create-ek-cert", "--create-platform-cert"]);
    command.args(["--lock-nvram", "--pcr-banks", "sha256", "--not-overwrite"]);
    command.arg("--tpmstate").arg(dir).arg("--config").arg(dir.join("setup.conf")).stdin(Stdio::null());
    let done =
        command.output().map_err(|error| failed("running swtpm_setup (install swtpm-tools)", &error))?;
    if done.status.success() {
        return Ok(());
    }
    let said = [done.stdout, done.stderr].concat();
    Err(TpmError::Transport(format!(
        "swtpm_setup failed ({}):\n{}",
        done.status,
        String::from_utf8_lossy(&said)
    )))
}

fn authority(dir: &Path) -> PathBuf {
    dir.join("ca")
}

/// The files that swtpm_setup(8) and swtpm-localca(8) describe.
fn settings(dir: &Path) -> [(&'static str, String); 3] {
    let (at, ca) = (dir.display(), authority(dir));
    let ca = ca.display();
    let program = program();
    let setup = format!(
        "create_certs_tool = {}\ncreate_certs_tool_config = {at}/localca.conf\n\
         create_certs_tool_options = {at}/localca.options\nactive_pcr_banks = sha256\n",
        program.display()
    );
    let local = format!(
        "statedir = {ca}\nsigningkey = {ca}/signkey.pem\nissuercert = {ca}/issuercert.pem\ncertserial = {ca}/certserial\n"
    );
    let options = "--platform-manufacturer Test\n--platform-version 1\n--platform-model SoftTpm\n".into();
    [("setup.conf", setup), ("localca.conf", local), ("localca.options", options)]
}

fn program() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join("swtpm_localca"));
    let known = PROGRAMS.iter().map(PathBuf::from);
    on_path.chain(known).find(|program| program.is_file()).unwrap_or_else(|| "swtpm_localca".into())
}
