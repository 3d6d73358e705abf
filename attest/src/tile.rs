//! Where a published log's parts lie: the paths and widths of [C2SP tlog-tiles](https://c2sp.org/tlog-tiles).
//!
//! A tile of level L holds up to 256 consecutive hashes of tree level 8·L; an entry bundle holds up to 256 consecutive entries.
//!
//! ```
//! use attest::tile;
//! assert_eq!(tile::path(1, 1_234_067, 256), "tile/1/x001/x234/067");
//! assert_eq!(tile::entries_path(273, 112), "tile/entries/273.p/112");
//! assert_eq!(tile::tiles_for(70_000).count(), 274 + 2 + 1);
//! ```

use core::fmt::Write;
use heapless::String;

/// Hashes in a full tile, and entries in a full bundle.
pub const WIDTH: u16 = 256;
/// Tree levels that a tile spans.
pub const LEVELS: u8 = 8;

/// A path relative to the log's root: 63-level, 20-digit, partial ones fit.
pub type Path = String<64>;

/// A tile of hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Its level: it holds hashes of tree level `8·level`.
    pub level: u8,
    /// Its number among its level's.
    pub index: u64,
    /// Hashes in it, 1 to [`WIDTH`].
    pub width: u16,
}

impl Tile {
    /// The tree level of its hashes.
    pub const fn tree_level(&self) -> u8 {
        self.level.saturating_mul(LEVELS)
    }

    /// The number of its first hash among its tree level's.
    pub const fn first(&self) -> u64 {
        self.index.saturating_mul(WIDTH as u64)
    }

    /// Its path.
    pub fn path(&self) -> Path {
        path(self.level, self.index, self.width)
    }
}

/// A run of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bundle {
    /// Its number.
    pub index: u64,
    /// Entries in it, 1 to [`WIDTH`].
    pub width: u16,
}

impl Bundle {
    /// The number of its first entry.
    pub const fn first(&self) -> u64 {
        self.index.saturating_mul(WIDTH as u64)
    }

    /// Its path.
    pub fn path(&self) -> Path {
        entries_path(self.index, self.width)
    }
}

/// `tile/<level>/<index>[.p/<width>]`; a width of [`WIDTH`] or more is a full tile's.
pub fn path(level: u8, index: u64, width: u16) -> Path {
    let mut path = Path::new();
    fill(&mut path, index, width, |path| write!(path, "tile/{level}/"));
    path
}

/// `tile/entries/<index>[.p/<width>]`; a width of [`WIDTH`] or more is a full bundle's.
pub fn entries_path(index: u64, width: u16) -> Path {
    let mut path = Path::new();
    fill(&mut path, index, width, |path| path.write_str("tile/entries/"));
    path
}

/// Every tile of a log of `size` entries, level by level from the leaves.
pub fn tiles_for(size: u64) -> impl Iterator<Item = Tile> {
    (0..8u8)
        .map_while(move |level| {
            let hashes = size >> (level * LEVELS);
            (hashes > 0).then(|| parts(hashes).map(move |(index, width)| Tile { level, index, width }))
        })
        .flatten()
}

/// Every entry bundle of a log of `size` entries.
pub fn bundles_for(size: u64) -> impl Iterator<Item = Bundle> {
    parts(size).map(|(index, width)| Bundle { index, width })
}

/// `count` things in parts of [`WIDTH`]: each part's number and width.
fn parts(count: u64) -> impl Iterator<Item = (u64, u16)> {
    let width = u64::from(WIDTH);
    (0..count.div_ceil(width)).map(move |index| (index, (count - index * width).min(width) as u16))
}

/// The longest path fits a [`Path`], so that no write fails.
fn fill(path: &mut Path, index: u64, width: u16, head: impl FnOnce(&mut Path) -> core::fmt::Result) {
    let written = head(path).and_then(|()| number(path, index)).and_then(|()| match width {
        WIDTH.. => Ok(()),
        partial => write!(path, ".p/{partial}"),
    });
    debug_assert!(written.is_ok());
}

/// Groups of three digits, all but the last marked with an x: `x001/x234/067`.
fn number(path: &mut Path, index: u64) -> core::fmt::Result {
    let mut groups = 1;
    while index / 1000u64.pow(groups) > 0 && groups < 6 {
        groups += 1;
    }
    let top = index / 1000u64.pow(groups);
    if top > 0 {
        write!(path, "x{top:03}/")?;
    }
    for group in (1..groups).rev() {
        write!(path, "x{:03}/", index / 1000u64.pow(group) % 1000)?;
    }
    write!(path, "{:03}", index % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, vec::Vec};

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(path(0, 0, 256), "tile/0/000");
        assert_eq!(path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(path(1, 0, 17), "tile/1/000.p/17");
        assert_eq!(entries_path(999, 1), "tile/entries/999.p/1");
        assert_eq!(entries_path(1000, 256), "tile/entries/x001/000");
        assert_eq!(path(63, u64::MAX, 255), "tile/63/x018/x446/x744/x073/x709/x551/615.p/255");
        assert_eq!(path(0, 1_000_000_000_000_000_000, 256), "tile/0/x001/x000/x000/x000/x000/x000/000");
    }

    #[test]
    fn the_specifications_own_example_of_a_tree() {
        // "a Merkle Tree of size 70,000": 273 full level-0 tiles and one of 112, a full and a partial (17) of level 1, one of 1.
        let tiles: Vec<Tile> = tiles_for(70_000).collect();
        assert_eq!(tiles.iter().filter(|tile| tile.level == 0).count(), 274);
        let partial: Vec<_> = tiles.iter().filter(|tile| tile.width < WIDTH).map(Tile::path).collect();
        assert_eq!(
            partial.iter().map(|path| format!("{path}")).collect::<Vec<_>>(),
            ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
        );
    }

    #[test]
    fn the_edges_of_sizes() {
        assert_eq!(tiles_for(0).count(), 0);
        assert_eq!(bundles_for(0).count(), 0);
        assert_eq!(bundles_for(256).collect::<Vec<_>>(), [Bundle { index: 0, width: 256 }]);
        assert_eq!(tiles_for(256).count(), 2);
        assert_eq!(tiles_for(u64::MAX).next(), Some(Tile { level: 0, index: 0, width: 256 }));
        assert_eq!(bundles_for(257).last(), Some(Bundle { index: 1, width: 1 }));
    }
}
