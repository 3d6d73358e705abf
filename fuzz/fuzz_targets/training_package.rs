//! A package whose manifest, terms or checkpoint hold anything at all: opened, or refused by name, and read without a panic.
#![no_main]
use training::{
    package::{Checkpoint, Manifest, Part},
    terms::Terms,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = (Manifest::decode(bytes), Terms::decode(bytes), training::graph::parameters(bytes));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    let _ = training::package::Package::open(&path);
    if let Ok(checkpoint) = Part::open(&path, "file").and_then(Checkpoint::open) {
        for (name, tensor) in checkpoint.tensors() {
            // What is as large as the file is no more than was given.
            assert!(tensor.bytes() <= bytes.len() as u64);
            let _ = checkpoint.read_tensor(name);
        }
    }
});
