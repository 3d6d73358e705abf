//! The attack table: every forged package against the rules, the checks and replay.

use super::{ADAPTIVE, ATTACKS, Attack, Bench, LabError, Outcome, Setting, honest, outcome};
use crate::replay::Choice;
use std::path::Path;

/// One row of the table.
pub type Row = (&'static str, &'static str, Outcome);

/// Everything is replayed, so that the table tells what replay can see.
const ALL: Choice = Choice { drawn: usize::MAX, largest: 0 };

/// Makes an honest package, a stolen model and every forgery in `folder`, and verifies all of them. `adaptive` is an order for AdamW of a
/// network that begins with a dense layer, on data with an input that is always 0.
pub fn attack_table(
    make: &dyn Fn(u64) -> Result<Setting, LabError>,
    adaptive: &dyn Fn() -> Result<Setting, LabError>,
    folder: &Path,
) -> Result<Vec<Row>, LabError> {
    let (setting, elsewhere) = (make(1)?, make(2)?);
    honest(&setting, &folder.join("honest"))?;
    honest(&elsewhere, &folder.join("other"))?;
    let bench = Bench {
        setting: &setting,
        honest: folder.join("honest"),
        stolen: elsewhere.last(&folder.join("other"))?,
        other: folder.join("other"),
    };
    let mut rows = vec![("–", "honest", outcome(&setting, &bench.honest, ALL, 0))];
    for attack in ATTACKS {
        rows.push(row(attack, &bench, folder)?);
    }
    let setting = adaptive()?;
    let bench = Bench { setting: &setting, honest: folder.join("honest-adamw"), ..bench };
    honest(&setting, &bench.honest)?;
    rows.push(("–A", "honest, AdamW", outcome(&setting, &bench.honest, ALL, 0)));
    for attack in ADAPTIVE {
        rows.push(row(attack, &bench, folder)?);
    }
    Ok(rows)
}

fn row(attack: &Attack, bench: &Bench<'_>, folder: &Path) -> Result<Row, LabError> {
    let forged = folder.join(attack.id);
    attack.run(bench, &forged)?;
    Ok((attack.id, attack.what, outcome(bench.setting, &forged, ALL, 0)))
}
