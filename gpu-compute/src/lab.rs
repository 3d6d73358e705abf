//! The kernels one by one, with the GPU's own clock: for benches.

use crate::{
    arguments::{Finish, Rescale, Words8},
    drill::Driller,
    error::{Doing, GpuError},
    memory::{Matrix, Room},
};
use cudarc::driver::sys::CUevent_flags;
use drilling::Layer;

/// A product's matrices on the device, of generated elements.
#[derive(Debug)]
pub struct Product {
    /// The inputs' address: `rows` tight rows of `width` elements.
    pub inputs: u64,
    /// The weights': `columns` tight rows of `width`.
    pub weights: u64,
    /// Where sums go: `rows` tight rows of `columns`.
    pub sums: u64,
    /// Rows, columns, products in a sum; widths are multiples of 64.
    pub shape: (u32, u32, u32),
    matrices: (Matrix, Matrix),
    rooms: [Room; 3],
}

impl Driller {
    /// Makes matrices.
    pub fn prepare(&self, rows: u32, columns: u32, width: u32) -> Result<Product, GpuError> {
        let mut rooms: [Room; 3] = Default::default();
        let [a, b, c] = &mut rooms;
        let stream = &self.kernels.stream;
        let inputs = Matrix::within(a, stream, rows, width)?;
        let weights = Matrix::within(b, stream, columns, width)?;
        let key = Words8::from(&[7; 32]);
        self.kernels.generate(&inputs, &key, 0)?;
        self.kernels.generate(&weights, &key, 1)?;
        let sums = c.sized(stream, u64::from(rows) * u64::from(columns) * 4)?;
        let shape = (rows, columns, width);
        Ok(Product {
            inputs: inputs.at,
            weights: weights.at,
            sums,
            shape,
            matrices: (inputs, weights),
            rooms,
        })
    }

    /// Makes the sums.
    pub fn product(&self, product: &Product) -> Result<(), GpuError> {
        self.kernels.product(&product.matrices.0, &product.matrices.1, product.sums)
    }

    /// Generates the weights.
    pub fn generate(&self, product: &Product) -> Result<(), GpuError> {
        self.kernels.generate(&product.matrices.1, &Words8::from(&[8; 32]), 1)
    }

    /// The whole layer without sums in memory; `rooms` keeps what it needs. Whether there is such a kernel.
    pub fn fused(&self, product: &Product, rooms: &mut Rooms) -> Result<bool, GpuError> {
        let (rows, columns, _) = product.shape;
        let Some(room) = self.kernels.layer_room(rows, columns) else { return Ok(false) };
        let stream = &self.kernels.stream;
        let next = Matrix::within(&mut rooms.next, stream, rows, columns)?;
        let by = Rescale::from(&Layer { outputs: columns, multiplier: 666_506, shift: 32 });
        let finish = Finish {
            key: Words8::from(&[9; 32]),
            values: rooms.values.sized(stream, u64::from(rows) * u64::from(columns) / 8)?,
            next: next.at,
            pitch: next.pitch,
            by,
            room: rooms.room.sized(stream, room)?,
        };
        self.kernels.layer(&product.matrices.0, &product.matrices.1, &finish).map(|()| true)
    }

    /// The stream that all runs in, for a peer's library.
    pub fn stream(&self) -> *mut std::ffi::c_void {
        self.kernels.stream.cu_stream().cast()
    }

    /// Milliseconds that the work took on the GPU.
    pub fn time(&self, work: impl FnOnce() -> Result<(), GpuError>) -> Result<f32, GpuError> {
        let (stream, doing) = (&self.kernels.stream, "timing");
        let event = || stream.record_event(Some(CUevent_flags::CU_EVENT_DEFAULT)).doing(doing);
        let before = event()?;
        work()?;
        let after = event()?;
        stream.synchronize().doing(doing)?;
        before.elapsed_ms(&after).doing(doing)
    }

    /// Some of the sums, for a check against a peer's.
    pub fn some_sums(&self, product: &Product, count: usize) -> Result<Vec<i32>, GpuError> {
        let _ = &product.rooms;
        let mut sums = vec![0; count];
        crate::drill::download(&self.kernels, product.sums, &mut sums)?;
        Ok(sums)
    }
}

/// What a whole layer needs besides its matrices.
#[derive(Debug, Default)]
pub struct Rooms {
    next: Room,
    values: Room,
    room: Room,
}
