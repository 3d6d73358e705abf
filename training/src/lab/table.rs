//! The attack table: every forged package against the rules, the checks and replay.

use super::{ATTACKS, Bench, LabError, Outcome, Setting, honest, outcome};
use crate::replay::Choice;
use std::path::Path;

/// One row of the table.
pub type Row = (&'static str, &'static str, Outcome);

/// Everything is replayed, so that the table tells what replay can see.
const ALL: Choice = Choice { drawn: usize::MAX, largest: 0 };

/// Makes an honest package, a stolen model and every forgery in `folder`, and verifies all of them.
pub fn attack_table(
    make: &dyn Fn(u64) -> Result<Setting, LabError>,
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
    let mut rows = vec![("–", "honest", outcome(&setting, &folder.join("honest"), ALL, 0))];
    for attack in ATTACKS {
        let forged = folder.join(attack.id);
        attack.run(&bench, &forged)?;
        rows.push((attack.id, attack.what, outcome(&setting, &forged, ALL, 0)));
    }
    Ok(rows)
}
