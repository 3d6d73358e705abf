"""A stock PyTorch training script, made provable by three lines (marked)."""

import struct
import json
import sys

import numpy
import torch
from torch import nn

from matrixai_training import Terms, Writer, build  # 1


def images(path: str) -> "tuple[torch.Tensor, torch.Tensor]":
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()

    def tensor(name: str) -> torch.Tensor:
        first, last = header[name]["data_offsets"]
        return torch.from_numpy(numpy.frombuffer(data[first:last], numpy.uint8).reshape(header[name]["shape"]).copy())

    return tensor("x").float() / 255, tensor("y").long()


terms_folder, data, package = sys.argv[1:]
terms = Terms(terms_folder)
x, y = images(data)
model = build(terms)
numbers = terms.values["optimiser"]
if numbers["kind"] == "sgd":
    optimizer = torch.optim.SGD(model.parameters(), lr=1, momentum=float(numbers["momentum"]), weight_decay=float(numbers["weight_decay"]))
else:
    betas = float(numbers["beta1"]), float(numbers["beta2"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1, betas=betas, eps=float(numbers["epsilon"]), weight_decay=float(numbers["weight_decay"]))
writer = Writer(terms, package, model, optimizer)  # 2
loss_of = nn.CrossEntropyLoss()
model.train()
for samples in writer.batches():  # 3
    optimizer.zero_grad()
    loss = loss_of(model(x[samples]), y[samples])
    loss.backward()
    optimizer.step()
print(f"loss {loss.item():.4f}")
