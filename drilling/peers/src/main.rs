//! Ours beside its peers, in turns, in one run: what counts is the ratio, since the machine may be shared.
//!
//! `drilling-peers [ROUNDS] [--strict]`; `PYTHON` names a Python with onnxruntime and onnx. With `--strict` a bar that is missed, or that
//! cannot be told, is a failure.

mod bars;
mod peak;
mod peers;
mod tasks;

use bars::{Bars, Rates};
use drilling::cpu::Backend;
use peers::{Onnx, Product};
use std::process::ExitCode;

fn main() -> ExitCode {
    let strict = std::env::args().any(|argument| argument == "--strict");
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    let mut bars = Bars::default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut onnx = Onnx::start();
    match &onnx {
        Some(onnx) => println!("onnxruntime {}", onnx.version),
        None => println!("no onnxruntime: `pip install onnxruntime onnx`, and PYTHON names that Python"),
    }
    for threads in [1, cores] {
        for size in [1024, 2048] {
            // Quiet moments of all cores are rarer.
            let rates = products(size, threads, if threads > 1 { 3 * rounds } else { rounds }, onnx.as_mut());
            bars.products(size, threads, &rates);
        }
    }
    for (class, backend, part) in tasks::shapes() {
        bars.digest(&format!("{class:?}"), backend, part);
    }
    let (redo, plain) = tasks::freivalds();
    for (backend, redo) in redo {
        bars.freivalds(backend, redo);
    }
    bars.freivalds_plain(plain);
    tasks::fraud_proofs();
    tasks::cheats();
    if bars.print() || !strict { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One size and thread count: everybody in turn, the best of all turns.
fn products(size: usize, threads: usize, rounds: usize, mut onnx: Option<&mut Onnx>) -> Rates {
    let mut all: Vec<(String, Product)> = Vec::new();
    for backend in Backend::available() {
        all.push((format!("ours, {}", backend.name()), peers::ours(backend, size, threads)));
    }
    if is_x86_feature_detected!("avx512vnni") {
        all.push(("tract-linalg 16×16".into(), peers::tract(size, threads)));
    }
    let (rten, exact) = peers::rten(size, threads);
    all.push((if exact { "rten-gemm" } else { "rten-gemm (saturates)" }.into(), rten));
    all.push(("gemmkit".into(), peers::gemmkit(size, threads)));
    let (mut seconds, mut theirs, mut peak) = (vec![f64::INFINITY; all.len()], f64::INFINITY, ("", 0f64));
    let mut amx_peak = None;
    let mut onnx_name = "onnxruntime u8×s8";
    for round in 0..rounds {
        if let Some((instruction, rate)) = peak::gops(threads) {
            peak = (instruction, rate.max(peak.1));
        }
        amx_peak = peak::amx(threads).map(|rate| rate.max(amx_peak.unwrap_or(0f64)));
        for ((name, product), best) in all.iter_mut().zip(&mut seconds) {
            // Those of our back ends that do not count are told, and not compared: once is enough.
            let counts = || tasks::counted().any(|backend| name.ends_with(backend.name()));
            if name.starts_with("ours") && !counts() && round > 0 {
                continue;
            }
            *best = best.min(product(if name.ends_with("scalar") { 1 } else { 8 }));
        }
        if let Some(onnx) = &mut onnx {
            let (seconds, exact) = onnx.product(size, threads, 8).unwrap_or((f64::INFINITY, true));
            theirs = theirs.min(seconds);
            if !exact {
                onnx_name = "onnxruntime (saturates)";
            }
        }
    }
    let gops = |seconds: f64| 2.0 * (size as f64).powi(3) / seconds / 1e9;
    let (instruction, peak) = peak;
    match peak > 0.0 {
        true => {
            println!(
                "\n{size}³, {threads} threads: GOPS (of the register-only peak of {instruction}, {peak:.0})"
            )
        }
        false => {
            println!("\n{size}³, {threads} threads: GOPS (no peak is known of this processor's instructions)")
        }
    }
    let names = all.iter().map(|(name, _)| name.as_str()).zip(seconds).chain([(onnx_name, theirs)]);
    let mut best_peer = 0f64;
    let (mut ours, mut vnni) = (0f64, None);
    for (name, seconds) in names.filter(|(_, seconds)| seconds.is_finite()) {
        let rate = gops(seconds);
        let of_peak = if peak > 0.0 { format!("{:.2}", rate / peak) } else { "-".into() };
        println!("  {name:24} {rate:7.1}  {of_peak}");
        if name.starts_with("ours") {
            ours = ours.max(rate);
            if name.ends_with(Backend::Avx512.name()) {
                vnni = Some((rate, peak));
            }
        } else if !name.ends_with("(saturates)") {
            // Who gives other sums does other work.
            best_peer = best_peer.max(rate);
        }
    }
    println!("  ours to the best exact peer: {:.3}", ours / best_peer);
    if peak > 0.0 {
        println!("  ours to that peak: {:.3}", ours / peak);
    }
    if let Some(peak) = amx_peak {
        println!("  ours to the register-only peak of tdpbssd, {peak:.0}: {:.3}", ours / peak);
    }
    let missing = (!theirs.is_finite()).then_some("onnxruntime was not there to be beaten");
    Rates { ours, best_peer, vnni, missing }
}
