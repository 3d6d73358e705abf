//! Whatever a package holds, reading it ends in a named error or in a package.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{checkpoint, read, small, with_header, write};
use std::fs;
use training::{
    engine::State,
    package::{CHUNK, ChunkTree, Origin, Package, PackageError, Part, Writer, checkpoint_name, verify_chunk},
};

macro_rules! refused {
    ($result:expr, $pattern:pat) => {
        let error = $result.expect_err("must be refused");
        assert!(matches!(error, $pattern), "{error:?}");
    };
}

#[test]
fn what_was_written_is_read_from_a_folder_and_from_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("package");
    write(&package, 3, true);
    read(&package).unwrap();
    let archive = folder.path().join("package.tar");
    let mut tar = tar::Builder::new(fs::File::create(&archive).unwrap());
    tar.append_dir_all(".", &package).unwrap();
    tar.into_inner().unwrap();
    read(&archive).unwrap();
    assert_eq!(
        Package::open(&archive).unwrap().commitment().unwrap(),
        Package::open(&package).unwrap().commitment().unwrap()
    );
}

#[test]
fn a_crash_leaves_a_package_that_says_where_it_ends_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2, false);
    // What a crash in the middle of the next checkpoint leaves.
    let half = folder.path().join("checkpoints/0000000004.partial");
    fs::write(&half, b"half").unwrap();
    let package = Package::open(folder.path()).unwrap();
    assert!(!package.manifest().finished);
    assert_eq!(package.manifest().checkpoints.last().unwrap().step, 2);
    let (plan, terms, _) = small();
    let mut resumed = Writer::resume(folder.path(), &terms).unwrap();
    assert!(!half.exists());
    let (step, last) = resumed.last.unwrap();
    let state = State::load(&plan, &terms.optimiser, &last, step).unwrap();
    assert_eq!(
        state.parameters[0][0],
        State::initial(&plan, &terms.optimiser, &terms.randomness).parameters[0][0] + 1.0
    );
    refused!(resumed.writer.add(2, &state.tensors(&plan, &terms.optimiser)), PackageError::Order(_));
    resumed.writer.add(4, &state.tensors(&plan, &terms.optimiser)).unwrap();
    resumed.writer.finish(None).unwrap();
    read(folder.path()).unwrap();
    refused!(Writer::resume(folder.path(), &terms), PackageError::Finished);
}

#[test]
fn two_write_no_package_together() {
    let folder = tempfile::tempdir().unwrap();
    let (_, terms, graph) = small();
    let writer = Writer::create(folder.path(), &terms, &graph, &Origin::default()).unwrap();
    refused!(Writer::create(folder.path(), &terms, &graph, &Origin::default()), PackageError::Busy(_));
    refused!(Writer::resume(folder.path(), &terms), PackageError::Busy(_));
    drop(writer);
    Writer::resume(folder.path(), &terms).unwrap();
    let told = Origin { hardware: "x".repeat(5000), machine: None };
    let elsewhere = tempfile::tempdir().unwrap();
    refused!(Writer::create(elsewhere.path(), &terms, &graph, &told), PackageError::Manifest(_));
}

#[test]
fn chunks_are_proven_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big");
    let bytes: Vec<u8> = (0..3 * CHUNK + 5).map(|at| (at % 251) as u8).collect();
    fs::write(&path, &bytes).unwrap();
    let part = Part::open(&path, "big").unwrap();
    let tree = ChunkTree::of(&part).unwrap();
    let root = tree.root().unwrap();
    for (index, chunk) in bytes.chunks(CHUNK as usize).enumerate() {
        let proof = tree.prove(index as u64).unwrap();
        verify_chunk(chunk, index as u64, part.len(), &proof, &root).unwrap();
        assert!(verify_chunk(&chunk[1..], index as u64, part.len(), &proof, &root).is_err());
    }
}

#[test]
fn foreign_and_hostile_files_have_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    refused!(Package::open(&at("model.pt", b"PK\x03\x04rest of a zip archive")), PackageError::Pickle(_));
    refused!(Package::open(&at("old.pt", b"\x80\x02}q\x00.")), PackageError::Pickle(_));
    refused!(Package::open(&at("bomb.tar.gz", b"\x1f\x8b\x08rest")), PackageError::Compressed(_, "gzip"));
    refused!(Package::open(&at("bomb.zst", b"\x28\xb5\x2f\xfdrest")), PackageError::Compressed(_, "zstd"));
    refused!(Package::open(&at("noise", &[7; 2000])), PackageError::NotAPackage(_));
    refused!(Package::open(folder.path()), PackageError::NoManifest);
    refused!(checkpoint(b"\x80\x02}q\x00rest"), PackageError::Pickle(_));
    refused!(checkpoint(b"PK\x03\x04rest of it"), PackageError::Pickle(_));
}

