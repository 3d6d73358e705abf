"""A second implementation of drilling's tasks, written from docs/drilling.md alone.

    second.py            a task as JSON on each line in, its digest and roots as JSON out
    second.py FILE       checks the golden vectors in FILE
"""
import io
import json
import struct
import sys
from collections import namedtuple
from pathlib import Path

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


def leaves(key, data, flags):
    """Chaining values of all chunks, of which there are at least two."""
    whole = len(data) // 1024
    nodes = chunk(key, data[: whole * 1024].reshape(whole, 1024), np.arange(whole, dtype=np.uint64), flags, False)
    if len(data) % 1024 == 0:
        return nodes
    rest = chunk(key, data[None, whole * 1024 :], np.full(1, whole, np.uint64), flags, False)
    return np.concatenate([nodes, rest], 1)


def above(key, nodes, flags):
    """The next level's nodes: pairs are joined, and one left over stands for itself."""
    pairs = nodes.shape[1] // 2
    words = np.concatenate([nodes[:, 0 : 2 * pairs : 2], nodes[:, 1 : 2 * pairs : 2]])
    keys = np.repeat(key[:, None], pairs, 1)
    joined = compress(keys, words, np.zeros(pairs, np.uint64), 64, flags | PARENT)
    return np.concatenate([joined, nodes[:, 2 * pairs :]], 1)


def joined(key, nodes, flags, root):
    """The one node above all these; `root` if it is the tree's."""
    while nodes.shape[1] > 1:
        nodes = above(key, nodes, flags | (ROOT if root and nodes.shape[1] == 2 else 0))
    return nodes.T.tobytes()


def blake3(data, key=None):
    flags = 0 if key is None else KEYED
    key = np.array(IV, U32) if key is None else np.frombuffer(key, "<u4")
    data = np.frombuffer(bytes(data), np.uint8)
    if len(data) <= 1024:
        return chunk(key, data[None, :], np.zeros(1, np.uint64), flags, True).T.tobytes()
    return joined(key, leaves(key, data, flags), flags, True)


# ---- Parts of a keyed tree: its nodes, and stretches of bytes opened against its root.


class Refused(Exception):
    """Bytes that are no answer, or no proof."""


def refuse_unless(condition, why):
    if not condition:
        raise Refused(why)


def take(proof, count):
    part = proof.read(count)
    refuse_unless(len(part) == count, "too short")
    return part


def words_of(data):
    """32 bytes each, one column for each."""
    return np.frombuffer(data, "<u4").reshape(-1, 8).T


def chunk_value(key, data, index, root):
    data = np.frombuffer(data, np.uint8)[None, :]
    return chunk(np.frombuffer(key, "<u4"), data, np.full(1, index, np.uint64), KEYED, root).T.tobytes()


