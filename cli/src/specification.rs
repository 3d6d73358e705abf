//! `matrixai chain spec`: what a light client starts from.
//!
//! `matrixai-node export-chain-spec --raw` knows no boot nodes and no block but the first. A light client needs somebody to ask, and a
//! recent block whose validators it can believe: both are a running node's to tell, and whoever uses the file trusts that node for them.

use crate::{
    arguments::{Global, Spec},
    error::Error,
    node, output,
    private_file::FileError,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    ffi::OsString,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

/// What was written.
#[derive(Serialize)]
struct Written {
    file: PathBuf,
    chain: String,
    boot_nodes: Vec<String>,
}

impl fmt::Display for Written {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "specification of {} written to {}", self.chain, self.file.display())?;
        self.boot_nodes.iter().try_for_each(|address| writeln!(out, "boot node {address}"))
    }
}

/// A specification that no light client could use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSpecification {
    /// The node refused, or is not there.
    #[error("{0}; is it a node's RPC address, as in http://127.0.0.1:9944?")]
    Node(String),
    /// No JSON object with a genesis.
    #[error("what it gave is no raw chain specification")]
    NotRaw,
    /// A node that cannot vouch for a recent block.
    #[error(
        "what it gave has no checkpoint (lightSyncState): ask a node that has seen the chain finalise blocks"
    )]
    NoCheckpoint,
    /// Nobody to connect to.
    #[error("the node listens at no address that others could use: name one with --bootnode")]
    NoBootNode,
    /// Not an address of a node.
    #[error("{0:?} is no boot node: an address such as /dns/node.example/tcp/30333/p2p/12D3Koo… is wanted")]
    Address(String),
}

/// Reads such a file, or one of `matrixai-node export-chain-spec`.
pub fn read(path: &Path) -> Result<String, Error> {
    plain_io::read_to_string(path, node::LONGEST).map_err(|error| Error::Specification(path.into(), error))
}

/// Asks a node, and writes the file.
pub fn write(asked: &Spec, global: &Global) -> Result<(), Error> {
    if asked.out.exists() && !asked.force {
        return Err(FileError::Exists(asked.out.clone()).into());
    }
    let trouble = |why| Error::Specify(asked.node.clone(), why);
    let (specification, boot_nodes) = specification(&asked.node, &asked.bootnodes).map_err(trouble)?;
    if boot_nodes.iter().all(|address| is_loopback(address)) {
        plain_io::tell!(
            "only this host can reach the boot nodes: name an address that others reach with --bootnode"
        );
    }
    let chain =
        specification.get("id").and_then(Value::as_str).unwrap_or("a chain without a name").to_owned();
    put(&asked.out, &serde_json::to_vec(&specification)?, asked.force)?;
    output::print(&Written { file: asked.out.clone(), chain, boot_nodes }, global.json)
}

/// The specification with a checkpoint at the node's finalised block, and boot nodes: those named, or else the node's own addresses.
fn specification(url: &str, named: &[String]) -> Result<(Value, Vec<String>), NoSpecification> {
    let named = named.iter().map(|address| boot_node(address)).collect::<Result<Vec<_>, _>>()?;
    let given: Value =
        node::ask(url, "sync_state_genSyncSpec", &json!([true])).map_err(NoSpecification::Node)?;
    let boot_nodes = if named.is_empty() {
        let own: Vec<String> =
            node::ask(url, "system_localListenAddresses", &json!([])).map_err(NoSpecification::Node)?;
        usable(own)
    } else {
        named
    };
    Ok((completed(given, &boot_nodes)?, boot_nodes))
}

fn completed(mut specification: Value, boot_nodes: &[String]) -> Result<Value, NoSpecification> {
    if boot_nodes.is_empty() {
        return Err(NoSpecification::NoBootNode);
    }
    let raw = specification.pointer("/genesis/raw").is_some();
    let fields = specification.as_object_mut().filter(|_| raw).ok_or(NoSpecification::NotRaw)?;
    if fields.get("lightSyncState").is_none_or(Value::is_null) {
        return Err(NoSpecification::NoCheckpoint);
    }
    fields.insert("bootNodes".into(), json!(boot_nodes));
    Ok(specification)
}

