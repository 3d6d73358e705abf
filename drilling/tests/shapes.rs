//! What the layers of shapes at the border of what may be given out hand on, measured beside the law that admits them.
//!
//! `cargo test -p drilling --all-features --test shapes -- --nocapture --include-ignored` prints the figures of docs/drilling.md.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/shape.rs"]
mod shape;

use drilling::{Class, Layers, SPREAD, Spec, SpecError, spread::spreads};
use shape::{Seen, look, print, rms, shape};

/// The spreads at both ends, just within, and the one that fills the range.
fn deviations() -> [u32; 3] {
    let [least, most] = [*SPREAD.start(), *SPREAD.end()].map(|end| u32::try_from(end).unwrap());
    [least + 1, 64, most - 1]
}

/// Does it, and finds every layer lively and, within `tolerance`, as the law has it.
fn is_lively(name: &str, spec: &Spec, dead: f64, tolerance: f64) {
    spec.check_published().unwrap();
    let seen = look(spec, 3);
    print(name, spec, &seen);
    assert_eq!(seen.len(), spec.layers.depth() - 1);
    for (number, (seen, spread)) in seen.iter().zip(spreads(spec)).enumerate() {
        let told = rms(&spread);
        assert!((seen.rms / told - 1.0).abs() < tolerance, "{name}, layer {number}: {seen:?}, not {told}");
        let Seen { zero, full, .. } = seen;
        assert!(*zero < 0.8 && *full < 0.2 && seen.dead < dead && seen.values > 64, "{number}: {seen:?}");
        assert_eq!(seen.alike, 0, "{name}, layer {number}");
    }
}

/// So few rows, and one output at the end, on which nothing here depends.
fn cut(spec: Spec, rows: u32) -> Spec {
    let mut layers = spec.layers.to_vec();
    layers.last_mut().unwrap().outputs = 1;
    Spec { rows, layers: Layers::new(&layers).unwrap(), ..spec }
}

#[test]
fn the_built_in_shapes() {
    // Of few rows more columns are 0 in all.
    for (class, rows) in [(Class::Tiny, 256), (Class::Small, 256), (Class::Medium, 64), (Class::Large, 32)] {
        is_lively(&format!("{class:?}"), &cut(class.mlp(), rows), 0.1, 0.03);
    }
}

#[test]
fn short_and_narrow_shapes() {
    for deviation in deviations() {
        let spec = shape(1024, 32, &[256, 256, 256, 16], deviation);
        is_lively(&format!("32, 3 × 256, spread {deviation}"), &spec, 0.1, 0.15);
        // Rows that narrow layers made alike, in a wide one.
        let spec = shape(256, 32, &[256, 256, 16_384, 16], deviation);
        is_lively(&format!("32, 2 × 256, 16384, spread {deviation}"), &spec, 0.1, 0.15);
    }
}

#[test]
fn deep_shapes_as_narrow_as_they_may_be() {
    let [least, _, most] = deviations();
    for deviation in [least, most] {
        let mut widths = [8192; 16];
        widths[15] = 1;
        let spec = shape(256, 32, &widths, deviation);
        is_lively(&format!("32, 15 × 8192, spread {deviation}"), &spec, 0.1, 0.1);
    }
}

#[test]
#[ignore = "minutes: 10^10 weights for each spread"]
fn deep_and_wide_shapes() {
    for deviation in deviations() {
        let mut widths = [32_768; 16];
        widths[15] = 1;
        let spec = shape(64, 131_071, &widths, deviation);
        is_lively(&format!("131071, 15 × 32768, spread {deviation}"), &spec, 0.1, 0.03);
        // The worst that was found: two wide layers after narrow ones.
        widths[..13].fill(8192);
        let spec = shape(256, 32, &widths, deviation);
        is_lively(&format!("32, 13 × 8192, 2 × 32768, spread {deviation}"), &spec, 0.15, 0.1);
    }
}

#[test]
#[ignore = "half a minute"]
fn short_shapes_that_turn_wide() {
    for deviation in deviations() {
        let spec = shape(256, 32, &[256, 32_768, 32_768, 1], deviation);
        is_lively(&format!("32, 256, 2 × 32768, spread {deviation}"), &spec, 0.1, 0.1);
    }
}

#[test]
#[ignore = "a minute; what is refused, and why"]
fn deep_shapes_that_are_too_narrow() {
    let mut widths = [256; 16];
    widths[13..].copy_from_slice(&[32_768, 32_768, 1]);
    let spec = shape(256, 32, &widths, 64);
    assert_eq!(spec.check_published(), Err(SpecError::Narrow));
    let seen = look(&spec, 3);
    print("32, 13 × 256, 2 × 32768: refused", &spec, &seen);
    assert!(seen.last().unwrap().dead > 0.3, "a third of the last product could be left out");
}

#[test]
fn a_shape_that_dies_out_is_refused_and_does() {
    // Found by a stranger: multipliers that are right for a first layer, in all.
    let good = shape(64, 4096, &[4096; 16], 33);
    let mut layers = good.layers;
    let first = layers[0];
    layers = Layers::new(&[first; 16]).unwrap();
    let dying = Spec { layers, ..good };
    let refused = Spec { layers: Layers::new(&layers[..4]).unwrap(), ..good }.check_published();
    assert!(matches!(refused, Err(SpecError::Spread { layer: 1, .. })), "{refused:?}");
    let seen = look(&dying, 3);
    print("16 × 4096 at the first layer's multiplier: refused", &dying, &seen);
    assert!(seen.last().unwrap().zero > 0.999, "{seen:?}");
}
