//! Images to learn from: Fashion-MNIST as Debian packages it, and synthetic ones where a test must not need a package.

use super::LabError;
use crate::digest::Digest;
use safetensors::tensor::{Dtype, TensorView};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where Debian's package `dataset-fashion-mnist` puts it.
const FASHION: &str = "/usr/share/datasets/fashion-mnist";

/// The two files of a data set: to train on, to measure with.
pub type Files = (PathBuf, PathBuf);

/// The first images of Fashion-MNIST's two parts, as data sets in `folder`.
pub fn fashion(folder: &Path, train: usize, validation: usize) -> Result<Files, LabError> {
    let part = |name: &str, count: usize| -> Result<(Vec<u8>, Vec<u8>), LabError> {
        let images = unpacked(&format!("{name}-images-idx3-ubyte"))?;
        let labels = unpacked(&format!("{name}-labels-idx1-ubyte"))?;
        // IDX: 16 bytes before images, 8 before labels.
        let images = images.get(16..16 + count * 784).ok_or("fewer images than asked for")?;
        let labels = labels.get(8..8 + count).ok_or("fewer labels than asked for")?;
        Ok((images.into(), labels.into()))
    };
    let files = (folder.join("train.safetensors"), folder.join("validation.safetensors"));
    for (path, (images, labels)) in [(&files.0, part("train", train)?), (&files.1, part("t10k", validation)?)]
    {
        write(path, &[1, 28, 28], &images, &labels)?;
    }
    Ok(files)
}

fn unpacked(name: &str) -> Result<Vec<u8>, LabError> {
    let path = format!("{FASHION}/{name}.gz");
    if !Path::new(&path).is_file() {
        return Err(format!("{path} is not there: apt-get install dataset-fashion-mnist").into());
    }
    let out = Command::new("gzip").args(["-dc", &path]).output()?;
    if out.status.success() { Ok(out.stdout) } else { Err(format!("gzip cannot read {path}").into()) }
}

/// Images of 12 × 12 in six classes: each class has four blurred patterns, under noise that makes some hard.
pub fn synthetic(folder: &Path, train: usize, validation: usize) -> Result<Files, LabError> {
    let files = (folder.join("train.safetensors"), folder.join("validation.safetensors"));
    for (path, count, part) in [(&files.0, train, 0), (&files.1, validation, 1)] {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for sample in 0..count {
            let draw = Digest::of(&[b"lab", &[part], &(sample as u64).to_le_bytes()]).0;
            let class = draw[0] % 6;
            labels.push(class);
            images.extend(image(class, draw[1] % 4, &draw));
        }
        write(path, &[1, 12, 12], &images, &labels)?;
    }
    Ok(files)
}

/// The same data with the first pixel of every image 0, as the corners of photographs of clothes are: an input that nothing is learned of.
pub fn dark_corner(files: &Files, folder: &Path) -> Result<Files, LabError> {
    let made = (folder.join("train.safetensors"), folder.join("validation.safetensors"));
    for (from, to) in [(&files.0, &made.0), (&files.1, &made.1)] {
        let bytes = fs::read(from)?;
        let tensors = safetensors::SafeTensors::deserialize(&bytes)?;
        let (x, y) = (tensors.tensor("x")?, tensors.tensor("y")?);
        let shape = x.shape().get(1..).unwrap_or_default();
        let mut images = x.data().to_vec();
        images.chunks_mut(shape.iter().product()).for_each(|image| image[0] = 0);
        write(to, shape, &images, y.data())?;
    }
    Ok(made)
}

fn image(class: u8, variant: u8, draw: &[u8; 32]) -> Vec<u8> {
    let bytes =
        |salt: u8| (0..5u8).flat_map(move |block| Digest::of(&[b"noise", &[salt, block], draw]).0).take(144);
    let pattern = (0..5u8).flat_map(|block| Digest::of(&[b"pattern", &[class, variant, block]]).0).take(144);
    let blend = |((pattern, one), other): ((u8, u8), u8)| {
        let noise = u16::from(one) / 2 + u16::from(other) / 2;
        ((u16::from(pattern) * 2 + noise * 3) / 5) as u8
    };
    pattern.zip(bytes(0)).zip(bytes(1)).map(blend).collect()
}

/// Writes a data set of bytes.
fn write(path: &Path, shape: &[usize], images: &[u8], labels: &[u8]) -> Result<(), LabError> {
    let all = [&[labels.len()], shape].concat();
    let x = TensorView::new(Dtype::U8, all, images)?;
    let y = TensorView::new(Dtype::U8, vec![labels.len()], labels)?;
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    Ok(safetensors::serialize_to_file([("x", x), ("y", y)], None, path)?)
}
