"""The intermediate latents W of style-based generators: as latents of their own, truncated, and exchanged by layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from belamy.data import to_uint8
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, HasStyles
from belamy.sampling.draw import placement
from belamy.sampling.walk import linear

Space = Literal["z", "w", "w+"]
TYPICAL = 512
"""Styles that are drawn to learn how far they lie from their mean."""


def styled(method: BaseMethod) -> Any:
    """The method, known to have styles.

    Raises:
        UsageError: It has none.
    """
    if isinstance(method, HasStyles) and method.style_layers:
        return method
    raise UsageError(
        "This run's generator has no styles: latents go into it as they are, without a mapping network to a space W. "
        "Take a run that has one, e.g. of `belamy train stylegan2-ada`, or leave --space and --truncation out."
    )


class Straight(NamedTuple):
    """What is known of styles as latents: how many numbers they are, and that the way between two is straight."""

    latent: int

    def interpolate(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """(1 - t) a + t b."""
        return linear(a, b, t)


class StyleLatents(nn.Module):
    r"""A method whose latents are its styles: of W, where one serves all layers, or of W+, where each has its own.

    .. math:: (w - \bar w) / \sigma, \qquad \sigma^2 = \tfrac1d E\lVert w - \bar w\rVert^2

    so that 0 is the mean style and numbers are as large as those of normal latents. A style holds its class, so labels
    do not matter any more; those that are drawn have the classes in turn.

    References:
        Karras et al. 2018, arXiv 1812.04948, section 4.1 (W is less entangled than Z); Abdal et al. 2019,
        arXiv 1904.03189, section 3 (W+).

    Args:
        method: It has styles; it is left in evaluation mode.
        space: ``w`` or ``w+``.

    Raises:
        UsageError: The method has no styles.
    """

    def __init__(self, method: BaseMethod, space: Space = "w") -> None:
        super().__init__()
        self.method: Any = styled(method).eval()
        self.spec, self.output, self.recipe = method.spec, method.output, method.recipe
        self.layers = len(self.method.style_layers)
        self.copies = self.layers if space == "w+" else 1
        drawn = self._styles(0, range(TYPICAL))
        self.middle = self.method.mean_style.detach().clone()
        self.scale = (drawn - self.middle).square().mean().sqrt().clamp_min(torch.finfo(drawn.dtype).tiny)
        self.prior = Straight(self.copies * drawn.shape[1])

    @torch.no_grad()
    def _styles(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, w]``: the style of each sample index, with the classes in turn."""
        numbers = list(indices)
        device, dtype = placement(self.method)
        classes = len(self.spec.classes)
        labels = torch.tensor(numbers, device=device) % classes if classes else None
        styles: Tensor = self.method.styles(self.method.latents(seed, numbers).to(device, dtype), labels)[:, 0]
        return styles

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, w]``, or ``[n, layers · w]`` in W+."""
        return ((self._styles(seed, indices) - self.middle) / self.scale).repeat(1, self.copies).cpu()

    def styles(self, latents: Tensor) -> Tensor:
        """``[n, layers, w]``: the styles of latents of this space."""
        each = latents.unflatten(1, (self.copies, -1)).expand(-1, self.layers, -1)
        return self.middle + self.scale * each

    def within(self, change: Tensor, layers: range) -> Tensor:
        """A change of latents of W+, in some layers alone.  # [layers · w] both

        Raises:
            UsageError: There are no such layers, or the space is W.
        """
        if self.copies == 1 or not 0 <= layers.start < layers.stop <= self.layers:
            raise UsageError(
                f"There are no layers {layers.start}..{layers.stop - 1} to change: this run has 0..{self.layers - 1}, "
                "in the space w+. Type e.g. --space w+ --layers 0..1."
            )
        kept = torch.zeros(self.layers, 1, dtype=change.dtype)
        kept[list(layers)] = 1
        return (change.view(self.layers, -1) * kept).flatten()

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images of latents of this space.  # [n, C, H, W] in [-1, 1]"""
        images: Tensor = self.method.synthesize(self.styles(latents))
        return images


class Truncated(nn.Module):
    """A method whose samples have styles nearer to the mean: likelier ones, and less varied.

    References:
        Karras et al. 2018, arXiv 1812.04948, appendix B.

    Args:
        method: It has styles.
        psi: How far styles stay from the mean; 1 is as they are, 0 the mean itself, below 0 the opposite.

    Raises:
        UsageError: The method has no styles.
    """

    def __init__(self, method: BaseMethod, psi: float) -> None:
        super().__init__()
        self.method: Any = styled(method)
        self.spec, self.output, self.recipe, self.psi = method.spec, method.output, method.recipe, psi
        self.sampling_options = method.sampling_options

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, latent]``: those of the method."""
        drawn: Tensor = self.method.latents(seed, indices)
        return drawn

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images of truncated styles.  # [n, C, H, W] in [-1, 1]"""
        images: Tensor = self.method.synthesize(truncated(self.method, self.method.styles(latents, labels), self.psi))
        return images


def in_space(method: BaseMethod, space: Space) -> Any:
    """The method with latents of a space.

    Raises:
        UsageError: It has no styles.
    """
    return method if space == "z" else StyleLatents(method, space)


def truncated(method: HasStyles, styles: Tensor, psi: float, layers: int | None = None) -> Tensor:
    r"""Styles nearer to the mean: :math:`\bar w + \psi (w - \bar w)`.

    Args:
        method: Whose styles they are.
        styles: ``[n, layers, w]``.
        psi: ψ.
        layers: How many, from the first; by default all.
    """
    factors = torch.ones(styles.shape[1], 1, dtype=styles.dtype, device=styles.device)
    factors[:layers] = psi
    return torch.lerp(method.mean_style.to(styles).expand_as(styles), styles, factors)


def exchanged(styles: Tensor, others: Tensor, layers: range) -> Tensor:
    """Styles with those of others in some layers.  # [n, layers, w] both

    Example:
        >>> exchanged(torch.zeros(1, 3, 1), torch.ones(1, 3, 1), range(1, 2)).flatten().tolist()
        [0.0, 1.0, 0.0]
    """
    made = styles.clone()
    made[:, list(layers)] = others[:, list(layers)]
    return made


def thirds(layers: int) -> dict[str, range]:
    """Coarse, middle and fine layers.

    Example:
        >>> thirds(8)
        {'coarse': range(0, 3), 'middle': range(3, 5), 'fine': range(5, 8)}
    """
    first, second = round(layers / 3), round(2 * layers / 3)
    return {"coarse": range(first), "middle": range(first, second), "fine": range(second, layers)}


def styles_of(method: BaseMethod, seeds: Sequence[int]) -> Tensor:
    """``[n, layers, w]``: the styles of the first image of each seed, with the classes in turn.

    Raises:
        UsageError: The method has none.
    """
    held, (device, dtype) = styled(method).eval(), placement(method)
    latents = torch.cat([held.latents(seed, [0]) for seed in seeds]).to(device, dtype)
    classes = len(method.spec.classes)
    with torch.no_grad():
        styles: Tensor = held.styles(latents, torch.arange(len(seeds), device=device) % classes if classes else None)
    return styles


@torch.no_grad()
def pixels_of(method: BaseMethod, styles: Tensor, batch: int = 64) -> Tensor:
    """``[n, C, H, W]`` uint8: the images of styles ``[n, layers, w]``.

    Raises:
        UsageError: The method has none.
    """
    held = styled(method).eval()
    return torch.cat([to_uint8(held.synthesize(part).float().cpu()) for part in styles.split(batch)])
