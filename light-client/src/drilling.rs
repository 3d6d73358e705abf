//! Tasks as their specification has them, and as the chain does: the types generated from metadata are others than those of the crate
//! that the runtime shares.

use crate::chain::runtime_types::drilling as their;
use ::drilling::{Class, Kernel, Layer, Layers, Question, Spec, Task, WrongDepth};

impl TryFrom<their::spec::Task> for Task {
    type Error = WrongDepth;

    /// An error for a task with more layers than this version knows.
    fn try_from(task: their::spec::Task) -> Result<Self, WrongDepth> {
        Ok(Self { spec: task.spec.try_into()?, seed: task.seed })
    }
}

impl TryFrom<their::spec::Spec> for Spec {
    type Error = WrongDepth;

    fn try_from(spec: their::spec::Spec) -> Result<Self, WrongDepth> {
        let their::spec::Spec { kernel, rows, inputs, layers } = spec;
        let kernel = match kernel {
            their::spec::Kernel::Mlp => Kernel::Mlp,
            their::spec::Kernel::Infer { network, shard, items } => Kernel::Infer { network, shard, items },
        };
        let layer = |their::spec::Layer { outputs, multiplier, shift }| Layer { outputs, multiplier, shift };
        let layers: Vec<Layer> = layers.into_iter().map(layer).collect();
        Ok(Self { kernel, rows, inputs, layers: Layers::new(&layers)? })
    }
}

impl From<Spec> for their::spec::Spec {
    fn from(spec: Spec) -> Self {
        let Spec { kernel, rows, inputs, layers } = spec;
        let kernel = match kernel {
            Kernel::Mlp => their::spec::Kernel::Mlp,
            Kernel::Infer { network, shard, items } => their::spec::Kernel::Infer { network, shard, items },
        };
        let layer =
            |&Layer { outputs, multiplier, shift }: &Layer| their::spec::Layer { outputs, multiplier, shift };
        Self { kernel, rows, inputs, layers: layers.iter().map(layer).collect() }
    }
}

impl From<their::disclosure::Question> for Question {
    fn from(question: their::disclosure::Question) -> Self {
        match question {
            their::disclosure::Question::Roots => Self::Roots,
            their::disclosure::Question::Node { layer, level, index } => Self::Node { layer, level, index },
        }
    }
}

impl From<Question> for their::disclosure::Question {
    fn from(question: Question) -> Self {
        match question {
            Question::Roots => Self::Roots,
            Question::Node { layer, level, index } => Self::Node { layer, level, index },
        }
    }
}

impl From<their::class::Class> for Class {
    fn from(class: their::class::Class) -> Self {
        match class {
            their::class::Class::Tiny => Self::Tiny,
            their::class::Class::Small => Self::Small,
            their::class::Class::Medium => Self::Medium,
            their::class::Class::Large => Self::Large,
        }
    }
}

impl From<Class> for their::class::Class {
    fn from(class: Class) -> Self {
        match class {
            Class::Tiny => Self::Tiny,
            Class::Small => Self::Small,
            Class::Medium => Self::Medium,
            Class::Large => Self::Large,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_again() {
        let infer = Kernel::Infer { network: [1; 32], shard: [2; 32], items: 3 };
        for class in Class::ALL {
            let (mlp, infer) = (class.mlp(), Spec { kernel: infer, ..class.mlp() });
            for spec in [mlp, infer] {
                assert_eq!(Spec::try_from(their::spec::Spec::from(spec)), Ok(spec));
            }
            assert_eq!(Class::from(their::class::Class::from(class)), class);
        }
        for question in [Question::Roots, Question::Node { layer: 1, level: 2, index: 3 }] {
            assert_eq!(Question::from(their::disclosure::Question::from(question)), question);
        }
    }

    #[test]
    fn a_task_of_a_later_version_is_none() {
        let mut spec = their::spec::Spec::from(Class::Tiny.mlp());
        let layer = spec.layers.first().cloned().unwrap();
        spec.layers = vec![layer; ::drilling::MAX_LAYERS + 1];
        assert!(Spec::try_from(spec).is_err());
    }
}
