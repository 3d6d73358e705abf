// CUDA's words in C++, so that a kernel's arithmetic and order can be tested on a processor. Blocks run one after another, a block's
// threads as threads. Included before a kernel's source by src/host.rs.
#pragma once
#include <algorithm>
#include <barrier>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(n) alignas(n)

struct Index {
    unsigned x, y, z;
};
struct uint4 {
    unsigned x, y, z, w;
};
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
using std::max;
using std::min;

inline thread_local Index threadIdx{}, blockIdx{}, blockDim{}, gridDim{};

struct Warp {
    std::barrier<> barrier;
    unsigned said[32];

    explicit Warp(unsigned threads) : barrier(threads), said{} {}
};
inline thread_local std::barrier<> *block_barrier;
inline thread_local Warp *warp;

inline void __syncthreads() { block_barrier->arrive_and_wait(); }
inline void __syncwarp() { warp->barrier.arrive_and_wait(); }
inline unsigned __shfl_sync(unsigned, unsigned value, int from) {
    warp->said[threadIdx.x % 32] = value;
    __syncwarp();
    unsigned told = warp->said[from];
    __syncwarp();
    return told;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned bits) {
    return (unsigned)((((uint64_t)high << 32) | low) >> (bits & 31));
}

// As many threads as a block has; a kernel that waits for nobody needs none of its own. Row `y` has `across(y)` blocks.
template <typename Across, typename Kernel> void launch(Across across_of, unsigned down, unsigned threads, bool waits, Kernel kernel) {
    for (unsigned y = 0; y < down; y++)
        for (unsigned x = 0, across = across_of(y); x < across; x++) {
            std::barrier<> block(threads);
            std::vector<std::unique_ptr<Warp>> warps;
            for (unsigned first = 0; first < threads; first += 32)
                warps.push_back(std::make_unique<Warp>(std::min(32u, threads - first)));
            auto run = [&](unsigned thread) {
                threadIdx = {thread, 0, 0}, blockIdx = {x, y, 0}, blockDim = {threads, 1, 1}, gridDim = {across, down, 1};
                block_barrier = &block, warp = warps[thread / 32].get();
                kernel();
            };
            if (!waits) {
                for (unsigned thread = 0; thread < threads; thread++) run(thread);
                continue;
            }
            std::vector<std::thread> all;
            for (unsigned thread = 0; thread < threads; thread++) all.emplace_back(run, thread);
            for (auto &thread : all) thread.join();
        }
}
