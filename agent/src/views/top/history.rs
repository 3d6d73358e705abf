//! The last windows of each chip: what little pictures are drawn of.

use crate::views::words;
use attest::record::{Activity, Body, ChipKind};
use log_store::LogStore;
use std::collections::VecDeque;

/// Windows kept of each chip.
const KEPT: usize = 240;
/// Records of the log that are read at the start.
const READ: u64 = 10_000;
/// Chips; no host has more.
const CHIPS: usize = 256;

/// One window, or none where there should have been one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Point {
    /// Busy, ‰.
    pub busy: Option<u16>,
    /// Tensor units, ‰.
    pub tensor: Option<u16>,
    /// Power, mW.
    pub power: Option<u32>,
}

#[derive(Debug)]
struct Line {
    kind: ChipKind,
    index: u16,
    /// Where the last window began and ended, ms since 1970.
    last: (u64, u64),
    points: VecDeque<Point>,
}

/// All chips.
#[derive(Debug, Default)]
pub struct History(Vec<Line>);

impl History {
    /// From the end of the log.
    pub fn of(log: &LogStore) -> Self {
        let mut history = Self::default();
        let records = log.iter_from(log.size().saturating_sub(READ));
        for (_, record) in records.map_while(Result::ok) {
            if let Body::Activity(window) = record.body {
                history.take(&window);
            }
        }
        history
    }

    /// Takes a window that is not known yet.
    pub fn take(&mut self, window: &Activity) {
        let end = window.from_ms.saturating_add(window.span_ms.into());
        let known = self.0.iter().position(|line| (line.kind, line.index) == (window.kind, window.index));
        let line = match known {
            Some(known) => self.0.get_mut(known),
            None if self.0.len() < CHIPS => {
                self.0.push(Line {
                    kind: window.kind,
                    index: window.index,
                    last: (0, window.from_ms),
                    points: VecDeque::new(),
                });
                self.0.last_mut()
            }
            None => None,
        };
        let Some(line) = line.filter(|line| line.last != (window.from_ms, end)) else { return };
        let missing = window.from_ms.saturating_sub(line.last.1);
        if missing > u64::from(window.span_ms) {
            line.push(Point::default());
        }
        line.last = (window.from_ms, end);
        line.push(Point { busy: words::load(window), tensor: window.tensor, power: window.power_mw });
    }

    /// A chip's windows, oldest first.
    pub fn of_chip(&self, kind: ChipKind, index: u16) -> impl DoubleEndedIterator<Item = Point> + '_ {
        let line = self.0.iter().find(move |line| (line.kind, line.index) == (kind, index));
        line.into_iter().flat_map(|line| line.points.iter().copied())
    }
}

impl Line {
    fn push(&mut self, point: Point) {
        if self.points.len() == KEPT {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::tests::window;

    #[test]
    fn a_window_counts_once_and_a_gap_is_seen() {
        let mut history = History::default();
        let at = |from_ms| Activity { from_ms, ..window(ChipKind::Gpu, 0, 0) };
        for from in [1_000_000, 1_000_000, 1_060_000, 1_300_000] {
            history.take(&at(from));
        }
        let busy: Vec<_> = history.of_chip(ChipKind::Gpu, 0).map(|point| point.busy).collect();
        assert_eq!(busy, [Some(970), Some(970), None, Some(970)]);
        assert_eq!(history.of_chip(ChipKind::Cpu, 0).count(), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let mut history = History::default();
        for step in 0..10_000u64 {
            let index = u16::try_from(step % 1_000).unwrap();
            history.take(&Activity { from_ms: step * 60_000, ..window(ChipKind::Disk, index, 0) });
        }
        assert_eq!(history.0.len(), CHIPS);
        for step in 0..1_000u64 {
            history.take(&Activity { from_ms: step * 60_000, ..window(ChipKind::Disk, 0, 0) });
        }
        assert_eq!(history.of_chip(ChipKind::Disk, 0).count(), KEPT);
    }
}
