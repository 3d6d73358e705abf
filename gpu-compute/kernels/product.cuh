// The product of a layer on any chip since sm_80: mma.sync on tiles that cp.async brings.
//
// C[r][n] = sum of A[r][k] * W[n][k]; A and W have rows `pitch` bytes apart, a multiple of 64, zero beyond their width, so that k runs over
// whole blocks. C's rows are tight. Elements are s8 and sums i32; or halves and floats, twice as many bytes and else alike.
#pragma once
#include "types.cuh"

enum : u32 { ROWS = 128, COLUMNS = 256, DEPTH = 64, STAGES = 4, STAGE = (ROWS + COLUMNS) * DEPTH };

// Where 16 bytes of a row lie: turned about by row, so that neither copies nor ldmatrix meet in a bank.
__device__ __forceinline__ u32 place(u32 row, u32 part) { return row * DEPTH + ((part ^ (row >> 1 & 3)) << 4); }

__device__ __forceinline__ u32 shared_address(const void *pointer) { return (u32)__cvta_generic_to_shared(pointer); }

// 16 bytes, or zeros for a row that is not there.
__device__ __forceinline__ void copy16(u32 to, const void *from, bool there) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}

__device__ __forceinline__ void load_fragments(u32 (&to)[4], u32 from) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(from) : "memory");
}

__device__ __forceinline__ void multiply_add(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ void multiply_add(int (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <class Sum>
struct __align__(8) Two {
    Sum first, second;
};

// Dynamic shared memory: STAGES * STAGE. Grid: x over columns, y over rows.
template <class Sum>
__device__ __forceinline__ void tiles(const s8 *a, u64 a_pitch, u32 rows, const s8 *w, u64 w_pitch, u32 columns, Sum *c) {
    extern __shared__ __align__(128) s8 stages[];
    const u32 thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
    const u32 row0 = blockIdx.y * ROWS, column0 = blockIdx.x * COLUMNS;
    const u32 steps = (u32)(a_pitch / DEPTH);

    auto bring = [&](u32 step) {
        u32 stage = shared_address(stages) + step % STAGES * STAGE;
#pragma unroll
        for (u32 i = 0; i < (ROWS + COLUMNS) * 4 / 256; i++) {
            u32 part = thread % 4, row = i * 64 + thread / 4;
            bool inputs = row < ROWS;
            u32 index = inputs ? row0 + row : column0 + row - ROWS;
            bool there = index < (inputs ? rows : columns);
            const s8 *from = (inputs ? a + index * a_pitch : w + index * w_pitch) + (u64)step * DEPTH + part * 16;
            copy16(stage + (inputs ? place(row, part) : ROWS * DEPTH + place(row - ROWS, part)), there ? from : a, there);
        }
    };

    Sum sums[4][8][4] = {};
#pragma unroll
    for (u32 step = 0; step < STAGES - 1; step++) {
        if (step < steps) bring(step);
        asm volatile("cp.async.commit_group;");
    }
    const u32 warp_row = warp / 4 * 64, warp_column = warp % 4 * 64;
    for (u32 step = 0; step < steps; step++) {
        asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 2) : "memory");
        __syncthreads();
        if (step + STAGES - 1 < steps) bring(step + STAGES - 1);
        asm volatile("cp.async.commit_group;");
        u32 stage = shared_address(stages) + step % STAGES * STAGE;
#pragma unroll
        for (u32 half = 0; half < 2; half++) {
            u32 inputs[4][4], weights[4][4];
#pragma unroll
            for (u32 i = 0; i < 4; i++)
                load_fragments(inputs[i], stage + place(warp_row + i * 16 + lane % 16, half * 2 + lane / 16));
#pragma unroll
            for (u32 j = 0; j < 4; j++)
                load_fragments(weights[j], stage + ROWS * DEPTH + place(warp_column + j * 16 + lane % 8 + lane / 16 * 8, half * 2 + lane / 8 % 2));
#pragma unroll
            for (u32 i = 0; i < 4; i++)
#pragma unroll
                for (u32 j = 0; j < 8; j++)
                    multiply_add(sums[i][j], inputs[i], weights[j / 2][j % 2 * 2], weights[j / 2][j % 2 * 2 + 1]);
        }
    }
    const bool even = columns % 2 == 0;
#pragma unroll
    for (u32 i = 0; i < 4; i++)
#pragma unroll
        for (u32 j = 0; j < 8; j++)
#pragma unroll
            for (u32 half = 0; half < 2; half++) {
                u32 row = row0 + warp_row + i * 16 + half * 8 + lane / 4;
                u32 column = column0 + warp_column + j * 8 + lane % 4 * 2;
                if (row >= rows || column >= columns) continue;
                Sum *to = c + (u64)row * columns + column;
                Sum first = sums[i][j][half * 2], second = sums[i][j][half * 2 + 1];
                if (even) {
                    *(Two<Sum> *)to = {first, second};
                } else {
                    to[0] = first;
                    if (column + 1 < columns) to[1] = second;
                }
            }
}
