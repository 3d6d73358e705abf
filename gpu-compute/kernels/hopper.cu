// A layer on Hopper: wgmma on tiles that the tensor copy engine brings, two blocks of a cluster sharing the weights they both need.
//
// A block of threads owns tiles of 128 rows by 256 columns, one after another. One warp brings tiles; two warpgroups multiply, 64 rows
// each; in `layer_hopper`, three more warps hash and requantise the tile before: 256 columns of a row are one chunk of BLAKE3's. So
// accumulators go no further than the L2, where each block of threads has one tile's room.
#include "blake3.cuh"
#include "requantise.cuh"

enum : u32 {
    ROWS = 128, COLUMNS = 256, DEPTH = 128, CLUSTER = 2,
    INPUTS = ROWS * DEPTH, WEIGHTS = COLUMNS * DEPTH, STAGE = INPUTS + WEIGHTS,
    MULTIPLIERS = 256, // threads of the two warpgroups
    GROUP = 8,         // pairs of tiles below each other that are taken before the next column: their inputs stay in the L2
    TILE_FULL = 1, TILE_EMPTY = 2, TILE_LAST = 3,
    BOX = 16 * 128, BOXES = 2,
};

struct alignas(64) TensorMap {
    u64 opaque[16];
};

__device__ __forceinline__ u32 shared_address(const void *pointer) { return (u32)__cvta_generic_to_shared(pointer); }

__device__ __forceinline__ void barrier_init(u32 barrier, u32 arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

__device__ __forceinline__ void barrier_expect(u32 barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

__device__ __forceinline__ void barrier_wait(u32 barrier, u32 parity) {
    asm volatile("{\n.reg .pred done;\nagain:\n"
                 "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
                 "@!done bra again;\n}" ::"r"(barrier), "r"(parity) : "memory");
}

// Arrives at the same barrier of another block of the cluster. Not with `.release.cluster`: nothing was written that the other
// side reads, only tiles read that it may overwrite now, and that fence costs more than a step's products.
__device__ __forceinline__ void barrier_arrive_at(u32 barrier, u32 block) {
    asm volatile("{\n.reg .b32 there;\nmapa.shared::cluster.u32 there, %0, %1;\n"
                 "mbarrier.arrive.shared::cluster.b64 _, [there];\n}" ::"r"(barrier), "r"(block) : "memory");
}

__device__ __forceinline__ void bring(u32 to, const TensorMap &map, u32 k, u32 row, u32 barrier) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];"
                 ::"r"(to), "l"(&map), "r"(k), "r"(row), "r"(barrier) : "memory");
}

__device__ __forceinline__ void bring_to_all(u32 to, const TensorMap &map, u32 k, u32 row, u32 barrier) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;"
                 ::"r"(to), "l"(&map), "r"(k), "r"(row), "r"(barrier), "h"((u16)((1 << CLUSTER) - 1)) : "memory");
}

__device__ __forceinline__ void cluster_sync() {
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

template <u32 REGISTERS> __device__ __forceinline__ void take_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

template <u32 REGISTERS> __device__ __forceinline__ void give_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

// Named barriers: between the eight warps that multiply and the three that hash, and among those that multiply.
template <u32 BARRIER, u32 THREADS = 352> __device__ __forceinline__ void tile_wait() {
    asm volatile("barrier.cta.sync %0, %1;" ::"n"(BARRIER), "n"(THREADS) : "memory");
}

template <u32 BARRIER> __device__ __forceinline__ void tile_tell() {
    __threadfence_block();
    asm volatile("barrier.cta.arrive %0, 352;" ::"n"(BARRIER) : "memory");
}

// Rows of DEPTH bytes, swizzled over as many; then come eight rows further (PTX ISA, matrix descriptor).
__device__ __forceinline__ u64 descriptor(u32 address) {
    return (u64)(address >> 4 & 0x3fff) | 1ull << 16 | (u64)(8 * DEPTH >> 4) << 32 | (DEPTH == 128 ? 1ull : 2ull) << 62;
}

#define D8(n) "+r"(d[n]), "+r"(d[n + 1]), "+r"(d[n + 2]), "+r"(d[n + 3]), "+r"(d[n + 4]), "+r"(d[n + 5]), "+r"(d[n + 6]), "+r"(d[n + 7])
#define D32(n) D8(n), D8(n + 8), D8(n + 16), D8(n + 24)

// 64 rows by 256 columns by 32 deep.
__device__ __forceinline__ void multiply(int (&d)[128], u64 inputs, u64 weights, u32 add) {
    asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, %130, 0;\n"
                 "wgmma.mma_async.sync.aligned.m64n256k32.s32.s8.s8 {"
                 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
                 "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"
                 "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,"
                 "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63,"
                 "%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,"
                 "%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95,"
                 "%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111,"
                 "%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"
                 "}, %128, %129, add;\n}"
                 : D32(0), D32(32), D32(64), D32(96) : "l"(inputs), "l"(weights), "r"(add));
}