def chunks_in(size):
    return -(-size // 1024)


def top_level(size):
    """The smallest level whose one node covers all."""
    return (chunks_in(size) - 1).bit_length()


def opening(proof, key, root, size, start, end):
    """Bytes `start..end` of those `size` that hash to `root`, from the opening that comes next in `proof`."""
    first, last = start // 1024, (end - 1) // 1024
    covering = take(proof, min(size, 1024 * (last + 1)) - 1024 * first)

    def node(at, count, top):
        if at > last or at + count <= first:
            return take(proof, 32)  # a subtree beside, given whole
        if count == 1:
            return chunk_value(key, covering[1024 * (at - first) :][:1024], at, top)
        left = 1 << ((count - 1).bit_length() - 1)
        pair = node(at, left, False) + node(at + left, count - left, False)
        return joined(np.frombuffer(key, "<u4"), words_of(pair), KEYED, top)

    refuse_unless(node(0, chunks_in(size), True) == root, "an opening differs from its root")
    return covering[start - 1024 * first : end - 1024 * first]


def answer(key, data, level, index):
    """What the question about a node of this tree is answered with."""
    if level == 0:
        return data[1024 * index :][:1024]
    below = max(level - 8, 0)
    key = np.frombuffer(key, "<u4")
    nodes = leaves(key, np.frombuffer(data, np.uint8), KEYED)
    for _ in range(below):
        nodes = above(key, nodes, KEYED)
    return nodes[:, index << (level - below) : (index + 1) << (level - below)].T.tobytes()


def answered(key, size, level, index, given):
    """The node's hash, by this answer about it; the level that it gave, and its first node's index there."""
    root = level == top_level(size)
    if level == 0:
        refuse_unless(len(given) == min(1024, size - 1024 * index), "not a chunk")
        return chunk_value(key, given, index, root), None, index
    below = max(level - 8, 0)
    first = index << (level - below)
    there = -(-chunks_in(size) >> below)
    refuse_unless(len(given) == 32 * (min(there, (index + 1) << (level - below)) - first), "not all nodes")
    return joined(np.frombuffer(key, "<u4"), words_of(given), KEYED, root), below, first


# ---- Elements: ChaCha8, many blocks at once.


def elements(key, tensor, rows, width, first=0):
    blocks = -(-width // 64)
    counter = np.tile(np.arange(blocks, dtype=U32), rows)
    row = np.repeat(np.arange(first, first + rows, dtype=U32), blocks)
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


def weights_key(layer):
    return blake3(b"matrixai:drill:weights:v1" + bytes([layer]))


def network_digest(inputs, layers, roots):
    head = struct.pack("<IB", inputs, len(layers)) + layer_bytes(layers)
    return blake3(b"matrixai:drill:network:v1" + head + b"".join(roots))


def shard_key():
    return blake3(b"matrixai:drill:shard:v1")


# ---- Tasks.

# For `mlp`, `network` and `shard` (digests) and `items` are none.
Task = namedtuple("Task", "id rows inputs layers network shard items")
Published = namedtuple("Published", "weights shard")


def requantise(sums, multiplier, shift):
    scaled = (np.maximum(sums, 0) * multiplier + (1 << (shift - 1))) >> shift
    return np.clip(scaled, -128, 127).astype(np.int8)


def files(described):
    """A published network's and its shard's file: in the vector, or those of the digits."""
    if "network_digest" not in described:
        return [bytes.fromhex(described[file]) for file in ["network", "shard"]]
    data = Path(__file__).resolve().parent.parent / "data"
    return [(data / f"digits.{file}").read_bytes() for file in ["network", "shard"]]


def read_task(described):
    rows, seed = described["rows"], bytes.fromhex(described["seed"])
    if "network" not in described and "network_digest" not in described:
        inputs, layers = described["inputs"], [tuple(layer) for layer in described["layers"]]
        return Task(identifier(rows, inputs, layers, None, seed), rows, inputs, layers, None, None, None), None
    network, shard = files(described)
    (inputs, layers, weights), shard = read_network(network), read_shard(shard)
    roots = [blake3(w.tobytes(), weights_key(number)) for number, w in enumerate(weights)]
    digests = network_digest(inputs, layers, roots), blake3(shard.tobytes(), shard_key())
    if "network_digest" in described:
        assert [digest.hex() for digest in digests] == [described["network_digest"], described["shard_digest"]]
    named = *digests, len(shard)
    task = Task(identifier(rows, inputs, layers, named, seed), rows, inputs, layers, *named)
    return task, Published(weights, shard)


def identifier(rows, inputs, layers, published, seed):
    """`published` is, for `infer` alone, the digests of network and shard and the number of items."""
    tail = b"" if published is None else struct.pack("<32s32sI", *published)
    head = struct.pack("<BIIB", int(published is not None), rows, inputs, len(layers))
    return blake3(b"matrixai:drill:task:v1" + head + layer_bytes(layers) + tail + seed)


def noisy(items, noise):
    return np.clip(items.astype(np.int16) + (noise >> 4), -128, 127).astype(np.int8)


def products(task, published):
    """The accumulators of every layer."""
    a = elements(task.id, 0, task.rows, task.inputs)
    if published:
        a = noisy(published.shard[np.arange(task.rows) % task.items], a)
    accumulators = []
    for number, (outputs, multiplier, shift) in enumerate(task.layers):
        w = published.weights[number] if published else elements(task.id, 1 + number, outputs, a.shape[1])
        # Sums of integers below 2^31 are exact in floating point of 53 bits.
        sums = (a.astype(np.float64) @ w.astype(np.float64).T).astype(np.int64)
        accumulators.append(sums)
        a = requantise(sums, multiplier, shift)
    return accumulators


def layer_key(task, layer):
    return blake3(b"matrixai:drill:layer:v1" + task.id + bytes([layer]))


def stored(sums):
    return sums.astype("<i4").tobytes()


def roots_of(task, accumulators):
    return [blake3(stored(sums), layer_key(task, layer)) for layer, sums in enumerate(accumulators)]


def result_digest(task, roots):
    return blake3(b"matrixai:drill:result:v1" + task.id + b"".join(roots))


def run(described):
    task, published = read_task(described)
    roots = roots_of(task, products(task, published))
    return {"id": task.id.hex(), "roots": [root.hex() for root in roots], "digest": result_digest(task, roots).hex()}


# ---- Fraud proofs: what the chain runs, from the task alone, with no result, network or shard at hand.


def width(task, layer):
    return task.inputs if layer == 0 else task.layers[layer - 1][0]


def opened_sums(proof, task, roots, layer, start, count):
    """Accumulators `start..start + count` of a layer."""
    size = 4 * task.rows * task.layers[layer][0]
    part = opening(proof, layer_key(task, layer), roots[layer], size, 4 * start, 4 * (start + count))
    return np.frombuffer(part, "<i4").astype(np.int64)


def opened_bytes(proof, key, root, rows, row, row_width):
    part = opening(proof, key, root, rows * row_width, row * row_width, (row + 1) * row_width)
    return np.frombuffer(part, np.int8)


def input_row(proof, task, roots, layer, row):
    """The layer's inputs in this row; the right ones if the layer before is right."""
    if layer > 0:
        outputs, multiplier, shift = task.layers[layer - 1]
        return requantise(opened_sums(proof, task, roots, layer - 1, row * outputs, outputs), multiplier, shift)
    generated = elements(task.id, 0, 1, task.inputs, row)[0]
    if task.network is None:
        return generated
    item = opened_bytes(proof, shard_key(), task.shard, task.items, row % task.items, task.inputs)
    return noisy(item, generated)


def weight_row(proof, task, roots, layer, column):
    outputs, inputs = task.layers[layer][0], width(task, layer)
    if task.network is None:
        return elements(task.id, 1 + layer, 1, inputs, column)[0]
    return opened_bytes(proof, weights_key(layer), roots[layer], outputs, column, inputs)


def convict(task, digest, proof):
    """Refuses `proof` unless it shows that whoever revealed `digest` has a wrong sum."""
    proof = io.BytesIO(proof)
    version, layer, row, column = struct.unpack("<BBII", take(proof, 10))
    refuse_unless(version == 1 and layer < len(task.layers), "no such version or layer")
    refuse_unless(row < task.rows and column < task.layers[layer][0], "no such accumulator")
    roots = [take(proof, 32) for _ in task.layers]
    refuse_unless(result_digest(task, roots) == digest, "the roots are of another result")
    weights = [take(proof, 32) for _ in task.layers] if task.network else []
    if task.network:
        refuse_unless(network_digest(task.inputs, task.layers, weights) == task.network, "another network")
    [claimed] = opened_sums(proof, task, roots, layer, row * task.layers[layer][0] + column, 1)
    a = input_row(proof, task, roots, layer, row)
    w = weight_row(proof, task, weights, layer, column)
    refuse_unless(not proof.read(1), "too long")
    refuse_unless(a.astype(np.int64) @ w.astype(np.int64) != claimed, "the sum is right")


# ---- The golden vectors.


def given(vector, computed):
    """An answer as the vector has it: in full, or where that is long its length and hash."""
    if "answer" in vector:
        assert vector["answer"] == computed.hex(), vector
    else:
        assert (vector["length"], vector["blake3"]) == (len(computed), blake3(computed).hex()), vector
    return computed


def check_node(vector, task, accumulators, expected):
    """That the answer is the result's, and agrees with the hash that was given above; what it says of below."""
    layer, level, index = vector["layer"], vector["level"], vector["index"]
    data, key = stored(accumulators[layer]), layer_key(task, layer)
    reply = given(vector, answer(key, data, level, index))
    value, below, first = answered(key, len(data), level, index, reply)
    assert value == expected, vector
    return reply, below, first


def first_difference(ours, theirs, size):
    return next(at for at in range(len(ours) // size) if ours[at * size :][:size] != theirs[at * size :][:size])


def descend(asked, task, truth, lie):
    """Asks for roots, then for nodes, always where the answer differs from ours, down to a wrong accumulator."""
    ours, theirs = b"".join(roots_of(task, truth)), given(asked[0], b"".join(roots_of(task, lie)))
    assert asked[0]["question"] == "roots"
    layer = first_difference(ours, theirs, 32)
    expected, level, index = theirs[32 * layer :][:32], top_level(len(stored(truth[layer]))), 0
    for vector in asked[1:]:
        assert (vector["question"], vector["layer"], vector["level"], vector["index"]) == ("node", layer, level, index)
        theirs, below, first = check_node(vector, task, lie, expected)
        ours = answer(layer_key(task, layer), stored(truth[layer]), level, index)
        at = first_difference(ours, theirs, 4 if below is None else 32)
        expected, level, index = theirs[32 * at :][:32], below, first + at
    assert level is None, "the descent stops above the chunks"
    return layer, 256 * asked[-1]["index"] + at


def refused(task, digest, proof):
    try:
        convict(task, digest, proof)
    except Refused:
        return True
    return False


def check_lie(vector, task, truth):
    """A result that is right but for one accumulator: its digest, how it is found out, and the proof."""
    layer, row, column = vector["layer"], vector["row"], vector["column"]
    lie = [sums.copy() for sums in truth]
    lie[layer][row, column] += 1
    assert lie[layer][row, column] == vector["accumulator"], vector
    roots = roots_of(task, lie)
    digest = result_digest(task, roots)
    assert digest.hex() == vector["digest"]
    place = row * task.layers[layer][0] + column
    assert descend(vector["descent"], task, truth, lie) == (layer, place)
    one = io.BytesIO(bytes.fromhex(vector["opening"]))
    assert opened_sums(one, task, roots, layer, place, 1)[0] == vector["accumulator"] and not one.read()
    check_proof(bytes.fromhex(vector["proof"]), task, digest, result_digest(task, roots_of(task, truth)))


def check_proof(proof, task, digest, right):
    convict(task, digest, proof)
    assert refused(task, right, proof), "it convicts the right result"
    assert refused(task, digest, proof[:-1]) and refused(task, digest, proof + b"\0")
    # The head's fields, the roots, and places all over the openings.
    for at in [0, 1, 2, 6, 10, *range(len(proof) // 9, len(proof), len(proof) // 9), len(proof) - 1]:
        flipped = proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :]
        assert refused(task, digest, flipped), f"byte {at} does not matter"


def check_doubt(vector):
    """Answers about the right result, and all about results that are wrong."""
    task, published = read_task(vector["task"])
    truth = products(task, published)
    roots = roots_of(task, truth)
    assert run(vector["task"]) == vector["result"]
    given(vector["roots"], b"".join(roots))
    for node in vector["nodes"]:
        check_honest_node(node, task, truth, roots[node["layer"]])
    for lie in vector["lies"]:
        check_lie(lie, task, truth)


def check_honest_node(vector, task, truth, root):
    """Follows the answers from the root to this node, since each is checked by the one above."""
    layer, level, index = vector["layer"], vector["level"], vector["index"]
    data, key = stored(truth[layer]), layer_key(task, layer)
    at, expected = top_level(len(data)), root
    while at > level:
        reply = answer(key, data, at, index >> (at - level))
        value, below, first = answered(key, len(data), at, index >> (at - level), reply)
        assert value == expected
        at, expected = below, reply[32 * ((index >> (below - level)) - first) :][:32]
    assert at == level, "nobody asks for a node of this level"
    check_node(vector, task, truth, expected)


def check(vectors):
    for vector in vectors["elements"]:
        row = elements(bytes.fromhex(vector["key"]), vector["tensor"], 1, vector["width"], vector["row"])
        assert row.tobytes().hex() == vector["elements"], vector
    for total, multiplier, shift, expected in vectors["requantise"]:
        assert requantise(np.array([total], np.int64), multiplier, shift)[0] == expected
    for vector in vectors["tasks"]:
        assert run(vector["task"]) == vector["result"], vector["task"]
    commit = vectors["commitment"]
    parts = b"".join(bytes.fromhex(commit[part]) for part in ["digest", "machine", "salt"])
    assert blake3(b"matrixai:drill:commit:v1" + parts).hex() == commit["commitment"]
    for vector in vectors["doubt"]:
        check_doubt(vector)
    print(f"{len(vectors['tasks'])} tasks agree, and answers and proofs about {len(vectors['doubt'])} more")


if len(sys.argv) > 1:
    with open(sys.argv[1]) as file:
        check(json.load(file))
else:
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
