//! Embeds the runtime's WASM where `cargo xtask wasm` has left it.
//!
//! A build without it works, so that everything compiles on a fresh clone; the node then says what to run.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=MATRIXAI_WASM");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let wasm = env::var_os("MATRIXAI_WASM").map(PathBuf::from).or_else(|| built_by_xtask(&out));
    let code = match wasm.filter(|path| path.is_file()) {
        Some(path) => {
            println!("cargo:rerun-if-changed={}", path.display());
            format!("Some(include_bytes!({path:?}))")
        }
        None => "None".to_string(),
    };
    let source = format!(
        "/// The runtime's WASM, where it was built before this crate.\npub const WASM_BINARY: Option<&[u8]> = {code};\n"
    );
    if let Err(error) = fs::write(out.join("wasm.rs"), source) {
        println!("cargo:error=cannot write into {}: {error}", out.display());
    }
}

/// `<target>/wasm/matrixai_runtime.wasm`; cargo marks the target folder with `.rustc_info.json`.
fn built_by_xtask(out: &Path) -> Option<PathBuf> {
    let target = out.ancestors().find(|dir| dir.join(".rustc_info.json").is_file())?;
    let dir = target.join("wasm");
    // Cargo takes a missing path as changed at every build: the folder exists before the file does.
    fs::create_dir_all(&dir).ok()?;
    println!("cargo:rerun-if-changed={}", dir.display());
    Some(dir.join("matrixai_runtime.wasm"))
}
