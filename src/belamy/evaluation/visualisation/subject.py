"""A network to look into: how it is called, which layers it has, and what they answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from belamy.methods.base import BaseMethod, Samples, to_range
from belamy.networks.critic import Critic
from belamy.networks.surgery import weighted_layers
from belamy.sampling.draw import placement
from belamy.seeds import generator

OUTPUT, SCORE, CLASSES = "output", "score", "classes"
"""Names of answers that are no layer's."""


@dataclass(frozen=True)
class VisualisedLayer:
    """A dense or convolutional layer and what follows it at the same size.

    Args:
        name: Of the layer in its network.
        module: The layer.
        last: The name of what follows last: a normalisation, an activation, or the layer itself.
        kind: Of what follows last.
        shape: Of its answer to one input: (channels, height, width) or (units,).
    """

    name: str
    module: nn.Module
    last: str
    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Subject:
    """A network of a method.

    Args:
        name: Of the network.
        network: It, in evaluation mode.
        method: Whose it is.
        sees: Whether it is fed images; others are fed latents.
        labelled: Whether it is called with labels.
    """

    name: str
    network: nn.Module
    method: BaseMethod
    sees: bool
    labelled: bool

    @property
    def value_range(self) -> tuple[float, float]:
        """What the network takes for black and white."""
        known: Any = getattr(self.network, "value_range", None) or getattr(self.method, "value_range", None)
        low, high = known or (-1.0, 1.0)
        return low, high

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that it is told."""
        return self.method.spec.classes if self.labelled else ()

    @cached_property
    def layers(self) -> dict[str, VisualisedLayer]:
        """Its layers with weights, by name, in the order of their calls."""
        names = {module: name for name, module in self.network.named_modules()}
        weighted = set(weighted_layers(self.network))
        called: list[tuple[nn.Module, tuple[int, ...]]] = []
        with torch.no_grad(), _listening(list(names), lambda part, answer: called.append((part, answer.shape[1:]))):
            self.answer(self.inputs(2), None)
        found: dict[str, VisualisedLayer] = {}
        for part, shape in called:
            if part in weighted:
                found[names[part]] = VisualisedLayer(names[part], part, names[part], type(part).__name__, tuple(shape))
            elif "Dropout" in type(part).__name__:  # it does nothing in evaluation
                continue
            elif found and tuple(shape) == (before := list(found.values())[-1]).shape:
                found[before.name] = VisualisedLayer(
                    before.name, before.module, names[part], type(part).__name__, before.shape
                )
        return found

    def inputs(self, count: int, seed: int = 0) -> Tensor:
        """Something to call it with: latents of samples, or noise as images or codes.  # [count, …]"""
        device, dtype = placement(self.method)
        if self.sees:
            noise = torch.randn(count, *self.method.spec.shape, generator=generator(seed, "visualise"))
            return (0.1 * noise).to(device, dtype)
        (first, *_) = self.method.inputs()[self.name]
        shape = tuple(first.shape[1:]) if isinstance(first, Tensor) else first
        if isinstance(self.method, Samples):
            latents = self.method.latents(seed, range(count))
            if tuple(latents.shape[1:]) == tuple(shape):
                return latents.to(device, dtype)
        return torch.randn(count, *shape, generator=generator(seed, "visualise")).to(device, dtype)

    def answer(self, inputs: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        """What it says, by name: ``[N, K]``, or images.

        Args:
            inputs: Images in [-1, 1], or latents.
            labels: Of each, where it is told any; class 0 by default.
        """
        given = to_range(inputs, self.value_range) if self.sees else inputs
        if self.labelled and labels is None:
            labels = torch.zeros(len(inputs), dtype=torch.long)
        told = (labels.to(inputs.device),) if self.labelled and labels is not None else ()
        if isinstance(self.network, Critic):
            verdict = self.network.judge(given, *told)
            said = {SCORE: verdict.scores.unsqueeze(1)}
            return said if verdict.classes is None else {**said, CLASSES: verdict.classes}
        made = self.network(given, *told)
        made = made[0] if isinstance(made, tuple) else made
        return {OUTPUT: made if made.dim() > 1 else made.unsqueeze(1)}

    def responses(self, inputs: Tensor, labels: Tensor | None, modules: Sequence[str]) -> dict[str, Tensor]:
        """What parts of it, by name, and it itself say; of a part that is called twice, the first answer."""
        parts = {self.network.get_submodule(name): name for name in modules}
        heard: dict[str, Tensor] = {}
        with _listening(list(parts), lambda part, answer: heard.setdefault(parts[part], answer)):
            said = self.answer(inputs, labels)
        return {**heard, **said}


def subjects(method: BaseMethod) -> Iterator[Subject]:
    """The networks of a method that is in evaluation mode, but for those fed by several things besides labels, or by
    symbols."""
    for name, given in method.inputs().items():
        if not all(isinstance(each, Tensor) and each.dim() == 1 for each in given[1:]):
            continue
        if isinstance(given[0], Tensor) and not given[0].is_floating_point():
            continue
        sees = not isinstance(given[0], Tensor) and tuple(given[0]) == method.spec.shape
        yield Subject(name, method.networks()[name], method, sees, labelled=len(given) > 1)


@contextmanager
def _listening(parts: Sequence[nn.Module], hear: Any) -> Iterator[None]:
    """Within this context what each of some parts answers is heard, where it is a batch of maps or of vectors."""

    def heard(part: nn.Module, _given: Any, answer: Any) -> None:
        if isinstance(answer, Tensor) and answer.dim() in (2, 4) and not list(part.children()):
            hear(part, answer)

    handles = [part.register_forward_hook(heard) for part in parts]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
