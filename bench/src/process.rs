//! What the kernel says of a process.

use anyhow::{Context, Result};
use std::{fs, time::Duration};

/// The kernel counts processor time in hundredths of a second, whatever its own clock (proc(5), USER_HZ).
const TICK: Duration = Duration::from_millis(10);

/// Memory of a process, MiB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Resident now.
    pub resident: f64,
    /// The most that was ever resident.
    pub peak: f64,
}

impl Memory {
    /// Of a process.
    pub fn of(id: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        Ok(Self { resident: mebibytes(&status, "VmRSS:")?, peak: mebibytes(&status, "VmHWM:")? })
    }
}

fn mebibytes(status: &str, key: &str) -> Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|rest| rest.split_whitespace().next()).with_context(|| format!("no {key}"))?;
    Ok(number.parse::<f64>()? / 1024.0)
}

/// Processor time that a process has used so far, in all its threads.
pub fn used(id: u32) -> Result<Duration> {
    ticks(&fs::read_to_string(format!("/proc/{id}/stat"))?).map(|ticks| TICK * ticks)
}

/// utime and stime, the 14th and 15th field; the second may hold spaces and parentheses.
fn ticks(stat: &str) -> Result<u32> {
    let (_, rest) = stat.rsplit_once(')').context("a stat without a name")?;
    let fields = rest.split_whitespace().skip(11).take(2);
    fields.map(|field| Ok(field.parse::<u32>()?)).sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_understood() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 9 9 20 0 1 0 100";
        assert_eq!(ticks(stat).unwrap(), 300);
        let memory = Memory::of(std::process::id()).unwrap();
        assert!(memory.resident > 0.0 && memory.peak >= memory.resident);
    }
}
