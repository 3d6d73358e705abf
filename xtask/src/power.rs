//! What the demo shows of compute power: it rises from nothing by tasks, and the chain credits no more than the machine's own log tells.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::Stage;

/// Compute power of the demo's owner at one time, in micro-ut.
#[derive(Debug, Clone, Copy)]
pub struct Power {
    /// All that the chain has credited.
    credited: u64,
    /// Per day: the weight in the block lottery.
    effective: u64,
}

impl Power {
    /// As the owner's tool reads it, through a light client.
    pub fn read(stage: &Stage) -> Result<Self> {
        Self::told(&serde_json::from_str(&stage.owner(&["ecp", "--json"])?)?)
    }

    /// What the owner's tool told.
    pub fn told(ecp: &Value) -> Result<Self> {
        let amount = |key: &str| ecp[key].as_u64().with_context(|| format!("no {key} in {ecp}"));
        Ok(Self { credited: amount("drilling_total")?, effective: amount("effective")? })
    }

    /// Waits until there is more of it than there was.
    pub fn risen(stage: &mut Stage, before: Self) -> Result<Self> {
        stage.until(&format!("compute power beyond {}", ut(before.effective)), |stage| {
            let now = Self::read(stage)?;
            Ok(now.is_above(before).then_some(now))
        })
    }

    const fn is_above(self, before: Self) -> bool {
        self.credited > before.credited && self.effective > before.effective
    }

    fn json(self) -> Value {
        json!({ "credited": self.credited, "effective": self.effective })
    }
}

/// Holds what was seen of the chain's figures against one another, and those at the end against the machine's own log of tasks.
pub fn check(seen: &[Power], end: &Power, log: &[Value]) -> Result<Value> {
    let first = seen.first().context("nobody looked at the compute power")?;
    if first.credited > 0 || first.effective > 0 {
        bail!("the owner has compute power before any task: {first:?}");
    }
    let above = |pair: &[Power]| matches!(pair, [before, after] if after.is_above(*before));
    if seen.len() < 3 || !seen.windows(2).all(above) {
        bail!("compute power did not rise from one look to the next: {seen:?}");
    }
    let tasks = log.iter().map(|drill| drill["body"]["micro_ut"].as_u64().context("a task without a worth"));
    let logged = tasks.sum::<Result<u64>>()?;
    if end.credited > logged {
        bail!(
            "the chain credits {}, more than the {} that the machine's own log tells of",
            ut(end.credited),
            ut(logged)
        );
    }
    let looks: Vec<Value> = seen.iter().chain([end]).map(|power| power.json()).collect();
    Ok(json!({ "looks": looks, "tasks": log.len(), "logged": logged }))
}

/// What [`check`] found.
pub fn print(power: &Value) {
    let number = |value: &Value| ut(value.as_u64().unwrap_or(0));
    println!("\nDrilling: effective compute power, and all that was credited for it:");
    let looks = power["looks"].as_array().into_iter().flatten();
    for (look, when) in looks.zip(["before any task", "after three", "later", "at the end"]) {
        println!("  {when:16} {:>16}  {:>16}", number(&look["effective"]), number(&look["credited"]));
    }
    println!(
        "  The machine's own log tells of {} tasks done, worth {}: the chain credits no more.",
        power["tasks"],
        number(&power["logged"])
    );
}

fn ut(micro: u64) -> String {
    format!("{:.6} ut", micro as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(amounts: &[u64]) -> Vec<Power> {
        amounts.iter().map(|credited| Power { credited: *credited, effective: credited / 10 }).collect()
    }

    fn log(tasks: usize) -> Vec<Value> {
        vec![json!({ "body": { "micro_ut": 622 } }); tasks]
    }

    fn refused(seen: &[u64], tasks: usize, why: &str) {
        let seen = looks(seen);
        let error = check(&seen, seen.last().unwrap(), &log(tasks)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn power_that_rises_within_the_log_passes() {
        let power = check(&looks(&[0, 622, 3 * 622]), &looks(&[5 * 622])[0], &log(5)).unwrap();
        assert_eq!((&power["tasks"], &power["logged"]), (&json!(5), &json!(3_110)));
    }

    #[test]
    fn power_that_does_not_rise_fails() {
        refused(&[0, 622, 622], 9, "did not rise");
        refused(&[0, 622], 9, "did not rise");
        refused(&[622, 1_244, 1_866], 9, "before any task");
        let same = |credited| Power { credited, effective: 9 };
        let seen = [looks(&[0])[0], same(622), same(1_244)];
        let error = check(&seen, &seen[2], &log(9)).unwrap_err().to_string();
        assert!(error.contains("did not rise"), "credit alone is no power: {error}");
    }

    #[test]
    fn more_credit_than_was_logged_fails() {
        refused(&[0, 622, 1_244], 1, "more than the 0.000622 ut");
        let seen = looks(&[0, 622, 1_244]);
        assert!(check(&seen, &seen[2], &[json!({}), json!({})]).is_err(), "a task without a worth");
    }
}
