// Matrices made on the device. Rows lie `pitch` bytes apart, a multiple of 64; what is beyond `width` is zero, so that products may run over it.
#include "chacha.cuh"

// One thread for each block of 64 elements, of which `blocks` lie one after another. Through shared memory, so that a warp writes whole lines.
extern "C" __global__ void __launch_bounds__(256)
generate(uint4 *out, u32 blocks, u32 blocks_of_row, u32 width, Words8 key, u32 tensor) {
    __shared__ uint4 staged[256 * 4];
    const u32 lane = threadIdx.x % 32;
    uint4 *mine = staged + threadIdx.x / 32 * 128;
    for (u32 first = blockIdx.x * 256 + threadIdx.x - lane; first < blocks; first += gridDim.x * 256) {
        const u32 row = (first + lane) / blocks_of_row, block = (first + lane) % blocks_of_row;
        u32 words[16];
        chacha8(key, block, row, tensor, words);
        if (block * 64 + 64 > width) {
#pragma unroll
            for (int i = 0; i < 16; i++) {
                u32 at = block * 64 + i * 4;
                u32 kept = at >= width ? 0 : min(width - at, 4u);
                words[i] = kept == 4 ? words[i] : words[i] & ((1u << 8 * kept) - 1);
            }
        }
        __syncwarp();
#pragma unroll
        for (u32 i = 0; i < 4; i++)
            mine[lane * 4 + (i ^ (lane / 2 % 4))] = make_uint4(words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]);
        __syncwarp();
#pragma unroll
        for (u32 i = 0; i < 4; i++) {
            u32 from = i * 8 + lane / 4;
            if (first + from < blocks) out[(u64)first * 4 + i * 32 + lane] = mine[from * 4 + (lane % 4 ^ (from / 2 % 4))];
        }
    }
}

// `infer`: what `generate` left becomes noise on the items, whose rows are tight.
extern "C" __global__ void __launch_bounds__(256)
add_items(s8 *inputs, u64 pitch, u32 rows, u32 width, const s8 *items, u32 count) {
    u32 k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= width) return;
    for (u32 row = blockIdx.y; row < rows; row += gridDim.y) {
        s8 *element = inputs + row * pitch + k;
        int sum = items[(u64)(row % count) * width + k] + (*element >> 4);
        *element = (s8)max(-128, min(127, sum));
    }
}
