//! The snapshot as Prometheus metrics.
//!
//! Names are `matrixai_…` in base units, as Prometheus has it. GPUs are also told under the names of NVIDIA's dcgm-exporter, in its units, for
//! dashboards that know them. What a chip does is the mean of its last window: what the log has, and what is anchored. A value that is missing, or
//! of long ago, is left out: zero would be a claim.

mod dcgm;
mod draws;

use crate::{
    board::{Part, Snapshot},
    replay,
    tally::{ChipTally, Tally, answers, replayed},
    views::{
        exposition::{Exposition, Family, Kind},
        words,
    },
};
use attest::record::{Activity, GpuDetail};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use std::fs;

/// Bytes in a MiB; thousandths and millionths in a whole.
const MIB: f64 = 1_048_576.0;
const MICRO: f64 = 1e6;
const MILLI: f64 = 1e3;

/// The page that Prometheus reads.
pub fn page(snapshot: &Snapshot, host: &str) -> String {
    let mut page = Exposition::default();
    agent(&mut page, snapshot);
    if let Some(log) = &snapshot.log {
        log_and_anchors(&mut page, snapshot, log);
        chips(&mut page, &log.chips);
        dcgm::chips(&mut page, &log.chips, host);
    }
    chain(&mut page, snapshot);
    drilling(&mut page, snapshot);
    draws::snapshots(&mut page, &snapshot.jobs);
    snapshot.challenges.iter().for_each(|view| draws::challenges(&mut page, view));
    process(&mut page);
    page.finish()
}

fn float(value: impl TryInto<u64>) -> Option<f64> {
    value.try_into().ok().map(|value| value as f64)
}

fn thousandths(value: Option<u64>) -> Option<f64> {
    value.map(|value| value as f64 / MILLI)
}

fn truth(is: bool) -> Option<f64> {
    Some(if is { 1.0 } else { 0.0 })
}

fn agent(page: &mut Exposition, snapshot: &Snapshot) {
    use Kind::Gauge;
    let machine = snapshot.machine_id.map(|id| id.to_string()).unwrap_or_default();
    let replay = snapshot.log.as_ref().and_then(Tally::replay);
    page.family(
        "matrixai_agent_info",
        Gauge,
        "The agent: its version, its machine, and where readings of GPUs come from.",
    )
    .sample(
        &[("version", &snapshot.version), ("machine", &machine), ("source", replay::source(replay))],
        Some(1.0),
    );
    let mut trouble = page.family(
        "matrixai_trouble",
        Gauge,
        "Whether a part is in trouble; `matrixai-agent status` says which.",
    );
    for part in Part::ALL {
        trouble.sample(&[("part", part.name())], truth(snapshot.troubles.contains_key(&part)));
    }
}

fn log_and_anchors(page: &mut Exposition, snapshot: &Snapshot, log: &Tally) {
    use Kind::{Counter, Gauge};
    page.one("matrixai_log_records", Gauge, "Records in the activity log.", float(log.size));
    page.one(
        "matrixai_log_window_end_timestamp_seconds",
        Gauge,
        "When the last window of activity ended.",
        thousandths(snapshot.last_window_ms),
    );
    let mut gaps = page.family(
        "matrixai_log_gaps_total",
        Counter,
        "Stretches without records that this run of the agent wrote down, by reason.",
    );
    log.gaps.iter().for_each(|(reason, gap)| gaps.sample(&[("reason", reason)], float(gap.count)));
    let mut gaps = page.family(
        "matrixai_log_gap_seconds_total",
        Counter,
        "How long those were, together, whose length is known.",
    );
    log.gaps.iter().for_each(|(reason, gap)| gaps.sample(&[("reason", reason)], thousandths(Some(gap.ms))));
    page.one(
        "matrixai_anchors_total",
        Counter,
        "Anchors that became final in this run of the agent.",
        float(log.anchors),
    );
    let last = log.anchor.as_ref();
    page.one(
        "matrixai_anchor_timestamp_seconds",
        Gauge,
        "When the agent saw its last anchor final; missing if there never was one.",
        thousandths(last.map(|last| last.at_ms)),
    );
    page.one(
        "matrixai_anchor_height",
        Gauge,
        "The block that the last anchor is younger than.",
        last.and_then(|last| float(last.block)),
    );
    page.one(
        "matrixai_anchor_records",
        Gauge,
        "Records that the last anchor covers.",
        last.and_then(|last| float(last.size)),
    );
    page.one(
        "matrixai_anchor_serial",
        Gauge,
        "Where the TPM's counter stood at the last anchor.",
        last.and_then(|last| float(last.counter)),
    );
    page.one(
        "matrixai_anchor_next_timestamp_seconds",
        Gauge,
        "When the next anchor is due.",
        thousandths(snapshot.next_anchor_ms),
    );
    page.one(
        "matrixai_outbox_depth",
        Gauge,
        "Transactions that the chain has not shown as final yet.",
        float(snapshot.outbox.len()),
    );
}

