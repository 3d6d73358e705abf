//! What is to be done next. Pure: the chain's view and what is at hand go in, steps come out.

use super::results::Results;
use crate::{
    debt::{self, Debt},
    hex32::Hex32,
};
use drilling::Task;
use std::collections::{BTreeMap, BTreeSet};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Machines commit.
    Committing,
    /// Who has committed reveals.
    Revealing,
    /// Nothing is asked of machines, but questions may be.
    Other,
}

/// Where this machine's part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// To be done.
    Assigned,
    /// Bound.
    Committed,
    /// Everything is said.
    Other,
}

/// A task of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Its identifier.
    pub id: [u8; 32],
    /// What is computed.
    pub task: Task,
    /// Where its publisher says that the data can be had which it runs over.
    pub source: String,
    /// Where it stands.
    pub stage: Stage,
    /// Where this machine's part stands.
    pub state: State,
    /// Last block of the stage.
    pub deadline: u64,
}

impl Assignment {
    /// Whether the chain waits for this machine's commitment.
    pub fn awaits_commitment(&self) -> bool {
        (self.stage, self.state) == (Stage::Committing, State::Assigned)
    }

    /// Whether it waits for this machine's result.
    pub fn awaits_reveal(&self) -> bool {
        (self.stage, self.state) == (Stage::Revealing, State::Committed)
    }
}

/// A question about this machine's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The task.
    pub id: [u8; 32],
    /// What was computed.
    pub task: Task,
    /// Where its publisher says that the data can be had which it runs over.
    pub source: String,
    /// What is asked.
    pub question: drilling::Question,
    /// Last block for the answer.
    pub deadline: u64,
}

impl Question {
    /// The layer whose accumulators the answer needs.
    pub fn layer(&self) -> Option<u8> {
        self.question.layer().and_then(|layer| u8::try_from(layer).ok())
    }
}

/// What is at hand.
#[derive(Clone, Copy)]
pub struct Hand<'a> {
    /// This machine.
    pub machine: [u8; 32],
    /// Whether the chain counts it: one that has lapsed may not commit. What it is bound to it must still reveal, and answer for.
    pub active: bool,
    /// Results on disk.
    pub results: &'a Results,
    /// Tasks done again for questions, and the layer that was kept of each.
    pub again: &'a BTreeMap<[u8; 32], Option<u8>>,
    /// Tasks that cannot be done here: their data are missing, or they came to nothing.
    pub beyond: &'a BTreeMap<[u8; 32], String>,
    /// How many more tasks can be worked on now.
    pub free: usize,
    /// Tasks that are worked on.
    pub under_way: &'a [[u8; 32]],
    /// Whether no new work is to begin. What the machine is bound to it must still reveal, and answer for.
    pub held: bool,
}

impl Hand<'_> {
    /// Whether everything is there that the answer needs.
    fn answers(&self, asked: &Question) -> bool {
        let again = self.again.get(&asked.id);
        match asked.layer() {
            None => again.is_some() || self.results.get(&asked.id).is_some(),
            layer => again == Some(&layer),
        }
    }
}

/// Why a task is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// For its result.
    Result,
    /// For an answer, once more: what the result was follows from the task. A layer of it may be asked for.
    Answer(Option<u8>),
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Tell the chain.
    Owe(Debt),
    /// Answer a question: all that it needs is at hand.
    Answer(Question),
    /// Do a task.
    Work {
        /// Its identifier.
        id: [u8; 32],
        /// What is computed.
        task: Task,
        /// Why.
        purpose: Purpose,
    },
}

/// Commitments and results on their way to the chain at one time: the light client validates each of them, again and again.
const MOST_SAID: usize = 16;

