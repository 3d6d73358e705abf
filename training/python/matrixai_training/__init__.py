"""Writes Proof of Training packages from PyTorch.

Three lines make a training provable::

    from matrixai_training import Writer
    writer = Writer("terms", "package", model, optimizer)
    for samples in writer.batches():      # in place of the loop over a DataLoader
        ...                               # forward, backward, optimizer.step(), as ever

`terms` is the folder that `training terms` wrote. The writer loads the untrained model that the order fixes, switches PyTorch to
deterministic algorithms, hands out the order's batches and sets its learning rate; checkpoints are written as training goes, and a
training that was interrupted goes on when the same script is started again.
"""

from .model import Attention, Positions, Residual, Tokens, build
from .terms import Terms, batch_order
from .writer import Writer

__all__ = ["Attention", "Positions", "Residual", "Terms", "Tokens", "Writer", "batch_order", "build"]
