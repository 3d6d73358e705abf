//! Words and numbers that views share.

use attest::record::{Activity, ChipKind, ChipState};

/// A kind of chip.
pub const fn kind(kind: ChipKind) -> &'static str {
    match kind {
        ChipKind::Gpu => "gpu",
        ChipKind::Cpu => "cpu",
        ChipKind::Memory => "memory",
        ChipKind::Disk => "disk",
    }
}

/// A chip's state, in a word.
pub const fn state(state: &ChipState) -> &'static str {
    match state {
        ChipState::Present => "present",
        ChipState::Absent => "absent",
        ChipState::Broken(_) => "broken",
        ChipState::Hung => "hung",
        ChipState::Replayed(_) => "replayed",
    }
}

/// What is to be said of a chip that does not answer, or that is none.
pub fn caveat(kind: ChipKind, state: &ChipState) -> Option<String> {
    match state {
        ChipState::Present => None,
        ChipState::Absent if kind == ChipKind::Gpu => Some("no GPU, or no NVIDIA driver".into()),
        ChipState::Absent => Some("absent".into()),
        ChipState::Broken(why) if kind == ChipKind::Gpu => Some(format!("driver broken: {why}")),
        ChipState::Broken(why) => Some(format!("broken: {why}")),
        ChipState::Hung => Some("driver hung; left alone until the agent restarts".into()),
        ChipState::Replayed(recording) => Some(format!("REPLAY, not measured here: {recording}")),
    }
}

/// How busy a chip was, ‰; of memory, how full.
pub fn load(window: &Activity) -> Option<u16> {
    match window.kind {
        ChipKind::Memory => window.memory_utilisation,
        _ => window.utilisation,
    }
}

/// ‰ as a percentage: `97.0`.
pub fn percent(permille: u16) -> String {
    format!("{}.{}", permille / 10, permille % 10)
}

/// MiB as GiB or MiB.
pub fn mib(mib: u64) -> String {
    if mib >= 10_240 { format!("{} GiB", (mib + 512) / 1024) } else { format!("{mib} MiB") }
}

/// A number with its thousands apart.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let apart = digits.chars().enumerate().flat_map(|(place, digit)| {
        let comma = place > 0 && (digits.len() - place).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    apart.collect()
}

/// mJ as Wh, kWh or J.
pub fn energy(mj: u64) -> String {
    let watt_hours = mj as f64 / 3.6e6;
    match watt_hours {
        hours if hours >= 1000.0 => format!("{:.2} kWh", hours / 1000.0),
        hours if hours >= 1.0 => format!("{hours:.1} Wh"),
        _ => format!("{:.0} J", mj as f64 / 1000.0),
    }
}

/// A length of time, in two units at most.
pub fn span(ms: u64) -> String {
    let seconds = ms / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// Micro-ut as ut.
pub fn ut(micro: u64) -> String {
    format!("{}.{:06} ut", micro / 1_000_000, micro % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!((percent(970), percent(5)), ("97.0".into(), "0.5".into()));
        assert_eq!((mib(81_559), mib(900)), ("80 GiB".into(), "900 MiB".into()));
        assert_eq!(
            (energy(500), energy(36_000_000), energy(u64::MAX)),
            ("0 J".into(), "10.0 Wh".into(), "5124095576.03 kWh".into())
        );
        assert_eq!(
            (span(900), span(61_000), span(90_000_000)),
            ("900 ms".into(), "1 min 1 s".into(), "1 d 1 h".into())
        );
        assert_eq!(
            (count(7), count(1_234), count(1_000_000)),
            ("7".into(), "1,234".into(), "1,000,000".into())
        );
        assert_eq!(ut(1_500_000), "1.500000 ut");
    }
}
