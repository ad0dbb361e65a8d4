"""The variational autoencoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Self

from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.autoencoder import DECODERS, ENCODERS, RECONSTRUCTIONS, EncoderDecoder
from belamy.methods.base import OPTIMIZERS, Turn
from belamy.networks.stochastic import active_units
from belamy.registry import Part
from belamy.seeds import Draws


class Recipe(base.BaseRecipe):
    """A variational autoencoder."""

    encoder: Annotated[Part, ENCODERS] = Part(name="vae-mnist")
    """The network that maps an image to the mean and log-variance of its code."""
    decoder: Annotated[Part, DECODERS] = Part(name="vae-mnist")
    """The network that makes an image from a code."""
    latent: int = Field(default=2, gt=0, le=65536)
    """Size of the code."""
    reconstruction: Annotated[Part, RECONSTRUCTIONS] = Part(name="binary-cross-entropy")
    """How far a reconstruction is from its image, as a mean over pixels."""
    beta: float = Field(default=1.0, ge=0)
    """Factor of the Kullback-Leibler term; 1 is the evidence lower bound."""
    printed: bool = False
    """The slides' form of vae-mnist: noise scaled by the variance instead of the standard deviation, and
    5e-4 times the mean over latent dimensions as the Kullback-Leibler weight (for 28 x 28 pixels, beta = 0.392)."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How both networks learn."""

    @classmethod
    def tiny(cls) -> Self:
        """Few digits, the networks of the slides."""
        return cls(train_samples=96, batch=8, ema_half_life=16)


class Method(EncoderDecoder):
    r"""One player, encoder and decoder together, that minimises the negative evidence lower bound per pixel.

    .. math:: \tfrac1M \bigl(-\log p(x|z) + \beta\,KL(q(z|x) \,\|\, N(0, I))\bigr), \qquad
              KL = -\tfrac12 \sum_j (1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2), \quad z = \mu + \sigma\epsilon

    Both terms are divided by the number M of pixel values, so that losses of images of different sizes compare.

    References:
        Kingma & Welling 2013, arXiv 1312.6114, equation 10; β: Higgins et al. 2017, ICLR.
    """

    objective_terms = ("model.reconstruction", "model.kl")

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        terms, mean = self._coded(next(data), draw)
        yield Turn("model", terms, signals={"active": active_units(mean)})

    def terms(self, batch: Batch, draw: Draws) -> dict[str, Tensor]:
        """Reconstruction and weighted Kullback-Leibler terms, ``[N]`` each."""
        return self._coded(batch, draw)[0]

    def _coded(self, batch: Batch, draw: Draws) -> tuple[dict[str, Tensor], Tensor]:
        """The same, and the mean codes."""
        images = base.to_range(batch.main, (0.0, 1.0))
        mean, log_variance = self.encoder(images)
        noise = draw.normal("code", len(images), self.recipe.latent)
        deviation = log_variance.exp() if self.recipe.printed else (0.5 * log_variance).exp()
        decoded = self.decoder(mean + deviation * noise)
        return {"reconstruction": self.reconstruction(decoded, images), "kl": self.kl(mean, log_variance)}, mean

    def kl(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """``[N]``: the Kullback-Leibler term as it enters the loss."""
        per_dimension = 1 + log_variance - mean.square() - log_variance.exp()
        if self.recipe.printed:
            return -5e-4 * per_dimension.mean(1)
        channels, height, width = self.spec.shape
        return -0.5 * self.recipe.beta / (channels * height * width) * per_dimension.sum(1)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The loss and its two terms."""
        terms = self.terms(batch, draw)
        return {"loss": terms["reconstruction"] + terms["kl"], **terms}

    def encode(self, images: Tensor) -> Tensor:
        """The mean code ``[n, latent]``."""
        mean: Tensor = self.encoder(base.to_range(images, (0.0, 1.0)))[0]
        return mean

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, latent]``: the code of each sample index, from the prior."""
        return base.normal_latents(seed, indices, self.recipe.latent)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1] from codes."""
        return base.from_range(self.decoder(latents), (0.0, 1.0))

    def reconstruct(self, images: Tensor) -> Tensor:
        """The decoded mean codes of images in [-1, 1]."""
        return self.generate(self.encode(images))
