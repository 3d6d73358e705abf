"""A second implementation of drilling's tasks, written from docs/drilling.md alone.

    second.py            a task as JSON on each line in, its digest and roots as JSON out
    second.py FILE       checks the golden vectors in FILE
"""
import json
import struct
import sys

import numpy as np

np.seterr(over="ignore")
U32 = np.uint32


def rotate(x, by):
    return (x >> U32(by)) | (x << U32(32 - by))


# ---- BLAKE3: many chunks at once, one column for each.

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
SHUFFLE = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
START, END, PARENT, ROOT, KEYED = 1, 2, 4, 8, 16


def g(v, a, b, c, d, x, y):
    v[a] = v[a] + v[b] + x
    v[d] = rotate(v[d] ^ v[a], 16)
    v[c] = v[c] + v[d]
    v[b] = rotate(v[b] ^ v[c], 12)
    v[a] = v[a] + v[b] + y
    v[d] = rotate(v[d] ^ v[a], 8)
    v[c] = v[c] + v[d]
    v[b] = rotate(v[b] ^ v[c], 7)


def compress(cv, words, counter, length, flags):
    ones = np.ones(words.shape[1], U32)
    v = list(cv) + [ones * U32(word) for word in IV[:4]]
    v += [ones * counter.astype(U32), (counter >> 32).astype(U32), ones * U32(length), ones * U32(flags)]
    m = list(words)
    for _ in range(7):
        for column in range(4):
            g(v, column, column + 4, column + 8, column + 12, m[2 * column], m[2 * column + 1])
        for column in range(4):
            at = (column, (column + 1) % 4 + 4, (column + 2) % 4 + 8, (column + 3) % 4 + 12)
            g(v, *at, m[8 + 2 * column], m[9 + 2 * column])
        m = [m[place] for place in SHUFFLE]
    return np.array([v[i] ^ v[i + 8] for i in range(8)])


