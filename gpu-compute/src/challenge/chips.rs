//! Chips that are known, by what their makers have published and by what was measured here. One that is not here is unknown, no more.

/// A chip's ceilings, as its datasheet has them, dense.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chip {
    /// A part of the name that its driver tells, which no other chip's name has.
    pub name: &'static str,
    /// int8 operations a second.
    pub int8: f64,
    /// fp16 operations a second.
    pub fp16: f64,
    /// Bytes a second of its memory.
    pub memory: f64,
    /// What the fingerprint gave on one that is known to be genuine.
    pub measured: Option<Measured>,
}

/// Medians of honest runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// int8 operations, fp16 operations and bytes from the cache, each for a byte from memory.
    pub ratios: [f64; 3],
    /// How far an honest run may be from them, as a share.
    pub tolerance: f64,
}

const T: f64 = 1e12;

/// NVIDIA's datasheets: "H200 Tensor Core GPU" (NVL; SXM), "H100 Tensor Core GPU" (PCIe; SXM), "A100 Tensor Core GPU" (SXM), "L40S", "L4". Where
/// they give figures with sparsity, half of that. A longer name comes before the one that it begins with.
pub const CHIPS: [Chip; 8] = [
    chip("H200 NVL", 1670.5, 835.5, 4.8),
    chip("H200", 1979.0, 989.5, 4.8),
    chip("H100 PCIe", 1513.0, 756.5, 2.0),
    chip("H100 80GB HBM3", 1979.0, 989.5, 3.35),
    chip("A100-SXM4-80GB", 624.0, 312.0, 2.039),
    chip("A100-SXM4-40GB", 624.0, 312.0, 1.555),
    chip("L40S", 733.0, 362.05, 0.864),
    chip("NVIDIA L4", 242.5, 121.0, 0.3),
];

const fn chip(name: &'static str, int8: f64, fp16: f64, memory: f64) -> Chip {
    Chip { name, int8: int8 * T, fp16: fp16 * T, memory: memory * T, measured: None }
}

/// The chip of this name. A name that goes on in letters or digits is another chip's.
pub fn chip_of(name: &str) -> Option<&'static Chip> {
    CHIPS.iter().find(|chip| {
        let after = name.split_once(chip.name).map(|(_, after)| after);
        after.is_some_and(|after| !after.starts_with(|next: char| next.is_ascii_alphanumeric()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let name = |name| chip_of(name).map(|chip| chip.name);
        assert_eq!(name("NVIDIA H200"), Some("H200"));
        assert_eq!(name("NVIDIA H200 NVL"), Some("H200 NVL"));
        assert_eq!(name("NVIDIA H100 80GB HBM3"), Some("H100 80GB HBM3"));
        assert_eq!(name("NVIDIA L4"), Some("NVIDIA L4"));
        assert_eq!(name("NVIDIA L40S"), Some("L40S"));
        assert_eq!(name("NVIDIA L40"), None);
        assert_eq!(name("NVIDIA A100-SXM4-80GB"), Some("A100-SXM4-80GB"));
        assert_eq!(name("NVIDIA B200"), None);
    }
}
