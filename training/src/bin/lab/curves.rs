//! False-rejection curves as tables: of honest packages and of forgeries, how many another threshold would reject.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use training::lab::{BEYOND, Margin, REPLAY, rejected, upper_bound};

/// What the room up to a threshold is multiplied by.
const FACTORS: [(&str, f64); 7] =
    [("⅛", 0.125), ("¼", 0.25), ("½", 0.5), ("¾", 0.75), ("1", 1.0), ("2", 2.0), ("4", 4.0)];

/// An honest package.
#[derive(Serialize, Deserialize)]
pub struct Honest {
    /// Which network and optimiser.
    pub cell: String,
    /// How near it comes to each tolerant threshold, and to those of the replay.
    pub tolerant: Vec<Margin>,
    /// And to each strict one.
    pub strict: Vec<Margin>,
    /// Intervals that were redone.
    pub intervals: usize,
    /// Whether it was rejected.
    pub rejected: bool,
}

/// A forgery.
#[derive(Serialize, Deserialize)]
pub struct Forged {
    /// Its number.
    pub id: String,
    /// How far it is beyond each threshold.
    pub margins: Vec<Margin>,
    /// Whether something rejects it that has no threshold: a check of the order's terms, or the reader.
    pub refused: bool,
}

/// Packages of one kind.
pub struct Population {
    /// In words.
    pub name: &'static str,
    /// Honest ones.
    pub honest: Vec<Honest>,
    /// Forgeries on the same data.
    pub forged: Vec<Forged>,
}

/// One comparison in one population.
#[derive(Default)]
struct Curve<'a> {
    thresholds: Vec<f64>,
    honest: Vec<f64>,
    nearest: Option<(f64, &'a str)>,
    forged: Vec<(&'a str, f64)>,
}

/// Prints a table for each rule and for the replay, one of all thresholds moved together, and one of the strict forms.
pub fn tell(populations: &[Population]) {
    for one in populations {
        let intervals: usize = one.honest.iter().map(|package| package.intervals).sum();
        println!("- {}: {} honest packages, {intervals} intervals redone", one.name, one.honest.len());
    }
    let curves: Vec<_> = populations.iter().map(|one| (one, curves(one))).collect();
    for rule in 1..=REPLAY {
        println!("\n{}\n", if rule == REPLAY { "Replay".into() } else { format!("Rule {rule}") });
        header("statistic (threshold) and packages", "at ×1");
        let mut told: Vec<&str> = curves
            .iter()
            .flat_map(|(_, of)| of.keys())
            .filter(|key| key.0 == rule)
            .map(|key| key.1)
            .collect();
        told.sort_unstable();
        told.dedup();
        for what in told {
            for (population, of) in &curves {
                if let Some(curve) = of.get(&(rule, what)) {
                    curve.tell(what, population, &alone(population, rule, what));
                }
            }
        }
    }
    println!("\nAll thresholds moved together\n");
    header("packages", "at ×1");
    populations.iter().for_each(together);
    println!("\nStrict forms\n");
    strict(populations);
}

fn header(first: &str, last: &str) {
    let columns: Vec<String> = FACTORS.iter().map(|(name, _)| format!("×{name}")).collect();
    println!("| {first} | median | most | {} | {last} |", columns.join(" | "));
    println!("|---|---|---|{}---|", "---|".repeat(columns.len()));
}

fn curves(population: &Population) -> BTreeMap<(u8, &str), Curve<'_>> {
    let mut curves: BTreeMap<_, Curve<'_>> = BTreeMap::new();
    for (one, margin) in
        population.honest.iter().flat_map(|one| one.tolerant.iter().map(move |margin| (one, margin)))
    {
        let curve = curves.entry((margin.rule, &*margin.what)).or_default();
        curve.thresholds.push(margin.threshold);
        curve.honest.push(margin.used);
        if curve.nearest.is_none_or(|(used, _)| margin.used > used) {
            curve.nearest = Some((margin.used, &one.cell));
        }
    }
    for (id, margin) in
        population.forged.iter().flat_map(|one| one.margins.iter().map(move |margin| (&*one.id, margin)))
    {
        curves.entry((margin.rule, &*margin.what)).or_default().forged.push((id, margin.used));
    }
    curves.values_mut().for_each(|curve| curve.honest.sort_by(f64::total_cmp));
    curves
}

/// The forgeries that nothing but this rejects.
fn alone<'a>(population: &'a Population, rule: u8, what: &str) -> Vec<&'a str> {
    let only = |one: &&Forged| {
        let mut above = one.margins.iter().filter(|margin| margin.used > 1.0).peekable();
        !one.refused
            && above.peek().is_some()
            && above.all(|margin| (margin.rule, &*margin.what) == (rule, what))
    };
    population.forged.iter().filter(only).map(|one| &*one.id).collect()
}

