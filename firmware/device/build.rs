//! Shows the linker where the memories are.

use std::{env, fs, path::Path};

fn main() -> std::io::Result<()> {
    let out = env::var("OUT_DIR").unwrap_or_default();
    fs::copy("memory.x", Path::new(&out).join("memory.x"))?;
    println!("cargo:rustc-link-search={out}");
    println!("cargo:rerun-if-changed=memory.x");
    Ok(())
}
