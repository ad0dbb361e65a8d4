r"""Latent diffusion: an autoencoder makes small maps of pictures, and a diffusion model learns to draw such maps.

.. math:: L_1 = |x - D(z)| + \pi L_{features} + \frac{\beta}{M} KL(q(z|x) \| N(0, I)) + \lambda w L_{adv}, \qquad
          L_2 = E\, w(\sigma) \| F(\cdot) - \cdot \|^2 \text{ of } (z - \mu) / s

Both stages are one training: first the autoencoder learns, then its latents are measured and the diffusion model does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from math import prod
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch, Dataset
from belamy.errors import UsageError
from belamy.methods import patches
from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Sampling, Turn
from belamy.methods.code_use import count, revive
from belamy.methods.denoising import DENOISERS, MEASURED
from belamy.methods.diffusion_models import DiffusionMethod, DiffusionRecipe
from belamy.methods.following import follow
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.perception import PerceptualDistance
from belamy.methods.pix2pix import PATCH_DISCRIMINATORS
from belamy.methods.super_resolution import colours_of
from belamy.methods.vq_vae import QUANTISERS
from belamy.modalities.fields import Field as DataField
from belamy.modalities.sizes import text_of
from belamy.networks.latent_autoencoder import LatentAutoencoder, LatentScale
from belamy.networks.stochastic import divergence
from belamy.processes import gather
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws

MOST_BALANCE = 1e4
"""Times that the adversarial loss is weighed up at most."""
FARTHER = 16
"""Sizes of latents that are tried where a network does not take theirs."""


class Recipe(DiffusionRecipe):
    """Latent diffusion: an autoencoder of pictures, then a diffusion model of its latents, in one training."""

    data: str = "avatars-32"
    """A named set of pictures, a folder, an archive or an array file."""
    first_stage: float = Field(default=0.4, ge=0, lt=1)
    """Share of the training in which only the autoencoder learns; then only the diffusion model does. 0 for both at
    every step."""
    quantiser: Annotated[Part, QUANTISERS] = Part(name="none", dimensions=4)
    """What holds the latents together: none (their distance from a normal distribution), or codes: vector,
    finite-scalar."""
    kl_weight: float = Field(default=1e-6, ge=0)
    """Factor of that distance, as a sum over latents and a mean over pixels."""
    width: int = Field(default=32, ge=8, le=1024)
    """Channels of the autoencoder at half the pictures' size, a multiple of 8."""
    downsampling: int = Field(default=4, ge=2, le=16)
    """How many times smaller than the pictures latents are: 2, 4, 8 or 16."""
    reconstruction: Annotated[Part, RECONSTRUCTIONS] = Part(name="absolute-error")
    """How far a reconstruction is from its picture, as a mean over pixels."""
    perceptual_weight: float = Field(default=0.1, ge=0)
    """Factor of the distance in a pretrained network's features; 0 for channels that are no colours."""
    discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="patch-gan", receptive_field=16, width=32)
    """The network that tells patches of reconstructions from patches of pictures."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="hinge")
    """What autoencoder and discriminator minimise for each patch."""
    adversarial_weight: float = Field(default=0.5, ge=0)
    """Factor of that loss for the autoencoder, in units in which its slope is as steep as that of the distances from
    the picture; 0 for no discriminator."""
    adversarial_start: float = Field(default=0.5, ge=0, le=1)
    """Share of the first stage after which the discriminator counts."""
    patience: int = Field(default=200, ge=1)
    """Steps after which a code that no place has taken is dead, and starts anew among the batch's features."""
    text: Literal["none", "cross-attention", "modulation"] = "cross-attention"
    """How captions are told, where the data have such, in place of classes: a vector of the whole scales and shifts all
    places (modulation), and each also looks at the symbols (cross-attention)."""
    level_mean: float = Field(default=-0.4, ge=-10, le=10)
    """Mean of ln σ of the levels that are learned, of the edm ones; latents have a standard deviation of 1."""
    network: Annotated[Part, DENOISERS] = Part(name="diffusion-u-net", width=64, multipliers=(1, 2), patch=1)
    """The network that denoises latents."""
    autoencoder_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.5, beta2=0.9)
    """How the autoencoder learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=3e-4, beta1=0.5, beta2=0.9)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """Narrow networks, both stages at once."""
        return cls(
            network=Part(name="diffusion-u-net", width=8, multipliers=(1,), patch=2),
            discriminator=Part(name="patch-gan", receptive_field=16, width=4),
            train_samples=96, batch=8, ema_half_life=16, sampling_steps=2, first_stage=0.0, adversarial_start=0.0,
            width=8, downsampling=2,
        )  # fmt: skip


class Method(DiffusionMethod):
    """Three players: a discriminator of patches and the autoencoder, then the network that denoises latents.

    The second stage works with the average of the autoencoder's weights, by ``ema_half_life``, which from then on stays
    as it is, and with its mean latents. Their mean and their spread are measured on the first 4,096 of that stage, all
    processes' together, and kept with the weights.

    The adversarial loss weighs as much as makes its gradient at the last layer as long as that of the distances from
    the picture, times ``adversarial_weight``.

    *Departs from the paper*: the distance in features is that of the embedded network; latents are means, not samples
    of the posterior; their mean is taken off.

    References:
        Rombach et al. 2021, arXiv 2112.10752, section 3 and appendix G; the adversarial loss and its weight: Esser et
        al. 2020, arXiv 2012.09841, equations 6 and 7.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: Pictures of a size or of channels that do not fit.
    """

    objective_terms = ("autoencoder.reconstruction",)
    idle: Tensor

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        quantiser: Any = QUANTISERS.build(recipe.quantiser)
        autoencoder = LatentAutoencoder(spec.shape, quantiser, width=recipe.width, downsampling=recipe.downsampling)
        latents = quantiser.dimensions, *(side // recipe.downsampling for side in spec.shape[1:])
        _check(recipe, spec, latents)
        super().__init__(recipe, spec, latents)
        self.first_drawn = recipe.first_stage
        self.network.centre.zero_()
        self.network.sigma_data.fill_(1.0)
        self.autoencoder, self.steady = autoencoder, deepcopy(autoencoder).requires_grad_(False)
        self.scale = LatentScale(quantiser.dimensions, MEASURED, recipe.centre, recipe.sigma_data)
        self.register_buffer("idle", torch.zeros(quantiser.codes, dtype=torch.long))
        self.reconstruction = RECONSTRUCTIONS.build(recipe.reconstruction)
        self.perceptual = PerceptualDistance()
        self.objective = patches.patch_objective(recipe.adversarial)
        if recipe.adversarial_weight:
            self.discriminator: nn.Module = PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=spec.shape)

    def measure_data(self, data: Dataset) -> None:
        """Nothing: latents are measured when there are some."""

    @property
    def players(self) -> dict[str, Player]:
        """The discriminator if there is one, the autoencoder, and the network that denoises."""
        recipe = self.recipe
        found = {
            "autoencoder": Player(self.autoencoder, recipe.autoencoder_optimizer),
            "model": Player(self.network, recipe.optimizer),
        }
        if recipe.adversarial_weight:
            found = {"discriminator": Player(self.discriminator, recipe.discriminator_optimizer), **found}
        return found

    @property
    def undivided(self) -> str:
        """Latents are measured, and losses are weighed against each other, over a batch."""
        return "latents are measured, and the adversarial loss is weighed, over a batch"

    def networks(self) -> dict[str, nn.Module]:
        """The network that denoises, the autoencoder, its average, and the discriminator if there is one."""
        found = {"network": self.network, "autoencoder": self.autoencoder, "steady": self.steady}
        return found | ({"discriminator": self.discriminator} if self.recipe.adversarial_weight else {})

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Noisy latents and levels of noise; pictures for the others."""
        return dict.fromkeys(self.networks(), (self.spec.shape,)) | super().inputs()

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """The turns of the autoencoder and its discriminator, that of the diffusion model, or all, by the stage."""
        batch, recipe = next(data), self.recipe
        if draw.progress < recipe.first_stage or not recipe.first_stage:
            yield from self.first_stage(batch.main, draw)
            follow(self.steady, self.autoencoder, recipe, draw.progress)
        if draw.progress >= recipe.first_stage:
            with torch.no_grad():
                latents = self.steady.encode(batch.main)
                self.scale.observe(latents)
            loss = self.loss(self.scale(latents), self.condition(batch), draw, recipe.label_dropout)
            yield Turn("model", {"denoising": loss})

    def first_stage(self, images: Tensor, draw: Draws) -> Iterator[Turn]:
        """The discriminator's turn, once it counts, and the autoencoder's."""
        recipe = self.recipe
        judged = recipe.adversarial_weight and draw.progress >= recipe.adversarial_start * recipe.first_stage
        made, held, signals = self.coded(images, draw)
        if judged:
            real, fake = patches.judged(self.discriminator, images), patches.judged(self.discriminator, made.detach())
            yield patches.discriminator_turn(self.objective, real, fake, draw)
        distances, weights = self.distances(made, images)
        terms = {**distances, **held}
        weights |= {"kl": recipe.kl_weight} if "kl" in held else {}
        if judged:
            told = patches.of_generator(
                self.objective, lambda features: patches.judged(self.discriminator, made, features),
                lambda features: patches.judged(self.discriminator, images, features), draw.progress,
            )["adversarial"]  # fmt: skip
            faithful = torch.stack([weights[name] * term.mean() for name, term in distances.items()]).sum()
            balance = self.balance(faithful, told.mean())
            terms["adversarial"], signals["balance"] = told, balance
            weights["adversarial"] = recipe.adversarial_weight * float(balance)
        yield Turn("autoencoder", terms, weights, signals)

    def coded(self, images: Tensor, draw: Draws) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Reconstructions, the terms that hold latents together, and what is told of them.  # [N, C, H, W], [N] each"""
        network, quantiser = self.autoencoder, self.autoencoder.quantiser
        if quantiser.codes:
            revive(quantiser, self.idle, self.recipe.patience, lambda: network.encode(images), draw)
        latents, log_variance = network.moments(images)
        if log_variance is not None:
            noise = draw.normal("posterior", *latents.shape).to(latents)
            return (
                network.decode(latents + (log_variance / 2).exp() * noise),
                {"kl": self.kl(latents, log_variance)},
                {},
            )
        quantised = quantiser(latents)
        count(self.idle, quantised.codes)
        used = (self.idle < self.recipe.patience).to(latents).mean()
        return network.decoder(quantised.vectors), dict(quantised.terms), {"used": used}

    def kl(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        r"""The divergence of the latents' distributions from a standard normal one, over the values of a picture.

        .. math:: \tfrac{1}{2M} \sum (\mu^2 + \sigma^2 - 1 - \ln \sigma^2)

        Args:
            mean: Of each latent.  # [N, D, h, w] to [N]
            log_variance: The logarithm of the variance of each.
        """
        return divergence(mean.flatten(1), log_variance.flatten(1)) / prod(self.spec.shape)

    def distances(self, made: Tensor, images: Tensor) -> tuple[dict[str, Tensor], dict[str, float]]:
        """How far reconstructions are from pictures, in pixels and in features, and the weights of both.  # [N] each"""
        terms, weight = {"reconstruction": self.reconstruction(made, images)}, self.recipe.perceptual_weight
        if weight:
            terms["perceptual"] = self.perceptual(colours_of(made), colours_of(images))
        return terms, {"reconstruction": 1.0, "perceptual": weight} if weight else {"reconstruction": 1.0}

    def balance(self, faithful: Tensor, adversarial: Tensor) -> Tensor:
        r"""How many times steeper the first loss is than the second, in the weights of the last layer.

        .. math:: w = \frac{\lVert \nabla L_{faithful} \rVert}{\lVert \nabla L_{adv} \rVert + 10^{-6}}

        *Departs from the paper*: it is at most 10,000.

        References:
            Esser et al. 2020, arXiv 2012.09841, equation 7.
        """
        last = self.autoencoder.last_layer
        slopes = [torch.autograd.grad(loss, last, retain_graph=True)[0] for loss in (faithful, adversarial)]
        one, other = (gather(slope).mean(0).norm() for slope in slopes)
        return (one / (other + 1e-6)).clamp(max=MOST_BALANCE)

    def clean(self, batch: Batch) -> Tensor:
        """The latents of pictures at the scale that was measured.  # [N, D, h, w]"""
        scaled: Tensor = self.scale(self.steady.encode(batch.main))
        return scaled

    def shown(self, clean: Tensor) -> Tensor:
        """The pictures of latents at that scale, in [-1, 1].  # [N, D, h, w] to [N, C, H, W]"""
        latents = self.scale.inverse(clean.to(self.scale.mean))
        return self.steady.decode(latents).clamp(-1, 1)

    def reconstruct(self, images: Tensor) -> Tensor:
        """What is decoded of the latents of pictures in [-1, 1]."""
        return self.steady(images).clamp(-1, 1)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """How far reconstructions are from pictures; in the second stage also what a diffusion model tells."""
        found = {"reconstruction": self.reconstruction(self.reconstruct(batch.main), batch.main)}
        return {**found, **(super().evaluate(batch, draw) if int(self.scale.seen) else {})}

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Pictures, what the autoencoder makes of them, and samples of the same captions or classes."""
        latents = self.latents(draws.seed, draws.indices).to(batch.main)
        drawn = self.generate(latents, self.condition(batch), sampling=Sampling(draws))
        field, again = self.output, self.reconstruct(batch.main)
        return {"picture": (field, batch.main), "reconstruction": (field, again), "sample": (field, drawn)}


def _check(recipe: Recipe, spec: DataSpec, latents: tuple[int, ...]) -> None:
    """Refuse pictures whose channels have no features, or whose latents the network does not take.

    Raises:
        UsageError: What to type.
    """
    channels, height, width = spec.shape
    if recipe.perceptual_weight and channels > 4:
        raise UsageError(
            f"These images have {channels} channels, which no pretrained network sees. Type --perceptual-weight 0."
        )
    times = recipe.downsampling

    def refused(more: int) -> UsageError | None:
        try:
            with torch.device("meta"):
                DENOISERS.build(recipe.network, shape=(latents[0], *(side + more for side in latents[1:])), classes=0)
        except UsageError as error:
            return error
        return None

    first = refused(0)
    if first is None:
        return
    fits = next((more for more in range(1, FARTHER) if refused(more) is None), None)
    if fits is None:
        raise first
    raise UsageError(
        f"Latents of pictures of {text_of((height, width))} are {text_of(latents[1:])}, {times} times smaller, and the "
        f"network '{recipe.network.name}' does not take them. Type --size "
        f"{text_of((height + times * fits, width + times * fits))}, or another --downsampling."
    )
