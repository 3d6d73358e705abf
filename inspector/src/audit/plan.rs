//! What to do next in a dispute. Pure: the chain's view, the truth and the answers so far go in.

use super::{Accused, AuditError, Call, Case, trails::Trails, truth::Truth};
use drilling::{
    Step, Trail,
    prove::{self, Place},
};
use light_client::AccountId32;
use std::collections::BTreeSet;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// These calls; none while answers are awaited.
    Calls(Vec<Call>),
    /// First the truth with these layers.
    Layers(BTreeSet<u8>),
}

/// Where the way down to one accused's lie stands.
enum Way {
    /// Nothing to say against it.
    Right,
    /// Its answer is awaited.
    Waits,
    /// It is to be asked.
    Ask(u32),
    /// It is wrong here.
    Wrong(Place, Box<Trail>),
    /// A layer is missing to go on.
    Layer(u8),
}

/// Looks at every accused.
pub fn next(case: &Case, me: &AccountId32, truth: &Truth, trails: &Trails) -> Result<Next, AuditError> {
    let (mut calls, mut open) = (Vec::new(), false);
    for accused in &case.accused {
        let way = way(case, accused, truth, trails.answers(&case.id, &accused.machine))?;
        let (task, machine) = (case.id, accused.machine);
        match way {
            Way::Right => continue,
            Way::Waits => {}
            // A question whose answer is not there yet is not asked again.
            Way::Ask(place) => {
                let asked = accused.asked_by(me);
                let waits = accused.chain_of(me).is_some_and(|chain| chain.answer.is_none());
                let known = trails.answers(&task, &machine).len();
                if !waits && usize::from(asked) + 1 == known {
                    calls.push(Call::Demand { task, machine, place, asked });
                }
            }
            Way::Wrong(place, trail) => match convict(case, &place, &trail, truth)? {
                Some(proof) => calls.push(Call::Convict { task, machine, proof }),
                None => return Ok(Next::Layers(layers(place.layer))),
            },
            Way::Layer(layer) => return Ok(Next::Layers(layers(layer))),
        }
        open = true;
    }
    if !open {
        calls.push(Call::Clear { task: case.id });
    }
    Ok(Next::Calls(calls))
}

/// A layer, and the one before it, which the proof opens.
fn layers(layer: u8) -> BTreeSet<u8> {
    [Some(layer), layer.checked_sub(1)].into_iter().flatten().collect()
}

fn way(case: &Case, accused: &Accused, truth: &Truth, answers: &[Vec<u8>]) -> Result<Way, AuditError> {
    if accused.digest == truth.outcome.digest {
        return Ok(Way::Right);
    }
    let mut trail = Trail::new(&case.task, &accused.digest);
    let mut way = Way::Waits;
    for answer in answers {
        let question = *trail.question();
        let layer = question.layer().and_then(|layer| u8::try_from(layer).ok());
        let accumulators = match layer.map(|layer| truth.layers.get(&layer).ok_or(layer)) {
            Some(Err(layer)) => return Ok(Way::Layer(layer)),
            Some(Ok(accumulators)) => accumulators.clone(),
            None => Vec::new(),
        };
        let ours = prove::answer(&case.task, &truth.outcome.roots, &question, |_| accumulators)?;
        way = match trail.take(answer, &ours)? {
            Step::Ask { place, .. } => Way::Ask(place),
            Step::Right => return Ok(Way::Right),
            Step::Wrong(place) => return Ok(Way::Wrong(place, Box::new(trail))),
        };
    }
    Ok(way)
}

/// The proof; none where a layer of the truth is missing for it.
fn convict(case: &Case, place: &Place, trail: &Trail, truth: &Truth) -> Result<Option<Vec<u8>>, AuditError> {
    let previous = match place.layer.checked_sub(1) {
        None => None,
        Some(layer) => match truth.layers.get(&layer) {
            None => return Ok(None),
            Some(accumulators) => Some(accumulators.as_slice()),
        },
    };
    let (opening, published) = (trail.opening()?, truth.published.as_deref());
    Ok(Some(prove::fraud(&case.task, published, trail.roots(), place, &opening, previous)?))
}

#[cfg(test)]
mod tests {
    use super::{super::Chain, *};
    use drilling::{
        Class, Library, Outcome, Question, Task, digits, fraud, layer_root, published::Published, reference,
    };
    use std::{collections::BTreeMap, path::Path, sync::Arc};

    const ME: AccountId32 = AccountId32([7; 32]);
    const MACHINE: [u8; 32] = [9; 32];

    /// A result with one accumulator changed, and what follows in the layers after it left as it was.
    struct Liar {
        task: Task,
        layers: Vec<Vec<i32>>,
        outcome: Outcome,
    }

    fn mlp() -> Task {
        Task { spec: Class::Tiny.mlp(), seed: [5; 32] }
    }

