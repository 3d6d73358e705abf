// NVRTC has no <cstdint>; these are the widths that CUDA guarantees.
#pragma once
typedef unsigned char u8;
typedef signed char s8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

// 32 bytes as the hashes see them: little-endian words.
struct Words8 {
    u32 word[8];
};

__device__ __forceinline__ u32 rotate_right(u32 value, u32 bits) { return __funnelshift_r(value, value, bits); }
