"""The variational autoencoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Self

from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import base, perception
from belamy.methods.autoencoder import DECODERS, ENCODERS, RECONSTRUCTIONS, EncoderDecoder
from belamy.methods.base import OPTIMIZERS, DataSpec, Turn
from belamy.methods.coding import check_variances
from belamy.methods.pretrained import check_seen
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
    reconstruction_weight: float = Field(default=1.0, ge=0)
    """Factor of that distance; 0 where features alone count."""
    perceptual_weight: float = Field(default=0.0, ge=0)
    """Factor of how far reconstructions are in the features of a pretrained network (DFC-VAE); 0 for no such term."""
    perceptual_layers: tuple[str, ...] = ()
    """Layers of that network in which they are compared, e.g. b0 b2 or, of VGG, block1_conv1 block2_conv1; none for
    four of the embedded network's, or the last of each block of VGG."""
    vgg: str | None = None
    """A file of published weights of VGG-19 or VGG-16, whose features count instead of those of the embedded
    network."""
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

    With ``perceptual_weight`` reconstructions are also compared, or with ``reconstruction_weight=0`` only, by what the
    layers of a pretrained network answer to them (a deep feature-consistent variational autoencoder).

    *Departs from DFC-VAE*: the network is EfficientNet-lite0, which comes with the package, unless a file of VGG-19's
    weights is given; squared differences of each layer are taken over the variation of the image's own features, and
    their mean over layers counts, so that weights mean the same whatever the network and its layers.

    References:
        Kingma & Welling 2013, arXiv 1312.6114, equation 10; β: Higgins et al. 2017, ICLR; features: Hou, Shen, Sun &
        Qiu 2016, "Deep feature consistent variational autoencoder", arXiv 1610.00291, section 3.2.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: The encoder tells no variances, nothing would compare reconstructions, or a pretrained network
            cannot see the images.
    """

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        check_variances(self.encoder, recipe.encoder.name, spec.shape)
        weights = {"reconstruction": recipe.reconstruction_weight, "perceptual": recipe.perceptual_weight}
        self.weights = {name: weight for name, weight in weights.items() if weight}
        if not self.weights:
            raise UsageError(
                "Neither pixels nor features of reconstructions count, so nothing would be learned. Give "
                "--reconstruction-weight 1 or --perceptual-weight 1."
            )
        self.objective_terms = tuple(f"model.{name}" for name in (*self.weights, "kl"))
        self.perceptual = perception.PerceptualDistance(recipe.vgg, recipe.perceptual_layers)
        if recipe.perceptual_weight:
            perception.check_channels(spec.shape, "A perceptual term")
            if recipe.vgg:
                check_seen(spec.shape, recipe.vgg)

    def prepare(self, offline: bool = False) -> None:
        """Read the pretrained network, if its features count."""
        if self.recipe.perceptual_weight:
            self.perceptual.open(next(self.parameters()))
            if self.recipe.vgg:
                self.fingerprint = perception.weights_fingerprint(self.recipe.vgg)

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        terms, mean = self._coded(next(data), draw)
        yield Turn("model", terms, self.weights, {"active": active_units(mean)})

    def terms(self, batch: Batch, draw: Draws) -> dict[str, Tensor]:
        """How far reconstructions are, in pixels and in features if they count, and the weighted Kullback-Leibler term.

        Each is ``[N]``.
        """
        return self._coded(batch, draw)[0]

    def _coded(self, batch: Batch, draw: Draws) -> tuple[dict[str, Tensor], Tensor]:
        """The same, and the mean codes."""
        images = base.to_range(batch.main, (0.0, 1.0))
        mean, log_variance = self.encoder(images)
        noise = draw.normal("code", len(images), self.recipe.latent)
        deviation = log_variance.exp() if self.recipe.printed else (0.5 * log_variance).exp()
        decoded = self.decoder(mean + deviation * noise)
        terms = {}
        if "reconstruction" in self.weights:
            terms["reconstruction"] = self.reconstruction(decoded, images)
        if "perceptual" in self.weights:
            terms["perceptual"] = self.perceptual(base.from_range(decoded, (0.0, 1.0)), batch.main)
        return {**terms, "kl": self.kl(mean, log_variance)}, mean

    def kl(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """``[N]``: the Kullback-Leibler term as it enters the loss."""
        per_dimension = 1 + log_variance - mean.square() - log_variance.exp()
        if self.recipe.printed:
            return -5e-4 * per_dimension.mean(1)
        channels, height, width = self.spec.shape
        return -0.5 * self.recipe.beta / (channels * height * width) * per_dimension.sum(1)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The loss and its terms."""
        terms = self.terms(batch, draw)
        return {"loss": base.weighted(terms, self.weights), **terms}

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