fn boot_node(address: &str) -> Result<String, NoSpecification> {
    let sound = address.starts_with('/') && address.contains("/tcp/") && address.contains("/p2p/");
    if sound { Ok(address.into()) } else { Err(NoSpecification::Address(address.into())) }
}

/// Of a node's own addresses, those over TCP that others can use; the host's own where there are no others.
fn usable(addresses: Vec<String>) -> Vec<String> {
    let sound = addresses.into_iter().filter(|address| boot_node(address).is_ok());
    let (own, outward): (Vec<_>, Vec<_>) = sound.partition(|address| is_loopback(address));
    if outward.is_empty() { own } else { outward }
}

fn is_loopback(address: &str) -> bool {
    ["/ip4/127.", "/ip6/::1/", "/dns/localhost/"].iter().any(|own| address.starts_with(own))
}

/// Writes the file whole or not at all.
fn put(path: &Path, bytes: &[u8], force: bool) -> Result<(), FileError> {
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::AlreadyExists => FileError::Exists(path.into()),
        _ => FileError::Io(path.into(), error),
    };
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let draft = path.with_file_name(name);
    let placed = draw_up(&draft, bytes).and_then(|()| {
        // A link, unlike a new name, does not take the place of a file that has come meanwhile.
        if force { fs::rename(&draft, path) } else { fs::hard_link(&draft, path) }
    });
    let _ = fs::remove_file(&draft);
    placed.map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn draw_up(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(draft)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";

    fn address(of: &str) -> String {
        format!("{of}/tcp/30333/{PEER}")
    }

    #[test]
    fn others_are_given_addresses_that_they_can_reach() {
        let (own, outward) = (address("/ip4/127.0.0.1"), address("/ip4/192.0.2.7"));
        let quic = format!("/ip4/192.0.2.7/udp/30333/quic-v1/{PEER}");
        assert_eq!(usable(vec![own.clone(), quic, outward.clone()]), [outward]);
        assert_eq!(usable(vec![own.clone(), address("/ip6/::1")]), [own, address("/ip6/::1")]);
        assert!(usable(vec!["/ip4/192.0.2.7/tcp/30333".into()]).is_empty());
    }

    #[test]
    fn what_no_light_client_could_use_is_refused() {
        let nodes = [address("/dns/node.example")];
        let raw = json!({ "id": "local", "genesis": { "raw": {} }, "bootNodes": [], "lightSyncState": {} });
        let done = completed(raw.clone(), &nodes).unwrap();
        assert_eq!(done["bootNodes"], json!(nodes));
        assert_eq!(completed(raw.clone(), &[]), Err(NoSpecification::NoBootNode));
        let mut plain = raw.clone();
        plain["genesis"] = json!({ "runtimeGenesis": {} });
        assert_eq!(completed(plain, &nodes), Err(NoSpecification::NotRaw));
        assert_eq!(completed(json!("hello"), &nodes), Err(NoSpecification::NotRaw));
        let mut old = raw;
        old["lightSyncState"] = Value::Null;
        assert_eq!(completed(old, &nodes), Err(NoSpecification::NoCheckpoint));
        assert!(matches!(boot_node("node.example:30333"), Err(NoSpecification::Address(_))));
    }

    #[test]
    fn a_file_is_replaced_when_told_to_and_left_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("chain.json");
        put(&file, b"first", false).unwrap();
        assert!(matches!(put(&file, b"second", false), Err(FileError::Exists(_))));
        assert_eq!(fs::read(&file).unwrap(), b"first");
        put(&file, b"third", true).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"third");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a draft was left behind");
    }
}
