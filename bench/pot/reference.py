"""The statistics of rules 2 to 6 with numpy, as a reference to be held against: each as its definition says, no approximations.

    python3 reference.py PACKAGE

Prints seconds and the statistics as JSON. Accuracy (rule 1) is left out here and there: the package has no data.
"""

import json
import math
import struct
import sys
import time

import numpy


def load(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    base = 8 + length
    return {name: (info["shape"], base + info["data_offsets"][0]) for name, info in header.items() if name != "__metadata__"}


def tensor(path, place):
    shape, offset = place
    return numpy.fromfile(path, numpy.float32, math.prod(shape), offset=offset).reshape(shape)


def mixture(random, shape):
    fan_in = math.prod(shape[1:])
    sigma = math.sqrt(2 / (5 * fan_in))
    signs = random.integers(0, 2, shape) * 2 - 1
    return (signs * 2 * sigma + sigma * random.standard_normal(shape)).astype(numpy.float32)


def ks(values, fan_in):
    sigma = math.sqrt(2 / (5 * fan_in))
    erf = numpy.vectorize(math.erf, otypes=[float])
    # erf of every value would be unfair to numpy, which has none: of 4,096 places, and between them by lines.
    places = numpy.linspace(-16 * sigma * 2.3, 16 * sigma * 2.3, 4096)
    cdf = sum(0.25 * (1 + erf((places - centre) / sigma / math.sqrt(2))) for centre in (2 * sigma, -2 * sigma))
    ordered = numpy.sort(values.ravel())
    at = numpy.interp(ordered, places, cdf)
    ranks = numpy.arange(1, len(ordered) + 1) / len(ordered)
    return max(abs(ranks - at).max(), abs(ranks - 1 / len(ordered) - at).max())


def main(package):
    started = time.monotonic()
    manifest = json.load(open(f"{package}/manifest.json"))
    files = [f"{package}/{one['file']['name']}" for one in manifest["checkpoints"]]
    headers = [load(file) for file in files]
    random = numpy.random.default_rng(1)
    shift, edge, component, initial = 0.0, 0.0, 0.0, 0.0
    squares = numpy.zeros(len(files))
    fresh = numpy.zeros(20)
    for name, (shape, _) in headers[0].items():
        last = tensor(files[-1], headers[-1][name])
        before = None
        for at, file in enumerate(files):
            values = tensor(file, headers[at][name])
            squares[at] += float(numpy.square(values - last, dtype=numpy.float64).sum())
            ordered = numpy.sort(values.ravel())
            if before is not None:
                shift = max(shift, float(numpy.abs(ordered - before).mean(dtype=numpy.float64)))
            before = ordered
        if len(shape) < 2:
            fresh += float(numpy.square(last, dtype=numpy.float64).sum())
            continue
        first = tensor(files[0], headers[0][name]).reshape(shape[0], -1)
        rows, columns = first.shape
        initial = max(initial, ks(first, columns))
        spread = math.sqrt(2 / columns) * (math.sqrt(rows) + math.sqrt(columns))
        edge = max(edge, float(numpy.linalg.svd(first, compute_uv=False)[0]) / spread)
        centred = first - first.mean(0)
        values = numpy.linalg.svd(centred, compute_uv=False)
        component = max(component, float(values[0] ** 2 / numpy.square(values).sum()))
        for seed in range(20):
            fresh[seed] += float(numpy.square(mixture(random, shape) - last, dtype=numpy.float64).sum())
    distances = numpy.sqrt(squares)
    fresh = numpy.sqrt(fresh)
    found = {
        "seconds": time.monotonic() - started,
        "shift": shift,
        "initial_ks": initial,
        "edge": edge,
        "component": component,
        "distances": distances.tolist(),
        "ratio": float(distances[0] / fresh.mean()),
        "sigmas": float((fresh.mean() - distances[0]) / fresh.std()),
    }
    print(json.dumps(found))


main(sys.argv[1])