fn chain(page: &mut Exposition, snapshot: &Snapshot) {
    use Kind::Gauge;
    let chain = &snapshot.chain;
    page.one(
        "matrixai_chain_ready",
        Gauge,
        "Whether the light client is synchronised.",
        truth(chain.phase == "ready"),
    );
    page.one(
        "matrixai_chain_stalled",
        Gauge,
        "Whether it has found that nothing moves.",
        truth(chain.stall.is_some()),
    );
    page.one("matrixai_chain_peers", Gauge, "Peers of the light client.", float(chain.peers));
    page.one(
        "matrixai_chain_finalized_height",
        Gauge,
        "The latest finalised block.",
        chain.finalized.and_then(float),
    );
    page.one("matrixai_chain_best_height", Gauge, "The best block.", chain.best.and_then(float));
    page.one(
        "matrixai_chain_finalized_timestamp_seconds",
        Gauge,
        "When the latest finalised block was seen.",
        thousandths(chain.finalized_seen_ms),
    );
    if let Some(machine) = &snapshot.machine {
        page.family("matrixai_machine_info", Gauge, "The machine as the chain has it.").sample(
            &[("owner", &machine.owner), ("level", &machine.level), ("standing", &machine.standing)],
            Some(1.0),
        );
        page.one(
            "matrixai_machine_active",
            Gauge,
            "Whether the machine is active on chain.",
            truth(machine.standing == "active"),
        );
        page.one(
            "matrixai_machine_due_height",
            Gauge,
            "Without an anchor after this block the machine lapses.",
            float(machine.due),
        );
    }
    let power = snapshot.power.as_ref();
    let ut = |value: Option<u64>| value.map(|value| value as f64 / MICRO);
    page.one(
        "matrixai_machine_effective_power",
        Gauge,
        "Effective compute power that the chain credits the machine with, in ut.",
        ut(power.map(|power| power.effective)),
    );
    page.one(
        "matrixai_machine_drilled",
        Gauge,
        "All drilling that the chain ever credited the machine with, in ut.",
        ut(power.map(|power| power.drilling_total)),
    );
}

fn drilling(page: &mut Exposition, snapshot: &Snapshot) {
    use Kind::{Counter, Gauge};
    if let Some(log) = &snapshot.log {
        page.one(
            "matrixai_drill_tasks_done_total",
            Counter,
            "Tasks that this run of the agent did and logged.",
            float(log.drills.tasks),
        );
        page.one(
            "matrixai_drill_work_total",
            Counter,
            "What those tasks are worth, in ut.",
            Some(log.drills.micro_ut as f64 / MICRO),
        );
    }
    let Some(drill) = &snapshot.drill else { return };
    page.one("matrixai_drill_tasks_open", Gauge, "Tasks that are not settled.", float(drill.tasks));
    page.one(
        "matrixai_drill_questions_open",
        Gauge,
        "Questions about results that wait for an answer.",
        float(drill.questions),
    );
    page.one(
        "matrixai_drill_tasks_agreed_total",
        Counter,
        "Tasks that the chain ever credited.",
        float(drill.agreed),
    );
    page.one(
        "matrixai_drill_tasks_forfeited_total",
        Counter,
        "Tasks that were ever forfeited.",
        float(drill.forfeited),
    );
    page.one(
        "matrixai_drill_convictions_total",
        Counter,
        "Lies that the chain holds against the machine.",
        float(drill.convicted),
    );
    page.one(
        "matrixai_drill_held",
        Gauge,
        "Whether drilling holds still: paused, quiet hours, power, or the owner's bond.",
        truth(drill.held.is_some() || drill.bond.is_some()),
    );
    let mut engines = page.family("matrixai_drill_engine_up", Gauge, "Whether what does tasks does them.");
    drill
        .engines
        .iter()
        .for_each(|engine| engines.sample(&[("engine", &engine.name)], truth(engine.lost.is_none())));
}

