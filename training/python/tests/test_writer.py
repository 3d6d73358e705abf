"""The module against real PyTorch and against the verifier in Rust (the program that $TRAINING names)."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

import torch

from matrixai_training import Terms, Writer, batch_order, build, files

TRAINING = os.environ.get("TRAINING", "training")
RANDOMNESS = "07" * 32

ORDER = """
order = "test"
batch = 32
epochs = 4
classes = 3
input = [1, 8, 8]
checkpoint_every = 5
optimiser = {optimiser}
schedule = {{ kind = "cosine", rate = "{rate}", last = "0" }}
layers = {layers}
"""
SGD = '{ kind = "sgd", momentum = "0.9", weight_decay = "0.001" }'
ADAMW = '{ kind = "adamw", beta1 = "0.9", beta2 = "0.999", epsilon = "0.00000001", weight_decay = "0.01" }'
CNN = """[
    { kind = "conv", name = "c", outputs = 8, kernel = 3, stride = 1, padding = 1 }, { kind = "batch_norm", name = "n" },
    { kind = "relu" }, { kind = "max_pool", size = 2 }, { kind = "conv", name = "d", outputs = 12, kernel = 3, stride = 1, padding = 0 },
    { kind = "gelu" }, { kind = "global_average" }, { kind = "dense", name = "out", outputs = 3 },
]"""
TRANSFORMER = """[
    { kind = "conv", name = "patch", outputs = 16, kernel = 2, stride = 2, padding = 0 }, { kind = "tokens" },
    { kind = "positions", name = "place" },
    { kind = "residual", layers = [{ kind = "layer_norm", name = "a" }, { kind = "attention", name = "attn", heads = 2 }] },
    { kind = "layer_norm", name = "b" }, { kind = "mean_tokens" }, { kind = "dense", name = "out", outputs = 3 },
]"""


def images(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Three patterns under noise."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(0, 3, (count,), generator=generator)
    x = 0.5 * patterns[labels] + 0.5 * torch.rand(count, 1, 8, 8, generator=generator)
    return (x * 255).to(torch.uint8), labels


def save_data(path: Path, x: torch.Tensor, y: torch.Tensor) -> None:
    parts = {"x": ("U8", x.numpy()), "y": ("U8", y.to(torch.uint8).numpy())}
    header, at = {}, 0
    for name, (dtype, values) in parts.items():
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + b"".join(values.tobytes() for _, values in parts.values()))


class Setting(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.x, self.y = images(640, 1)
        save_data(self.folder / "train.safetensors", self.x, self.y)
        save_data(self.folder / "validation.safetensors", *images(200, 2))

    def run_training(self, *arguments: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run([TRAINING, *map(str, arguments)], capture_output=True, text=True, check=False)

    def terms(self, layers: str = CNN, optimiser: str = SGD, rate: str = "0.05") -> Terms:
        order = self.folder / "order.toml"
        order.write_text(ORDER.format(layers=layers, optimiser=optimiser, rate=rate))
        out = self.folder / "terms"
        data = ["--data", self.folder / "train.safetensors", "--validation", self.folder / "validation.safetensors"]
        made = self.run_training("terms", order, *data, "--randomness", RANDOMNESS, "--out", out)
        self.assertEqual(made.returncode, 0, made.stderr)
        return Terms(out)

    def optimizer(self, terms: Terms, model: torch.nn.Module) -> torch.optim.Optimizer:
        if terms.values["optimiser"]["kind"] == "sgd":
            return torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9, weight_decay=0.001)
        return torch.optim.AdamW(model.parameters(), lr=1.0, weight_decay=0.01)

    def train(self, terms: Terms, stop: int | None = None, tamper: bool = False) -> None:
        model = build(terms)
        optimizer = self.optimizer(terms, model)
        writer = Writer(terms, self.folder / "package", model, optimizer)
        x, y = self.x.float() / 255, self.y
        model.train()
        for samples in writer.batches():
            if tamper and writer.step >= 45:
                samples = [(sample + 1) % len(x) for sample in samples]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[samples]), y[samples]).backward()
            optimizer.step()
            if writer.step == stop:
                return

    def verify(self, *more: Any) -> tuple[int, dict[str, Any]]:
        data = ["--data", self.folder / "train.safetensors", "--validation", self.folder / "validation.safetensors"]
        every = ["--intervals", 100, "--terms", self.folder / "terms" / "terms.json", "--json"]
        done = self.run_training("verify", self.folder / "package", *data, *every, *more)
        return done.returncode, json.loads(done.stdout)


class Verified(Setting):
    def check(self, layers: str, optimiser: str, rate: str) -> None:
        terms = self.terms(layers, optimiser, rate)
        self.train(terms)
        code, report = self.verify()
        self.assertEqual((code, report["verdict"]), (0, "consistent"), report)
        self.assertEqual(len(report["replayed"]), terms.steps // 5)
        worst = max(max(one["error"], one["state_error"]) for one in report["replayed"])
        print(f"largest replay error of PyTorch {torch.__version__}: {worst:.1e}")
        self.assertLess(worst, 0.02)

    def test_a_cnn_with_momentum(self) -> None:
        self.check(CNN, SGD, "0.05")

    def test_a_cnn_with_adamw(self) -> None:
        self.check(CNN, ADAMW, "0.003")

    def test_a_transformer_with_momentum(self) -> None:
        self.check(TRANSFORMER, SGD, "0.05")

    def test_a_transformer_with_adamw(self) -> None:
        self.check(TRANSFORMER, ADAMW, "0.003")

    def test_an_interrupted_training_goes_on(self) -> None:
        terms = self.terms()
        self.train(terms, stop=37)
        code, report = self.verify()
        self.assertEqual((code, report["verdict"]), (5, "unfinished"))
        self.assertEqual(report["steps"], [35, 80])
        self.train(terms)
        code, report = self.verify()
        self.assertEqual((code, report["verdict"]), (0, "consistent"), report)

    def test_other_samples_are_found_with_their_first_step(self) -> None:
        self.train(self.terms(), tamper=True)
        code, report = self.verify()
        self.assertEqual((code, report["by"][0]), (1, "replay"), report)
        failing = [one for one in report["replayed"] if one["error"] > 0.05]
        self.assertEqual(failing[0]["first_difference"], 46)


class Refused(Setting):
    def test_another_optimiser(self) -> None:
        terms = self.terms()
        model = build(terms)
        for other in (torch.optim.Adam(model.parameters()), torch.optim.SGD(model.parameters(), lr=1, momentum=0.8)):
            with self.assertRaisesRegex(ValueError, "optimiser"):
                Writer(terms, self.folder / "package", model, other)

    def test_an_optimiser_of_some_parameters(self) -> None:
        terms = self.terms()
        model = build(terms)
        some = torch.optim.SGD(list(model.parameters())[1:], lr=1.0, momentum=0.9, weight_decay=0.001)
        with self.assertRaisesRegex(ValueError, "all parameters"):
            Writer(terms, self.folder / "package", model, some)

    def test_another_model(self) -> None:
        terms = self.terms()
        model = torch.nn.Linear(4, 3)
        with self.assertRaisesRegex(ValueError, "the order has"):
            Writer(terms, self.folder / "package", model, self.optimizer(terms, model))


class OfTheBuyersOwn(Setting):
    """A layer that is not on the list: the graph is PyTorch's own export, and gets the rules alone."""

    def model(self) -> torch.nn.Module:
        nn = torch.nn
        return nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.SiLU(), nn.Flatten(), nn.Linear(128, 3))

    def ordered(self, model: torch.nn.Module, inputs: bool = True) -> subprocess.CompletedProcess[str]:
        order = ORDER.format(layers="", optimiser=SGD, rate="0.05").replace("layers = ", "")
        (self.folder / "order.toml").write_text(order)
        more = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False, "keep_initializers_as_inputs": True}
        names: dict[str, Any] = {"input_names": ["input"], "dynamic_axes": {"input": {0: "batch"}}}
        graph = self.folder / "graph.onnx"
        torch.onnx.export(model.eval(), torch.zeros(1, 1, 8, 8), str(graph), **names, **(more if inputs else {}))
        data = ["--data", self.folder / "train.safetensors", "--validation", self.folder / "validation.safetensors"]
        arguments = ["--graph", graph, "--randomness", RANDOMNESS, "--out", self.folder / "terms"]
        return self.run_training("terms", self.folder / "order.toml", *data, *arguments)

    def test_it_is_verified_without_replay(self) -> None:
        model = self.model()
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.uniform_(0.5, 1)
        made = self.ordered(model)
        self.assertEqual(made.returncode, 0, made.stderr)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9, weight_decay=0.001)
        writer = Writer(self.folder / "terms", self.folder / "package", model, optimizer)
        x, y = self.x.float() / 255, self.y
        model.train()
        for samples in writer.batches():
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[samples]), y[samples]).backward()
            optimizer.step()
        code, report = self.verify()
        self.assertEqual((code, report["verdict"]), (3, "not_replayed"), report)
        # The verifier runs the graph with the checkpoints' values, not with those that were exported.
        model.eval()
        x, y = images(200, 2)
        with torch.no_grad():
            right = (model(x.float() / 255).argmax(1) == y).float().mean().item()
        self.assertAlmostEqual(report["accuracy"][-1], right, delta=0.011)

    def test_exports_that_cannot_be_used_are_named(self) -> None:
        merged = self.ordered(self.model())
        self.assertEqual(merged.returncode, 4)
        self.assertIn("merged equal tensors", merged.stderr)
        closed = self.ordered(self.model(), inputs=False)
        self.assertEqual(closed.returncode, 4)
        self.assertIn("keep_initializers_as_inputs", closed.stderr)


class Formats(unittest.TestCase):
    def test_batches_are_those_of_the_specification(self) -> None:
        # The same vector is in training/src/terms/batches.rs.
        self.assertEqual(batch_order(bytes([7] * 32), 0, 10), [9, 5, 3, 8, 0, 1, 7, 2, 4, 6])

    def test_a_root_over_three_chunks(self) -> None:
        def leaf(data: bytes) -> bytes:
            return hashlib.sha256(b"\0" + data).digest()

        data = bytes(range(256)) * (files.CHUNK // 128) + b"end"
        one, two, three = (leaf(data[at : at + files.CHUNK]) for at in range(0, len(data), files.CHUNK))
        root = hashlib.sha256(b"\1" + hashlib.sha256(b"\1" + one + two).digest() + three).hexdigest()
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            self.assertEqual(files.merkle_root(Path(file.name)), root)

    def test_canonical_json(self) -> None:
        self.assertEqual(files.canonical({"b": "ü\u001f", "a": [1, None]}), '{"a":[1,null],"b":"ü\\u001f"}'.encode())


if __name__ == "__main__":
    unittest.main()
