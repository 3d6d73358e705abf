// From accumulators to the next layer's inputs: docs/drilling.md, Layers.
#pragma once
#include "types.cuh"

struct Rescale {
    u32 multiplier;
    u32 shift;
};

// 0 to 127. An accumulator and a multiplier have 31 bits each, so nothing overflows.
__device__ __forceinline__ u32 requantise(int accumulator, Rescale by) {
    u64 scaled = (u64)(u32)max(accumulator, 0) * by.multiplier + (1ull << (by.shift - 1));
    return (u32)min(scaled >> by.shift, 127ull);
}

__device__ __forceinline__ u32 requantise4(int a, int b, int c, int d, Rescale by) {
    return requantise(a, by) | requantise(b, by) << 8 | requantise(c, by) << 16 | requantise(d, by) << 24;
}