def chunk(key, data, counter, flags, root):
    """Chaining values of equally long chunks (rows of `data`)."""
    cv = np.repeat(key[:, None], len(data), 1)
    blocks = max(1, -(-data.shape[1] // 64))
    for block in range(blocks):
        part = data[:, 64 * block : 64 * block + 64]
        padded = np.zeros((len(data), 64), np.uint8)
        padded[:, : part.shape[1]] = part
        last = block == blocks - 1
        kind = flags | (START if block == 0 else 0) | (END if last else 0) | (ROOT if root and last else 0)
        cv = compress(cv, padded.view("<u4").T, counter, part.shape[1], kind)
    return cv


def blake3(data, key=None):
    flags = 0 if key is None else KEYED
    key = np.array(IV, U32) if key is None else np.frombuffer(key, "<u4")
    data = np.frombuffer(bytes(data), np.uint8)
    count = max(1, -(-len(data) // 1024))
    if count == 1:
        return chunk(key, data[None, :], np.zeros(1, np.uint64), flags, True).T.tobytes()
    whole = len(data) // 1024
    nodes = chunk(key, data[: whole * 1024].reshape(whole, 1024), np.arange(whole, dtype=np.uint64), flags, False)
    if whole < count:
        rest = chunk(key, data[None, whole * 1024 :], np.full(1, whole, np.uint64), flags, False)
        nodes = np.concatenate([nodes, rest], 1)
    while nodes.shape[1] > 1:
        pairs = nodes.shape[1] // 2
        words = np.concatenate([nodes[:, 0 : 2 * pairs : 2], nodes[:, 1 : 2 * pairs : 2]])
        root = ROOT if nodes.shape[1] == 2 else 0
        keys = np.repeat(key[:, None], pairs, 1)
        joined = compress(keys, words, np.zeros(pairs, np.uint64), 64, flags | PARENT | root)
        nodes = np.concatenate([joined, nodes[:, 2 * pairs :]], 1)
    return nodes.T.tobytes()


# ---- Elements: ChaCha8, many blocks at once.


def elements(key, tensor, rows, width):
    blocks = -(-width // 64)
    counter = np.tile(np.arange(blocks, dtype=U32), rows)
    row = np.repeat(np.arange(rows, dtype=U32), blocks)
    ones = np.ones(rows * blocks, U32)
    head = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key)]
    start = [ones * U32(word) for word in head] + [counter, row, ones * U32(tensor), ones * U32(0)]
    v = list(start)

    # Rotations are to the left here, to the right above.
    def quarter(a, b, c, d):
        v[a] = v[a] + v[b]
        v[d] = rotate(v[d] ^ v[a], 16)
        v[c] = v[c] + v[d]
        v[b] = rotate(v[b] ^ v[c], 20)
        v[a] = v[a] + v[b]
        v[d] = rotate(v[d] ^ v[a], 24)
        v[c] = v[c] + v[d]
        v[b] = rotate(v[b] ^ v[c], 25)

    for _ in range(4):
        for c in range(4):
            quarter(c, c + 4, c + 8, c + 12)
        for c in range(4):
            quarter(c, (c + 1) % 4 + 4, (c + 2) % 4 + 8, (c + 3) % 4 + 12)
    words = np.array([a + b for a, b in zip(v, start)]).T.astype("<u4")
    return np.ascontiguousarray(words).view(np.int8).reshape(rows, blocks * 64)[:, :width]


# ---- Published networks and shards.


def read_network(file):
    magic = b"matrixai:network:v1"
    assert file.startswith(magic)
    at = len(magic)
    inputs, depth = struct.unpack_from("<IB", file, at)
    at += 5
    layers = [struct.unpack_from("<IIB", file, at + 9 * i) for i in range(depth)]
    at += 9 * depth
    weights, width = [], inputs
    for outputs, _, _ in layers:
        weights.append(np.frombuffer(file, np.int8, outputs * width, at).reshape(outputs, width))
        at += outputs * width
        width = outputs
    assert at == len(file)
    return inputs, layers, weights


def read_shard(file):
    magic = b"matrixai:shard:v1"
    assert file.startswith(magic)
    items, inputs = struct.unpack_from("<II", file, len(magic))
    return np.frombuffer(file, np.int8, items * inputs, len(magic) + 8).reshape(items, inputs)


def layer_bytes(layers):
    return b"".join(struct.pack("<IIB", *layer) for layer in layers)


def network_digest(inputs, layers, weights):
    keys = [blake3(b"matrixai:drill:weights:v1" + bytes([i])) for i in range(len(layers))]
    roots = b"".join(blake3(w.tobytes(), key) for w, key in zip(weights, keys))
    head = struct.pack("<IB", inputs, len(layers)) + layer_bytes(layers)
    return blake3(b"matrixai:drill:network:v1" + head + roots)


def shard_digest(shard):
    return blake3(shard.tobytes(), blake3(b"matrixai:drill:shard:v1"))


# ---- Tasks.


def requantise(sums, multiplier, shift):
    scaled = (np.maximum(sums, 0) * multiplier + (1 << (shift - 1))) >> shift
    return np.clip(scaled, -128, 127).astype(np.int8)


def run(task):
    seed, rows = bytes.fromhex(task["seed"]), task["rows"]
    infer = "network" in task
    if infer:
        inputs, layers, weights = read_network(bytes.fromhex(task["network"]))
        shard = read_shard(bytes.fromhex(task["shard"]))
        tail = network_digest(inputs, layers, weights) + shard_digest(shard) + struct.pack("<I", len(shard))
    else:
        inputs, layers, tail = task["inputs"], [tuple(layer) for layer in task["layers"]], b""
    head = struct.pack("<BIIB", int(infer), rows, inputs, len(layers))
    identifier = blake3(b"matrixai:drill:task:v1" + head + layer_bytes(layers) + tail + seed)
    a = elements(identifier, 0, rows, inputs)
    if infer:
        a = np.clip(shard[np.arange(rows) % len(shard)].astype(np.int16) + (a >> 4), -128, 127).astype(np.int8)
    roots = []
    for number, (outputs, multiplier, shift) in enumerate(layers):
        w = weights[number] if infer else elements(identifier, 1 + number, outputs, a.shape[1])
        # Sums of integers below 2^31 are exact in floating point of 53 bits.
        sums = (a.astype(np.float64) @ w.astype(np.float64).T).astype(np.int64)
        key = blake3(b"matrixai:drill:layer:v1" + identifier + bytes([number]))
        roots.append(blake3(sums.astype("<i4").tobytes(), key))
        a = requantise(sums, multiplier, shift)
    digest = blake3(b"matrixai:drill:result:v1" + identifier + b"".join(roots))
    return {"id": identifier.hex(), "roots": [root.hex() for root in roots], "digest": digest.hex()}


def check(vectors):
    for vector in vectors["elements"]:
        row = elements(bytes.fromhex(vector["key"]), vector["tensor"], vector["row"] + 1, vector["width"])[-1]
        assert row.tobytes().hex() == vector["elements"], vector
    for total, multiplier, shift, expected in vectors["requantise"]:
        assert requantise(np.array([total], np.int64), multiplier, shift)[0] == expected
    for vector in vectors["tasks"]:
        assert run(vector["task"]) == vector["result"], vector["task"]
    commit = vectors["commitment"]
    parts = b"".join(bytes.fromhex(commit[part]) for part in ["digest", "machine", "salt"])
    assert blake3(b"matrixai:drill:commit:v1" + parts).hex() == commit["commitment"]
    print(f"{len(vectors['tasks'])} tasks agree")


if len(sys.argv) > 1:
    with open(sys.argv[1]) as file:
        check(json.load(file))
else:
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
