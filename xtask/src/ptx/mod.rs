//! `cargo xtask ptx`: the GPU kernels, from CUDA C to the PTX that is embedded. Needs no GPU: NVIDIA's compiler is a library of its own.

mod nvrtc;

use crate::pip;
use anyhow::{Context, Result, bail, ensure};
use nvrtc::{Nvrtc, Program};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The oldest that knows Hopper's instructions: PTX of a newer one is refused by drivers that are older than it.
const NVRTC: &str = "nvidia-cuda-nvrtc-cu12==12.1.105 \
    --hash=sha256:339b385f50c309763ca65456ec75e17bbefcbbf2893f462cb8b90584cd27a1c2";
/// Registers that may go to memory, bytes of a thread. What is left is in the end of `layer_hopper`, once for a tile.
const MOST_SPILLED: u32 = 128;

/// One PTX, and the chips that it is assembled for to see what becomes of it.
struct Unit {
    source: &'static str,
    target: &'static str,
    chips: &'static [&'static str],
}

const UNITS: [Unit; 3] = [
    Unit { source: "baseline", target: "compute_80", chips: &["sm_80", "sm_86", "sm_89", "sm_90"] },
    Unit { source: "challenge", target: "compute_80", chips: &["sm_80", "sm_86", "sm_89", "sm_90"] },
    Unit { source: "hopper", target: "compute_90a", chips: &["sm_90a"] },
];

/// What to do.
#[derive(clap::Args)]
pub struct Options {
    /// Only compare: fail when the embedded PTX is not what the sources give
    #[arg(long)]
    pub check: bool,
}

/// Compiles, compares or writes, and assembles.
pub fn run(root: &Path, options: &Options) -> Result<()> {
    let compiler = Nvrtc::load(&library()?)?;
    let folder = root.join("gpu-compute");
    let headers = sources(&folder.join("kernels"))?;
    for Unit { source, target, chips } in UNITS {
        let program = |target: &str| {
            let name = format!("{source}.cu");
            let text = headers.iter().find(|(header, _)| *header == name).map(|(_, text)| text.as_str());
            let text = text.with_context(|| format!("{name} is not among the kernels"))?;
            Program::compile(&compiler, &name, text, &headers, target)
                .with_context(|| format!("{name} for {target}"))
        };
        let ptx = program(target)?.ptx()?;
        let path = folder.join("ptx").join(format!("{source}.ptx"));
        if options.check {
            let embedded = fs::read_to_string(&path).unwrap_or_default();
            ensure!(
                embedded == ptx,
                "{} is not what its sources give: run `cargo xtask ptx`",
                path.display()
            );
        } else {
            fs::write(&path, ptx)?;
        }
        for chip in chips {
            let spilled = assemble(&program(chip)?, chip, source)?;
            println!("  ok  {source} for {chip}: {spilled} bytes of registers spilled at most");
        }
    }
    Ok(())
}

/// Assembles for a chip. The most bytes that a kernel's registers spill, once they are checked.
fn assemble(program: &Program<'_>, chip: &str, source: &str) -> Result<u32> {
    ensure!(!program.cubin()?.is_empty(), "{source} gives nothing for {chip}");
    let stores = |line: &str| {
        line.split_once(" bytes spill stores").and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok())
    };
    let spilled: Vec<u32> = program.log().lines().filter_map(stores).collect();
    let Some(most) = spilled.iter().max() else {
        bail!("the assembler did not say what {source} takes on {chip}")
    };
    ensure!(
        *most <= MOST_SPILLED,
        "{source} spills {most} bytes of registers on {chip}; at most {MOST_SPILLED}:\n{}",
        program.log()
    );
    Ok(*most)
}

/// Every file of the kernels, by name: they include each other.
fn sources(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "cu" || end == "cuh") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, fs::read_to_string(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

/// The compiler's library, fetched once.
fn library() -> Result<PathBuf> {
    let folder =
        pip::fetch("nvrtc", "NVIDIA's kernel compiler, by pip", NVRTC, &["--no-deps", "--require-hashes"])?;
    Ok(folder.join("nvidia/cuda_nvrtc/lib/libnvrtc.so.12"))
}
