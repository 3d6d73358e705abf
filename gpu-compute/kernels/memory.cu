// The memory challenge on a GPU: docs/gpu-challenges.md, Memory. A warp is a lane of the fill, or a walk; its threads hold one block of
// 1,024 bytes between them, eight words each.
#include "blake3.cuh"
#include "chacha.cuh"

enum : u32 { WARPS = 4, WORDS = 256, STEPS_OF_A_WALK = 16 };

struct Block {
    u32 word[8]; // thread t: words 4t to 4t + 3, and 128 above them
};

// Where word `i` lies in shared memory, so that no access by any axis meets another in a bank.
__device__ __forceinline__ u32 spread(u32 i) { return i ^ (i >> 5 & 3) << 2 ^ (i >> 6 & 1) << 4; }

__device__ __forceinline__ void put(u32 *shared, u32 thread, const Block &block) {
    *(uint4 *)(shared + spread(4 * thread)) = make_uint4(block.word[0], block.word[1], block.word[2], block.word[3]);
    *(uint4 *)(shared + spread(128 + 4 * thread)) = make_uint4(block.word[4], block.word[5], block.word[6], block.word[7]);
}

__device__ __forceinline__ Block pack(uint4 low, uint4 high) {
    return {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
}

__device__ __forceinline__ Block take(const u32 *shared, u32 thread) {
    return pack(*(const uint4 *)(shared + spread(4 * thread)), *(const uint4 *)(shared + spread(128 + 4 * thread)));
}

__device__ __forceinline__ Block load(const uint4 *blocks, u64 index, u32 thread) {
    const uint4 *from = blocks + index * (WORDS / 4) + thread;
    return pack(from[0], from[32]);
}

__device__ __forceinline__ void store(uint4 *blocks, u64 index, u32 thread, const Block &block) {
    uint4 *to = blocks + index * (WORDS / 4) + thread;
    to[0] = make_uint4(block.word[0], block.word[1], block.word[2], block.word[3]);
    to[32] = make_uint4(block.word[4], block.word[5], block.word[6], block.word[7]);
}

// Quarter-rounds along one axis of the block: a thread has two, from words `base` and `base + apart` on.
__device__ __forceinline__ void along(u32 *shared, u32 base, u32 apart, u32 stride) {
    u32 word[8];
#pragma unroll
    for (u32 i = 0; i < 8; i++) word[i] = shared[spread(base + i / 4 * apart + i % 4 * stride)];
    quarter(word[0], word[1], word[2], word[3]);
    quarter(word[4], word[5], word[6], word[7]);
#pragma unroll
    for (u32 i = 0; i < 8; i++) shared[spread(base + i / 4 * apart + i % 4 * stride)] = word[i];
    __syncwarp();
}

// Which of `among` things each of a block's first words chooses.
struct Choice {
    u32 of[3];
};

__device__ __forceinline__ Choice choose(const Block &state, u32 among) {
    Choice choice;
#pragma unroll
    for (u32 i = 0; i < 3; i++) choice.of[i] = __umulhi(__shfl_sync(~0u, state.word[i], 0), among);
    return choice;
}

// The block that follows `state`, given where its three references lie: `first` and every `apart`-th block after it.
__device__ __forceinline__ Block follow(const Block &state, const uint4 *blocks, const Choice &choice, u32 first, u32 apart, u32 *shared, u32 thread) {
    Block read[3], sum, next;
#pragma unroll
    for (u32 i = 0; i < 3; i++) read[i] = load(blocks, (u64)choice.of[i] * apart + first, thread);
#pragma unroll
    for (u32 i = 0; i < 8; i++) sum.word[i] = next.word[i] = ((state.word[i] ^ read[0].word[i]) + read[1].word[i]) ^ read[2].word[i];
    quarter(next.word[0], next.word[1], next.word[2], next.word[3]);
    quarter(next.word[4], next.word[5], next.word[6], next.word[7]);
    put(shared, thread, next);
    __syncwarp();
    along(shared, thread % 4 | thread / 4 << 4, 128, 4);
    along(shared, thread % 16 | thread / 16 << 6, 128, 16);
    along(shared, thread, 32, 64);
    next = take(shared, thread);
#pragma unroll
    for (u32 i = 0; i < 8; i++) next.word[i] += sum.word[i];
    return next;
}

// A block that nothing goes before: 16 blocks of ChaCha8.
__device__ __forceinline__ Block first_block(const Words8 &key, u32 row, u32 *shared, u32 thread) {
    __syncwarp();
    if (thread < WORDS / 16) {
        u32 words[16];
        chacha8(key, thread, row, 0, words);
#pragma unroll
        for (u32 i = 0; i < 16; i++) shared[spread(thread * 16 + i)] = words[i];
    }
    __syncwarp();
    Block block = take(shared, thread);
    __syncwarp();
    return block;
}

// Steps `from` to `to` of every lane: one segment, so that references to other lanes lead to what earlier launches have finished.
extern "C" __global__ void __launch_bounds__(32 * WARPS)
memory_fill(uint4 *blocks, u32 lanes, u32 from, u32 to, Words8 key) {
    __shared__ u32 room[WARPS][WORDS];
    const u32 thread = threadIdx.x % 32, lane = blockIdx.x * WARPS + threadIdx.x / 32;
    u32 *shared = room[threadIdx.x / 32];
    if (lane >= lanes || from >= to) return;
    Block state;
    if (from == 0) {
        state = first_block(key, lane, shared, thread);
        store(blocks, lane, thread, state);
    } else {
        state = load(blocks, (u64)(from - 1) * lanes + lane, thread);
    }
    for (u32 step = from == 0 ? 1 : from; step < to; step++) {
        // In the first segment a lane reads itself: each thread what it has written.
        const Choice choice = choose(state, from == 0 ? step : from * lanes);
        state = follow(state, blocks, choice, from == 0 ? lane : 0, from == 0 ? lanes : 1, shared, thread);
        store(blocks, (u64)step * lanes + lane, thread, state);
    }
}

// Chaining values of all blocks, which are BLAKE3's chunks: one thread for each.
extern "C" __global__ void __launch_bounds__(128)
memory_leaves(const uint4 *blocks, u32 count, Words8 *values, Words8 key) {
    const u32 index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= count) return;
    const uint4 *from = blocks + (u64)index * (WORDS / 4);
    Words8 value = key;
    for (u32 at = 0; at < 16; at++) {
        u32 message[16];
#pragma unroll
        for (u32 i = 0; i < 4; i++) {
            uint4 words = from[at * 4 + i];
            message[4 * i] = words.x;
            message[4 * i + 1] = words.y;
            message[4 * i + 2] = words.z;
            message[4 * i + 3] = words.w;
        }
        compress(value, message, index, 64, KEYED_HASH | (at == 0 ? CHUNK_START : 0) | (at == 15 ? CHUNK_END | (count == 1 ? ROOT : 0) : 0));
    }
    values[index] = value;
}

// Walks `from` to `to` over all blocks. What a walk ends in are the first 32 bytes of its state.
extern "C" __global__ void __launch_bounds__(32 * WARPS)
memory_walk(const uint4 *blocks, u32 count, Words8 key, u32 from, u32 to, uint4 *ends) {
    __shared__ u32 room[WARPS][WORDS];
    const u32 thread = threadIdx.x % 32;
    u32 *shared = room[threadIdx.x / 32];
    const u32 stride = gridDim.x * WARPS;
    for (u64 walk = (u64)from + blockIdx.x * WARPS + threadIdx.x / 32; walk < to; walk += stride) {
        Block state = first_block(key, (u32)walk, shared, thread);
        for (u32 step = 0; step < STEPS_OF_A_WALK; step++)
            state = follow(state, blocks, choose(state, count), 0, 1, shared, thread);
        if (thread < 2) ends[walk * 2 + thread] = make_uint4(state.word[0], state.word[1], state.word[2], state.word[3]);
    }
}
