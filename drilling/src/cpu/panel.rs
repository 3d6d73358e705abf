//! How a back end wants its matrices: in panels of rows, a few elements of every row in turn.

/// 64 bytes, aligned as the widest vectors are.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; 64]);

// SAFETY: a line is 64 bytes without padding, and every pattern of them is a line.
#[allow(unsafe_code)]
unsafe impl bytemuck::Zeroable for Line {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl bytemuck::Pod for Line {}

/// Bytes that begin on a line.
#[derive(Debug, Default)]
pub(crate) struct Aligned(Vec<Line>);

impl Aligned {
    /// At least `bytes` bytes; what was in them stays or is zero.
    pub(crate) fn sized(&mut self, bytes: usize) -> &mut [u8] {
        let lines = bytes.div_ceil(64);
        if self.0.len() < lines {
            self.0.resize(lines, Line([0; 64]));
        }
        &mut bytemuck::cast_slice_mut(&mut self.0)[..bytes]
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// How elements lie in a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))] // each back end has its own
pub(crate) enum Element {
    /// One byte.
    S8,
    /// One byte, 128 added.
    Offset,
    /// Two bytes, sign-extended.
    S16,
    /// One byte; of each half of a group's rows in turn, four elements of every row, then the next four.
    Fours,
}

/// A panel of up to `rows` rows: for each group of `group` elements, every row's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) rows: usize,
    pub(crate) group: usize,
    pub(crate) element: Element,
    /// The last panel has as many rows as the others, those that are missing being anything.
    pub(crate) whole: bool,
}

impl Layout {
    /// Bytes of one row's group.
    pub(crate) fn unit(&self) -> usize {
        match self.element {
            Element::S16 => 2 * self.group,
            _ => self.group,
        }
    }

    /// Groups in a row.
    pub(crate) fn groups(&self, width: usize) -> usize {
        width.div_ceil(self.group)
    }

    /// How many rows a panel has room for that holds `rows`.
    pub(crate) fn room(&self, rows: usize) -> usize {
        if self.whole { self.rows } else { rows }
    }

    /// Bytes of a whole panel.
    pub(crate) fn bytes(&self, width: usize) -> usize {
        self.rows * self.groups(width) * self.unit()
    }

    /// Packs `rows` (at most [`Layout::rows`]) of `width` elements with `stride` rows between groups. What is missing is zero.
    pub(crate) fn pack(&self, rows: &[i8], width: usize, stride: usize, panel: &mut [u8]) {
        if self.element != Element::S16 && self.group == 4 {
            let flip = if self.element == Element::Offset { 0x8080_8080 } else { 0 };
            return pack_words(rows, width, stride, flip, panel);
        }
        if self.element == Element::Fours {
            return self.pack_fours(rows, width, panel);
        }
        let unit = self.unit();
        for (row, elements) in rows.chunks_exact(width).take(stride).enumerate() {
            for (group, elements) in elements.chunks(self.group).enumerate() {
                let at = (group * stride + row) * unit;
                self.pack_unit(elements, &mut panel[at..at + unit]);
            }
        }
    }

    fn pack_fours(&self, rows: &[i8], width: usize, panel: &mut [u8]) {
        let half = self.rows / 2;
        panel.fill(0);
        for (row, elements) in rows.chunks_exact(width).enumerate() {
            let elements: &[u8] = bytemuck::cast_slice(elements);
            for (group, elements) in
                panel.chunks_exact_mut(self.rows * self.group).zip(elements.chunks(self.group))
            {
                let words = &mut group[row / half * half * self.group + row % half * 4..];
                for (word, four) in words.chunks_mut(half * 4).zip(elements.chunks(4)) {
                    word[..four.len()].copy_from_slice(four);
                }
            }
        }
    }

    fn pack_unit(&self, elements: &[i8], unit: &mut [u8]) {
        // Bytes as they are, and all of them: AMX's inputs are packed within the measured time.
        if self.element == Element::S8 && elements.len() == unit.len() {
            return unit.copy_from_slice(bytemuck::cast_slice(elements));
        }
        unit.fill(0);
        match self.element {
            Element::S16 => {
                for (pair, element) in unit.as_chunks_mut().0.iter_mut().zip(elements) {
                    *pair = i16::from(*element).to_le_bytes();
                }
            }
            _ => {
                let flip = if self.element == Element::Offset { 0x80 } else { 0 };
                for (byte, element) in unit.iter_mut().zip(elements) {
                    *byte = *element as u8 ^ flip;
                }
            }
        }
    }
}

/// Groups of four bytes, as words: the back end with the most to lose packs this way.
fn pack_words(rows: &[i8], width: usize, stride: usize, flip: u32, panel: &mut [u8]) {
    let rows: &[u8] = bytemuck::cast_slice(rows);
    let words: &mut [[u8; 4]] = panel.as_chunks_mut().0;
    // Sixteen groups at a time: the reads of a row share a cache line.
    for first in (0..width.div_ceil(4)).step_by(16) {
        let end = (first + 16).min(width.div_ceil(4));
        for (row, bytes) in rows.chunks_exact(width).take(stride).enumerate() {
            let bytes = &bytes[4 * first..width.min(4 * end)];
            let (whole, rest) = bytes.as_chunks::<4>();
            let slots = words[first * stride + row..].iter_mut().step_by(stride);
            let last: [u8; 4] = std::array::from_fn(|at| rest.get(at).copied().unwrap_or_default());
            let partial = (!rest.is_empty()).then_some(&last);
            for (slot, word) in slots.zip(whole.iter().chain(partial)) {
                *slot = (u32::from_le_bytes(*word) ^ flip).to_le_bytes();
            }
        }
    }
}
