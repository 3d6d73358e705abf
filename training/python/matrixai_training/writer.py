"""The writer: a package that is whole at any moment."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any, Iterator

import torch

from . import files
from .terms import Terms

FORMAT = "matrixai-training-package/1"
TRACE_WIDTH = 8
_STATE = {"momentum": "momentum_buffer", "exp_avg": "exp_avg", "exp_avg_sq": "exp_avg_sq"}


def deterministic() -> None:
    """Makes PyTorch give the same values on every run of one machine."""
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.detach().to("cpu", torch.float32).contiguous().numpy().astype("<f4").tobytes()


class Writer:
    """Trains `model` as the terms say and writes the package.

    Parameters of the model are matched with those of the order by their names where these are the same, in their order otherwise, and
    must have the same shapes. The optimiser must be the order's: `torch.optim.SGD` or `torch.optim.AdamW` with its numbers, over all parameters.
    """

    def __init__(
        self,
        terms: Terms | str | Path,
        package: str | Path,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        hardware: str | None = None,
    ) -> None:
        deterministic()
        self.terms = terms if isinstance(terms, Terms) else Terms(terms)
        self.folder = Path(package)
        self.optimizer = optimizer
        self._check_optimizer()
        first, metadata = files.load_tensors(self.terms.folder / "init.safetensors")
        names = json.loads(metadata["order"])
        self._tensors = self._match(model, names, first)
        self._parameters = [(name, one) for name, one in self._tensors if name.startswith("model/")]
        self._rows: list[torch.Tensor] = []
        size = sum(one.numel() for _, one in self._parameters)
        index = torch.arange(size, dtype=torch.int64)
        self._signs = (1 + 2 * ((index * -7046029254386353131) >> 63)).to(torch.float64)
        self.step = 0
        if (self.folder / "manifest.json").exists():
            self._resume()
        else:
            self._begin(first, hardware)
        self._before = self._flat()

    def batches(self) -> Iterator[list[int]]:
        """The samples of each step. What happens between two of them is one step of training."""
        for samples in self.terms.batches(self.step):
            for group in self.optimizer.param_groups:
                group["lr"] = self.terms.rate(self.step)
            yield samples
            self._stepped()
        self._manifest["finished"] = True
        self._publish()

    def _stepped(self) -> None:
        self.step += 1
        change = torch.nn.functional.pad((self._flat() - self._before) * self._signs, (0, -len(self._signs) % TRACE_WIDTH))
        self._rows.append(change.view(-1, TRACE_WIDTH).sum(0).to(torch.float32))
        if self.terms.is_checkpoint(self.step):
            self._checkpoint()

    def _flat(self) -> torch.Tensor:
        return torch.cat([one.detach().to("cpu", torch.float64).flatten() for _, one in self._parameters])

    def _match(self, model: torch.nn.Module, names: list[str], first: Any) -> list[tuple[str, torch.Tensor]]:
        parameters = {f"model/{name}": one for name, one in model.named_parameters()}
        buffers = {f"buffer/{name}": one for name, one in model.named_buffers() if name.endswith(("running_mean", "running_var"))}
        pairs: list[tuple[str, torch.Tensor]] = []
        for prefix, tensors in (("model/", parameters), ("buffer/", buffers)):
            wanted = [name for name in names if name.startswith(prefix)]
            if len(wanted) != len(tensors):
                raise ValueError(f"the order has {len(wanted)} tensors {prefix}…, the model {len(tensors)}")
            # A graph that was exported from the model has its names, and perhaps another order.
            by_name = set(wanted) == set(tensors)
            pairs += [(name, tensors[name]) for name in wanted] if by_name else zip(wanted, tensors.values())
        owned = {id(one) for group in self.optimizer.param_groups for one in group["params"]}
        if owned != {id(one) for one in parameters.values()}:
            raise ValueError("the optimiser must have all parameters of the model, and no others")
        for name, tensor in pairs:
            if list(tensor.shape) != first[name][0]:
                raise ValueError(f"{name} has shape {first[name][0]} in the order, {list(tensor.shape)} in the model")
        return pairs

    def _check_optimizer(self) -> None:
        ordered = self.terms.values["optimiser"]
        kind, wanted = {
            "sgd": (torch.optim.SGD, {"momentum": "momentum", "weight_decay": "weight_decay"}),
            "adamw": (torch.optim.AdamW, {"epsilon": "eps", "weight_decay": "weight_decay"}),
        }[ordered["kind"]]
        if type(self.optimizer) is not kind:
            raise ValueError(f"the order's optimiser is torch.optim.{kind.__name__}")
        for group in self.optimizer.param_groups:
            found = {name: float(group[key]) for name, key in wanted.items()}
            if "betas" in group:
                found["beta1"], found["beta2"] = map(float, group["betas"])
            plain = not (group.get("nesterov") or group.get("amsgrad") or group.get("maximize")) and not group.get("dampening")
            if not plain or any(float(ordered[name]) != value for name, value in found.items()):
                raise ValueError(f"the order's optimiser is {ordered}, this one has {found}")

    def _begin(self, first: Any, hardware: str | None) -> None:
        for name, tensor in self._tensors:
            self._load(tensor, first[name][1])
        (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        files.put(self.folder / "terms.json", lambda file: file.write(self.terms.encoded))
        files.put(self.folder / "model.onnx", lambda file: file.write(self.terms.graph))
        told = hardware or f"{platform.machine()} {platform.system()}, PyTorch {torch.__version__}"
        self._manifest = {
            "checkpoints": [],
            "finished": False,
            "format": FORMAT,
            "graph": files.entry(self.folder, "model.onnx"),
            "hardware": told,
            "log": None,
            "machine": None,
            "terms": files.entry(self.folder, "terms.json"),
        }
        self._checkpoint()

    def _resume(self) -> None:
        self._manifest = json.loads((self.folder / "manifest.json").read_bytes())
        if (self.folder / "terms.json").read_bytes() != self.terms.encoded:
            raise ValueError(f"{self.folder} holds a package of another order")
        if self._manifest["finished"]:
            raise ValueError(f"{self.folder} holds a finished package")
        if not self._manifest["checkpoints"]:
            raise ValueError(f"{self.folder} holds a package without a checkpoint; remove it")
        last = self._manifest["checkpoints"][-1]
        path = self.folder / last["file"]["name"]
        if files.merkle_root(path) != last["file"]["root"]:
            raise ValueError(f"{path} is damaged")
        saved, _ = files.load_tensors(path)
        for name, tensor in self._tensors:
            self._load(tensor, saved[name][1])
        self.step = last["step"]
        for name, parameter in self._parameters:
            state = self.optimizer.state[parameter]
            for moment in self._moments():
                state[_STATE[moment]] = torch.zeros_like(parameter)
                self._load(state[_STATE[moment]], saved[f"optimiser/{name[6:]}/{moment}"][1])
            if self.terms.values["optimiser"]["kind"] == "adamw":
                state["step"] = torch.tensor(float(self.step))

    @staticmethod
    def _load(tensor: torch.Tensor, data: bytes) -> None:
        values = torch.frombuffer(bytearray(data), dtype=torch.float32).view(tensor.shape)
        with torch.no_grad():
            tensor.copy_(values)

    def _moments(self) -> list[str]:
        optimiser = self.terms.values["optimiser"]
        if optimiser["kind"] == "adamw":
            return ["exp_avg", "exp_avg_sq"]
        return ["momentum"] if float(optimiser["momentum"]) > 0 else []

    def _checkpoint(self) -> None:
        tensors = {name: (list(one.shape), _bytes(one)) for name, one in self._tensors}
        for name, parameter in self._parameters:
            state = self.optimizer.state.get(parameter, {})
            for moment in self._moments():
                value = state.get(_STATE[moment])
                data = bytes(4 * parameter.numel()) if value is None else _bytes(value)
                tensors[f"optimiser/{name[6:]}/{moment}"] = (list(parameter.shape), data)
        if self._rows:
            rows = torch.stack(self._rows)
            tensors["trace"] = (list(rows.shape), _bytes(rows))
        file = f"checkpoints/{self.step:010}.safetensors"
        files.save_tensors(self.folder / file, tensors)
        self._manifest["checkpoints"].append({"file": files.entry(self.folder, file), "step": self.step})
        self._publish()
        self._rows, self._before = [], self._flat()

    def _publish(self) -> None:
        files.put(self.folder / "manifest.json", lambda file: file.write(files.canonical(self._manifest)))
