"""Exponential averages of weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import nn

from belamy.methods.base import BaseMethod


class Averages:
    r"""Averaged copies of a method's networks, to sample with.

    .. math:: \bar\theta \leftarrow \beta\bar\theta + (1-\beta)\theta, \qquad \beta = 2^{-\Delta/h}

    with Δ the samples of a step and h the half-life in samples; early on h is at most a tenth of the samples seen (one
    in ``rise``), so that the random initial weights are soon forgotten. Statistics of normalisation are averaged alike.

    References:
        Yazıcı et al. 2018, arXiv 1806.04498; half-life in samples: Karras et al. 2020, arXiv 2006.06676, appendix B.

    Args:
        method: Its networks named in ``averaged`` are averaged.
        half_life: In training samples; 0 for no averaging.
    """

    def __init__(self, method: BaseMethod, half_life: float) -> None:
        self.half_life, self.rise = half_life, 10.0
        names = method.averaged if half_life else ()
        self.networks = {name: deepcopy(getattr(method, name)).requires_grad_(False).eval() for name in names}
        self._live = {name: getattr(method, name) for name in names}

    @torch.no_grad()
    def update(self, samples: int, step: int) -> None:
        """Follow the weights after a step of ``step`` samples that made ``samples`` in all."""
        if not self.networks:
            return
        half_life = max(min(self.half_life, samples / self.rise), 1e-9)
        share = 1 - 0.5 ** (step / half_life)
        for name, average in self.networks.items():
            live = self._live[name]
            kept, now = list(average.state_dict().values()), list(live.state_dict().values())
            floating = [number for number, tensor in enumerate(kept) if tensor.is_floating_point()]
            torch._foreach_lerp_([kept[number] for number in floating], [now[number] for number in floating], share)
            for number in set(range(len(kept))) - set(floating):
                kept[number].copy_(now[number])

    @contextmanager
    def in_place(self, method: BaseMethod) -> Iterator[None]:
        """Within this context the method works with its averaged networks."""
        for name, average in self.networks.items():
            setattr(method, name, average)
        try:
            yield
        finally:
            for name, live in self._live.items():
                setattr(method, name, live)

    def best(self, method: BaseMethod) -> dict[str, nn.Module]:
        """Every network by name, averaged where averages are kept."""
        return {**method.networks(), **self.networks}
