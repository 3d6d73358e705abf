// One ChaCha8 block by position: docs/drilling.md, Elements (RFC 8439 section 2.3 with 8 rounds).
#pragma once
#include "types.cuh"

__device__ __forceinline__ void quarter(u32 &a, u32 &b, u32 &c, u32 &d) {
    a += b; d = rotate_right(d ^ a, 16);
    c += d; b = rotate_right(b ^ c, 20);
    a += b; d = rotate_right(d ^ a, 24);
    c += d; b = rotate_right(b ^ c, 25);
}

__device__ __forceinline__ void chacha8(const Words8 &key, u32 block, u32 row, u32 tensor, u32 (&out)[16]) {
    const u32 start[16] = {0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u,
                           key.word[0], key.word[1], key.word[2], key.word[3],
                           key.word[4], key.word[5], key.word[6], key.word[7],
                           block, row, tensor, 0};
#pragma unroll
    for (int i = 0; i < 16; i++) out[i] = start[i];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        quarter(out[0], out[4], out[8], out[12]);
        quarter(out[1], out[5], out[9], out[13]);
        quarter(out[2], out[6], out[10], out[14]);
        quarter(out[3], out[7], out[11], out[15]);
        quarter(out[0], out[5], out[10], out[15]);
        quarter(out[1], out[6], out[11], out[12]);
        quarter(out[2], out[7], out[8], out[13]);
        quarter(out[3], out[4], out[9], out[14]);
    }
#pragma unroll
    for (int i = 0; i < 16; i++) out[i] += start[i];
}
