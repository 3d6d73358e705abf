//! A pallet's `weights.rs`.

use crate::{
    Options,
    fit::{Cost, Line, SAFETY_PERCENT, Slope},
};
use anyhow::{Context, Result};
use std::{fmt::Write, fs, path::Path};

/// Writes it. rustfmt has the last word.
pub fn pallet(dir: &Path, pallet: &str, costs: &[Cost], options: &Options) -> Result<()> {
    let name = pallet.strip_prefix("pallet_").unwrap_or(pallet);
    let file = dir.join(name).join("src/weights.rs");
    fs::write(&file, text(pallet, costs, options)?)
        .with_context(|| format!("cannot write {}", file.display()))
}

fn text(pallet: &str, costs: &[Cost], options: &Options) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "//! What `{pallet}` costs, as measured. Written by `cargo xtask weights`; do not edit.")?;
    writeln!(text, "//!")?;
    writeln!(text, "//! {} on {}, {} cores.", chrono::Utc::now().format("%F"), processor(), cores())?;
    writeln!(
        text,
        "//! The runtime's WASM is built for release; it runs in the node's executor, built for development."
    )?;
    let (steps, repeat) = (options.steps, options.repeat);
    writeln!(
        text,
        "//! {steps} values of each component, {repeat} runs of each, processor time, least squares. Times are multiplied by {}.{}; proof size is not counted.",
        SAFETY_PERCENT / 100,
        SAFETY_PERCENT % 100 / 10
    )?;
    text.push_str(PREAMBLE);
    for cost in costs {
        writeln!(text, "    /// `{}`{}.", cost.name, ranges(cost))?;
        writeln!(text, "    fn {}({}) -> Weight;", cost.name, parameters(cost))?;
    }
    text.push_str(BETWEEN);
    for cost in costs {
        function(&mut text, cost)?;
    }
    text.push_str("}\n");
    Ok(text)
}

const PREAMBLE: &str = "
use core::marker::PhantomData;
use polkadot_sdk::*;

use frame_support::{traits::Get, weights::{RuntimeDbWeight, Weight}};

/// What calls and hooks cost.
pub trait WeightInfo {
";

const BETWEEN: &str = "}

/// As measured, with a database of this cost.
pub struct Measured<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> WeightInfo for Measured<Db> {
";

fn ranges(cost: &Cost) -> String {
    let ranges = cost.components().map(|(name, (low, high))| format!("`{name}` from {low} to {high}"));
    ranges.fold(String::new(), |all, range| format!("{all}, {range}"))
}

fn parameters(cost: &Cost) -> String {
    cost.components().map(|(name, _)| format!("{name}: u32")).collect::<Vec<_>>().join(", ")
}

fn function(text: &mut String, cost: &Cost) -> Result<()> {
    let (base, slopes) = cost.time.safe();
    let names: Vec<&str> = cost.components().map(|(name, _)| name).collect();
    writeln!(text, "    // Runs took {} to {} ns.", cost.shortest, cost.longest)?;
    writeln!(text, "    fn {}({}) -> Weight {{", cost.name, parameters(cost))?;
    writeln!(text, "        Weight::from_parts({}, 0)", grouped(base))?;
    for (name, each) in names.iter().zip(slopes).filter(|(_, each)| *each > 0) {
        writeln!(
            text,
            "            .saturating_add(Weight::from_parts({}, 0).saturating_mul(u64::from({name})))",
            grouped(each)
        )?;
    }
    let (reads, writes) = (count(&cost.reads), count(&cost.writes));
    writeln!(text, "            .saturating_add(Db::get().reads_writes({reads}, {writes}))")?;
    // A component may cost nothing.
    for name in names.iter().filter(|name| !uses(cost, name)) {
        writeln!(text, "            .saturating_add(Weight::zero().saturating_mul(u64::from({name})))")?;
    }
    writeln!(text, "    }}")?;
    Ok(())
}

fn uses(cost: &Cost, name: &str) -> bool {
    let lines = [&cost.time, &cost.reads, &cost.writes];
    lines.iter().flat_map(|line| &line.slopes).any(|slope| slope.name == name && slope.each > 0)
}

fn count(line: &Line) -> String {
    let slopes = line.slopes.iter().filter(|slope| slope.each > 0);
    slopes.fold(line.base.to_string(), |sum, Slope { name, each, .. }| {
        let more = if *each > 1 { format!(".saturating_mul({each})") } else { String::new() };
        format!("{sum}u64.saturating_add(u64::from({name}){more})")
    })
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("an unknown processor", |(_, model)| model).to_string()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