impl Curve<'_> {
    fn tell(&self, what: &str, population: &Population, alone: &[&str]) {
        let of = |found: Option<f64>| found.unwrap_or(f64::NAN);
        let low = of(self.thresholds.iter().copied().min_by(f64::total_cmp));
        let high = of(self.thresholds.iter().copied().max_by(f64::total_cmp));
        let threshold =
            if low == high { number(low) } else { format!("{} to {}", number(low), number(high)) };
        let count = self.honest.len();
        println!(
            "| {what} ({threshold}); {count} honest, {} | {} | {} | {} | below {} |",
            population.name,
            number(of(self.honest.get(count.saturating_sub(1) / 2).copied())),
            self.nearest.map_or("–".into(), |(used, cell)| match used {
                0.0 => number(used),
                _ => format!("{}, {cell}", number(used)),
            }),
            counts(&self.honest),
            percent(upper_bound(rejected(&self.honest, 1.0), count))
        );
        if self.forged.is_empty() {
            return;
        }
        let used: Vec<f64> = self.forged.iter().map(|(_, used)| *used).collect();
        let above = self.forged.iter().filter(|(_, used)| *used > 1.0);
        let least = above.min_by(|one, other| one.1.total_cmp(&other.1));
        let least = least.map_or("–".into(), |(id, used)| format!("least {id} {}", number(*used)));
        let alone = if alone.is_empty() { String::new() } else { format!("; alone {}", alone.join(", ")) };
        println!("| {} forged, {} | | | {} | {least}{alone} |", used.len(), population.name, counts(&used));
    }
}

/// What happens where all thresholds are moved by the same factor: honest packages rejected, forgeries that nothing rejects.
fn together(population: &Population) {
    let most =
        |margins: &[Margin]| margins.iter().map(|margin| margin.used).fold(f64::NEG_INFINITY, f64::max);
    let mut honest: Vec<f64> = population.honest.iter().map(|one| most(&one.tolerant)).collect();
    honest.sort_by(f64::total_cmp);
    let at = |place: usize| number(honest.get(place).copied().unwrap_or(f64::NAN));
    println!(
        "| {} honest, {}: rejected | {} | {} | {} | below {} |",
        honest.len(),
        population.name,
        at(honest.len().saturating_sub(1) / 2),
        at(honest.len().saturating_sub(1)),
        counts(&honest),
        percent(upper_bound(rejected(&honest, 1.0), honest.len()))
    );
    if population.forged.is_empty() {
        return;
    }
    let most: Vec<(&str, f64)> = population
        .forged
        .iter()
        .map(|one| (&*one.id, if one.refused { BEYOND } else { most(&one.margins) }))
        .collect();
    let pass = |factor: f64| {
        let ids: Vec<&str> = most.iter().filter(|(_, used)| *used <= factor).map(|(id, _)| *id).collect();
        if ids.is_empty() { "0".into() } else { ids.join(" ") }
    };
    let passing: Vec<String> = FACTORS.iter().map(|(_, factor)| pass(*factor)).collect();
    let weakest = most.iter().min_by(|one, other| one.1.total_cmp(&other.1));
    let weakest = weakest.map_or("–".into(), |(id, used)| format!("weakest {id} {}", number(*used)));
    println!(
        "| {} forged, {}: pass | | | {} | {weakest} |",
        most.len(),
        population.name,
        passing.join(" | ")
    );
}

/// Strict forms have one threshold each: how many honest packages it rejects.
fn strict(populations: &[Population]) {
    let populations: Vec<_> =
        populations.iter().filter(|one| one.honest.iter().any(|one| !one.strict.is_empty())).collect();
    let names: Vec<String> =
        populations.iter().map(|one| format!("{} (of {})", one.name, one.honest.len())).collect();
    println!("| rule | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(names.len()));
    for rule in 1..REPLAY {
        let fails = |one: &&Honest| one.strict.iter().any(|margin| margin.rule == rule && margin.used > 1.0);
        let counts = populations.iter().map(|one| one.honest.iter().filter(fails).count().to_string());
        println!("| {rule} | {} |", counts.collect::<Vec<_>>().join(" | "));
    }
}

fn counts(used: &[f64]) -> String {
    let each = FACTORS.iter().map(|(_, factor)| rejected(used, *factor).to_string());
    each.collect::<Vec<_>>().join(" | ")
}

fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        BEYOND => "∞".into(),
        small if (0.001..10.0).contains(&small) => format!("{value:.3}"),
        large if (10.0..10_000.0).contains(&large) => format!("{value:.0}"),
        _ => format!("{value:.1e}"),
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