/// Everything that can be done now, what is most urgent first.
pub fn steps(assignments: &[Assignment], questions: &[Question], hand: &Hand<'_>) -> Vec<Step> {
    let mut urgent: Vec<&Assignment> = assignments.iter().collect();
    // A result kept back costs the bond, a commitment a place.
    urgent.sort_by_key(|one| (!one.awaits_reveal(), one.deadline));
    let said = urgent.into_iter().filter_map(|one| to_say(one, hand));
    let mut steps: Vec<Step> = said.take(MOST_SAID).collect();
    let (ready, unready): (Vec<&Question>, _) = questions.iter().partition(|asked| hand.answers(asked));
    steps.extend(ready.into_iter().cloned().map(Step::Answer));
    let idle = |id: &[u8; 32]| !hand.beyond.contains_key(id) && !hand.under_way.contains(id);
    // A question not answered costs the bond: it goes before all tasks.
    let again = at_once(unready.into_iter().filter(|asked| idle(&asked.id)).collect());
    let again = again.into_iter().map(|asked| Step::Work {
        id: asked.id,
        task: asked.task,
        purpose: Purpose::Answer(asked.layer()),
    });
    let todo = assignments.iter().filter(|one| hand.active && !hand.held && one.awaits_commitment());
    let mut todo: Vec<_> = todo.filter(|one| hand.results.get(&one.id).is_none() && idle(&one.id)).collect();
    todo.sort_by_key(|one| one.deadline);
    let todo =
        todo.into_iter().map(|one| Step::Work { id: one.id, task: one.task, purpose: Purpose::Result });
    steps.extend(again.chain(todo).take(hand.free));
    steps
}

/// Questions for which tasks are done again at one time, the most urgent first: a machine with many places is asked about many tasks in the
/// time that one answer takes to become final. Of a layer's accumulators, which may fill much memory, there is one at a time.
fn at_once(mut unready: Vec<&Question>) -> Vec<&Question> {
    unready.sort_by_key(|asked| asked.deadline);
    let (mut tasks, mut layers) = (BTreeSet::new(), 0);
    unready.retain(|asked| {
        layers += usize::from(asked.layer().is_some());
        (asked.layer().is_none() || layers == 1) && tasks.insert(asked.id)
    });
    unready
}

fn to_say(assignment: &Assignment, hand: &Hand<'_>) -> Option<Step> {
    let kept = hand.results.get(&assignment.id)?;
    let (machine, task) = (Hex32(hand.machine), Hex32(assignment.id));
    if assignment.awaits_commitment() {
        if !hand.active {
            return None;
        }
        let commitment = Hex32(kept.commitment(&hand.machine));
        return Some(Step::Owe(Debt::Commit(debt::Commit { machine, task, commitment })));
    }
    let (digest, salt) = (kept.digest, kept.salt);
    let reveal = || Step::Owe(Debt::Reveal(debt::Reveal { machine, task, digest, salt }));
    assignment.awaits_reveal().then(reveal)
}

#[cfg(test)]
mod tests {
    use super::{super::results::Kept, *};
    use drilling::{Class, Outcome};
    use std::slice;

    fn assignment(number: u8, stage: Stage, state: State) -> Assignment {
        let task = Task { spec: Class::Tiny.mlp(), seed: [number; 32] };
        Assignment { id: task.id(), task, source: String::new(), stage, state, deadline: u64::from(number) }
    }

    fn results(of: &[&Assignment]) -> (tempfile::TempDir, Results) {
        let dir = tempfile::tempdir().unwrap();
        let mut results = Results::open(&dir.path().join("drills.json")).unwrap();
        for one in of {
            let outcome = Outcome { digest: one.id, roots: vec![[1; 32]; 2] };
            results.keep(&one.id, Kept::new(&outcome)).unwrap();
        }
        (dir, results)
    }

    const NOTHING: &BTreeMap<[u8; 32], String> = &BTreeMap::new();
    const NONE_AGAIN: &BTreeMap<[u8; 32], Option<u8>> = &BTreeMap::new();

