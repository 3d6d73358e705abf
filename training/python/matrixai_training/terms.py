"""What an order fixes before training. docs/training.md says the same in prose."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any, Iterator

FORMAT = "matrixai-training-terms/1"


def batch_order(randomness: bytes, epoch: int, samples: int) -> list[int]:
    """The permutation of an epoch: samples in the order of their 64-bit keys, the lower number first where keys are equal."""
    prefix = b"matrixai:batches:v1" + randomness + epoch.to_bytes(8, "little")
    keys: list[int] = []
    for block in range(-(-samples // 4)):
        digest = hashlib.sha256(prefix + block.to_bytes(8, "little")).digest()
        keys += (int.from_bytes(digest[at : at + 8], "little") for at in range(0, 32, 8))
    return sorted(range(samples), key=lambda sample: (keys[sample], sample))


class Terms:
    """The terms of one training, from the folder that `training terms` wrote."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.encoded = (self.folder / "terms.json").read_bytes()
        self.graph = (self.folder / "model.onnx").read_bytes()
        self.values: dict[str, Any] = json.loads(self.encoded)
        if self.values.get("format") != FORMAT:
            raise ValueError(f"terms.json is of format {self.values.get('format')!r}, not {FORMAT!r}")

    @property
    def steps_per_epoch(self) -> int:
        return int(self.values["data"]["samples"]) // int(self.values["batch"])

    @property
    def steps(self) -> int:
        return self.steps_per_epoch * int(self.values["epochs"])

    def is_checkpoint(self, step: int) -> bool:
        """Whether the terms ask for a checkpoint after this step."""
        every = int(self.values["checkpoint_every"])
        return step % self.steps_per_epoch == 0 or (every > 0 and step % every == 0)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        schedule = self.values["schedule"]
        first = float(schedule["rate"])
        if schedule["kind"] == "constant":
            return first
        last = float(schedule["last"])
        return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * step / self.steps))

    def batches(self, first: int = 0) -> Iterator[list[int]]:
        """The samples of each step, from step `first` on."""
        randomness, batch = bytes.fromhex(self.values["randomness"]), int(self.values["batch"])
        samples, known, order = int(self.values["data"]["samples"]), -1, []
        for step in range(first, self.steps):
            epoch, at = divmod(step, self.steps_per_epoch)
            if epoch != known:
                known, order = epoch, batch_order(randomness, epoch, samples)
            yield order[at * batch : (at + 1) * batch]
