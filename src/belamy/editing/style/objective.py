"""What a painted picture should be: the loss of a picture and its gradient, in one pass through the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from belamy.editing.style.backbone import Backbone, strides
from belamy.editing.style.settings import StyleSettings
from belamy.editing.style.tiles import Tile, tiles
from belamy.errors import UsageError
from belamy.losses.perceptual import content as contents
from belamy.losses.perceptual import covariance, gram
from belamy.losses.perceptual.total_variation import total_variation

IMAGE_CHANNELS = 3
Sums = tuple[Tensor, Tensor, Tensor]
"""Of a layer's features over positions: their products [1, C, C], themselves [1, C], and the weights [1]."""


@dataclass(frozen=True)
class Style:
    """A picture whose style is wanted.

    Args:
        image: In [0, 1].  # [1, 3, h, w]
        weight: Against other styles.
        mask: Where in the content, from 0 to 1; None everywhere.  # [1, 1, H, W]
    """

    image: Tensor
    weight: float = 1.0
    mask: Tensor | None = None
    described: list[tuple[Tensor, ...]] = field(default_factory=list, repr=False)
    """What its layers say of it, once they were asked."""


class StyleTerms(NamedTuple):
    """The weighted parts of the loss."""

    content: float
    style: float
    smoothness: float

    @property
    def total(self) -> float:
        """Their sum."""
        return sum(self)