    fn hand(results: &Results) -> Hand<'_> {
        Hand {
            machine: [9; 32],
            active: true,
            results,
            again: NONE_AGAIN,
            beyond: NOTHING,
            free: 1,
            under_way: &[],
            held: false,
        }
    }

    #[test]
    fn every_engine_gets_a_task_that_nobody_works_on() {
        let (_dir, results) = results(&[]);
        let tasks = [3, 1, 2].map(|number| assignment(number, Stage::Committing, State::Assigned));
        let under_way = [tasks[1].id];
        let free = Hand { free: 5, under_way: &under_way, ..hand(&results) };
        let work = |one: &Assignment| Step::Work { id: one.id, task: one.task, purpose: Purpose::Result };
        assert_eq!(steps(&tasks, &[], &free), [work(&tasks[2]), work(&tasks[0])]);
        assert_eq!(steps(&tasks, &[], &Hand { free: 1, ..free }), [work(&tasks[2])]);
    }

    #[test]
    fn the_most_urgent_task_is_done_first_and_one_at_a_time() {
        let (_dir, results) = results(&[]);
        let tasks = [3, 1, 2].map(|number| assignment(number, Stage::Committing, State::Assigned));
        let wanted = Step::Work { id: tasks[1].id, task: tasks[1].task, purpose: Purpose::Result };
        assert_eq!(steps(&tasks, &[], &hand(&results)), [wanted]);
        assert_eq!(steps(&tasks, &[], &Hand { free: 0, ..hand(&results) }), []);
    }

    #[test]
    fn a_result_is_committed_then_revealed_and_never_before_its_time() {
        let one = assignment(1, Stage::Committing, State::Assigned);
        let (_dir, results) = results(&[&one]);
        let said = |stage, state| steps(&[Assignment { stage, state, ..one.clone() }], &[], &hand(&results));
        assert!(matches!(said(Stage::Committing, State::Assigned)[..], [Step::Owe(Debt::Commit(_))]));
        assert_eq!(said(Stage::Committing, State::Committed), []);
        assert!(matches!(said(Stage::Revealing, State::Committed)[..], [Step::Owe(Debt::Reveal(_))]));
        assert_eq!(said(Stage::Revealing, State::Assigned), []);
        assert_eq!(said(Stage::Other, State::Other), []);
    }

    #[test]
    fn so_much_is_said_at_one_time_and_results_go_first() {
        let mut all: Vec<_> =
            (1..=20).map(|number| assignment(number, Stage::Committing, State::Assigned)).collect();
        all.push(assignment(90, Stage::Revealing, State::Committed));
        let (_dir, results) = results(&all.iter().collect::<Vec<_>>());
        let said = steps(&all, &[], &hand(&results));
        assert_eq!(said.len(), MOST_SAID);
        assert!(matches!(said[0], Step::Owe(Debt::Reveal(_))));
        let first = all[0].id;
        assert!(matches!(&said[1], Step::Owe(Debt::Commit(commit)) if commit.task.0 == first));
    }

    #[test]
    fn questions_go_before_tasks_and_need_their_layer() {
        let (asked, other) =
            (assignment(5, Stage::Other, State::Other), assignment(1, Stage::Committing, State::Assigned));
        let (_dir, results) = results(&[&asked]);
        let question = |question| Question {
            id: asked.id,
            task: asked.task,
            source: String::new(),
            question,
            deadline: 9,
        };
        let (roots, node) = (
            question(drilling::Question::Roots),
            question(drilling::Question::Node { layer: 1, level: 0, index: 0 }),
        );
        let steps = |questions: &[Question], hand: &Hand<'_>| steps(slice::from_ref(&other), questions, hand);
        let work = Step::Work { id: other.id, task: other.task, purpose: Purpose::Result };
        assert_eq!(steps(slice::from_ref(&roots), &hand(&results)), [Step::Answer(roots), work.clone()]);
        let again = Step::Work { id: asked.id, task: asked.task, purpose: Purpose::Answer(Some(1)) };
        assert_eq!(steps(slice::from_ref(&node), &hand(&results)), [again]);
        let done = BTreeMap::from([(asked.id, Some(1))]);
        let at_hand = Hand { again: &done, ..hand(&results) };
        assert_eq!(steps(slice::from_ref(&node), &at_hand), [Step::Answer(node), work]);
    }

    #[test]
    fn a_machine_that_has_lapsed_keeps_its_word_and_gives_no_new_one() {
        let (bound, done, undone) = (
            assignment(1, Stage::Revealing, State::Committed),
            assignment(2, Stage::Committing, State::Assigned),
            assignment(3, Stage::Committing, State::Assigned),
        );
        let (_dir, results) = results(&[&bound, &done]);
        let question = |question| Question {
            id: bound.id,
            task: bound.task,
            source: String::new(),
            question,
            deadline: 9,
        };
        let (roots, node) = (
            question(drilling::Question::Roots),
            question(drilling::Question::Node { layer: 0, level: 0, index: 0 }),
        );
        let away = Hand { active: false, ..hand(&results) };
        let tasks = [bound.clone(), done, undone.clone()];
        let said = steps(&tasks, &[roots.clone(), node.clone()], &away);
        let [Step::Owe(Debt::Reveal(reveal)), answer, again] = &said[..] else { panic!("{said:?}") };
        assert_eq!(reveal.task.0, bound.id);
        assert_eq!(*answer, Step::Answer(roots));
        // Doing a task again for a question is no new work.
        assert_eq!(
            *again,
            Step::Work { id: bound.id, task: bound.task, purpose: Purpose::Answer(node.layer()) }
        );
        let back = steps(&tasks, &[], &Hand { active: true, ..away });
        assert!(
            matches!(&back[..], [_, Step::Owe(Debt::Commit(_)), Step::Work { id, .. }] if *id == undone.id)
        );
    }

    #[test]
    fn a_task_that_cannot_be_done_here_is_passed_over() {
        let (first, second) = (
            assignment(1, Stage::Committing, State::Assigned),
            assignment(2, Stage::Committing, State::Assigned),
        );
        let (_dir, results) = results(&[]);
        let beyond = BTreeMap::from([(first.id, "no data".to_string())]);
        let hand = Hand { beyond: &beyond, ..hand(&results) };
        let wanted = Step::Work { id: second.id, task: second.task, purpose: Purpose::Result };
        assert_eq!(steps(&[first.clone(), second], &[], &hand), [wanted]);
        let question = drilling::Question::Node { layer: 0, level: 0, index: 0 };
        let asked = Question { id: first.id, task: first.task, source: String::new(), question, deadline: 9 };
        assert_eq!(steps(&[], &[asked], &hand), []);
    }

    #[test]
    fn a_machine_held_still_begins_nothing_but_keeps_its_word() {
        let bound = assignment(1, Stage::Revealing, State::Committed);
        let todo = assignment(2, Stage::Committing, State::Assigned);
        let asked = assignment(5, Stage::Other, State::Other);
        let (_dir, results) = results(&[&bound]);
        let question = Question {
            id: asked.id,
            task: asked.task,
            source: String::new(),
            question: drilling::Question::Roots,
            deadline: 9,
        };
        let held = Hand { held: true, ..hand(&results) };
        let said = steps(&[bound, todo], slice::from_ref(&question), &held);
        let again = Step::Work { id: asked.id, task: asked.task, purpose: Purpose::Answer(None) };
        assert!(matches!(&said[..], [Step::Owe(Debt::Reveal(_)), work] if *work == again), "{said:?}");
    }

    #[test]
    fn a_result_long_settled_is_made_again_for_an_audit() {
        let asked = assignment(5, Stage::Other, State::Other);
        let (_dir, results) = results(&[]);
        let roots = Question {
            id: asked.id,
            task: asked.task,
            source: String::new(),
            question: drilling::Question::Roots,
            deadline: 9,
        };
        let again = Step::Work { id: asked.id, task: asked.task, purpose: Purpose::Answer(None) };
        assert_eq!(steps(&[], slice::from_ref(&roots), &hand(&results)), [again]);
        let done = BTreeMap::from([(asked.id, None)]);
        let at_hand = Hand { again: &done, ..hand(&results) };
        assert_eq!(steps(&[], slice::from_ref(&roots), &at_hand), [Step::Answer(roots)]);
    }

    #[test]
    fn many_questions_are_answered_at_one_time_but_one_layer_is_held() {
        let (_dir, results) = results(&[]);
        let ask = |number: u8, question| {
            let Assignment { id, task, .. } = assignment(number, Stage::Other, State::Other);
            Question { id, task, source: String::new(), question, deadline: u64::from(number) }
        };
        let node = |layer| drilling::Question::Node { layer, level: 0, index: 0 };
        let mut asked: Vec<Question> = [3, 2, 1].map(|number| ask(number, drilling::Question::Roots)).into();
        asked.extend([ask(6, node(0)), ask(5, node(1)), ask(5, node(0)), ask(1, node(0))]);
        let todo = assignment(9, Stage::Committing, State::Assigned);
        let free = Hand { free: 9, ..hand(&results) };
        let begun: Vec<_> = steps(slice::from_ref(&todo), &asked, &free)
            .into_iter()
            .map(|step| match step {
                Step::Work { id, purpose, .. } => (id, purpose),
                other => panic!("{other:?}"),
            })
            .collect();
        let id = |number| assignment(number, Stage::Other, State::Other).id;
        let roots = |number| (id(number), Purpose::Answer(None));
        assert_eq!(begun, [roots(1), roots(2), roots(3), (todo.id, Purpose::Result)], "task 1 is begun once");
        asked.pop();
        let begun = steps(&[], &asked, &free);
        let layered =
            begun.iter().filter(|step| matches!(step, Step::Work { purpose: Purpose::Answer(Some(_)), .. }));
        assert_eq!((begun.len(), layered.count()), (4, 1));
        let done = BTreeMap::from([1, 2, 3].map(|number| (id(number), None)));
        let said = steps(&[], &asked, &Hand { again: &done, ..free });
        assert_eq!(said.iter().filter(|step| matches!(step, Step::Answer(_))).count(), 3);
    }
}