#[test]
fn names_in_an_archive_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let archive = |name: &str, kind: tar::EntryType| {
        let path = folder.path().join("evil.tar");
        let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(3);
        header.set_cksum();
        tar.append(&header, &b"abc"[..]).unwrap();
        tar.into_inner().unwrap();
        path
    };
    refused!(Package::open(&archive("../terms.json", tar::EntryType::Regular)), PackageError::BadName(_));
    refused!(Package::open(&archive("/etc/passwd", tar::EntryType::Regular)), PackageError::BadName(_));
    refused!(Package::open(&archive("terms.json", tar::EntryType::Symlink)), PackageError::NotPlain(_));
    refused!(Package::open(&archive("model.pkl", tar::EntryType::Regular)), PackageError::Pickle(_));
}

#[test]
fn long_extended_headers_of_an_archive_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [tar::EntryType::GNULongName, tar::EntryType::XHeader, tar::EntryType::XGlobalHeader] {
        let path = folder.path().join("long.tar");
        let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(1 << 20);
        header.set_cksum();
        tar.append(&header, &vec![b'a'; 1 << 20][..]).unwrap();
        tar.into_inner().unwrap();
        refused!(Package::open(&path), PackageError::TooLarge { .. });
    }
}

#[test]
fn links_in_a_folder_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2, true);
    let name = folder.path().join(checkpoint_name(2));
    fs::remove_file(&name).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &name).unwrap();
    refused!(read(folder.path()), PackageError::NotPlain(_));
}

#[test]
fn headers_that_lie_have_names() {
    let one = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    assert!(checkpoint(&with_header(one, 8)).is_ok());
    refused!(checkpoint(b""), PackageError::Truncated { .. });
    refused!(checkpoint(&with_header(one, 7)), PackageError::Uncovered { .. });
    refused!(checkpoint(&with_header(one, 9)), PackageError::Uncovered { .. });
    refused!(checkpoint(&u64::MAX.to_le_bytes()), PackageError::HugeHeader { .. });
    refused!(checkpoint(&(1u64 << 40).to_le_bytes()), PackageError::HugeHeader { .. });
    refused!(checkpoint(&with_header("not json", 0)), PackageError::BadHeader { .. });
    let overlapping = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    refused!(checkpoint(&with_header(overlapping, 12)), PackageError::BadHeader { .. });
    let twice = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
    refused!(checkpoint(&with_header(twice, 8)), PackageError::BadHeader { .. });
    let hole = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    refused!(checkpoint(&with_header(hole, 12)), PackageError::BadHeader { .. });
    let wrong_size = r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#;
    refused!(checkpoint(&with_header(wrong_size, 8)), PackageError::BadHeader { .. });
    let endless = r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,16],"data_offsets":[0,0]}}"#;
    refused!(checkpoint(&with_header(endless, 0)), PackageError::BadHeader { .. });
    let half = r#"{"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}"#;
    // Numbers of another type are told when they are asked for.
    refused!(checkpoint(&with_header(half, 8)).unwrap().floats("a"), PackageError::WrongType { .. });
}

#[test]
fn manifests_that_lie_have_names() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 3, true);
    let path = folder.path().join("manifest.json");
    let good = fs::read_to_string(&path).unwrap();
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        read(folder.path())
    };
    refused!(with("package/1", "package/9"), PackageError::Format(_));
    refused!(with("\"finished\":true", "\"finished\": true"), PackageError::NotCanonical(_));
    refused!(with("\"finished\":true", "\"finished\":1"), PackageError::Manifest(_));
    refused!(
        with("checkpoints/0000000002.safetensors", "../../../../../etc/passwd"),
        PackageError::BadName(_)
    );
    refused!(
        with("checkpoints/0000000002.safetensors", "checkpoints/0000000002.pt"),
        PackageError::Pickle(_)
    );
    refused!(with("\"step\":2", "\"step\":9"), PackageError::Order(_));
    refused!(with("model.onnx", "terms.json"), PackageError::BadName(_));
    let root = Package::open({
        fs::write(&path, &good).unwrap();
        folder.path()
    })
    .unwrap()
    .manifest()
    .graph
    .root
    .to_string();
    refused!(with(&root, &"0".repeat(64)), PackageError::WrongRoot { .. });
    fs::write(&path, &good).unwrap();
    let victim = folder.path().join(checkpoint_name(2));
    let bytes = fs::read(&victim).unwrap();
    fs::write(&victim, &bytes[..bytes.len() - 1]).unwrap();
    refused!(read(folder.path()), PackageError::WrongSize { .. });
    fs::remove_file(&victim).unwrap();
    refused!(read(folder.path()), PackageError::Missing(_));
}

#[test]
fn not_a_number_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, terms, graph) = small();
    let mut writer = Writer::create(folder.path(), &terms, &graph, &Origin::default()).unwrap();
    let mut state = State::initial(&plan, &terms.optimiser, &terms.randomness);
    state.parameters[0][4] = f32::INFINITY;
    writer.add(0, &state.tensors(&plan, &terms.optimiser)).unwrap();
    refused!(read(folder.path()), PackageError::NotFinite { element: 4, .. });
}
