"""safetensors files, Merkle roots and manifests: nothing but the standard library."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any, Callable, Mapping

CHUNK = 1 << 20

Tensors = Mapping[str, "tuple[list[int], bytes]"]


def merkle_root(path: Path) -> str:
    """RFC 6962 over chunks of 1 MiB, SHA-256."""
    subtrees: list[tuple[int, bytes]] = []
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            node = (1, hashlib.sha256(b"\0" + chunk).digest())
            while subtrees and subtrees[-1][0] == node[0]:
                left = subtrees.pop()
                node = (left[0] * 2, hashlib.sha256(b"\1" + left[1] + node[1]).digest())
            subtrees.append(node)
    if not subtrees:
        return hashlib.sha256(b"").hexdigest()
    root = subtrees.pop()[1]
    while subtrees:
        root = hashlib.sha256(b"\1" + subtrees.pop()[1] + root).digest()
    return root.hex()


def canonical(value: Any) -> bytes:
    """The one JSON form of a manifest."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def put(path: Path, write: Callable[[Any], None]) -> None:
    """Writes beside, syncs, renames: the file is whole or not there."""
    beside = path.with_suffix(".partial")
    try:
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        # A disk that is full gets its room back.
        beside.unlink(missing_ok=True)
        raise
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def save_tensors(path: Path, tensors: Tensors) -> None:
    """Writes 32-bit floats, given as little-endian bytes."""
    header: dict[str, Any] = {}
    at = 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)

    def write(file: Any) -> None:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for _, data in tensors.values():
            file.write(data)

    put(path, write)


def load_tensors(path: Path) -> tuple[dict[str, tuple[list[int], bytes]], dict[str, str]]:
    """Reads a safetensors file of 32-bit floats, and its metadata."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    base = 8 + length
    tensors = {}
    for name, info in header.items():
        if info["dtype"] != "F32":
            raise ValueError(f"{path}: {name} is {info['dtype']}, not F32")
        first, last = info["data_offsets"]
        tensors[name] = (list(info["shape"]), data[base + first : base + last])
    return tensors, metadata


def entry(folder: Path, name: str) -> dict[str, Any]:
    """A file as the manifest names it."""
    path = folder / name
    return {"bytes": path.stat().st_size, "name": name, "root": merkle_root(path)}
