//! An inspector's way from a digest in doubt to the proof that it is wrong.

use crate::{
    disclosure::Question,
    hash::Hash,
    prove::Place,
    result::layer_tree,
    spec::Task,
    tree::{CHUNK, TreeError, left_width},
};

/// The questions asked so far and their checked answers.
#[derive(Debug, Clone)]
pub struct Trail {
    task: Task,
    question: Question,
    expected: Hash,
    answers: Vec<(Question, Vec<u8>)>,
}

/// What an answer leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The next question is to be asked: where the accused's answer differs from the truth.
    Ask {
        /// The question.
        question: Question,
        /// Which hash of the answer before it is about.
        place: u32,
    },
    /// The answer is the true one: the accused is right.
    Right,
    /// This accumulator is wrong; [`Trail::opening`] opens it.
    Wrong(Place),
}

impl Trail {
    /// Begins with what the accused revealed. The first question is [`Question::Roots`].
    pub fn new(task: &Task, digest: &Hash) -> Self {
        Self { task: *task, question: Question::Roots, expected: *digest, answers: Vec::new() }
    }

    /// What is asked now.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Takes the accused's answer; `truth` is the true one.
    pub fn take(&mut self, answer: &[u8], truth: &[u8]) -> Result<Step, TreeError> {
        self.question.check(&self.task, &self.expected, answer)?;
        self.answers.push((self.question, answer.to_vec()));
        if let Question::Node { layer, level: 0, index } = self.question {
            let pairs = answer.as_chunks::<4>().0.iter().zip(truth.as_chunks::<4>().0);
            let Some(at) = pairs.enumerate().find(|(_, (ours, theirs))| ours != theirs) else {
                return Ok(Step::Right);
            };
            let index = u64::from(index) * (CHUNK / 4) + at.0 as u64;
            return Place::new(&self.task, layer, index).map(Step::Wrong).ok_or(TreeError::OutOfRange);
        }
        let pairs = answer.as_chunks::<32>().0.iter().zip(truth.as_chunks::<32>().0);
        let Some((place, _)) = pairs.enumerate().find(|(_, (ours, theirs))| ours != theirs) else {
            return Ok(Step::Right);
        };
        let place = u32::try_from(place).map_err(|_| TreeError::OutOfRange)?;
        (self.question, self.expected) = self.question.descend(&self.task, answer, place)?;
        Ok(Step::Ask { question: self.question, place })
    }

    /// The accused's roots.
    pub fn roots(&self) -> &[Hash] {
        self.answers.first().map(|(_, answer)| answer.as_chunks().0).unwrap_or_default()
    }

    /// The opening of an accumulator in the chunk that the last answer gave, put together from the answers.
    pub fn opening(&self) -> Result<Vec<u8>, TreeError> {
        let Some((Question::Node { layer, level: 0, index }, chunk)) = self.answers.last() else {
            return Err(TreeError::OutOfRange);
        };
        let height = layer_tree(&self.task, &self.task.id(), *layer)?.height();
        let nodes = self.answers.get(1..self.answers.len() - 1).unwrap_or_default();
        let mut opening = chunk.clone();
        if height > 0 {
            self.beside(nodes, u64::from(*index), &mut opening)?;
        }
        Ok(opening)
    }

    /// Appends the subtrees beside a chunk, left to right.
    fn beside(
        &self,
        nodes: &[(Question, Vec<u8>)],
        chunk: u64,
        opening: &mut Vec<u8>,
    ) -> Result<(), TreeError> {
        let Some(((Question::Node { layer, level, index }, answer), deeper)) = nodes.split_first() else {
            return Ok(());
        };
        let tree = layer_tree(&self.task, &self.task.id(), *layer)?;
        let child = level.saturating_sub(crate::tree::FAN_LEVELS);
        let first = u64::from(*index) << (level - child);
        let wanted = (chunk >> child).checked_sub(first).ok_or(TreeError::OutOfRange)?;
        let (mut from, mut count) = (0, answer.len() as u64 / 32);
        let mut after = Vec::new();
        while count > 1 {
            let left = left_width(count);
            if wanted < from + left {
                after.push(tree.fold(answer, from + left, count - left)?);
                count = left;
            } else {
                opening.extend_from_slice(&tree.fold(answer, from, left)?);
                (from, count) = (from + left, count - left);
            }
        }
        self.beside(deeper, chunk, opening)?;
        opening.extend(after.iter().rev().flatten());
        Ok(())
    }
}
