r"""StackGAN: small pictures of a text, then larger ones made of the small ones and the text, in one training.

.. math:: s = G_1(z, \hat c_1), \quad x = G_2(s, \hat c_2), \qquad
    L_{G_i} = L_G(D_i(G_i, t)) + \lambda\, KL(N(\mu_i(t), \mathrm{diag}\, \sigma_i^2(t)) \| N(0, I))

where each stage learns as :mod:`belamy.methods.text_to_image` does, the second when the first has learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import text_to_image
from belamy.methods.base import DataSpec, Sampling, SamplingOption, Turn
from belamy.methods.text_to_image import CAPTIONED_DISCRIMINATORS, CAPTIONED_GENERATORS
from belamy.modalities.sizes import text_of
from belamy.networks.bicubic import bicubic
from belamy.networks.stacked import StackedDiscriminator, StackedGenerator
from belamy.registry import Part, Registry
from belamy.seeds import Draws

CAPTIONED_UPSCALERS = Registry("belamy.networks", "captioned upscaler", "CaptionedUpscaler")
STAGES = 2
STAGE = SamplingOption(
    STAGES, "1 for pictures of the first stage, enlarged; 2 for those made of them.", 1, STAGES, whole=True
)


class Recipe(text_to_image.Recipe):
    """Pictures that are asked for in words, in two stages."""

    data: str = "avatars-32:captions=true"
    """Pictures with captions: a named set, or a folder with a text file beside each picture or a table."""
    generator: Annotated[Part, CAPTIONED_GENERATORS] = Part(name="stackgan", width=16)
    """The network of the first stage, which makes small pictures of latents and texts."""
    upscaler: Annotated[Part, CAPTIONED_UPSCALERS] = Part(name="stackgan", width=32, halvings=1, blocks=2)
    """The network of the second stage, which makes larger pictures of small ones and texts."""
    discriminator: Annotated[Part, CAPTIONED_DISCRIMINATORS] = Part(name="gan-cls", width=32)
    """The network that judges pictures and texts together; each stage has one of its own."""
    scale: int = Field(default=2, ge=2, le=4)
    """How many times larger the second stage's pictures are: 2 or 4."""
    refine_from: float = Field(default=0.5, gt=0, lt=1)
    """Share of the training in which only the first stage learns; then only the second does."""
    augmentation: int = Field(default=32, ge=0, le=65536)
    """Numbers that each stage is told a text by, drawn around what it makes of its vector (conditioning augmentation);
    0 for the vector itself."""

    @classmethod
    def tiny(cls) -> Self:
        """Narrow networks, half of a short run for each stage."""
        return cls(
            generator=Part(name="stackgan", width=4),
            upscaler=Part(name="stackgan", width=4, halvings=1, blocks=1),
            discriminator=Part(name="gan-cls", width=4, told=8),
            text_encoder=Part(name="bag-of-words", width=16),
            latent=8,
            augmentation=4,
            train_samples=96,
            batch=16,
            ema_half_life=64,
        )


class Method(text_to_image.Method):
    """A generator and a discriminator with two networks each: for small pictures, and for large ones made of these.

    Each stage learns as in :class:`belamy.methods.text_to_image.Method`, with wrong captions, from pictures of its
    size: the first from means over squares of pixels, until ``refine_from``; from then on the second, while the first
    stays as it is. Both are told a text by numbers of their own, whose noise belongs to a sample's latents.

    Samples of stage 1 are enlarged bicubically to the full size, so that they are measured as those of stage 2 are. As
    long as the second stage has not begun, samples are of the first.

    *Departs from the paper*: the divergence counts by ``kl_weight``, which is 1 there; of the first stage only the
    weights stay, while its normalisation goes on with the statistics of each batch.

    References:
        Zhang et al. 2017, "StackGAN: text to photo-realistic image synthesis with stacked generative adversarial
        networks", arXiv 1612.03242, sections 3.2 to 3.5.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: Pictures of a size that cannot be made in two stages, or what text-to-image refuses.
    """

    stages = STAGES
    sampling_options = MappingProxyType({"stage": STAGE})

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        sides, scale = spec.shape[1:], recipe.scale
        if any(side % (4 * scale) or side < 8 * scale for side in sides):
            fits = tuple(max(round(side / (4 * scale)), 2) * 4 * scale for side in sides)
            raise UsageError(
                f"Two stages of which the second enlarges {scale} times need pictures whose height and width are "
                f"multiples of {4 * scale} of at least {8 * scale}, but these are {text_of(sides)}. "
                f"Type --size {text_of(fits)}."
            )
        if recipe.refine_from <= recipe.embed_until:
            raise UsageError(
                f"refine-from is {recipe.refine_from:g}, but the first stage begins at embed-until, "
                f"{recipe.embed_until:g}. Type --refine-from {(1 + recipe.embed_until) / 2:g}."
            )
        self.small_shape = (spec.shape[0], *(side // scale for side in sides))
        super().__init__(recipe, spec)
        self.first_drawn = recipe.refine_from

    def made_generator(self) -> nn.Module:
        """The generators of both stages."""
        recipe, text = self.recipe, self.text_encoder.width
        told = recipe.augmentation or text
        first = CAPTIONED_GENERATORS.build(recipe.generator, latent=recipe.latent, shape=self.small_shape, text=told)
        second = CAPTIONED_UPSCALERS.build(recipe.upscaler, shape=self.small_shape, scale=recipe.scale, text=told)
        return StackedGenerator(first, second, text, recipe.augmentation)

    def made_discriminator(self) -> nn.Module:
        """The discriminators of both stages."""
        first, second = (
            CAPTIONED_DISCRIMINATORS.build(self.recipe.discriminator, shape=shape, text=self.text_encoder.width)
            for shape in (self.small_shape, self.spec.shape)
        )
        return StackedDiscriminator(first, second, self.small_shape[1])

    @property
    def level(self) -> int:
        """How often pictures are halved in the present stage."""
        return 0 if self.generator.refining else self.recipe.scale // 2

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """Turns of the discriminator, then one of the generator, of the stage that learns."""
        self.generator.refines.fill_(draw.progress >= self.recipe.refine_from)
        whole = draw.progress < self.recipe.embed_until
        yield from super().play(data if whole else map(self.sized, data), draw)

    def sized(self, batch: Batch) -> Batch:
        """A batch with its pictures in the size of the stage that learns."""
        if self.generator.refining:
            return batch
        return Batch({**batch.fields, self.spec.main: avg_pool2d(batch.main, self.recipe.scale)}, batch.indices)

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Pictures ``[n, C, H, W]`` in [-1, 1] of texts, symbols ``[n, L]``; of training captions without.

        Raises:
            UsageError: Steps are asked for.
        """
        if sampling is not None and sampling.steps is not None:
            raise UsageError("This run's method draws in one pass: it has no steps of sampling. Leave them out.")
        text = self.asked(latents, labels)
        if sampling is not None and sampling.options.get("stage") == 1:
            made = self.enlarged(latents, text)
        else:
            made = self.from_text(latents, text)
        if sampling is not None:
            sampling.report(1, 1)
        return made

    def from_text(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures of the second stage, if it has begun, in [-1, 1].  # [n, latent], [n, text] to [n, C, H, W]"""
        return super().from_text(latents, text) if self.generator.refining else self.enlarged(latents, text)

    def enlarged(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures of the first stage in the full size, in [-1, 1].  # [n, latent], [n, text] to [n, C, H, W]"""
        small: Any = self.generator.small(latents[:, : self.prior.latent], text)
        height, width = self.spec.shape[1:]
        return bicubic(small, (height, width)).clamp(-1, 1)
