// A layer's sums.
#include "product.cuh"

extern "C" __global__ void __launch_bounds__(256, 1)
product(const s8 *a, u64 a_pitch, u32 rows, const s8 *w, u64 w_pitch, u32 columns, int *c) {
    tiles(a, a_pitch, rows, w, w_pitch, columns, c);
}
