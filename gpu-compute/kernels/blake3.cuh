// BLAKE3's compression (section 2.2 of its paper), keyed: what drilling's trees are made of.
#pragma once
#include "types.cuh"

enum : u32 { CHUNK_START = 1, CHUNK_END = 2, PARENT = 4, ROOT = 8, KEYED_HASH = 16 };

// The order of the message's words in the next round (the paper's table 2).
__device__ constexpr u8 PERMUTED[16] = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};

__device__ __forceinline__ void mix(u32 &a, u32 &b, u32 &c, u32 &d, u32 x, u32 y) {
    a += b + x; d = rotate_right(d ^ a, 16);
    c += d;     b = rotate_right(b ^ c, 12);
    a += b + y; d = rotate_right(d ^ a, 8);
    c += d;     b = rotate_right(b ^ c, 7);
}

// `value` becomes the chaining value after one block of `length` bytes.
__device__ __forceinline__ void compress(Words8 &value, const u32 (&message)[16], u64 counter, u32 length, u32 flags) {
    u32 v[16];
#pragma unroll
    for (int i = 0; i < 8; i++) v[i] = value.word[i];
    v[8] = 0x6a09e667u; v[9] = 0xbb67ae85u; v[10] = 0x3c6ef372u; v[11] = 0xa54ff53au;
    v[12] = (u32)counter; v[13] = (u32)(counter >> 32); v[14] = length; v[15] = flags;
    u32 m[16];
#pragma unroll
    for (int i = 0; i < 16; i++) m[i] = message[i];
    // A loop, since a warp that is alone with it would wait for instructions if it were seven rounds long.
#pragma unroll 1
    for (int r = 0; r < 7; r++) {
        mix(v[0], v[4], v[8], v[12], m[0], m[1]);
        mix(v[1], v[5], v[9], v[13], m[2], m[3]);
        mix(v[2], v[6], v[10], v[14], m[4], m[5]);
        mix(v[3], v[7], v[11], v[15], m[6], m[7]);
        mix(v[0], v[5], v[10], v[15], m[8], m[9]);
        mix(v[1], v[6], v[11], v[12], m[10], m[11]);
        mix(v[2], v[7], v[8], v[13], m[12], m[13]);
        mix(v[3], v[4], v[9], v[14], m[14], m[15]);
        u32 before[16];
#pragma unroll
        for (int i = 0; i < 16; i++) before[i] = m[i];
#pragma unroll
        for (int i = 0; i < 16; i++) m[i] = before[PERMUTED[i]];
    }
#pragma unroll
    for (int i = 0; i < 8; i++) value.word[i] = v[i] ^ v[i + 8];
}
