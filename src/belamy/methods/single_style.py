"""Fast style transfer: one network for one style, which then paints in a single pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import base, perception
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.modalities.fields import Field as DataField
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

STYLISTS = Registry("belamy.networks", "style network", "Stylist")


class Recipe(base.BaseRecipe):
    """A network that paints in one style."""

    data: str = "dead-leaves"
    """What is painted while it learns: a named data set, a folder of photographs, an archive or an array file."""
    style: str = "night"
    """A picture file, or a drawn pattern: night, warm, glass, dots, woodcut or marble."""
    style_size: int = Field(default=256, ge=32, le=4096)
    """Height that the style is brought to, in pixels: as fine as it is there will it be in what is painted."""
    stylist: Annotated[Part, STYLISTS] = Part(name="johnson", width=16)
    """The network that paints."""
    content_weight: float = Field(default=1.0, ge=0)
    """Of the content."""
    style_weight: float = Field(default=1.0, ge=0)
    """Of the style."""
    smoothness: float = Field(default=2.0, ge=0)
    """Of total variation."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-3, beta1=0.9)
    """How it learns."""

    @classmethod
    def tiny(cls) -> Self:
        """A narrow network on few digits."""
        return cls(
            data="mnist", train_samples=48, batch=16, ema_half_life=16, style="dots", style_size=32,
            stylist=Part(name="johnson", width=4, blocks=1), optimizer=Part(name="adam", lr=5e-3, beta1=0.9),
        )  # fmt: skip


class Method(base.BaseMethod):
    r"""One player that minimises the perceptual losses of what it paints.

    .. math:: \alpha \sum_l C_l(f(x); x) + \beta \sum_l S_l(f(x); s) + \gamma\, V(f(x))

    *Departs from the paper*: the eyes are EfficientNet-lite0's, which come with the package, not VGG-16's; style is
    means and covariances, each over the style's own, not Gram matrices. The losses are those of ``belamy stylize``.

    References:
        Johnson, Alahi & Fei-Fei 2016, arXiv 1603.08155, eq. 5 and section 3.2.
    """

    averaged = ("stylist",)
    takes_styles = False

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        perception.check_channels(spec.shape, "single-style")
        self.stylist: Any = STYLISTS.build(recipe.stylist, shape=spec.shape)
        # Neither is a part of what is learned or saved, so neither is registered.
        self._perceptual: list[EfficientNetLite] = []
        self._style: dict[str, perception.Moments] = {}

    def prepare(self, offline: bool = False) -> None:
        """Read the style and describe it."""
        pixels = perception.style_picture(self.recipe.style)
        self.fingerprint = perception.fingerprint(pixels)
        like = next(self.parameters())
        self._perceptual = [perception.perceptual_network(like)]
        picture = perception.style_tensor(pixels, self.recipe.style_size, self.spec.shape, like)
        with torch.no_grad():
            self._style = perception.moments_of_crops(self._perceptual[0], picture, self.spec.shape)

    @property
    def receptive_field(self) -> int:
        """See :class:`belamy.methods.base.Stylizes`."""
        return int(self.stylist.receptive_field)

    @property
    def players(self) -> dict[str, Player]:
        """One player, the network that paints."""
        return {"stylist": Player(self.stylist, self.recipe.optimizer)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        recipe = self.recipe
        weights = {"content": recipe.content_weight, "style": recipe.style_weight, "smoothness": recipe.smoothness}
        yield Turn("stylist", self.terms(next(data).images)._asdict(), weights)

    def terms(self, images: Tensor) -> perception.PerceptualTerms:
        """The losses of what is painted of images in [-1, 1]."""
        if not self._perceptual:
            self.prepare()
        painted = self.stylist(images)
        with torch.no_grad():
            wanted = perception.seen(self._perceptual[0], images, perception.CONTENT)
        outputs = perception.seen(self._perceptual[0], painted, (*perception.STYLE, *perception.CONTENT))
        return perception.compared(outputs, painted, wanted, self._style)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """Content and style loss."""
        terms = self.terms(batch.images)
        return {"content": terms.content, "style": terms.style}

    def stylize(
        self, images: Tensor, styles: Sequence[Tensor] = (), shares: Sequence[float] = (), strength: float = 1.0
    ) -> Tensor:
        """See :class:`belamy.methods.base.Stylizes`; a strength below 1 mixes the painting with the image."""
        if styles:
            raise UsageError(f"This network knows one style, '{self.recipe.style}': name no other.")
        painted: Tensor = self.stylist(images)
        return torch.lerp(images, painted, strength)

    def show(self, batch: Batch, draws: SampleDraws) -> dict[str, tuple[DataField, Tensor]]:
        """Pictures, and the same painted."""
        field = self.spec.field
        return {"image": (field, batch.images), "painted": (field, self.stylize(batch.images))}
