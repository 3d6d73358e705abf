//! The recording's format. What a GPU does not support is left out.

use serde::{Deserialize, Serialize};

/// A host's GPUs over some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Where it comes from.
    pub about: String,
    /// The driver's version.
    pub driver: String,
    /// The GPUs, by index.
    pub gpus: Vec<Gpu>,
}

/// One GPU.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // named as NVML names them
pub struct Gpu {
    pub name: String,
    pub uuid: String,
    pub serial: Option<String>,
    pub vbios: Option<String>,
    /// Bytes.
    pub memory_total: Option<u64>,
    /// PCI domain, bus and device.
    pub pci: Option<[u32; 3]>,
    /// PCI device and vendor, 16 bits each.
    pub pci_id: Option<u32>,
    pub cores: Option<u32>,
    pub bus_bits: Option<u32>,
    pub nvlinks: Option<u32>,
    /// How many of them are up.
    pub nvlinks_active: Option<u32>,
    /// Parts into which the GPU is divided (MIG): 0 where it could be and is not.
    pub parts: Option<u32>,
    /// Its attestation report, hex; the nonce of a question is written into it.
    pub report: Option<String>,
    /// The certificates of the report's key, PEM.
    pub certificates: Option<String>,
    pub readings: Vec<Reading>,
}

/// What it answered at one time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // named as NVML names them
pub struct Reading {
    pub power_mw: Option<u32>,
    pub energy_mj: Option<u64>,
    pub gpu_percent: Option<u32>,
    pub memory_percent: Option<u32>,
    /// Bytes.
    pub memory_used: Option<u64>,
    pub clock_mhz: Option<u32>,
    pub temperature: Option<u32>,
    pub received_kb_s: Option<u32>,
    pub sent_kb_s: Option<u32>,
    pub throttle: Option<u64>,
    pub ecc_errors: Option<u64>,
    pub compute_processes: Option<u32>,
    pub graphics_processes: Option<u32>,
    pub tensor_percent: Option<f64>,
    pub tensor_half_percent: Option<f64>,
    pub tensor_integer_percent: Option<f64>,
    pub bandwidth_percent: Option<f64>,
    pub nvlink_received_mib_s: Option<f64>,
    pub nvlink_sent_mib_s: Option<f64>,
    pub nvlink_errors: Option<u64>,
    pub ecc_corrected: Option<u64>,
    /// A critical error that came since the reading before; 0 where none did.
    pub xid: Option<u64>,
}

impl Recording {
    /// Reads a recording.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}

impl Gpu {
    /// The reading at a step; after the last comes the first.
    pub fn reading(&self, step: usize) -> Option<Reading> {
        let round = step.checked_div(self.readings.len())?;
        let mut reading = self.readings.get(step - round * self.readings.len())?.clone();
        reading.energy_mj =
            reading.energy_mj.map(|energy| energy.saturating_add(self.energy_a_round() * round as u64));
        Some(reading)
    }

    /// What the counter grows by between two rounds, so that it never goes back.
    fn energy_a_round(&self) -> u64 {
        let energy = |reading: Option<&Reading>| reading.and_then(|reading| reading.energy_mj).unwrap_or(0);
        let grown = energy(self.readings.last()).saturating_sub(energy(self.readings.first()));
        grown + grown.checked_div(self.readings.len().saturating_sub(1) as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_goes_on_when_the_recording_begins_anew() {
        let readings =
            [100, 110, 120].map(|energy| Reading { energy_mj: Some(energy), ..Reading::default() });
        let gpu = Gpu { readings: readings.into(), ..Gpu::default() };
        let energy = |step| gpu.reading(step).unwrap().energy_mj.unwrap();
        assert_eq!((0..7).map(energy).collect::<Vec<_>>(), [100, 110, 120, 130, 140, 150, 160]);
        let silent = Gpu { readings: Vec::new(), ..gpu.clone() };
        assert_eq!(silent.reading(0), None);
    }

    #[test]
    fn the_committed_recording_says_that_it_is_made_up() {
        let recording = Recording::parse(include_str!("../recordings/synthetic.json")).unwrap();
        assert!(recording.about.starts_with("Synthetic"));
        assert!(recording.gpus.iter().all(|gpu| gpu.readings.len() == 12));
    }
}