__device__ __forceinline__ void multiply_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void multiply_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Waits for the products under way; the sums are then the program's again.
__device__ __forceinline__ void multiply_wait(int (&d)[128]) {
    asm volatile("wgmma.wait_group.sync.aligned 0;" : D32(0), D32(32), D32(64), D32(96)::"memory");
}

struct Shape {
    u32 rows, columns, width;
};

// The tiles, in the order that keeps what neighbours need in the L2. A pair's two tiles lie below each other.
struct Tiles {
    u32 down, across;

    __device__ explicit Tiles(const Shape &shape)
        : down((shape.rows + CLUSTER * ROWS - 1) / (CLUSTER * ROWS)), across((shape.columns + COLUMNS - 1) / COLUMNS) {}

    __device__ u32 pairs() const { return down * across; }

    __device__ void place(u32 pair, u32 rank, u32 &row, u32 &column) const {
        u32 strip = pair / (GROUP * across), first = strip * GROUP;
        u32 high = min(down - first, (u32)GROUP), inside = pair - first * across;
        row = ((first + inside % high) * CLUSTER + rank) * ROWS;
        column = inside / high * COLUMNS;
    }
};

template <u32 COUNT> struct Pipeline {
    static constexpr u32 STAGES = COUNT;
    u32 stages, full, empty, rank;

    __device__ u32 inputs(u32 stage) const { return stages + stage * STAGE; }
    __device__ u32 weights(u32 stage) const { return stages + stage * STAGE + INPUTS; }
    __device__ u32 filled(u32 stage) const { return full + stage * 8; }
    __device__ u32 emptied(u32 stage) const { return empty + stage * 8; }
};

template <u32 STAGES> __device__ __forceinline__ Pipeline<STAGES> begin(s8 *memory) {
    __shared__ __align__(8) u64 barriers[2 * STAGES];
    Pipeline<STAGES> pipeline;
    pipeline.stages = shared_address(memory) + 1023 & ~1023u;
    pipeline.full = shared_address(barriers);
    pipeline.empty = pipeline.full + STAGES * 8;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(pipeline.rank));
    if (threadIdx.x == 0) {
#pragma unroll
        for (u32 stage = 0; stage < STAGES; stage++) {
            barrier_init(pipeline.filled(stage), 1);
            barrier_init(pipeline.emptied(stage), CLUSTER * MULTIPLIERS / 32);
        }
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    cluster_sync();
    return pipeline;
}

