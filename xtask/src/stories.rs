//! The long tests on real processes. Each has a chain of its own and mostly waits for its blocks, a tenth of a core's worth of work: three
//! of them share two cores.

use crate::{firmware, sh};
use anyhow::Result;
use std::process::Command;

/// Run at one time.
const AT_ONCE: usize = 3;

/// A test program, and the test in it.
struct Story {
    what: &'static str,
    program: &'static str,
    test: &'static str,
}

const STORIES: [Story; 5] = [
    Story { what: "spine on real processes", program: "spine", test: "the_spine_holds" },
    Story {
        what: "drilling: absence and collusion",
        program: "proof_of_drilling",
        test: "absence_and_collusion_gain_nothing",
    },
    Story {
        what: "drilling: agreement and lies",
        program: "proof_of_drilling",
        test: "one_liar_gains_nothing",
    },
    Story { what: "light client on a real chain", program: "chain", test: "light_client_on_a_real_chain" },
    Story {
        what: "firmware on a real chain",
        program: "on_chain",
        test: "a_microcontroller_anchors_on_a_chain",
    },
];

/// What leaves the stories out of `cargo test`.
pub fn left_out() -> impl Iterator<Item = &'static str> {
    STORIES.iter().flat_map(|story| ["--skip", story.test])
}

/// Tells them all; the longest begins.
pub fn run() -> Result<()> {
    let mut steps: Vec<(&str, Command)> = STORIES.iter().map(|story| (story.what, command(story))).collect();
    steps.insert(3, ("blocks won by compute power", proportion()));
    sh::together(AT_ONCE, steps)
}

/// Tells the part of the first in which an anchoring agent is killed and its TPM loses power, with so many kills.
pub fn torture(kills: u32) -> Result<()> {
    let [spine, ..] = &STORIES;
    let mut story = command(spine);
    story.env("MATRIXAI_KILLS", kills.to_string()).env("MATRIXAI_PARTS", "SIGKILL,power cuts");
    sh::show("torture", &mut story)
}

/// The packages and features of all other tests, so that nothing is built once more.
fn command(story: &Story) -> Command {
    let mut command =
        sh::cargo(&["test", "--all-features", "--test", story.program, "--", story.test, "--nocapture"]);
    command.env("MATRIXAI_FIRMWARE", firmware::built());
    command
}

/// Not this process's own file: cargo may have replaced it while it built the tests.
fn proportion() -> Command {
    let mut command = Command::new(sh::program("xtask"));
    command.args(["poh", "--built"]);
    command
}
