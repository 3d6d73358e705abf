//! How many tasks a machine asks for: as many as it does in half of the time that the chain gives for them.
//!
//! Each place in a machine's pipeline is matched once in two epochs, whatever the machine. Would all ask for the same number, all would be
//! credited the same, and compute power would measure nothing. So places follow what tasks took: who does them in half the time asks for
//! twice as many. That holds between one place and the most that the chain allows; beyond, another class of tasks fits better, and the
//! agent says so.

use drilling::Class;
use std::time::Duration;

/// Places before any task was done.
const FIRST: u8 = 4;
/// A new task's part of the mean, one in so many: conditions change, single tasks deceive.
const MEMORY: u32 = 4;
/// What is asked for is changed once it is off by a quarter: each change costs an extrinsic.
const OFF_BY: f64 = 1.25;
/// Tasks that wait at an engine, at most: an answer waits behind them.
const MOST_AHEAD: usize = 8;

/// What the chain gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Time for a task, from when it is given to when it must be committed to.
    pub window: Duration,
    /// From one block to the next, on average.
    pub block: Duration,
    /// Places, at most.
    pub most: u8,
}

/// What tasks took so far.
#[derive(Debug, Default)]
pub struct Pace {
    mean: Option<Duration>,
}

impl Pace {
    /// A task took so long.
    pub fn note(&mut self, span: Duration) {
        self.mean = Some(self.mean.map_or(span, |mean| (mean * (MEMORY - 1) + span) / MEMORY));
    }

    /// Tasks in half of the time for one, with so many engines.
    fn within(&self, engines: usize, terms: &Terms) -> Option<f64> {
        let mean = self.mean?.max(Duration::from_micros(1));
        Some(terms.window.as_secs_f64() / 2.0 / mean.as_secs_f64() * engines as f64)
    }

    /// Places to ask for. The chain was last asked for `asked`.
    pub fn places(&self, asked: u8, engines: usize, terms: &Terms) -> u8 {
        let most = terms.most.max(1);
        let Some(within) = self.within(engines, terms) else {
            // After a restart what was asked for before is the better guess.
            return if asked > 0 { asked.min(most) } else { FIRST.min(most) };
        };
        let wanted = within.clamp(1.0, f64::from(most));
        let asked = asked.min(most);
        let near = f64::from(asked).max(1.0);
        // Not where the limits are: who is near the most may ask for the most.
        let close = (near / OFF_BY..=near * OFF_BY).contains(&wanted) && wanted < f64::from(most);
        if asked > 0 && close { asked } else { wanted as u8 }
    }

    /// Tasks that each engine may have before it, so that it has work until the chain is looked at again.
    pub fn ahead(&self, terms: &Terms) -> usize {
        let blocks = self.mean.map_or(0.0, |mean| terms.block.as_secs_f64() / mean.as_secs_f64().max(1e-6));
        (blocks.ceil() as usize).clamp(1, MOST_AHEAD)
    }

    /// Which class fits this machine better than its own, if tasks of it are on offer, and why.
    pub fn better(
        &self,
        class: Class,
        engines: usize,
        terms: &Terms,
        offered: impl Fn(Class) -> bool,
    ) -> Option<String> {
        let (within, mean) = (self.within(engines, terms)?, self.mean?);
        let at = Class::ALL.iter().position(|one| *one == class)?;
        let (why, other) = if within < 1.0 {
            let given = terms.window.as_secs();
            (format!("a task takes {} s, and the chain gives {given} s", mean.as_secs()), at.checked_sub(1)?)
        } else if within > 2.0 * f64::from(terms.most) {
            let times = within / f64::from(terms.most);
            (format!("this machine could do {times:.0} times the tasks that it may ask for"), at + 1)
        } else {
            return None;
        };
        let other = Class::ALL.get(other).copied().filter(|other| offered(*other))?;
        let name = format!("{other:?}").to_lowercase();
        Some(format!("{why}: drill_class = \"{name}\" fits better, where others offer as much"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { window: Duration::from_secs(600), block: Duration::from_secs(6), most: 64 };

    fn pace(seconds: f64) -> Pace {
        let mut pace = Pace::default();
        pace.note(Duration::from_secs_f64(seconds));
        pace
    }

    #[test]
    fn who_is_twice_as_fast_asks_for_twice_as_many() {
        assert_eq!(pace(60.0).places(0, 1, &TERMS), 5);
        assert_eq!(pace(30.0).places(0, 1, &TERMS), 10);
        assert_eq!(pace(15.0).places(0, 1, &TERMS), 20);
        assert_eq!(pace(15.0).places(0, 2, &TERMS), 40, "two engines");
    }

    #[test]
    fn it_asks_for_one_at_least_and_for_no_more_than_the_chain_allows() {
        assert_eq!(pace(10_000.0).places(0, 1, &TERMS), 1);
        assert_eq!(pace(0.0).places(0, 1, &TERMS), 64);
        assert_eq!(pace(4.6).places(60, 1, &TERMS), 64, "the most is asked for in full");
        assert_eq!(pace(1.0).places(40, 1, &Terms { most: 3, ..TERMS }), 3);
        assert_eq!(pace(1.0).places(40, 1, &Terms { most: 0, ..TERMS }), 1);
    }

    #[test]
    fn before_anything_is_measured_it_asks_for_little_or_as_before() {
        let pace = Pace::default();
        assert_eq!((pace.places(0, 1, &TERMS), pace.places(40, 1, &TERMS)), (FIRST, 40));
        assert_eq!(pace.places(40, 1, &Terms { most: 2, ..TERMS }), 2);
    }

    #[test]
    fn small_changes_are_not_told() {
        assert_eq!(pace(30.0).places(9, 1, &TERMS), 9);
        assert_eq!(pace(30.0).places(12, 1, &TERMS), 12);
        assert_eq!(pace(30.0).places(13, 1, &TERMS), 10);
        assert_eq!(pace(30.0).places(7, 1, &TERMS), 10);
    }

    #[test]
    fn one_slow_task_weighs_a_quarter() {
        let mut pace = pace(10.0);
        pace.note(Duration::from_secs(50));
        assert_eq!(pace.mean, Some(Duration::from_secs(20)));
    }

    #[test]
    fn engines_have_work_until_the_next_look() {
        assert_eq!(Pace::default().ahead(&TERMS), 1);
        assert_eq!(pace(20.0).ahead(&TERMS), 1);
        assert_eq!(pace(2.0).ahead(&TERMS), 3);
        assert_eq!(pace(0.001).ahead(&TERMS), MOST_AHEAD);
    }

    #[test]
    fn another_class_is_named_where_this_one_is_far_off_and_the_other_is_there() {
        let better = |seconds, class| pace(seconds).better(class, 1, &TERMS, |_| true);
        assert_eq!(better(30.0, Class::Small), None);
        assert_eq!(better(3.0, Class::Small), None, "the most, or a little more");
        assert!(
            better(0.3, Class::Small).is_some_and(|why| why.contains("16 times") && why.contains("medium"))
        );
        assert!(
            better(1_000.0, Class::Large).is_some_and(|why| why.contains("1000 s") && why.contains("medium"))
        );
        assert_eq!(better(0.3, Class::Large), None, "there is none above");
        assert_eq!(better(1_000.0, Class::Tiny), None, "nor below");
        assert_eq!(pace(0.3).better(Class::Small, 1, &TERMS, |_| false), None);
    }
}