// One thread: brings this block's inputs, and its half of the weights for both blocks.
template <u32 STAGES>
__device__ __forceinline__ void bring_tiles(const Pipeline<STAGES> &pipeline, const Shape &shape, const TensorMap &inputs, const TensorMap &weights) {
    const Tiles tiles(shape);
    const u32 steps = (shape.width + DEPTH - 1) / DEPTH, half = COLUMNS / CLUSTER * pipeline.rank;
    u32 stage = 0, parity = 1;
    for (u32 pair = blockIdx.x / CLUSTER; pair < tiles.pairs(); pair += gridDim.x / CLUSTER) {
        u32 row, column;
        tiles.place(pair, pipeline.rank, row, column);
        for (u32 step = 0; step < steps; step++) {
            barrier_wait(pipeline.emptied(stage), parity);
            barrier_expect(pipeline.filled(stage), STAGE);
            bring(pipeline.inputs(stage), inputs, step * DEPTH, row, pipeline.filled(stage));
            bring_to_all(pipeline.weights(stage) + half * DEPTH, weights, step * DEPTH, column + half, pipeline.filled(stage));
            if (++stage == STAGES) stage = 0, parity ^= 1;
        }
    }
}

// Two warpgroups: sums of each tile, given to `finish` with the row and column of the tile, and whether it is the last.
template <u32 STAGES, typename Finish>
__device__ __forceinline__ void multiply_tiles(const Pipeline<STAGES> &pipeline, const Shape &shape, Finish finish) {
    const Tiles tiles(shape);
    const u32 steps = (shape.width + DEPTH - 1) / DEPTH, lane = threadIdx.x % 32;
    const u32 group = threadIdx.x / 128 - 1; // the first warpgroup brings
    u32 stage = 0, parity = 0;
    int d[128];
    for (u32 pair = blockIdx.x / CLUSTER; pair < tiles.pairs(); pair += gridDim.x / CLUSTER) {
        u32 row, column;
        tiles.place(pair, pipeline.rank, row, column);
        for (u32 step = 0; step < steps; step++) {
            barrier_wait(pipeline.filled(stage), parity);
            multiply_fence();
            u64 inputs = descriptor(pipeline.inputs(stage) + group * 64 * DEPTH), weights = descriptor(pipeline.weights(stage));
#pragma unroll
            for (u32 k = 0; k < DEPTH / 32; k++) multiply(d, inputs + 2 * k, weights + 2 * k, step | k);
            multiply_commit();
            // The other warpgroup's products keep the tensor cores busy meanwhile.
            multiply_wait(d);
            if (lane < CLUSTER) barrier_arrive_at(pipeline.emptied(stage), lane);
            if (++stage == STAGES) stage = 0, parity ^= 1;
        }
        finish(d, row, column, pair + gridDim.x / CLUSTER >= tiles.pairs());
    }
}

// Where a thread's sums lie in its warpgroup's 64 by 256: d[4 i + 2 h + e] in row `mine + 8 h`, column `8 i + 2 (lane % 4) + e`.
__device__ __forceinline__ u32 first_row() { return (threadIdx.x / 128 - 1) * 64 + threadIdx.x / 32 % 4 * 16 + threadIdx.x % 32 / 4; }

// Sums to memory by the copy engine: 32 columns of a warp's 16 rows at a time through shared memory, two such boxes in turn.
template <u32 STAGES>
__device__ __forceinline__ void store_tile(const int (&d)[128], const Pipeline<STAGES> &pipeline, const TensorMap &out, u32 row0, u32 column0) {
    const u32 warp = threadIdx.x / 32 - 4, lane = threadIdx.x % 32;
    const u32 boxes = pipeline.stages + STAGES * STAGE + warp * BOXES * BOX;
#pragma unroll
    for (u32 part = 0; part < 8; part++) {
        const u32 box = boxes + part % BOXES * BOX;
        if (lane == 0) asm volatile("cp.async.bulk.wait_group.read 1;" ::: "memory");
        __syncwarp();
#pragma unroll
        for (u32 i = 0; i < 4; i++)
#pragma unroll
            for (u32 h = 0; h < 2; h++) {
                // Odd rows' threads begin elsewhere, so that four rows meet in no bank. 16 bytes are turned about by row, as the map says.
                const u32 from = (part * 4 + i) * 4 + h * 2, other = (part * 4 + (i ^ 2)) * 4 + h * 2;
                const bool odd = lane / 4 % 2;
                u32 sixteen = (2 * (odd ? i ^ 2 : i) + lane % 4 / 2) ^ (lane / 4), at = box + (lane / 4 + 8 * h) * 128 + sixteen * 16 + lane % 2 * 8;
                asm volatile("st.shared.v2.b32 [%0], {%1, %2};" ::"r"(at), "r"(odd ? d[other] : d[from]), "r"(odd ? d[other + 1] : d[from + 1]) : "memory");
            }
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        __syncwarp();
        if (lane == 0) {
            asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%1, %2}], [%3];\n"
                         "cp.async.bulk.commit_group;" ::"l"(&out), "r"(column0 + part * 32), "r"(row0 + warp * 16), "r"(box) : "memory");
        }
    }
}

