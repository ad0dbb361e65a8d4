"""Where NaN and infinity come from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import NotFinite
from belamy.methods.base import BaseMethod, Turn

LAG = 4
"""Steps after which a device has answered."""


class LateCheck:
    """Whether the numbers of a step were finite, heard a few steps later: training never waits for the device.

    At the end of each step its numbers are asked about in one go, and the answer travels while the next steps are
    queued. It is read ``lag`` steps later, which all processes do at the same step.

    Args:
        device: Where the numbers are.
        lag: Steps between question and answer.

    Example:
        >>> check = LateCheck(torch.device("cpu"), lag=1)
        >>> check.note("the loss", torch.tensor(float("nan")))
        >>> check.ask(step=7)
        >>> check.ask(step=8)
        Traceback (most recent call last):
        belamy.errors.NotFinite: the loss of step 7 is not finite
    """

    def __init__(self, device: torch.device, lag: int = LAG) -> None:
        self.device, self.lag = device, lag
        self._noted: list[tuple[str, Tensor]] = []
        self._asked: deque[tuple[int, list[str], Tensor, Any]] = deque()

    def note(self, name: str, value: Tensor) -> None:
        """A scalar of the present step; the first that is not finite is the one named."""
        self._noted.append((name, value.detach()))

    def ask(self, step: int) -> None:
        """The step is over.

        Raises:
            NotFinite: A number of the step ``lag`` steps ago was not finite.
        """
        if self._noted:
            names, values = zip(*self._noted, strict=True)
            answer = torch.isfinite(torch.stack(values)).to("cpu", non_blocking=True)
            event = None
            if self.device.type != "cpu":
                event = torch.get_device_module(self.device).Event()
                event.record()
            self._asked.append((step, list(names), answer, event))
            self._noted = []
        while self._asked and self._asked[0][0] <= step - self.lag:
            self._hear()

    def settle(self) -> None:
        """Hear of all steps so far.

        Raises:
            NotFinite: A number was not finite.
        """
        while self._asked:
            self._hear()

    def _hear(self) -> None:
        step, names, answer, event = self._asked.popleft()
        if event is not None:
            event.synchronize()
        bad = next((name for name, fine in zip(names, answer.tolist(), strict=True) if not fine), None)
        if bad is not None:
            raise NotFinite(f"{bad} of step {step:,} is not finite")


def first_bad_layer(method: BaseMethod, turns: Iterator[Turn | tuple[Turn, ...]], count: int) -> str | None:
    """The first layer whose output is not finite when the first ``count`` yields of a step are played again.

    Nothing is learned while playing. Networks without layers of their own are named themselves.

    Args:
        method: Its weights as they were when the loss came out wrong.
        turns: A fresh ``play`` of the same step.
        count: Yields to play.
    """
    found: list[str] = []

    def watch(name: str) -> object:
        def look(module: nn.Module, _inputs: object, output: object) -> None:
            if not found and isinstance(output, Tensor) and not torch.isfinite(output).all():
                found.append(f"{name} ({type(module).__name__})")

        return look

    leaves = [(name, module) for name, module in method.named_modules() if not list(module.children())]
    handles = [module.register_forward_hook(watch(name)) for name, module in leaves]
    try:
        for _ in range(count):
            next(turns, None)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None
