"""The layers that can be replayed, as PyTorch modules."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn


class Attention(nn.Module):
    """Self-attention on [batch, tokens, width]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, width = x.shape
        parts = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = (parts[:, :, which].transpose(1, 2) for which in range(3))
        shares = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(width // self.heads), -1)
        return self.out((shares @ v).transpose(1, 2).reshape(batch, tokens, width))


class Positions(nn.Module):
    """Adds a trained vector to each token."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(tokens, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.weight


class Residual(nn.Sequential):
    """x + layers(x)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + super().forward(x)


class Tokens(nn.Module):
    """[batch, channels, height, width] to [batch, height·width, channels]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2).transpose(1, 2)


class _Mean(nn.Module):
    def __init__(self, *dims: int) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(self.dims)


def build(terms: Any) -> nn.Sequential:
    """The order's model, from the layers in its terms."""
    return nn.Sequential(*_layers(terms.values["architecture"], list(terms.values["input"]))[0])


def _layers(layers: list[dict[str, Any]], shape: list[int]) -> tuple[list[nn.Module], list[int]]:
    modules = []
    followers = [layer["kind"] for layer in layers[1:]] + [""]
    for layer, follower in zip(layers, followers):
        # BatchNorm takes a bias away again: the order has none before it.
        module, shape = _layer(layer, shape, follower != "batch_norm")
        modules.append(module)
    return modules, shape


def _layer(layer: dict[str, Any], shape: list[int], bias: bool) -> tuple[nn.Module, list[int]]:
    kind = layer["kind"]
    if kind == "dense":
        return nn.Linear(shape[-1], layer["outputs"], bias), [*shape[:-1], layer["outputs"]]
    if kind == "conv":
        size, stride, padding = layer["kernel"], layer["stride"], layer["padding"]
        sides = [(side + 2 * padding - size) // stride + 1 for side in shape[1:]]
        return nn.Conv2d(shape[0], layer["outputs"], size, stride, padding, bias=bias), [layer["outputs"], *sides]
    if kind == "batch_norm":
        return (nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])), shape
    if kind == "layer_norm":
        return nn.LayerNorm(shape[-1]), shape
    if kind == "attention":
        return Attention(shape[-1], layer["heads"]), shape
    if kind == "relu":
        return nn.ReLU(), shape
    if kind == "gelu":
        return nn.GELU(), shape
    if kind == "flatten":
        return nn.Flatten(), [math.prod(shape)]
    if kind == "max_pool":
        return nn.MaxPool2d(layer["size"]), [shape[0], *(side // layer["size"] for side in shape[1:])]
    if kind == "global_average":
        return _Mean(2, 3), shape[:1]
    if kind == "tokens":
        return Tokens(), [shape[1] * shape[2], shape[0]]
    if kind == "positions":
        return Positions(*shape), shape
    if kind == "mean_tokens":
        return _Mean(1), shape[1:]
    if kind == "residual":
        return Residual(*_layers(layer["layers"], shape)[0]), shape
    raise ValueError(f"no layer is called {kind!r}")
