"""Arbitrary style: one network for any style, by adaptive instance normalisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import base, perception
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.modalities.fields import Field as DataField
from belamy.networks.adain import Adapted, Painter
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws

SCALES = ("stem", "b2", "b4")
"""Layers of the encoder that are adapted and decoded: at a half, a quarter and an eighth of the size."""
CHANNELS = (32, 24, 40)
STRIDE = 8
"""Of the last of them, in pixels."""
WANTED = ("b4",)
"""Those that the picture's own features are compared with."""


class Recipe(base.BaseRecipe):
    """A network that paints in any style it is shown."""

    data: str = "dead-leaves"
    """What is painted while it learns: a named data set, a folder of photographs, an archive or an array file."""
    styles: str = "patterns"
    """The styles it learns from: a named data set, a folder of pictures, an archive or an array file."""
    width: int = Field(default=24, gt=0, le=512)
    """Channels of the decoder at the full size."""
    content_weight: float = Field(default=1.0, ge=0)
    """Of the adapted features."""
    style_weight: float = Field(default=1.0, ge=0)
    """Of the style."""
    smoothness: float = Field(default=2.0, ge=0)
    """Of total variation."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How the decoder learns."""

    def sides(self, shape: tuple[int, ...]) -> dict[str, dict[str, Any]]:
        """The styles, in the size of what is painted."""
        channels, height, width = shape
        return {"styles": {"source": self.styles, "size": (height, width), "channels": channels}}

    @classmethod
    def tiny(cls) -> Self:
        """A narrow decoder on few digits in few styles."""
        return cls(data="mnist", styles="patterns:count=6", train_samples=48, batch=16, ema_half_life=16, width=4)


class Method(base.BaseMethod):
    r"""A frozen encoder, whose features of the content take the style's statistics, and a decoder that learns.

    .. math:: t_l = \mathrm{AdaIN}(E_l(c), E_l(s)), \quad x = D(t), \quad
        \alpha \sum_l C_l(x; t_l) + \beta \sum_l S_l(x; s) + \gamma\, V(x)

    *Departs from the paper*: the encoder is EfficientNet-lite0's first blocks, adapted at three scales; style is
    compared by means and covariances, each over the style's own, not by means and deviations.

    References:
        Huang & Belongie 2017, arXiv 1703.06868, eq. 8 to 15.
    """

    averaged = ("decoder",)
    takes_styles = True
    receptive_field = 70
    """Of the encoder up to ``b4``, 36 at the farther side, and of the decoder, 30, and 4 where they meet."""

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        perception.check_channels(spec.shape, "adain")
        self.encoder = EfficientNetLite.pretrained()
        self.decoder = Painter(CHANNELS, spec.shape[0], width=recipe.width)
        self.adapt = nn.ModuleDict({name: Adapted() for name in SCALES})

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        """Pictures, and styles beside them."""
        return {"main": "image", "styles": "image"}

    @property
    def players(self) -> dict[str, Player]:
        """One player, the decoder."""
        return {"decoder": Player(self.decoder, self.recipe.optimizer)}

    def networks(self) -> dict[str, nn.Module]:
        """The encoder and the decoder."""
        return {"encoder": self.encoder, "decoder": self.decoder}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Images for the encoder, features for the decoder."""
        _, height, width = self.spec.shape
        features = tuple((count, -(-height // by), -(-width // by))
                         for count, by in zip(CHANNELS, (2, 4, 8), strict=True))  # fmt: skip
        return {"encoder": (self.spec.shape,), "decoder": features}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn, each content with a style drawn for it."""
        recipe = self.recipe
        weights = {"content": recipe.content_weight, "style": recipe.style_weight, "smoothness": recipe.smoothness}
        yield Turn("decoder", self.terms(next(data), draw)._asdict(), weights)

    def terms(self, batch: Batch, draw: Draws) -> perception.PerceptualTerms:
        """The losses of what is painted of images in [-1, 1], each in the style beside it, its channels shuffled."""
        images = batch.images
        with torch.no_grad():
            styles = _recoloured(batch["styles"], draw)
            outputs = perception.seen(self.encoder, styles, perception.STYLE)
            style, target = perception.described(outputs), self._adapted(images, [styles], [1.0], 1.0)
        painted = self._decoded(target, images)
        wanted = dict(zip(SCALES, target, strict=True))
        return perception.compared(
            perception.seen(self.encoder, painted, perception.STYLE), painted, {name: wanted[name] for name in WANTED},
            style,
        )  # fmt: skip

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """Content and style loss, in the styles that it learns from."""
        terms = self.terms(batch, draw)
        return {"content": terms.content, "style": terms.style}

    def stylize(
        self, images: Tensor, styles: Sequence[Tensor] = (), shares: Sequence[float] = (), strength: float = 1.0
    ) -> Tensor:
        """See :class:`belamy.methods.base.Stylizes`; strength and shares mix features (eq. 14 and 15)."""
        if not styles:
            raise UsageError("This network paints in any style, so it must be shown one: name a picture.")
        shares = shares or [1 / len(styles)] * len(styles)
        # The encoder pads odd sizes otherwise than even ones, which would shift one scale against the other.
        height, width = images.shape[2:]
        wide = F.pad(images, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        return self._decoded(self._adapted(wide, styles, shares, strength), images)

    def show(self, batch: Batch, draws: SampleDraws) -> dict[str, tuple[DataField, Tensor]]:
        """Pictures, the styles beside them, and the pictures painted in these."""
        images, styles, field = batch.images, batch["styles"], self.spec.field
        painted = self._decoded(self._adapted(images, [styles], [1.0], 1.0), images)
        return {"image": (field, images), "style": (field, styles), "painted": (field, painted)}

    def _adapted(
        self, images: Tensor, styles: Sequence[Tensor], shares: Sequence[float], strength: float
    ) -> list[Tensor]:
        """The content's features at each scale, in the styles' statistics."""
        own = perception.seen(self.encoder, images, SCALES)
        wanted = [perception.seen(self.encoder, style, SCALES) for style in styles]
        found = []
        for name in SCALES:
            adapt = self.adapt[name]
            mixed = [share * adapt(own[name], each[name]) for share, each in zip(shares, wanted, strict=True)]
            found.append(torch.lerp(own[name], torch.stack(mixed).sum(0), strength))
        return found

    def _decoded(self, features: Sequence[Tensor], images: Tensor) -> Tensor:
        """The picture, of the images' size."""
        painted: Tensor = self.decoder(*features)
        return painted[..., : images.shape[2], : images.shape[3]]


def _recoloured(styles: Tensor, draw: Draws) -> Tensor:
    """The styles with their colour channels in any order: as good styles as they were, and six times as many."""
    order = draw.uniform("colours", *styles.shape[:2]).argsort(1)
    return styles.gather(1, order[:, :, None, None].expand_as(styles))
