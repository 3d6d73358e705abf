//! Matrix products, over the crate `matrixmultiply`: one thread, a fixed order of sums.

/// A row-major matrix, or its transpose.
#[derive(Clone, Copy)]
pub struct Mat<'a> {
    values: &'a [f32],
    rows: usize,
    cols: usize,
    strides: (isize, isize),
}

impl<'a> Mat<'a> {
    /// `rows` by `cols`, row by row.
    pub fn new(values: &'a [f32], rows: usize, cols: usize) -> Self {
        assert!(values.len() >= rows * cols, "a matrix of {rows} × {cols} in {} values", values.len());
        Self { values, rows, cols, strides: (cols as isize, 1) }
    }

    /// `cols` columns from column `first` on, of a matrix that is `width` wide.
    pub fn columns(values: &'a [f32], rows: usize, width: usize, first: usize, cols: usize) -> Self {
        assert!(first + cols <= width && values.len() >= rows * width, "columns outside the matrix");
        Self { values: &values[first..], rows, cols, strides: (width as isize, 1) }
    }

    /// The transpose.
    pub fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, strides: (self.strides.1, self.strides.0), ..self }
    }
}

/// `out = a·b + keep·out`, where `out` has `width` columns, of which those from `first` on are written.
pub fn gemm_into(a: Mat<'_>, b: Mat<'_>, keep: f32, out: &mut [f32], width: usize, first: usize) {
    assert_eq!(a.cols, b.rows, "matrices that do not fit");
    assert!(first + b.cols <= width && out.len() >= a.rows * width, "no room for the product");
    if a.rows == 0 || b.cols == 0 {
        return;
    }
    // SAFETY: `Mat` and the assertions above keep every element that is read or written inside its slice: the furthest one of a
    // matrix is (rows − 1)·width + first + cols − 1 < rows·width.
    #[allow(unsafe_code)]
    unsafe {
        matrixmultiply::sgemm(
            a.rows,
            a.cols,
            b.cols,
            1.0,
            a.values.as_ptr(),
            a.strides.0,
            a.strides.1,
            b.values.as_ptr(),
            b.strides.0,
            b.strides.1,
            keep,
            out[first..].as_mut_ptr(),
            width as isize,
            1,
        );
    }
}

/// `out = a·b + keep·out`.
pub fn gemm(a: Mat<'_>, b: Mat<'_>, keep: f32, out: &mut [f32]) {
    let width = b.cols;
    gemm_into(a, b, keep, out, width, 0);
}
