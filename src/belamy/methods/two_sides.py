"""What methods that learn between two sides without pairs share: settings, batches, losses of players."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.objective import Objective
from belamy.methods import base, patches
from belamy.methods.base import OPTIMIZERS, DataSpec
from belamy.methods.construction import NORMALISATIONS, adapted
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.movement import shifted
from belamy.methods.pix2pix import PATCH_DISCRIMINATORS, TRANSLATORS
from belamy.methods.recipe import SCHEDULES
from belamy.modalities.sizes import text_of
from belamy.networks import PatchScores
from belamy.registry import Part
from belamy.seeds import Draws

if TYPE_CHECKING:
    from belamy.data import Dataset

Translator = Annotated[Part, TRANSLATORS]
"""The field of a generator."""
OTHER = "other"
"""The field of the second side."""
HALF = 0.5
"""Of the discriminators' losses, so that they learn more slowly than the generators."""


class TwoSidesRecipe(base.BaseRecipe):
    """What is set alike for all methods of two sides that are no pairs."""

    against: str | None = None
    """The second side as a class of the same data, in place of --other, beside the first that --only names: --labels
    glasses --only no --against yes."""
    generator: Translator = Part(name="resnet-translator")
    """The network that makes a picture from a picture."""
    discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="patch-gan", receptive_field=70)
    """The network that judges patches of pictures of one side."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="least-squares", half=False)
    """What the players minimise for each patch."""
    mirror: bool = True
    """Show half of the pictures mirrored left to right."""
    jitter: float = Field(default=0.0, ge=0, le=1)
    """Show pictures enlarged by this share of their sides and cut to their size at a random place; 30/256 in the
    paper."""
    generator_norm: Annotated[Part, NORMALISATIONS] = Part(name="instance", affine=False)
    """What stands in place of the generators' batch normalisations; native keeps them."""
    discriminator_norm: Annotated[Part, NORMALISATIONS] = Part(name="instance", affine=False)
    """What stands in place of the discriminators' batch normalisations; native keeps them."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the generators learn."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the discriminators learn."""
    schedule: Annotated[Part, SCHEDULES] = Part(name="linear", start=0.5)
    """How the learning rates change over the run: the published half of it at the full rate, then linearly to 0."""
    batch: int = Field(default=1, gt=0, le=65536)
    """Samples per step of each side, over all processes together."""

    def arranged(self, data: Dataset) -> Dataset:
        """The data with the class ``against`` as their second side.

        Raises:
            UsageError: The data have no such class, or the first side is none or the same.
        """
        if self.against is None:
            return super().arranged(data)
        if self.only is None or self.only == self.against:
            raise UsageError(
                f"--against {self.against} makes one class of the data the second side, so --only has to name another "
                f"class as the first, but it is {self.only or 'not given'}."
            )
        return data.only(self.only).changed(sides={OTHER: data.only(self.against)})


class DrawnSides(NamedTuple):
    """Pictures of both sides, not aligned, in [-1, 1], and the classes of the first where they are known."""

    main: Tensor
    other: Tensor
    labels: Tensor | None


def check_sides(spec: DataSpec, method: str) -> None:
    """Refuse two sides of different sizes.

    Raises:
        UsageError: The message names ``--size``.
    """
    here, there = (spec.fields[name].shape[1:] for name in (spec.main, OTHER))
    if here != there:
        raise UsageError(
            f"{method} learns from two sides of one size, but the first has pictures of {text_of(here)} and the second "
            f"of {text_of(there)}. Type --size {text_of(here)} to have both in one."
        )


def make_translator(recipe: TwoSidesRecipe, shape: tuple[int, ...], outputs: int) -> Any:
    """A generator of the recipe for a shape (C, H, W) and the channels that it makes."""
    return adapted(TRANSLATORS.build(recipe.generator, shape=shape, outputs=outputs), recipe.generator_norm, ())


def make_judge(recipe: TwoSidesRecipe, shape: tuple[int, ...]) -> nn.Module:
    """A discriminator of the recipe for pictures of one side, of a shape (C, H, W)."""
    return adapted(PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=shape), recipe.discriminator_norm, ())


def drawn(data: Iterator[Batch], draw: Draws, recipe: TwoSidesRecipe) -> DrawnSides:
    """The next pictures of both sides, each moved and mirrored by itself."""
    batch = next(data)
    (main,), (other,) = (shifted([pictures], ["bilinear"], recipe, draw) for pictures in (batch.main, batch[OTHER]))
    return DrawnSides(main, other, batch.labels)


class Duel(NamedTuple):
    """A discriminator of one side and what it and the generator of that side minimise, patch by patch."""

    judge: nn.Module
    objective: Objective

    def generator(self, made: Tensor, real: Tensor, progress: float) -> Tensor:
        """The generator's loss ``[N]`` for what it made; real pictures are looked at where the loss compares."""
        terms = patches.of_generator(
            self.objective, lambda _: self.judged(made), lambda _: self.judged(real), progress
        )  # fmt: skip
        return terms["adversarial"]

    def discriminator(self, real: Tensor, made: Tensor, draw: Draws) -> tuple[Tensor, dict[str, Tensor]]:
        """The discriminator's loss ``[N]``, and the mean scores of both kinds of pictures."""
        on_real, on_made = self.judged(real), self.judged(made)
        means = {"real": patches.mean_score(on_real), "fake": patches.mean_score(on_made)}
        return patches.of_discriminator(self.objective, on_real, on_made, draw), means

    def judged(self, pictures: Tensor) -> list[PatchScores]:
        """What is said of patches, at each scale."""
        return patches.judged(self.judge, pictures)