    fn infer() -> Task {
        Task { spec: digits::published().unwrap().spec(300).unwrap(), seed: [5; 32] }
    }

    fn data(task: &Task) -> Option<Arc<Published>> {
        Library::new(Path::new("/nonexistent")).open(&task.spec).unwrap()
    }

    fn liar(task: Task, layer: usize, at: usize) -> (Liar, Truth) {
        let (mut honest, published) = (Vec::new(), data(&task));
        let outcome =
            reference::run(&task, published.as_deref(), |_, sums| honest.push(sums.to_vec())).unwrap();
        let truth = Truth { outcome, layers: BTreeMap::new(), published };
        let mut layers = honest;
        layers[layer][at] ^= 1 << 9;
        let id = task.id();
        let root = |(number, sums): (usize, &Vec<i32>)| layer_root(&task, &id, number as u8, sums).unwrap();
        let roots = layers.iter().enumerate().map(root).collect();
        (Liar { task, outcome: Outcome::new(&id, roots), layers }, truth)
    }

    impl Liar {
        fn answer(&self, question: &Question) -> Vec<u8> {
            let layer = |layer: u8| self.layers[usize::from(layer)].clone();
            prove::answer(&self.task, &self.outcome.roots, question, layer).unwrap()
        }
    }

    /// The whole dispute, with the chain played by the checks that it makes.
    fn convicted(task: Task, layer: usize, at: usize) -> u8 {
        let (liar, truth) = liar(task, layer, at);
        let (id, folder) = (liar.task.id(), tempfile::tempdir().unwrap());
        let mut trails = Trails::open(folder.path()).unwrap();
        let accused = Accused { machine: MACHINE, digest: liar.outcome.digest, roots: None, chains: vec![] };
        let mut case = Case { id, task: liar.task, source: String::new(), accused: vec![accused] };
        let mut truths = BTreeMap::from([(0, truth.outcome.clone())]);
        let mut truth = truth;
        assert_eq!(next(&case, &ME, &truth, &trails).unwrap(), Next::Calls(vec![]), "no answer yet");
        case.accused[0].roots = Some(liar.answer(&Question::Roots));
        let (mut question, mut expected) = (Question::Roots, liar.outcome.digest);
        for asked in 0..7 {
            trails.learn(&case, &case.accused[0].clone(), &ME).unwrap();
            let calls = loop {
                match next(&case, &ME, &truth, &trails).unwrap() {
                    Next::Calls(calls) => break calls,
                    Next::Layers(wanted) => {
                        let mut layers = BTreeMap::new();
                        let published = truth.published.clone();
                        let outcome = reference::run(&liar.task, published.as_deref(), |layer, sums| {
                            if wanted.contains(&layer) {
                                layers.insert(layer, sums.to_vec());
                            }
                        });
                        truths.insert(1, outcome.unwrap());
                        truth = Truth { outcome: truths[&0].clone(), layers, published };
                    }
                }
            };
            match &calls[..] {
                [Call::Demand { place, asked: before, .. }] => {
                    assert_eq!(*before, asked);
                    let answer = liar.answer(&question);
                    question.check(&liar.task, &expected, &answer).unwrap();
                    (question, expected) = question.descend(&liar.task, &answer, *place).unwrap();
                    let answer = liar.answer(&question);
                    let chain = Chain { inspector: ME, question, answer: Some(answer), asked: asked + 1 };
                    case.accused[0].chains = vec![chain];
                    // A restart in between loses nothing.
                    trails = Trails::open(folder.path()).unwrap();
                }
                [Call::Convict { proof, .. }] => {
                    let fraud = fraud::verify(&liar.task, &liar.outcome.digest, proof).unwrap();
                    assert_eq!(usize::from(fraud.layer), layer);
                    return asked;
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("no proof after seven questions")
    }

    #[test]
    fn a_liar_is_convicted_whatever_it_changed() {
        let last = 256 * 16 - 1;
        for (layer, at) in [(0, 0), (0, 12_345), (1, 0), (1, last)] {
            assert!(convicted(mlp(), layer, at) <= 6);
        }
        // Of published data the proof opens what the lie was told about.
        let last = 300 * 10 - 1;
        for (layer, at) in [(0, 0), (0, 28_799), (1, 0), (1, last)] {
            assert!(convicted(infer(), layer, at) <= 6);
        }
    }

    #[test]
    fn who_is_right_is_cleared() {
        let (liar, truth) = liar(mlp(), 0, 0);
        let trails = Trails::open(tempfile::tempdir().unwrap().path()).unwrap();
        let digest = truth.outcome.digest;
        let accused = Accused { machine: MACHINE, digest, roots: None, chains: vec![] };
        let case =
            Case { id: liar.task.id(), task: liar.task, source: String::new(), accused: vec![accused] };
        let cleared = Next::Calls(vec![Call::Clear { task: case.id }]);
        assert_eq!(next(&case, &ME, &truth, &trails).unwrap(), cleared);
    }
}