/// The labels that tell a chip.
struct Named<'a> {
    tally: &'a ChipTally,
    kind: &'static str,
    index: String,
    source: &'static str,
}

impl<'a> Named<'a> {
    fn new(tally: &'a ChipTally) -> Self {
        let chip = &tally.chip;
        let source = replay::source(replayed(&chip.state));
        Self { tally, kind: words::kind(chip.kind), index: chip.index.to_string(), source }
    }

    fn add(&self, family: &mut Family<'_>, value: Option<f64>) {
        family.sample(&[("kind", self.kind), ("chip", &self.index), ("source", self.source)], value);
    }
}

type Reading = fn(&Activity) -> Option<f64>;

/// What the last window says.
const READINGS: &[(&str, &str, Reading)] = &[
    ("matrixai_chip_power_watts", "Mean power in the last window.", |window| {
        Some(f64::from(window.power_mw?) / MILLI)
    }),
    ("matrixai_chip_power_max_watts", "Highest power seen in the last window.", |window| {
        Some(f64::from(window.power_max_mw?) / MILLI)
    }),
    ("matrixai_chip_utilization_ratio", "Mean share of time in which the chip was busy.", |window| {
        Some(f64::from(window.utilisation?) / MILLI)
    }),
    (
        "matrixai_chip_memory_utilization_ratio",
        "Mean use of memory bandwidth (GPU) or of memory.",
        |window| Some(f64::from(window.memory_utilisation?) / MILLI),
    ),
    ("matrixai_chip_tensor_active_ratio", "Mean activity of the tensor units.", |window| {
        Some(f64::from(window.tensor?) / MILLI)
    }),
    ("matrixai_chip_clock_hertz", "Mean clock.", |window| Some(f64::from(window.clock_mhz?) * 1e6)),
    ("matrixai_chip_temperature_celsius", "Highest temperature in the last window.", |window| {
        Some(f64::from(window.temperature?))
    }),
    ("matrixai_chip_memory_used_bytes", "Memory in use at the window's end.", |window| {
        Some(window.memory_used_mib? as f64 * MIB)
    }),
    (
        "matrixai_chip_throttle_reasons",
        "Reasons for lowered clocks seen in the last window, as NVML's bits.",
        |window| float(window.throttle?),
    ),
    (
        "matrixai_chip_uncorrected_memory_errors",
        "Uncorrected memory errors since the driver was loaded.",
        |window| float(window.ecc_errors?),
    ),
    ("matrixai_chip_processes", "Processes that used the chip at the window's end.", |window| {
        Some(f64::from(window.processes?))
    }),
    ("matrixai_chip_window_seconds", "Length of the last window.", |window| {
        Some(f64::from(window.span_ms) / MILLI)
    }),
];

type Detail = fn(&GpuDetail) -> Option<f64>;

