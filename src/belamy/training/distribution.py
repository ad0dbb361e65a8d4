"""Several processes as one: torch.distributed under torchrun, gradients averaged turn by turn."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn


class World(NamedTuple):
    """The processes of a run: this one's number, how many there are, and its number on this machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is rank 0, the process that writes files and shows progress."""
        return self.rank == 0

    def leader_says(self, text: str) -> str:
        """What the leading process passes here, in every process; all wait for it."""
        said = [text]
        if self.size > 1:
            torch.distributed.broadcast_object_list(said, src=0)
        return said[0]


@contextmanager
def world(device_type: str) -> Iterator[World]:
    """The world that torchrun set up, or a world of one.

    Within the context the process group exists (gloo on the CPU, NCCL on CUDA).
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    # First, or its functions' default arguments keep the group alive after its end; its threads then abort the exit.
    importlib.import_module("torch.distributed.nn.functional")
    torch.distributed.init_process_group("nccl" if device_type == "cuda" else "gloo")
    try:
        yield World(int(os.environ["RANK"]), size, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        torch.distributed.destroy_process_group()


def average_gradients(parameters: Sequence[nn.Parameter], size: int) -> None:
    """Replace each gradient by its mean over the processes, in one exchange.

    A parameter that has no gradient in any process, as in blocks that a network has not grown to, still has none.
    """
    if size == 1:
        return
    here = torch.tensor([float(parameter.grad is not None) for parameter in parameters])
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients: list[Tensor] = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), here.to(gradients[0])])
    torch.distributed.all_reduce(flat)
    flat /= size
    *means, anywhere = flat.split([*(gradient.numel() for gradient in gradients), len(here)])
    for parameter, gradient, mean, learns in zip(parameters, gradients, means, anywhere.tolist(), strict=True):
        gradient.copy_(mean.view_as(gradient))
        if not learns:
            parameter.grad = None


def agree(flag: bool, size: int) -> bool:
    """Whether any process raised the flag, so that all stop on the same step."""
    if size == 1:
        return flag
    votes = torch.tensor(float(flag))
    if torch.distributed.get_backend() == "nccl":
        votes = votes.cuda()
    torch.distributed.all_reduce(votes)
    return bool(votes > 0)