// The accumulators themselves, rows tight. Columns: a multiple of 4. Threads: 384.
extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) __launch_bounds__(384, 1)
store_hopper(const __grid_constant__ TensorMap inputs, const __grid_constant__ TensorMap weights, Shape shape, const __grid_constant__ TensorMap out) {
    extern __shared__ s8 memory[];
    const auto pipeline = begin<4>(memory);
    if (threadIdx.x < 128) {
        give_registers<40>();
        if (threadIdx.x == 0) bring_tiles(pipeline, shape, inputs, weights);
    } else {
        take_registers<232>();
        multiply_tiles(pipeline, shape, [&](const int (&d)[128], u32 row, u32 column, bool) { store_tile(d, pipeline, out, row, column); });
        if (threadIdx.x % 32 == 0) asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
    }
    cluster_sync();
}

// The accumulators themselves, rows tight, any number of columns. Threads: 384.
extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) __launch_bounds__(384, 1)
product_hopper(const __grid_constant__ TensorMap inputs, const __grid_constant__ TensorMap weights, Shape shape, int *out) {
    extern __shared__ s8 memory[];
    const auto pipeline = begin<4>(memory);
    if (threadIdx.x < 128) {
        give_registers<40>();
        if (threadIdx.x == 0) bring_tiles(pipeline, shape, inputs, weights);
    } else {
        take_registers<232>();
        multiply_tiles(pipeline, shape, [&](const int (&d)[128], u32 row0, u32 column0, bool) {
            const u32 column1 = column0 + threadIdx.x % 4 * 2;
            const bool even = shape.columns % 2 == 0;
#pragma unroll
            for (u32 h = 0; h < 2; h++) {
                u32 row = row0 + first_row() + 8 * h;
                if (row >= shape.rows) continue;
                int *to = out + (u64)row * shape.columns;
#pragma unroll
                for (u32 i = 0; i < 32; i++) {
                    u32 column = column1 + 8 * i;
                    if (even) {
                        if (column < shape.columns) *(int2 *)(to + column) = make_int2(d[4 * i + 2 * h], d[4 * i + 2 * h + 1]);
                    } else {
                        if (column < shape.columns) to[column] = d[4 * i + 2 * h];
                        if (column + 1 < shape.columns) to[column + 1] = d[4 * i + 2 * h + 1];
                    }
                }
            }
        });
    }
    cluster_sync();
}

struct Finish {
    Words8 key;
    Words8 *values; // of chunks: the tree's leaves
    u8 *next;       // the next layer's inputs, or none
    u64 pitch;
    Rescale by;
    int *room;      // one tile for each block of threads
};

