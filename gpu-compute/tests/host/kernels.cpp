#include "cuda.hpp"
#include "elements.cu"
#include "memory.cu"
#include "tree.cu"

static auto each(unsigned count) {
    return [=](unsigned) { return count; };
}

extern "C" void host_generate(unsigned grid, uint4 *out, u32 blocks, u32 row, u32 width, const Words8 *key, u32 tensor) {
    launch(each(grid), 1, 256, true, [=] { generate(out, blocks, row, width, *key, tensor); });
}

extern "C" void host_add_items(s8 *inputs, u64 pitch, u32 rows, u32 width, const s8 *items, u32 count) {
    launch(each((width + 255) / 256), std::min(rows, 3u), 256, false, [=] { add_items(inputs, pitch, rows, width, items, count); });
}

extern "C" void host_chunks(const u32 *data, u64 bytes, u64 first, u32 count, Words8 *values, const Words8 *key) {
    launch(each((count + 127) / 128), 1, 128, false, [=] { chunks(data, bytes, first, count, values, *key); });
}

// Blocks beyond a tree's nodes do nothing, and are left out.
extern "C" void host_merge(const Trees *trees) {
    launch([=](unsigned tree) { return (trees->tree[tree].count + 511) / 512; }, 16, 256, true, [=] { merge(*trees); });
}

extern "C" void host_requantise(const int *sums, u32 rows, u32 width, u8 *out, u64 pitch, const Rescale *by) {
    launch(each((unsigned)(pitch / 4 + 255) / 256), std::min(rows, 3u), 256, false, [=] { requantise_rows(sums, rows, width, out, pitch, *by); });
}

extern "C" void host_memory_fill(uint4 *blocks, u32 lanes, u32 from, u32 to, const Words8 *key) {
    launch(each((lanes + WARPS - 1) / WARPS), 1, 32 * WARPS, true, [=] { memory_fill(blocks, lanes, from, to, *key); });
}

extern "C" void host_memory_leaves(const uint4 *blocks, u32 count, Words8 *values, const Words8 *key) {
    launch(each((count + 127) / 128), 1, 128, false, [=] { memory_leaves(blocks, count, values, *key); });
}

extern "C" void host_memory_walk(const uint4 *blocks, u32 count, const Words8 *key, u32 walks, uint4 *ends) {
    launch(each(2), 1, 32 * WARPS, true, [=] { memory_walk(blocks, count, *key, 0, walks, ends); });
}
