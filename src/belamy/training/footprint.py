"""What a piece of work holds in memory and computes, from the operations that it is made of."""

from __future__ import annotations

import importlib
import os
import sys
import weakref
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

_CONVOLUTIONS = (torch.ops.aten.convolution, torch.ops.aten.convolution_backward)


class _Full(Exception):
    """There is no room for more."""


class Footprint(TorchDispatchMode):
    """Within this context, the bytes of tensors that come and go are counted, and multiplications with additions.

    Counted is what the operations make, also in backward passes: whatever autograd keeps, gradients, and what lives for
    a moment. What was there before counts nothing. On a CPU convolutions also copy what they take and give into blocks
    of their own unless channels lie last in memory; that is counted while they run.

    Args:
        room: Bytes that may be alive; the operation that makes more of them is the last, and the context is left.

    Attributes:
        timeline: Bytes alive after each operation, with what it needed while it ran.
        full: Whether the context was left because there was no more room.
        flops: Floating-point operations of products and convolutions; a multiplication and an addition are two.

    Example:
        >>> with Footprint() as seen:
        ...     made = torch.ones(256, 4) @ torch.ones(4, 8)
        >>> max(seen.timeline), seen.flops
        (12416, 16384)
    """

    def __init__(self, room: int | None = None) -> None:
        super().__init__()
        self.room, self.full = room, False
        self.timeline: list[int] = []
        self.flops = 0
        self._alive = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count what it makes."""
        taken = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        for tensor in taken:
            self._meet(tensor, own=False)
        made = func(*args, **(kwargs or {}))
        given = [leaf for leaf in tree_leaves(made) if isinstance(leaf, Tensor)]
        for tensor in given:
            self._meet(tensor, own=True)
        packet = func.overloadpacket
        if packet is torch.ops.aten.convolution_backward:
            self.flops += _of_gradients(*args)
        elif packet in flop_registry:
            self.flops += flop_registry[packet](*args, **(kwargs or {}), out_val=made)
        self.timeline.append(self._alive + (copied([*taken, *given]) if packet in _CONVOLUTIONS else 0))
        if self.room is not None and self.timeline[-1] > self.room:
            raise _Full
        return made

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        """Leave the context; that it is full is no error."""
        super().__exit__(kind, error, trace)
        self.full = isinstance(error, _Full)
        return self.full

    def _meet(self, tensor: Tensor, own: bool) -> None:
        """Count a tensor's memory once, as long as it lives."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._known:
            self._known[key] = storage.nbytes() if own else 0
            self._alive += self._known[key]
            weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self._alive -= self._known.pop(key, 0)


def _of_gradients(slope: Tensor, taken: Tensor, weight: Tensor, *rest: Any) -> int:
    """Operations of a convolution's backward pass: what the forward pass took, for each gradient that is wanted.

    PyTorch's own counter forgets the groups of the weights' gradient.
    """
    *_, transposed, _, _, wanted = rest
    places = taken if transposed else slope
    return 2 * places.shape[0] * prod(places.shape[2:]) * weight.numel() * sum(wanted[:2])


def copied(tensors: Iterable[Tensor]) -> int:
    """Bytes that a convolution on a CPU copies of what it takes and gives."""
    plain = [tensor for tensor in tensors if tensor.dim() == 4 and tensor.device.type == "cpu"]
    return sum(each.nbytes for each in plain if not each.is_contiguous(memory_format=torch.channels_last))


def resident() -> int:
    """Bytes of memory that this process holds now; where the system does not tell, the most it held so far, or 0."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        pass
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return 0
    most = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return most if sys.platform == "darwin" else most * 1024
