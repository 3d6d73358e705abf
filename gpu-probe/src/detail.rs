//! What a GPU tells besides its activity, gathered into a window.

use crate::window::{Flow, Mean, narrow};
use attest::record::{GpuDetail, MAX_XIDS};
use serde::{Deserialize, Serialize};

/// One reading. What the GPU did not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DetailReading {
    /// ‰, like all shares.
    pub tensor_half: Option<u16>,
    pub tensor_integer: Option<u16>,
    pub memory_bandwidth: Option<u16>,
    pub received: Option<Flow>,
    pub sent: Option<Flow>,
    /// Those since the reading before.
    pub xids: Option<Vec<u32>>,
    pub state: DetailState,
}

/// What does not change from second to second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailState {
    pub nvlinks: Option<u16>,
    pub nvlinks_active: Option<u16>,
    pub nvlink_errors: Option<u64>,
    pub ecc_corrected: Option<u64>,
    pub parts: Option<u16>,
}

/// The open window of one GPU.
#[derive(Debug, Clone, Default)]
pub struct DetailWindow {
    tensor_half: Mean,
    tensor_integer: Mean,
    memory_bandwidth: Mean,
    received: Mean,
    sent: Mean,
    xids: Option<heapless::Vec<u32, MAX_XIDS>>,
    state: DetailState,
}

impl DetailWindow {
    pub fn add(&mut self, reading: &DetailReading) {
        let rate = |flow: Option<Flow>| match flow {
            Some(Flow::PerSecond(rate)) => Some(rate),
            _ => None,
        };
        self.tensor_half.add(reading.tensor_half);
        self.tensor_integer.add(reading.tensor_integer);
        self.memory_bandwidth.add(reading.memory_bandwidth);
        self.received.add(rate(reading.received));
        self.sent.add(rate(reading.sent));
        if let Some(news) = &reading.xids {
            let xids = self.xids.get_or_insert_default();
            let room = MAX_XIDS - xids.len();
            xids.extend(news.iter().copied().take(room));
        }
        let DetailState { nvlinks, nvlinks_active, nvlink_errors, ecc_corrected, parts } = reading.state;
        let state = &mut self.state;
        // Of one reading: links that came and went between two would be more active than there are.
        if nvlinks.is_some() {
            (state.nvlinks, state.nvlinks_active) = (nvlinks, nvlinks_active);
        }
        state.nvlink_errors = nvlink_errors.or(state.nvlink_errors);
        state.ecc_corrected = ecc_corrected.or(state.ecc_corrected);
        state.parts = parts.or(state.parts);
    }

    /// Ends the window and begins the next; nothing where nothing was told.
    pub fn close(&mut self, gpu: u16, from_ms: u64, span_ms: u32) -> Option<GpuDetail> {
        let Self { tensor_half, tensor_integer, memory_bandwidth, received, sent, xids, state } =
            std::mem::take(self);
        let share = |mean: &Mean| mean.value().and_then(narrow);
        let bytes = |rate: &Mean| narrow(rate.value()?.saturating_mul(span_ms.into()) / 1000);
        let detail = GpuDetail {
            gpu,
            from_ms,
            span_ms,
            tensor_half: share(&tensor_half),
            tensor_integer: share(&tensor_integer),
            memory_bandwidth: share(&memory_bandwidth),
            nvlink_received_bytes: bytes(&received),
            nvlink_sent_bytes: bytes(&sent),
            nvlinks: state.nvlinks,
            nvlinks_active: state.nvlinks_active,
            nvlink_errors: state.nvlink_errors,
            ecc_corrected: state.ecc_corrected,
            xids,
            parts: state.parts,
        };
        (detail != GpuDetail::nothing(gpu, from_ms, span_ms)).then_some(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_told_is_no_record() {
        let mut window = DetailWindow::default();
        window.add(&DetailReading::default());
        assert_eq!(window.close(0, 1, 2), None);
    }

    #[test]
    fn means_last_values_and_rates() {
        let mut window = DetailWindow::default();
        for (share, links, rate) in [(100, Some(18), 1000), (201, None, 2000)] {
            window.add(&DetailReading {
                tensor_half: Some(share),
                sent: Some(Flow::PerSecond(rate)),
                state: DetailState { nvlinks: links, ..DetailState::default() },
                ..DetailReading::default()
            });
        }
        let detail = window.close(3, 5, 10_000).unwrap();
        assert_eq!((detail.gpu, detail.from_ms, detail.span_ms), (3, 5, 10_000));
        assert_eq!(
            (detail.tensor_half, detail.nvlinks, detail.nvlink_sent_bytes),
            (Some(151), Some(18), Some(15_000))
        );
        assert_eq!((detail.tensor_integer, detail.xids), (None, None));
        assert_eq!(window.close(3, 5, 10_000), None, "the next window is empty");
    }

    #[test]
    fn links_and_how_many_are_up_are_of_one_reading() {
        let mut window = DetailWindow::default();
        for (nvlinks, nvlinks_active) in [(Some(18), Some(18)), (Some(0), None), (None, Some(7))] {
            let state = DetailState { nvlinks, nvlinks_active, ..DetailState::default() };
            window.add(&DetailReading { state, ..DetailReading::default() });
        }
        let detail = window.close(0, 1, 2).unwrap();
        assert_eq!((detail.nvlinks, detail.nvlinks_active), (Some(0), None));
    }

    #[test]
    fn of_many_xids_the_first_are_kept() {
        let mut window = DetailWindow::default();
        window.add(&DetailReading { xids: Some(vec![]), ..DetailReading::default() });
        assert_eq!(window.clone().close(0, 0, 0).unwrap().xids.as_deref(), Some(&[][..]), "none came");
        for _ in 0..3 {
            window.add(&DetailReading { xids: Some((0..9).collect()), ..DetailReading::default() });
        }
        let xids = window.close(0, 0, 0).unwrap().xids.unwrap();
        assert_eq!((xids.len(), xids[15]), (MAX_XIDS, 6));
    }
}
