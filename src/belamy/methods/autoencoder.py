"""Autoencoders: plain, sparse and denoising."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.coding import check_variances
from belamy.methods.requirements import MAIN, common_kind
from belamy.registry import Part, Registry
from belamy.seeds import Draws

ENCODERS = Registry("belamy.networks", "encoder", "Encoder")
DECODERS = Registry("belamy.networks", "decoder", "Decoder")
RECONSTRUCTIONS = Registry("belamy.losses.reconstruction", "reconstruction loss", "Reconstruction")


class Recipe(base.BaseRecipe):
    """An autoencoder."""

    encoder: Annotated[Part, ENCODERS] = Part(name="autoencoder-mnist")
    """The network that maps an image to its code."""
    decoder: Annotated[Part, DECODERS] = Part(name="autoencoder-mnist")
    """The network that makes an image from a code."""
    latent: int = Field(default=32, gt=0, le=65536)
    """Size of the code."""
    reconstruction: Annotated[Part, RECONSTRUCTIONS] = Part(name="binary-cross-entropy")
    """How far a reconstruction is from its image, as a mean over pixels."""
    sparsity: float = Field(default=0.0, ge=0)
    """Factor of the mean absolute value of the code: above 0 makes a sparse autoencoder."""
    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of Gaussian noise added to the input, on the scale [0, 1]: above 0 makes a denoising one."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How both networks learn."""

    @classmethod
    def tiny(cls) -> Self:
        """A small sparse and denoising autoencoder on few digits."""
        return cls(train_samples=160, batch=16, latent=8, ema_half_life=16, sparsity=1e-3, noise=0.2)


class EncoderDecoder(base.BaseMethod):
    """An encoder and a decoder that learn together, built from the recipe's fields."""

    averaged = ("encoder", "decoder")

    def __init__(self, recipe: Any, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        given: dict[str, Any] = {"latent": recipe.latent, "shape": spec.shape, "classes": len(spec.classes)}
        self.encoder: nn.Module = ENCODERS.build(recipe.encoder, **given)
        self.decoder: nn.Module = DECODERS.build(recipe.decoder, **given)
        self.reconstruction = RECONSTRUCTIONS.build(recipe.reconstruction)

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Data of the kind that encoder and decoder are for."""
        return {MAIN: common_kind((ENCODERS, recipe.encoder), (DECODERS, recipe.decoder))}

    @property
    def players(self) -> dict[str, Player]:
        """One player, the whole model."""
        return {"model": Player(self, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Images for the encoder, codes for the decoder."""
        return {"encoder": (self.spec.shape,), "decoder": ((self.recipe.latent,),)}


class Method(EncoderDecoder):
    """One player, encoder and decoder together, that gives back its input.

    References:
        Hinton & Salakhutdinov 2006, Science 313; denoising: Vincent et al. 2008, ICML; sparse: Ng 2011, CS294A notes
        (here an L1 penalty in place of the Kullback-Leibler divergence from a wanted activity).

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: The encoder tells variances, which an autoencoder has no use for.
    """

    objective_terms = ("model.reconstruction",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        check_variances(self.encoder, recipe.encoder.name, spec.shape, told=False)

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        terms = self.terms(next(data), draw)
        weights = {"sparsity": self.recipe.sparsity}
        yield Turn("model", terms, weights)

    def terms(self, batch: Batch, draw: Draws) -> dict[str, Tensor]:
        """The reconstruction error ``[N]`` and, in a sparse autoencoder, the mean absolute code."""
        images = base.to_range(batch.main, (0.0, 1.0))
        seen = images
        if self.recipe.noise:
            seen = (images + self.recipe.noise * draw.normal("noise", *images.shape)).clamp(0, 1)
        code = self.encoder(seen)
        terms = {"reconstruction": self.reconstruction(self.decoder(code), images)}
        return {**terms, "sparsity": code.abs().mean(1)} if self.recipe.sparsity else terms

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The reconstruction error."""
        return {"loss": self.terms(batch, draw)["reconstruction"]}

    def encode(self, images: Tensor) -> Tensor:
        """The code ``[n, latent]`` of images in [-1, 1]."""
        code: Tensor = self.encoder(base.to_range(images, (0.0, 1.0)))
        return code

    def reconstruct(self, images: Tensor) -> Tensor:
        """The decoded codes of images in [-1, 1]."""
        return base.from_range(self.decoder(self.encode(images)), (0.0, 1.0))
