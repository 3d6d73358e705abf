//! What GPUs tell besides their activity.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{alone, alone_with, detailed, library, library_without, options};
use gpu_probe::Probe;
use std::fs;

/// The recording with details, in a file that outlives this process' child.
fn with_details(test: &str, misbehaviour: Option<&str>, body: impl FnOnce()) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recording.json");
    fs::write(&file, serde_json::to_string(&detailed()).unwrap()).unwrap();
    alone_with(test, misbehaviour, &file, body);
}

fn probe() -> Probe {
    Probe::open(&options(&library(), None))
}

#[test]
fn details_are_told_faithfully() {
    with_details("details_are_told_faithfully", None, || {
        let mut probe = probe();
        (0..12).for_each(|_| probe.sample());
        let activity = &probe.close_window(1000, 13_000)[0];
        // The first reading has none before it to compare with: steps 1 to 11.
        assert_eq!(activity.tensor, Some(60));
        let details = probe.close_details(1000, 13_000);
        assert_eq!(details.len(), 3);
        for (number, detail) in (0..).zip(&details) {
            assert_eq!((detail.gpu, detail.from_ms, detail.span_ms), (number, 1000, 12_000));
            assert_eq!((detail.tensor_half, detail.tensor_integer), (Some(120), Some(0)));
            assert_eq!(detail.memory_bandwidth, Some(555));
            assert_eq!(detail.nvlink_received_bytes, Some(12_000 << 20));
            assert_eq!(detail.nvlink_sent_bytes, Some(120 << 20));
            assert_eq!((detail.nvlinks, detail.nvlinks_active), (Some(18), Some(18 - number)));
            assert_eq!((detail.nvlink_errors, detail.ecc_corrected), (Some(7), Some(3)));
            assert_eq!(detail.xids.as_deref(), Some(&[82, 86, 90][..]));
            assert_eq!(detail.parts, Some(number));
        }
        assert!(probe.close_details(13_000, 14_000).is_empty(), "nothing sampled, nothing told");
    });
}

#[test]
fn a_gpu_that_tells_none_has_no_record_of_it() {
    alone("a_gpu_that_tells_none_has_no_record_of_it", None, || {
        let mut probe = probe();
        (0..3).for_each(|_| probe.sample());
        assert_eq!(probe.close_window(0, 3000).iter().filter(|window| window.power_mw.is_some()).count(), 3);
        assert!(probe.close_details(0, 3000).is_empty());
        assert!(probe.gpu_reports([1; 32]).iter().all(Option::is_none));
    });
}

#[test]
fn what_is_nonsense_is_missing() {
    with_details("what_is_nonsense_is_missing", Some("garbage"), || {
        let mut probe = probe();
        (0..3).for_each(|_| probe.sample());
        assert!(probe.close_details(0, 3000).is_empty());
        // The wrapper panics over the length: no report, and the GPUs are read on.
        assert!(probe.gpu_reports([1; 32]).iter().all(Option::is_none));
        probe.sample();
        assert!(!probe.close_window(0, 1000).is_empty());
    });
}

#[test]
fn a_library_without_these_functions_tells_the_rest() {
    with_details("a_library_without_these_functions_tells_the_rest", None, || {
        let folder = tempfile::tempdir().unwrap();
        let lacks = [
            "nvmlDeviceGetSupportedEventTypes",
            "nvmlDeviceGetMigMode",
            "nvmlDeviceGetNvLinkState",
            "nvmlDeviceGetConfComputeGpuCertificate",
        ];
        let mut probe = Probe::open(&options(&library_without(&lacks, folder.path()), None));
        (0..3).for_each(|_| probe.sample());
        let detail = &probe.close_details(0, 3000)[0];
        assert_eq!((detail.xids.as_deref(), detail.parts, detail.nvlinks_active), (None, None, None));
        assert_eq!((detail.nvlinks, detail.ecc_corrected), (Some(18), Some(3)));
        assert!(probe.gpu_reports([1; 32]).iter().all(Option::is_none));
    });
}

#[test]
fn a_report_is_over_the_nonce() {
    with_details("a_report_is_over_the_nonce", None, || {
        let reports = probe().gpu_reports([9; 32]);
        assert_eq!(reports.len(), 3);
        let report = reports[0].as_ref().unwrap();
        assert_eq!((&report.report[4..36], report.report.len()), (&[9; 32][..], 1004));
        assert_eq!(report.certificates, b"-----BEGIN CERTIFICATE-----");
    });
}
