"""What the processes that share a batch tell each other, so that each sees the whole batch as one process would."""

import torch
from torch import Tensor


def gather(values: Tensor) -> Tensor:
    """``[W, N, …]``: the values ``[N, …]`` of every process, one row each; differentiable any number of times.

    Without other processes ``[1, N, …]``. Every process must hold equally many values.

    Example:
        >>> gather(torch.ones(3)).shape
        torch.Size([1, 3])
    """
    if processes() == 1:
        return values.unsqueeze(0)
    row = values.new_zeros(processes(), *[1] * values.dim())
    row[rank()] = 1
    total: Tensor = _SumOverProcesses.apply(row * values)
    return total


def rank() -> int:
    """This process's row."""
    return torch.distributed.get_rank() if _distributed() else 0


def processes() -> int:
    """How many processes share the batch."""
    return torch.distributed.get_world_size() if _distributed() else 1


def _distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


class _SumOverProcesses(torch.autograd.Function):
    """All-reduce whose derivative is itself: each process's summand enters every process's result."""

    @staticmethod
    def forward(_ctx: object, x: Tensor) -> Tensor:
        total = x.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: object, gradient: Tensor) -> Tensor:
        return _SumOverProcesses.apply(gradient)
