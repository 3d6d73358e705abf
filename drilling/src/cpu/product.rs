//! The product: inputs in panels, weights packed block by block of columns, tile after tile.

use super::{
    control::{Cancelled, Control},
    crew::Crew,
    kit::{Kit, Tile},
    panel::Aligned,
};

/// Rows of inputs whose part of a block stays in the second cache.
const ROWS_AT_ONCE: usize = 224;

/// Inputs, ready to be multiplied.
pub(crate) struct Inputs {
    panels: Aligned,
    corrections: Vec<i32>,
    rows: usize,
    width: usize,
}

/// Who works, with what.
pub(crate) struct Team<'a> {
    pub(crate) kit: &'a Kit,
    pub(crate) crew: &'a mut Crew,
    pub(crate) control: &'a Control,
}

impl Inputs {
    pub(crate) fn new() -> Self {
        Self { panels: Aligned::default(), corrections: Vec::new(), rows: 0, width: 0 }
    }

    /// Packs `rows` rows of `width` elements. `give` writes the rows from its first argument on into
    /// its second, or returns them from where they are.
    pub(crate) fn prepare<'a>(
        &mut self,
        team: &mut Team<'_>,
        rows: usize,
        width: usize,
        give: impl Fn(usize, &mut [i8]) -> Option<&'a [i8]> + Sync,
    ) -> Result<(), Cancelled> {
        let (kit, layout) = (team.kit, team.kit.inputs);
        (self.rows, self.width) = (rows, width);
        self.corrections.resize(rows, 0);
        let panels = self.panels.sized(layout.bytes(width) * rows.div_ceil(layout.rows));
        let panels = panels.chunks_mut(layout.bytes(width));
        let jobs = panels.zip(self.corrections.chunks_mut(layout.rows)).enumerate();
        team.crew.share(
            team.control,
            jobs,
            || vec![0i8; layout.rows * width],
            |(number, (panel, corrections)), elements| {
                let elements = &mut elements[..corrections.len() * width];
                let elements = give(number * layout.rows, elements).unwrap_or(elements);
                (kit.pack)(elements, width, panel, corrections);
                Ok(())
            },
        )
    }
}

/// Sums that threads write to, each its own columns.
#[derive(Clone, Copy)]
struct Sums(*mut i32);

// SAFETY: jobs write to disjoint columns, and the matrix is borrowed for as long as they run.
#[allow(unsafe_code)]
unsafe impl Send for Sums {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Sums {}

impl Sums {
    // A method, so that closures take the whole and not the pointer in it.
    fn pointer(&self) -> *mut i32 {
        self.0
    }
}

/// Multiplies with `outputs` rows of weights. `panel` packs the weights of the columns from its first argument on; `sums` is as
/// large as rows times outputs.
pub(crate) fn multiply(
    team: &mut Team<'_>,
    inputs: &Inputs,
    outputs: usize,
    panel: impl Fn(usize, &mut [u8]) + Sync,
    sums: &mut [i32],
) -> Result<(), Cancelled> {
    let (kit, control, layout) = (team.kit, team.control, team.kit.weights);
    let panels = panels_at_once(outputs.div_ceil(layout.rows), team.crew.size());
    let columns = panels * layout.rows;
    let bytes = layout.bytes(inputs.width);
    let jobs = (0..outputs).step_by(columns).collect::<Vec<_>>();
    assert!(sums.len() >= inputs.rows * outputs, "the sums have their place");
    let sums = Sums(sums.as_mut_ptr());
    team.crew.share(control, jobs.into_iter(), Aligned::default, |first, packed| {
        let end = (first + columns).min(outputs);
        let packed = packed.sized(bytes * panels);
        for (at, packed) in (first..end).step_by(layout.rows).zip(packed.chunks_exact_mut(bytes)) {
            panel(at, packed);
        }
        columns_of((kit, control), inputs, outputs, (first, end), packed, sums.pointer())
    })
}

/// Multiplies with weights that are packed already, panel after panel.
pub(crate) fn multiply_packed(
    team: &mut Team<'_>,
    inputs: &Inputs,
    outputs: usize,
    packed: &[u8],
    sums: &mut [i32],
) -> Result<(), Cancelled> {
    let (kit, control, layout) = (team.kit, team.control, team.kit.weights);
    let panels = panels_at_once(outputs.div_ceil(layout.rows), team.crew.size());
    let columns = panels * layout.rows;
    let bytes = layout.bytes(inputs.width);
    let jobs = (0..outputs).step_by(columns).zip(packed.chunks(bytes * panels)).collect::<Vec<_>>();
    assert!(sums.len() >= inputs.rows * outputs, "the sums have their place");
    let sums = Sums(sums.as_mut_ptr());
    team.crew.share(
        control,
        jobs.into_iter(),
        || (),
        |(first, packed), ()| {
            columns_of(
                (kit, control),
                inputs,
                outputs,
                (first, (first + columns).min(outputs)),
                packed,
                sums.pointer(),
            )
        },
    )
}

/// How many panels of weights a job has: as many as the second cache likes, fewer where threads would go idle.
fn panels_at_once(panels: usize, threads: usize) -> usize {
    let mut at_once = 8;
    while at_once > 1 && threads > 1 && panels < 4 * threads * at_once {
        at_once /= 2;
    }
    at_once.min(panels.max(1))
}

/// All rows times some columns: blocks of groups, of rows, of columns, then tiles.
#[allow(unsafe_code)]
fn columns_of(
    (kit, control): (&Kit, &Control),
    inputs: &Inputs,
    outputs: usize,
    (first, end): (usize, usize),
    packed: &[u8],
    sums: *mut i32,
) -> Result<(), Cancelled> {
    let layout = kit.inputs;
    let groups = kit.weights.groups(inputs.width);
    let at_once = ROWS_AT_ONCE / layout.rows * layout.rows;
    let panel_bytes = kit.weights.bytes(inputs.width);
    let _ready = kit.ready();
    assert!(packed.len() >= panel_bytes * (end - first).div_ceil(kit.weights.rows), "panels are whole");
    for rows in (0..inputs.rows).step_by(at_once) {
        for group in (0..groups).step_by(kit.block) {
            let count = kit.block.min(groups - group);
            control.check()?;
            for (number, column) in (first..end).step_by(kit.weights.rows).enumerate() {
                let weights = &packed[number * panel_bytes + group * kit.weights.rows * kit.weights.unit()..];
                for row in (rows..inputs.rows.min(rows + at_once)).step_by(layout.rows) {
                    let height = layout.rows.min(inputs.rows - row);
                    let panel = &inputs.panels.bytes()[row / layout.rows * layout.bytes(inputs.width)..];
                    let room = layout.room(height) * layout.unit();
                    let panel = &panel[group * room..];
                    debug_assert!(panel.len() >= count * room);
                    (kit.tile)(&Tile {
                        rows: height,
                        columns: kit.weights.rows.min(end - column),
                        groups: count,
                        inputs: panel.as_ptr(),
                        weights: weights.as_ptr(),
                        // SAFETY: row and column lie in the matrix, which has rows·outputs sums.
                        sums: unsafe { sums.add(row * outputs + column) },
                        stride: outputs,
                        corrections: inputs.corrections[row..row + height].as_ptr(),
                        first: group == 0,
                    });
                }
            }
        }
    }
    Ok(())
}
