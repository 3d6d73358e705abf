//! The average against BOINC's formula, and the pallet with clocks that the tests turn.

mod average;
mod boinc;
mod pallet;
