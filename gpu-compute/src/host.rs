//! The kernels that are plain C, compiled for this processor: tests run them where there is no GPU.

use crate::arguments::{Rescale, Trees, Words8};
use libloading::Library;
use std::{path::Path, process::Command};

/// The compiled kernels.
pub(crate) struct Host {
    library: Library,
    _folder: tempfile::TempDir,
}

impl Host {
    pub fn build() -> Self {
        let (root, folder) = (Path::new(env!("CARGO_MANIFEST_DIR")), tempfile::tempdir().unwrap());
        let library = folder.path().join("kernels.so");
        let mut compiler = Command::new("c++");
        compiler
            .args(["-std=c++20", "-O2", "-pthread", "-shared", "-fPIC", "-I"])
            .arg(root.join("kernels"))
            .arg("-I")
            .arg(root.join("tests/host"));
        let built =
            compiler.arg(root.join("tests/host/kernels.cpp")).arg("-o").arg(&library).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        // SAFETY: what was just built; it has no initialisers of its own.
        Self { library: unsafe { Library::new(library) }.unwrap(), _folder: folder }
    }

    fn get<T>(&self, name: &str) -> libloading::Symbol<'_, T> {
        // SAFETY: each caller names the type that tests/host/kernels.cpp gives the function.
        unsafe { self.library.get(name.as_bytes()) }.unwrap()
    }

    pub fn generate(&self, out: &mut [i8], pitch: usize, width: usize, key: &[u8; 32], tensor: u32) {
        type Function = unsafe extern "C" fn(u32, *mut i8, u32, u32, u32, *const Words8, u32);
        let (blocks, row) = ((out.len() / 64) as u32, (pitch / 64) as u32);
        let grid = blocks.div_ceil(256).clamp(1, 2);
        // SAFETY: `out` has as many blocks as is told.
        unsafe {
            self.get::<Function>("host_generate")(
                grid,
                out.as_mut_ptr(),
                blocks,
                row,
                width as u32,
                &key.into(),
                tensor,
            )
        }
    }

    pub fn add_items(&self, inputs: &mut [i8], pitch: usize, width: usize, items: &[u8]) {
        type Function = unsafe extern "C" fn(*mut i8, u64, u32, u32, *const u8, u32);
        let (rows, count) = ((inputs.len() / pitch) as u32, (items.len() / width) as u32);
        // SAFETY: rows and items lie within the slices.
        unsafe {
            self.get::<Function>("host_add_items")(
                inputs.as_mut_ptr(),
                pitch as u64,
                rows,
                width as u32,
                items.as_ptr(),
                count,
            )
        }
    }

    pub fn chunks(
        &self,
        data: &[u32],
        bytes: usize,
        first: usize,
        count: usize,
        values: &mut [[u8; 32]],
        key: &[u8; 32],
    ) {
        type Function = unsafe extern "C" fn(*const u32, u64, u64, u32, *mut [u8; 32], *const Words8);
        let values = values.as_mut_ptr();
        // SAFETY: `data` holds the chunks that are asked for, `values` those of the whole tree.
        unsafe {
            self.get::<Function>("host_chunks")(
                data.as_ptr(),
                bytes as u64,
                first as u64,
                count as u32,
                values,
                &key.into(),
            )
        }
    }

    /// Steps `from` to `to` of every lane; blocks are 1,024 bytes.
    pub fn memory_fill(&self, blocks: &mut [u8], lanes: u32, (from, to): (u32, u32), key: &[u8; 32]) {
        type Function = unsafe extern "C" fn(*mut u8, u32, u32, u32, *const Words8);
        let at = blocks.as_mut_ptr();
        // SAFETY: as many lanes and steps as there are blocks.
        unsafe { self.get::<Function>("host_memory_fill")(at, lanes, from, to, &key.into()) }
    }

    pub fn memory_leaves(&self, blocks: &[u8], values: &mut [[u8; 32]], key: &[u8; 32]) {
        type Function = unsafe extern "C" fn(*const u8, u32, *mut [u8; 32], *const Words8);
        let (at, count) = (blocks.as_ptr(), values.len() as u32);
        // SAFETY: a value for each block.
        unsafe { self.get::<Function>("host_memory_leaves")(at, count, values.as_mut_ptr(), &key.into()) }
    }

    /// What each walk ends in, 32 bytes.
    pub fn memory_walk(&self, blocks: &[u8], key: &[u8; 32], walks: u32) -> Vec<u8> {
        type Function = unsafe extern "C" fn(*const u8, u32, *const Words8, u32, *mut [u8; 32]);
        let (at, count) = (blocks.as_ptr(), (blocks.len() / 1024) as u32);
        let mut ends = vec![[0u8; 32]; walks as usize];
        // SAFETY: the blocks are all there, and an end for each walk.
        unsafe { self.get::<Function>("host_memory_walk")(at, count, &key.into(), walks, ends.as_mut_ptr()) }
        ends.into_flattened()
    }

    pub fn merge(&self, trees: &Trees) {
        type Function = unsafe extern "C" fn(*const Trees);
        // SAFETY: the trees' addresses are this process's.
        unsafe { self.get::<Function>("host_merge")(trees) }
    }

    pub fn requantise(&self, sums: &[i32], width: usize, out: &mut [i8], pitch: usize, by: &Rescale) {
        type Function = unsafe extern "C" fn(*const i32, u32, u32, *mut i8, u64, *const Rescale);
        let rows = (sums.len() / width) as u32;
        // SAFETY: as many rows in both.
        unsafe {
            self.get::<Function>("host_requantise")(
                sums.as_ptr(),
                rows,
                width as u32,
                out.as_mut_ptr(),
                pitch as u64,
                by,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drilling::{Layer, element};

    const KEY: [u8; 32] = [0x5a; 32];

    /// What a row should hold: elements, then zeros up to the pitch.
    fn rows(count: usize, pitch: usize, width: usize, element: impl Fn(usize, usize) -> i8) -> Vec<i8> {
        let at = |i: usize| if i % pitch < width { element(i / pitch, i % pitch) } else { 0 };
        (0..count * pitch).map(at).collect()
    }

    #[test]
    fn elements_are_the_specifications() {
        let host = Host::build();
        for (count, width) in [(1, 1), (3, 63), (5, 64), (7, 130), (40, 1000)] {
            let pitch = usize::next_multiple_of(width, 64);
            let mut made = vec![1; count * pitch];
            host.generate(&mut made, pitch, width, &KEY, 3);
            let tensor = element::Tensor::Weights(2);
            let expected =
                rows(count, pitch, width, |row, k| element::element(&KEY, tensor, row as u32, k as u32));
            assert!(made == expected, "{count} rows of {width}");
        }
    }

    #[test]
    fn items_get_their_noise() {
        let host = Host::build();
        let (count, pitch, width, items) =
            (11, 320, 300, (0..4 * 300).map(|i| (i * 7) as u8).collect::<Vec<_>>());
        let mut inputs = rows(count, pitch, width, |row, k| (row * 31 + k * 17) as i8);
        let expected = rows(count, pitch, width, |row, k| {
            element::noisy(items[row % 4 * width + k] as i8, (row * 31 + k * 17) as i8)
        });
        host.add_items(&mut inputs, pitch, width, &items);
        assert!(inputs == expected);
    }

    #[test]
    fn requantising_is_the_specifications() {
        let host = Host::build();
        for (multiplier, shift) in
            [(1, 1), (666_506, 32), (i32::MAX as u32, 62), (i32::MAX as u32, 1), (12_345, 20)]
        {
            let layer = Layer { outputs: 77, multiplier, shift };
            let mut sums: Vec<i32> = (0..5 * 77).map(|i: i32| i.wrapping_mul(0x0123_4567)).collect();
            sums[..5].copy_from_slice(&[i32::MAX, i32::MIN, 0, 1, -1]);
            let mut made = vec![1; 5 * 128];
            host.requantise(&sums, 77, &mut made, 128, &Rescale::from(&layer));
            assert!(
                made == rows(5, 128, 77, |row, k| drilling::requantise(sums[row * 77 + k], &layer)),
                "{layer:?}"
            );
        }
    }
}