class StyleLoss:
    r"""The loss of pictures against a content and styles, which are encoded once.

    .. math:: L(x) = \alpha \sum_l a_l\, C_l(x) + \beta \sum_s w_s \sum_l b_l\, S_l(x; m_s) + \gamma\, V(x)

    The network answers once for each evaluation and stops after the last layer that counts. Of a picture in tiles, the
    sums that describe its style are added up first and the tiles pass again with the gradient of those sums, so memory
    is that of a tile and, where the overlap covers the receptive field, the gradient is that of the whole picture.

    Args:
        network: Whose features are compared.
        settings: Layers, weights and losses.
        content: In [0, 1]; where it needs tiles, its sides are multiples of ``multiple``.  # [1, 3, H, W]
        styles: At least one.
        strength: Where between the content's own description, 0, and the style's, 1, the wanted one lies.
    """

    def __init__(
        self,
        network: Backbone,
        settings: StyleSettings,
        content: Tensor,
        styles: Sequence[Style],
        strength: float = 1.0,
    ) -> None:
        self.network, self.settings, self.content = network, settings, content
        self.styles, self.strength = styles, strength
        self.layers = (*dict.fromkeys((*settings.content_layers, *settings.style_layers)),)
        self.strides = strides(network, self.layers)
        self.tiles = self._tiles(content)
        self._contents: dict[tuple[tuple[int, int], int], dict[str, Tensor]] = {}
        self._targets = [self._target(style) for style in styles]

    @property
    def multiple(self) -> int:
        """Pixels that the edges of tiles are multiples of."""
        return max(self.strides.values())

    def gradient(self, image: Tensor, offset: tuple[int, int] = (0, 0)) -> tuple[StyleTerms, Tensor]:
        """The loss of a picture and its gradient.

        Args:
            image: In [0, 1].  # [1, 3, H, W]
            offset: By how much the network sees it shifted, each in 0..``shift`` - 1.
        """
        image = image.detach().requires_grad_()
        seen = self._shifted(image, offset)
        if len(self.tiles) == 1:
            sums, content = self._look(seen, 0, offset)
            content, style = self.settings.content_weight * content, self.settings.style_weight * self._compared(sums)
            (gradient,) = torch.autograd.grad(content + style, image)
        else:
            content, style, of_seen = self._by_tiles(seen.detach(), offset)
            (gradient,) = torch.autograd.grad(seen, image, of_seen)
        rough = self._smoothness(image.detach(), gradient)
        return StyleTerms(*(float(term.detach()) for term in (content, style, rough))), gradient

    def _by_tiles(self, seen: Tensor, offset: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """Content and style terms and their gradient, a tile at a time."""
        with torch.no_grad():
            parts = [self._look(seen, number, offset, style_only=True)[0] for number in range(len(self.tiles))]
        sums = [_together([part[number] for part in parts]) for number in range(len(self.styles))]
        leaves = [tensor.requires_grad_() for style in sums for layer in style for tensor in layer[:2]]
        style = self.settings.style_weight * self._compared(sums)
        wanted = torch.autograd.grad(style, leaves, allow_unused=True, materialize_grads=True)
        content, gradient = torch.zeros_like(style), torch.zeros_like(seen)
        for number, tile in enumerate(self.tiles):
            cut = tile.cut(seen).clone().requires_grad_()
            with torch.enable_grad():
                found, differs = self._look(cut, number, offset, is_cut=True)
                own = [tensor for style_ in found for layer in style_ for tensor in layer[:2]]
                pulled = self.settings.content_weight * differs
                (part,) = torch.autograd.grad((pulled, *own), cut, (torch.ones_like(pulled), *wanted))
            content += pulled.detach()
            tile.cut(gradient).add_(part)
        return content, style, gradient

    def _look(
        self, seen: Tensor, number: int, offset: tuple[int, int], *, style_only: bool = False, is_cut: bool = False
    ) -> tuple[list[list[Sums]], Tensor]:
        """The sums of each style and layer over a tile's core, and how far its content is from the wanted one."""
        tile, settings = self.tiles[number], self.settings
        names = (*settings.style_layers,) if style_only else self.layers
        outputs = self._outputs(seen if is_cut else tile.cut(seen), tile, names)
        sums = [self._sums(outputs, tile, style.mask) for style in self.styles]
        content = seen.new_zeros(())
        if not style_only:
            wanted = self._content(number, offset)
            for name, weight in settings.content_layers.items():
                content = content + weight * self._scales[name] * contents.squared(outputs[name], wanted[name])[0]
        return sums, content

    def _outputs(self, cut: Tensor, tile: Tile, names: Sequence[str]) -> dict[str, Tensor]:
        outputs = self.network.outputs(self.network.prepare(cut), names)
        return {name: tile.counted(output, self.strides[name]) for name, output in outputs.items()}

    @torch.no_grad()
    def _content(self, number: int, offset: tuple[int, int]) -> dict[str, Tensor]:
        """What the content gives in a tile, seen with a shift; encoded once for each."""
        key = (offset, number)
        if key not in self._contents:
            tile = self.tiles[number]
            shifted = self._shifted(self.content, offset)
            self._contents[key] = self._outputs(tile.cut(shifted), tile, (*self.settings.content_layers,))
        return self._contents[key]

    @cached_property
    def _scales(self) -> dict[str, Tensor | float]:
        """What the sum of squared differences of each content layer is multiplied by."""
        if self.settings.loss != "relative":
            factor = 0.5 if self.settings.loss == "gatys" else 1.0
            return dict.fromkeys(self.settings.content_layers, factor)
        parts = [self._content(number, (0, 0)) for number in range(len(self.tiles))]
        return {
            name: 1 / contents.variation(torch.cat([part[name].flatten(2) for part in parts], 2))[0]
            for name in parts[0]
        }

    def _sums(self, outputs: dict[str, Tensor], tile: Tile, mask: Tensor | None) -> list[Sums]:
        """The sums of each style layer over a tile's core, where a mask lets them count."""
        found = []
        for name in self.settings.style_layers:
            weights = None
            if mask is not None:
                height, width = outputs[name].shape[2:]
                if not tile.whole:
                    height, width = (side // self.strides[name] for side in mask.shape[2:])
                weights = tile.placed(F.adaptive_avg_pool2d(mask, (height, width)), self.strides[name])
            found.append(_sums(outputs[name], weights))
        return found

    @torch.no_grad()
    def _target(self, style: Style) -> list[tuple[Tensor, ...]]:
        """The description that each layer should have."""
        if not style.described:
            style.described.extend(self._described(sums) for sums in self._gathered(style.image, None))
        if self.strength == 1:
            return style.described
        own = [self._described(sums) for sums in self._gathered(self.content, style.mask)]
        return [
            tuple(torch.lerp(one, other, self.strength) for one, other in zip(mine, theirs, strict=True))
            for mine, theirs in zip(own, style.described, strict=True)
        ]

    def _gathered(self, image: Tensor, mask: Tensor | None) -> list[Sums]:
        """The sums of each style layer over any picture."""
        names = (*self.settings.style_layers,)
        parts = [self._sums(self._outputs(tile.cut(image), tile, names), tile, mask) for tile in self._tiles(image)]
        return _together(parts)

    def _described(self, sums: Sums) -> tuple[Tensor, ...]:
        products, totals, weight = sums
        if self.settings.loss == "relative":
            return covariance.moments(products, totals, weight)
        return (products if self.settings.loss == "documents" else products / weight[:, None, None],)

    def _compared(self, sums: Sequence[Sequence[Sums]]) -> Tensor:
        """The style term of sums over the whole picture."""
        term = self.content.new_zeros(())
        for style, found, target in zip(self.styles, sums, self._targets, strict=True):
            for layer, wanted, weight in zip(found, target, self.settings.style_layers.values(), strict=True):
                term = term + style.weight * weight * self._difference(self._described(layer), wanted)[0]
        return term

    def _difference(self, found: tuple[Tensor, ...], wanted: tuple[Tensor, ...]) -> Tensor:
        if self.settings.loss == "relative":
            return covariance.difference((found[0], found[1]), (wanted[0], wanted[1]))
        if self.settings.loss == "documents":
            height, width = self.content.shape[2:]
            return gram.difference(found[0], wanted[0], IMAGE_CHANNELS, height * width)
        return gram.difference(found[0], wanted[0], found[0].shape[1], 1)

    def _smoothness(self, image: Tensor, gradient: Tensor) -> Tensor:
        """Total variation, weighted, whose gradient is added to another; of the levels 0..255 summed, or of the
        intensities on average. Rows are taken so many at a time as a tile has."""
        relative = self.settings.loss == "relative"
        scale = self.settings.smoothness / (image.numel() if relative else 1)
        term = image.new_zeros(())
        for first in range(0, image.shape[2] - 1, self.settings.tile):
            rows = slice(first, first + self.settings.tile + 1)
            part = image[..., rows, :].clone().requires_grad_()
            value = scale * total_variation(part if relative else part * 255, self.settings.smoothness_exponent)[0]
            gradient[..., rows, :] += torch.autograd.grad(value, part)[0]
            term += value.detach()
        return term

    def _shifted(self, image: Tensor, offset: tuple[int, int]) -> Tensor:
        """The picture moved by an offset, its edges mirrored."""
        if self.settings.shift <= 1:
            return image
        room = self.settings.shift // 2
        height, width = image.shape[2:]
        wide = F.pad(image, (room,) * 4, mode="reflect")
        return wide[..., offset[0] : offset[0] + height, offset[1] : offset[1] + width]

    def _tiles(self, image: Tensor) -> list[Tile]:
        height, width = image.shape[2:]
        found = tiles(height, width, self.settings.tile, self.settings.margin, self.multiple)
        if len(found) > 1 and image is self.content and (height % self.multiple or width % self.multiple):
            raise UsageError(f"{width}x{height} pixels in tiles must be multiples of {self.multiple}.")
        return found


def _sums(features: Tensor, weights: Tensor | None) -> Sums:
    if weights is None:
        height, width = features.shape[2:]
        return gram.gram(features), features.sum((2, 3)), features.new_full((1,), height * width)
    weights = weights.to(features)
    return gram.gram(features, weights), (features * weights).sum((2, 3)), weights.sum((1, 2, 3)).clamp_min(1e-6)


def _together(parts: Sequence[Sequence[Sums]]) -> list[Sums]:
    """The sums of each layer over all tiles."""
    layers = []
    for layer in zip(*parts, strict=True):
        products, features, weights = (torch.stack(tensors).sum(0) for tensors in zip(*layer, strict=True))
        layers.append((products, features, weights))
    return layers
