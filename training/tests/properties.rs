//! No bytes make reading a package panic, and no change to a package goes unnoticed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{checkpoint, read, with_header, write};
use proptest::prelude::*;
use std::fs;
use training::{
    package::{Manifest, Package, checkpoint_name},
    terms::Terms,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_byte_of_a_package_changed_is_noticed(file in 0usize..6, at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 3, true);
        let before = Package::open(folder.path()).unwrap().commitment().unwrap();
        let names = ["terms.json", "model.onnx", "manifest.json", &checkpoint_name(0), &checkpoint_name(2), &checkpoint_name(4)];
        let path = folder.path().join(names[file]);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(&path, &bytes).unwrap();
        // Refused, or it is another package: a manifest may say something else, but then its commitment is another.
        let noticed = read(folder.path()).is_err() || Package::open(folder.path()).unwrap().commitment().unwrap() != before;
        prop_assert!(noticed);
    }

    #[test]
    fn no_bytes_make_a_checkpoint_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), header in any::<bool>()) {
        let bytes = if header { with_header(&String::from_utf8_lossy(&bytes), 8) } else { bytes };
        let _ = checkpoint(&bytes);
    }

    #[test]
    fn no_bytes_make_a_manifest_or_terms_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = (Manifest::decode(&bytes), Terms::decode(&bytes));
    }

    #[test]
    fn manifests_come_back(steps in prop::collection::btree_set(1u64..1_000_000_000, 0..20), finished in any::<bool>(), hardware in ".*") {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 1, false);
        let mut manifest = Package::open(folder.path()).unwrap().manifest().clone();
        let first = manifest.checkpoints[0].clone();
        for step in steps {
            let mut entry = first.clone();
            (entry.step, entry.file.name) = (step, checkpoint_name(step));
            manifest.checkpoints.push(entry);
        }
        (manifest.finished, manifest.hardware) = (finished, hardware);
        let bytes = manifest.encode().unwrap();
        prop_assert_eq!(Manifest::decode(&bytes).unwrap(), manifest);
    }
}
