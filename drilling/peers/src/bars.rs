//! What ours is held to, and whether it is met.

use drilling::cpu::Backend;

/// Ours to the best exact peer.
const PEERS: f64 = 1.0;
/// Ours to the register-only peak, at 1024³ on one thread.
const PEAK: f64 = 0.9;
/// The digest's part of a task.
const DIGEST: f64 = 0.05;
/// Freivalds' check, to doing it again with our own back end and with the plain reference.
const REDO: f64 = 8.0;
const PLAIN: f64 = 100.0;

/// What was measured of one size on so many threads, GOPS.
pub struct Rates {
    pub ours: f64,
    pub best_peer: f64,
    /// Ours with `vpdpbusd`, and the register-only peak of that instruction, where the processor has it: the peak's bar is for it.
    pub vnni: Option<(f64, f64)>,
    /// A peer is missing that would have to be beaten: why.
    pub missing: Option<&'static str>,
}

enum Verdict {
    Met,
    Missed,
    /// It cannot be told here, which is no better than missed.
    Open(&'static str),
    NotHere(&'static str),
}

/// All bars, as they are measured.
#[derive(Default)]
pub struct Bars(Vec<(String, Verdict)>);

impl Bars {
    /// The bars of one size on so many threads.
    pub fn products(&mut self, size: usize, threads: usize, rates: &Rates) {
        let ratio = rates.ours / rates.best_peer;
        let what = format!("{size}³, {threads} threads: {ratio:.3} of the best exact peer, at least {PEERS}");
        match rates.missing {
            Some(why) if ratio >= PEERS => self.0.push((what, Verdict::Open(why))),
            _ => self.hold(what, ratio >= PEERS),
        }
        if (size, threads) != (1024, 1) {
            return;
        }
        let of = |ratio: &str| {
            format!(
                "{size}³, {threads} threads: {ratio} of the register-only peak of vpdpbusd, at least {PEAK}"
            )
        };
        match rates.vnni {
            Some((ours, peak)) => self.hold(of(&format!("{:.3}", ours / peak)), ours / peak >= PEAK),
            None => self.0.push((of("?"), Verdict::NotHere("this processor has no AVX-512 VNNI"))),
        }
    }

    /// The digest's part of a task, by class and back end.
    pub fn digest(&mut self, class: &str, backend: Backend, part: f64) {
        let what = format!(
            "{class}, {}: {:.2} % of a task are its digest, less than {} %",
            backend.name(),
            100.0 * part,
            100.0 * DIGEST
        );
        self.hold(what, part < DIGEST);
    }

    /// How many times faster Freivalds' check is than one of our own back ends.
    pub fn freivalds(&mut self, backend: Backend, redo: f64) {
        let what = format!("Freivalds: {redo:.1} times our own {}, at least {REDO}", backend.name());
        self.hold(what, redo >= REDO);
    }

    /// How many times faster it is than the plain reference.
    pub fn freivalds_plain(&mut self, plain: f64) {
        self.hold(
            format!("Freivalds: {plain:.0} times the plain reference, at least {PLAIN}"),
            plain >= PLAIN,
        );
    }

    /// Tells of each whether it is met; true if none is missed and none is open.
    pub fn print(&self) -> bool {
        println!("\nBars");
        for (what, verdict) in &self.0 {
            match verdict {
                Verdict::Met => println!("  met             {what}"),
                Verdict::Missed => println!("  MISSED          {what}"),
                Verdict::Open(why) => println!("  OPEN            {what}: {why}"),
                Verdict::NotHere(why) => println!("  does not apply  {what}: {why}"),
            }
        }
        self.all_met()
    }

    fn hold(&mut self, what: String, met: bool) {
        self.0.push((what, if met { Verdict::Met } else { Verdict::Missed }));
    }

    fn all_met(&self) -> bool {
        self.0.iter().all(|(_, verdict)| matches!(verdict, Verdict::Met | Verdict::NotHere(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Rates = Rates { ours: 450.0, best_peer: 440.0, missing: None, vnni: Some((450.0, 470.0)) };

    fn met(rates: &Rates) -> bool {
        let mut bars = Bars::default();
        bars.products(1024, 1, rates);
        bars.print()
    }

    #[test]
    fn products_are_held_to_peers_and_peak() {
        assert!(met(&GOOD));
        assert!(!met(&Rates { best_peer: 451.0, ..GOOD }), "a peer is faster");
        assert!(!met(&Rates { vnni: Some((450.0, 501.0)), ..GOOD }), "too far from the peak");
        assert!(met(&Rates { vnni: None, ..GOOD }), "no VNNI, no such bar");
        assert!(!met(&Rates { missing: Some("no onnxruntime"), ..GOOD }), "not everybody was there");
        assert!(!met(&Rates { ours: f64::NAN, ..GOOD }), "nothing was measured");
    }

    #[test]
    fn digest_and_freivalds_are_held_to_theirs() {
        for (backend, part, redo, plain, good) in [
            (Backend::Avx512, 0.049, 8.0, 100.0, true),
            (Backend::Avx512, 0.05, 9.0, 200.0, false),
            (Backend::Avx512, 0.01, 7.9, 200.0, false),
            (Backend::Avx512, 0.01, 9.0, 99.0, false),
            (Backend::Amx, 0.1, 9.0, 200.0, false),
        ] {
            let mut bars = Bars::default();
            bars.digest("Tiny", backend, part);
            bars.freivalds(backend, redo);
            bars.freivalds_plain(plain);
            assert_eq!(bars.print(), good, "{backend:?} {part} {redo} {plain}");
        }
    }
}
