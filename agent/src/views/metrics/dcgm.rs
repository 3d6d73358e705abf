//! GPUs under the names and in the units of NVIDIA's dcgm-exporter. Its counters are untyped here: their names are not what a counter's
//! should be.

use super::{MILLI, float};
use crate::{
    replay,
    tally::{ChipTally, replayed},
    views::exposition::{Exposition, Kind},
};
use attest::record::{Activity, ChipKind};

type Alias = fn(&ChipTally, &Activity) -> Option<f64>;

const ALIASES: &[(&str, Kind, &str, Alias)] = &[
    ("DCGM_FI_DEV_SM_CLOCK", Kind::Gauge, "SM clock frequency (in MHz).", |_, window| {
        Some(f64::from(window.clock_mhz?))
    }),
    ("DCGM_FI_DEV_GPU_TEMP", Kind::Gauge, "GPU temperature (in C).", |_, window| {
        Some(f64::from(window.temperature?))
    }),
    ("DCGM_FI_DEV_POWER_USAGE", Kind::Gauge, "Power draw (in W).", |_, window| {
        Some(f64::from(window.power_mw?) / MILLI)
    }),
    (
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        Kind::Untyped,
        "Energy consumption since the agent's start (in mJ): a counter.",
        |chip, _| float(chip.energy_mj?),
    ),
    ("DCGM_FI_DEV_GPU_UTIL", Kind::Gauge, "GPU utilization (in %).", |_, window| {
        Some(f64::from(window.utilisation?) / 10.0)
    }),
    ("DCGM_FI_DEV_MEM_COPY_UTIL", Kind::Gauge, "Memory utilization (in %).", |_, window| {
        Some(f64::from(window.memory_utilisation?) / 10.0)
    }),
    (
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
        Kind::Gauge,
        "Ratio of cycles the tensor (HMMA) pipe is active.",
        |_, window| Some(f64::from(window.tensor?) / MILLI),
    ),
    ("DCGM_FI_DEV_FB_USED", Kind::Gauge, "Framebuffer memory used (in MiB).", |_, window| {
        float(window.memory_used_mib?)
    }),
    ("DCGM_FI_DEV_FB_FREE", Kind::Gauge, "Framebuffer memory free (in MiB).", |chip, window| {
        float(chip.chip.memory_mib?.checked_sub(window.memory_used_mib?)?)
    }),
    (
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
        Kind::Untyped,
        "Double-bit volatile ECC errors: a counter.",
        |_, window| float(window.ecc_errors?),
    ),
    ("DCGM_FI_DEV_XID_ERRORS", Kind::Gauge, "Value of the last XID error encountered.", |chip, _| {
        Some(f64::from(chip.xid?))
    }),
    (
        "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL",
        Kind::Untyped,
        "Single-bit volatile ECC errors: a counter.",
        |chip, _| float(chip.current_detail()?.ecc_corrected?),
    ),
    (
        "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS",
        Kind::Gauge,
        "Reasons for lowered clocks, as NVML's bits.",
        |_, window| float(window.throttle?),
    ),
];

/// All GPUs, under those names.
pub fn chips(page: &mut Exposition, chips: &[ChipTally], host: &str) {
    for (name, kind, help, alias) in ALIASES {
        let mut family = page.family(name, *kind, help);
        for tally in chips.iter().filter(|tally| tally.chip.kind == ChipKind::Gpu) {
            let chip = &tally.chip;
            let (index, device) = (chip.index.to_string(), format!("nvidia{}", chip.index));
            let labels: [(&str, &str); 6] = [
                ("gpu", &index),
                ("UUID", &chip.id),
                ("device", &device),
                ("Hostname", host),
                ("DCGM_FI_DRIVER_VERSION", &chip.driver),
                ("source", replay::source(replayed(&chip.state))),
            ];
            family.sample(&labels, tally.current().and_then(|window| alias(tally, window)));
        }
    }
}
