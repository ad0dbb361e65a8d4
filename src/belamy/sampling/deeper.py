"""Further in: the features of a layer in place of the latents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import UsageError, nearest
from belamy.methods.base import BaseMethod
from belamy.sampling.draw import placement
from belamy.sampling.points import sampler


class LayerLatents(nn.Module):
    """A method whose latents are the features of one layer of its generator.

    What comes before the layer draws them; what comes after makes images of them, changed or not. In features,
    attributes are parted better than in latents, which must fill a ball.

    References:
        Härkönen et al. 2020, arXiv 2004.02546, section 2.2; of a mapping network: Shen et al. 2019, arXiv 1907.10786,
        section 4.2.

    Args:
        method: It samples; it is left in evaluation mode.
        layer: Name of a layer of its generator or decoder, through which all that comes after is made.

    Raises:
        UsageError: The method does not sample, or there is no such layer.
    """

    def __init__(self, method: BaseMethod, layer: str) -> None:
        super().__init__()
        self.method: Any = sampler(method).eval()
        self.spec = method.spec
        network: nn.Module = method.generator if hasattr(method, "generator") else method.decoder  # type: ignore[assignment]
        layers = {name: part for name, part in network.named_modules() if name and not list(part.children())}
        if layer not in layers:
            raise UsageError(f"The generator has no layer '{layer}'. {nearest(layer, layers)}")
        self.layer = layers[layer]
        self.shape: tuple[int, ...] = ()
        self.latents(0, [0])

    @torch.no_grad()
    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """The features of each sample index, with the classes in turn.  # [n, features]"""
        numbers = list(indices)
        classes = len(self.spec.classes)
        device, dtype = placement(self.method)
        labels = torch.tensor(numbers, device=device) % classes if classes else None
        seen: list[Tensor] = []
        with self.layer.register_forward_hook(lambda *call: seen.append(call[2])):
            self.method.generate(self.method.latents(seed, numbers).to(device, dtype), labels)
        self.shape = tuple(seen[-1].shape[1:])
        return seen[-1].flatten(1).cpu()

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images of features.  # [n, C, H, W] in [-1, 1]"""
        features = latents.view(-1, *self.shape)
        start = self.method.latents(0, [0]).to(latents).expand(len(latents), -1)
        with self.layer.register_forward_hook(lambda *_: features):
            images: Tensor = self.method.generate(start, labels)
        return images
