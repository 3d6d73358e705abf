//! SCALE of the chain's types.
#![cfg(feature = "codec")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use codec::{Decode, Encode, MaxEncodedLen};
use drilling::{Kernel, Layer, Layers, Question, Spec, Task};
use proptest::prelude::*;

fn layers() -> impl Strategy<Value = Layers> {
    let layer = (any::<u32>(), any::<u32>(), any::<u8>());
    let layer = layer.prop_map(|(outputs, multiplier, shift)| Layer { outputs, multiplier, shift });
    proptest::collection::vec(layer, 1..=16).prop_map(|layers| Layers::new(&layers).unwrap())
}

fn kernel() -> impl Strategy<Value = Kernel> {
    let infer = (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<u32>());
    prop_oneof![
        Just(Kernel::Mlp),
        infer.prop_map(|(network, shard, items)| Kernel::Infer { network, shard, items })
    ]
}

proptest! {
    #[test]
    fn tasks_come_back(kernel in kernel(), rows in any::<u32>(), inputs in any::<u32>(), layers in layers(), seed in any::<[u8; 32]>()) {
        let task = Task { spec: Spec { kernel, rows, inputs, layers }, seed };
        let bytes = task.encode();
        prop_assert!(bytes.len() <= Task::max_encoded_len());
        prop_assert_eq!(Task::decode(&mut &bytes[..]), Ok(task));
        // Nothing a chain can be sent makes these panic.
        let _ = (task.spec.check(), task.id(), task.spec.operations(), drilling::difficulty(&task.spec));
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut rest = &bytes[..];
        if let Ok(task) = Task::decode(&mut rest) {
            prop_assert_eq!(task.encode(), &bytes[..bytes.len() - rest.len()]);
        }
        let mut rest = &bytes[..];
        if let Ok(question) = Question::decode(&mut rest) {
            prop_assert_eq!(question.encode(), &bytes[..bytes.len() - rest.len()]);
            if let Ok(task) = Task::decode(&mut rest) {
                let _ = question.check(&task, &[0; 32], rest);
                let _ = question.descend(&task, rest, 3);
            }
        }
    }

    #[test]
    fn layers_are_a_vector(layers in layers()) {
        prop_assert_eq!(layers.encode(), layers.to_vec().encode());
    }
}

#[test]
fn no_layers_and_too_many_are_refused() {
    let layer = Layer { outputs: 1, multiplier: 1, shift: 1 };
    assert!(Layers::decode(&mut &Vec::<Layer>::new().encode()[..]).is_err());
    assert!(Layers::decode(&mut &vec![layer; 17].encode()[..]).is_err());
}