/// What GPUs tell besides, in the last window.
const DETAILS: &[(&str, &str, Detail)] = &[
    (
        "matrixai_chip_tensor_half_active_ratio",
        "Mean activity of the tensor units on 16-bit floats.",
        |detail| Some(f64::from(detail.tensor_half?) / MILLI),
    ),
    (
        "matrixai_chip_tensor_integer_active_ratio",
        "Mean activity of the tensor units on integers.",
        |detail| Some(f64::from(detail.tensor_integer?) / MILLI),
    ),
    ("matrixai_chip_memory_bandwidth_ratio", "Mean share of the memory's bandwidth in use.", |detail| {
        Some(f64::from(detail.memory_bandwidth?) / MILLI)
    }),
    ("matrixai_chip_nvlinks", "NVLinks that the chip has.", |detail| Some(f64::from(detail.nvlinks?))),
    ("matrixai_chip_nvlinks_active", "NVLinks that are up.", |detail| {
        Some(f64::from(detail.nvlinks_active?))
    }),
    ("matrixai_chip_nvlink_errors", "Errors on all NVLinks since the driver was loaded.", |detail| {
        float(detail.nvlink_errors?)
    }),
    (
        "matrixai_chip_corrected_memory_errors",
        "Corrected memory errors since the driver was loaded.",
        |detail| float(detail.ecc_corrected?),
    ),
    ("matrixai_chip_parts", "Parts into which the chip is divided; 0 while it is not.", |detail| {
        Some(f64::from(detail.parts?))
    }),
];

type Sum = fn(&ChipTally) -> Option<f64>;

/// What this run has added up.
const SUMS: &[(&str, &str, Sum)] = &[
    (
        "matrixai_chip_energy_joules_total",
        "Energy used, as far as this run of the agent has logged it.",
        |chip| thousandths(chip.energy_mj),
    ),
    ("matrixai_chip_read_bytes_total", "Bytes read (disk) or received (PCIe).", |chip| {
        float(chip.read_bytes?)
    }),
    ("matrixai_chip_written_bytes_total", "Bytes written (disk) or sent (PCIe).", |chip| {
        float(chip.written_bytes?)
    }),
    ("matrixai_chip_samples_total", "Samples taken.", |chip| float(chip.samples)),
    ("matrixai_chip_samples_failed_total", "Samples that failed.", |chip| float(chip.failed)),
];

fn chips(page: &mut Exposition, chips: &[ChipTally]) {
    use Kind::{Counter, Gauge};
    let named: Vec<Named<'_>> = chips.iter().map(Named::new).collect();
    let mut info = page.family("matrixai_chip_info", Gauge, "A chip as it was found.");
    for one in &named {
        let chip = &one.tally.chip;
        let labels: [(&str, &str); 9] = [
            ("kind", one.kind),
            ("chip", &one.index),
            ("source", one.source),
            ("name", &chip.name),
            ("id", &chip.id),
            ("driver", &chip.driver),
            ("firmware", &chip.firmware),
            ("state", words::state(&chip.state)),
            ("recording", replayed(&chip.state).unwrap_or_default()),
        ];
        info.sample(&labels, Some(1.0));
    }
    let mut up = page.family("matrixai_chip_up", Gauge, "Whether the chip answers.");
    for one in &named {
        one.add(&mut up, truth(answers(&one.tally.chip.state)));
    }
    let mut memory = page.family("matrixai_chip_memory_bytes", Gauge, "Memory or capacity.");
    named.iter().for_each(|one| one.add(&mut memory, one.tally.chip.memory_mib.map(|mib| mib as f64 * MIB)));
    for (name, help, reading) in READINGS {
        let mut family = page.family(name, Gauge, help);
        named.iter().for_each(|one| one.add(&mut family, one.tally.current().and_then(reading)));
    }
    for (name, help, detail) in DETAILS {
        let mut family = page.family(name, Gauge, help);
        named.iter().for_each(|one| one.add(&mut family, one.tally.current_detail().and_then(detail)));
    }
    for (name, help, sum) in SUMS {
        let mut family = page.family(name, Counter, help);
        named.iter().for_each(|one| one.add(&mut family, sum(one.tally)));
    }
}

/// What every client library of Prometheus tells of its process.
fn process(page: &mut Exposition) {
    let used = getrusage(UsageWho::RUSAGE_SELF).ok();
    let used = used.map(|used| (used.user_time() + used.system_time()).num_microseconds() as f64 / MICRO);
    page.one("process_cpu_seconds_total", Kind::Counter, "Processor time that the agent used.", used);
    page.one("process_resident_memory_bytes", Kind::Gauge, "The agent's resident memory.", resident());
}

fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib as f64 * 1024.0)
}

/// The host's name, as dcgm-exporter labels its metrics.
pub fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().into()
}

#[cfg(test)]
mod tests;