// One row: hashes the tile's 256 columns of it, and makes the next layer's inputs of them.
__device__ __forceinline__ void finish_row(const uint4 *room, const Shape &shape, const Finish &finish, u32 row, u32 column) {
    const u64 chunk = ((u64)row * shape.columns + column) / 256;
    u8 *next = finish.next + row * finish.pitch + column;
    Words8 value = finish.key;
    uint4 ahead[4];
#pragma unroll
    for (u32 i = 0; i < 4; i++) ahead[i] = __ldcg(room + i * ROWS);
#pragma unroll 1
    for (u32 block = 0; block < 16; block++) {
        u32 message[16];
#pragma unroll
        for (u32 i = 0; i < 4; i++) {
            uint4 four = ahead[i];
            message[4 * i] = four.x, message[4 * i + 1] = four.y, message[4 * i + 2] = four.z, message[4 * i + 3] = four.w;
            // The next block comes while this one is hashed; after the last one, nothing is read that was not read before.
            ahead[i] = __ldcg(room + (min(block + 1, 15u) * 4 + i) * ROWS);
        }
        compress(value, message, chunk, 64, KEYED_HASH | (block == 0 ? CHUNK_START : 0) | (block == 15 ? CHUNK_END : 0));
        if (finish.next) {
            u32 out[4];
#pragma unroll
            for (u32 i = 0; i < 4; i++)
                out[i] = requantise4(message[4 * i], message[4 * i + 1], message[4 * i + 2], message[4 * i + 3], finish.by);
            *(uint4 *)(next + block * 16) = make_uint4(out[0], out[1], out[2], out[3]);
        }
    }
    finish.values[chunk] = value;
}

// Three warps take turns at the four quarters of a tile, so that in three tiles each has done four. The last tile is left to those
// that multiplied, who have nothing else to do by then.
__device__ __forceinline__ void finish_tiles(const Pipeline<4> &pipeline, const Shape &shape, const Finish &finish) {
    const Tiles tiles(shape);
    const u32 lane = threadIdx.x % 32, step = gridDim.x / CLUSTER;
    u32 turn = threadIdx.x / 32 - 1; // the first warp brings
    const uint4 *room = (const uint4 *)(finish.room + (u64)blockIdx.x * ROWS * COLUMNS);
    for (u32 pair = blockIdx.x / CLUSTER; pair + step < tiles.pairs(); pair += step) {
        u32 row, column;
        tiles.place(pair, pipeline.rank, row, column);
        tile_wait<TILE_FULL>();
        for (; turn < 4; turn += 3) {
            u32 mine = turn * 32 + lane;
            if (row + mine < shape.rows) finish_row(room + mine, shape, finish, row + mine, column);
        }
        turn -= 4;
        tile_tell<TILE_EMPTY>();
    }
}

// A whole layer of which only hashes and the next inputs leave the chip. Columns: a multiple of 256. Threads: 384.
extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) __launch_bounds__(384, 1)
layer_hopper(const __grid_constant__ TensorMap inputs, const __grid_constant__ TensorMap weights, Shape shape, Finish finish) {
    extern __shared__ s8 memory[];
    const auto pipeline = begin<4>(memory);
    if (threadIdx.x < 128) {
        give_registers<104>();
        if (threadIdx.x == 0) bring_tiles(pipeline, shape, inputs, weights);
        if (threadIdx.x >= 32) finish_tiles(pipeline, shape, finish);
    } else {
        take_registers<200>();
        // Four columns of a row lie together, then the same four of the next row: the hashing threads read side by side.
        int *room = finish.room + (u64)blockIdx.x * ROWS * COLUMNS + (threadIdx.x % 4 / 2 * ROWS + first_row()) * 4 + threadIdx.x % 2 * 2;
        bool first = true;
        multiply_tiles(pipeline, shape, [&](const int (&d)[128], u32 row, u32 column, bool last) {
            if (!first) tile_wait<TILE_EMPTY>();
            first = false;
#pragma unroll
            for (int i = 0; i < 32; i++)
#pragma unroll
                for (int h = 0; h < 2; h++)
                    *(int2 *)(room + (2 * i * (int)ROWS + 8 * h) * 4) = make_int2(d[4 * i + 2 * h], d[4 * i + 2 * h + 1]);
            if (!last) return tile_tell<TILE_FULL>();
            tile_wait<TILE_LAST, MULTIPLIERS>();
            const u32 mine = threadIdx.x - 128;
            const uint4 *tile = (const uint4 *)(finish.room + (u64)blockIdx.x * ROWS * COLUMNS) + mine;
            if (mine < ROWS && row + mine < shape.rows) finish_row(tile, shape, finish, row + mine, column);
        });
    }
    cluster_sync();
}
