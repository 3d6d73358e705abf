//! What a task is worth: counted from its shape, never declared.

use crate::spec::Spec;

/// An amount of computing power, in millionths of a ut. 1 ut is 4.32·10^11 FLOP.
pub type MicroUt = u128;

/// int8 operations that count as one FLOP.
pub const OPERATIONS_PER_FLOP: u128 = 4;
/// FLOP in one millionth of a ut.
pub const FLOP_PER_MICRO_UT: u128 = 432_000;

/// FLOP of one run, rounded down.
pub fn flop(spec: &Spec) -> u128 {
    spec.operations() / OPERATIONS_PER_FLOP
}

/// A task's worth: its FLOP in millionths of a ut, rounded down.
pub fn difficulty(spec: &Spec) -> MicroUt {
    flop(spec) / FLOP_PER_MICRO_UT
}
