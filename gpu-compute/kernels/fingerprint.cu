// What measures a chip besides `product`: docs/gpu-challenges.md, Fingerprint.
#include "product.cuh"

// Halves of bytes: whole numbers from -8 to 7, whose products' sums floats hold exactly, in any order.
extern "C" __global__ void __launch_bounds__(256)
halves(const s8 *from, u64 count, u16 *to) {
    for (u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (u64)gridDim.x * blockDim.x)
        asm("cvt.rn.f16.s32 %0, %1;" : "=h"(to[i]) : "r"(from[i] >> 4));
}

extern "C" __global__ void __launch_bounds__(256, 1)
product_half(const s8 *a, u64 a_pitch, u32 rows, const s8 *w, u64 w_pitch, u32 columns, float *c) {
    tiles(a, a_pitch, rows, w, w_pitch, columns, c);
}

// Every thread reads its part of 2^n times 16 bytes, another in each round, past the first cache; what it ends in depends on all of it, in
// order. Each round is a multiple of four reads, which are under way together.
extern "C" __global__ void __launch_bounds__(256)
read_over(const uint4 *data, u32 count, u32 rounds, u32 *ends) {
    const u32 thread = blockIdx.x * blockDim.x + threadIdx.x, threads = gridDim.x * blockDim.x;
    u32 end = thread;
    for (u32 round = 0; round < rounds; round++) {
        const u32 shift = thread + round * 4099;
        for (u32 at = 0; at < count; at += 4 * threads) {
            uint4 read[4];
#pragma unroll
            for (u32 i = 0; i < 4; i++)
                asm volatile("ld.global.cg.v4.u32 {%0,%1,%2,%3}, [%4];"
                             : "=r"(read[i].x), "=r"(read[i].y), "=r"(read[i].z), "=r"(read[i].w)
                             : "l"(data + (at + i * threads + shift & count - 1)));
#pragma unroll
            for (u32 i = 0; i < 4; i++) end = rotate_right(end, 7) + (read[i].x ^ read[i].y ^ read[i].z ^ read[i].w);
        }
    }
    ends[thread] = end;
}
