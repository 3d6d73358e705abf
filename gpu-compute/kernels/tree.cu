// BLAKE3's tree over a layer's accumulators: chaining values of chunks, then of whole subtrees, then the root.
#include "blake3.cuh"
#include "requantise.cuh"

// One thread for each chunk of 1,024 bytes. `bytes` are those of the whole tree; `first` is the slab's first chunk, at `data`.
extern "C" __global__ void __launch_bounds__(128)
chunks(const u32 *data, u64 bytes, u64 first, u32 count, Words8 *values, Words8 key) {
    u32 index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= count) return;
    u64 chunk = first + index;
    u64 length = min(bytes - chunk * 1024, 1024ull);
    const u32 *words = data + (u64)index * 256;
    bool alone = bytes <= 1024;
    Words8 value = key;
    for (u32 at = 0; at < length; at += 64) {
        u32 message[16];
        u32 block = min((u32)length - at, 64u);
#pragma unroll
        for (int i = 0; i < 16; i++) message[i] = 4 * i < block ? words[at / 4 + i] : 0;
        bool end = at + 64 >= length;
        u32 flags = KEYED_HASH | (at == 0 ? CHUNK_START : 0) | (end ? CHUNK_END | (alone ? ROOT : 0) : 0);
        compress(value, message, chunk, block, flags);
    }
    values[chunk] = value;
}

struct Tree {
    const Words8 *values;
    Words8 *above;
    Words8 key;
    u32 count;
};

struct Trees {
    Tree tree[16];
};

// One round of several trees, one for each blockIdx.y: each block of threads takes 512 nodes of a level to the one above them all. The
// last block's may be fewer: a node without a sibling rises as it is, which gives BLAKE3's tree. Where one block holds all, what it
// ends in is the root. Layers' trees are made together, since each is a chain of dependent hashes.
extern "C" __global__ void __launch_bounds__(256)
merge(const __grid_constant__ Trees trees) {
    __shared__ Words8 level[512];
    const Tree &tree = trees.tree[blockIdx.y];
    const u32 first = blockIdx.x * 512;
    if (first >= tree.count) return;
    u32 nodes = min(tree.count - first, 512u);
    for (u32 i = threadIdx.x; i < nodes; i += blockDim.x) level[i] = tree.values[first + i];
    __syncthreads();
    while (nodes > 1) {
        u32 pairs = nodes / 2, i = threadIdx.x;
        Words8 up;
        if (i < pairs) {
            u32 message[16];
#pragma unroll
            for (int w = 0; w < 8; w++) {
                message[w] = level[2 * i].word[w];
                message[8 + w] = level[2 * i + 1].word[w];
            }
            up = tree.key;
            bool root = nodes == 2 && tree.count <= 512;
            compress(up, message, 0, 64, KEYED_HASH | PARENT | (root ? ROOT : 0));
        } else if (i == pairs && nodes % 2) {
            up = level[nodes - 1];
        }
        __syncthreads();
        nodes = pairs + nodes % 2;
        if (i < nodes) level[i] = up;
        __syncthreads();
    }
    if (threadIdx.x == 0) tree.above[blockIdx.x] = level[0];
}

// A slab of tight rows of accumulators into rows of the next inputs, four at a time; what is beyond `width` is zero, as nothing becomes nothing.
extern "C" __global__ void __launch_bounds__(256)
requantise_rows(const int *sums, u32 rows, u32 width, u8 *out, u64 pitch, Rescale by) {
    u32 column = (blockIdx.x * blockDim.x + threadIdx.x) * 4;
    if (column >= pitch) return;
    for (u32 row = blockIdx.y; row < rows; row += gridDim.y) {
        const int *from = sums + (u64)row * width + column;
        int sum[4];
#pragma unroll
        for (int i = 0; i < 4; i++) sum[i] = column + i < width ? from[i] : 0;
        *(u32 *)(out + row * pitch + column) = requantise4(sum[0], sum[1], sum[2], sum[3], by);
    }
}
