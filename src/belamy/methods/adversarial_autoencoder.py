"""The adversarial autoencoder: a discriminator on codes makes them those of a prior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.objective import Objective
from belamy.methods import base
from belamy.methods.autoencoder import DECODERS, ENCODERS, RECONSTRUCTIONS, EncoderDecoder
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.coding import Coding
from belamy.methods.construction import DISCRIMINATORS
from belamy.methods.gan import ADVERSARIAL, PRIORS
from belamy.methods.requirements import kind_of
from belamy.registry import Part
from belamy.seeds import Draws


class Recipe(base.BaseRecipe):
    """An autoencoder whose codes a discriminator cannot tell from a prior's."""

    encoder: Annotated[Part, ENCODERS] = Part(name="autoencoder-mnist")
    """The network that maps an image to its code, or to the mean and log-variance of it."""
    decoder: Annotated[Part, DECODERS] = Part(name="autoencoder-mnist")
    """The network that makes an image from a code."""
    discriminator: Annotated[Part, DISCRIMINATORS] = Part(name="dense")
    """The network that tells codes of the prior from those of images; one for rows of numbers."""
    latent: int = Field(default=8, gt=0, le=65536)
    """Size of the code."""
    prior: Annotated[Part, PRIORS] = Part(name="normal")
    """Distribution that the codes are to have."""
    reconstruction: Annotated[Part, RECONSTRUCTIONS] = Part(name="binary-cross-entropy")
    """How far a reconstruction is from its image, as a mean over pixels."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="non-saturating")
    """What the players minimise in the game of codes."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How encoder and decoder learn to reconstruct."""
    encoder_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=5e-4, beta1=0.5)
    """How the encoder learns in the game."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=5e-4, beta1=0.5)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """The small autoencoder on few digits."""
        return cls(discriminator=Part(name="dense", width=16), latent=4, train_samples=96, batch=8, ema_half_life=16)


class Method(Coding, EncoderDecoder):
    r"""Three turns: encoder and decoder reconstruct; a discriminator of codes learns; the encoder learns to fool it.

    .. math::
        \min_{Enc, Dec} d(x, Dec(z)), \quad z \sim q(z|x), \qquad
        \min_D L_{real}(D(z_p)) + L_{fake}(D(z)), \quad z_p \sim p(z), \qquad
        \min_{Enc} L_G(D(z))

    *Codes of the prior are the real ones.* An encoder that tells a mean and a log-variance draws its codes; one that
    tells codes alone has no other chance than the images. Both phases learn from the same batch, each with an optimiser
    of its own. Any prior will do that can be drawn from, since no density of it is asked for.

    *Departs from the paper*: Adam in place of gradient descent with momentum; without labels only.

    References:
        Makhzani, Shlens, Jaitly, Goodfellow & Frey 2015, "Adversarial autoencoders", arXiv 1511.05644, section 2.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: The discriminator is none of vectors.
    """

    averaged = ("encoder", "decoder")
    objective_terms = ("model.reconstruction",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.prior: Any = PRIORS.build(recipe.prior, latent=recipe.latent)
        if "vector" not in kind_of(DISCRIMINATORS, recipe.discriminator).split("/"):
            raise UsageError(
                f"The discriminator judges codes, which '{recipe.discriminator.name}' cannot. "
                "Type --discriminator dense."
            )
        self.discriminator: Any = DISCRIMINATORS.build(recipe.discriminator, shape=(recipe.latent,))
        self.objective = Objective(ADVERSARIAL.build(recipe.adversarial))

    @property
    def players(self) -> dict[str, Player]:
        """Encoder and decoder together, the discriminator, and the encoder alone."""
        recipe = self.recipe
        return {
            "model": Player(nn.ModuleDict({"encoder": self.encoder, "decoder": self.decoder}), recipe.optimizer),
            "discriminator": Player(self.discriminator, recipe.discriminator_optimizer),
            "encoder": Player(self.encoder, recipe.encoder_optimizer),
        }

    def networks(self) -> dict[str, nn.Module]:
        """Encoder, decoder and discriminator."""
        return {"encoder": self.encoder, "decoder": self.decoder, "discriminator": self.discriminator}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Images for the encoder, codes for the others."""
        return {**super().inputs(), "discriminator": ((self.recipe.latent,),)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of reconstruction, then one of each player of the game."""
        images = next(data).main
        yield Turn("model", {"reconstruction": self.error(images, self.drawn(images, draw))})
        code, wanted = self.drawn(images, draw), self.prior.sample(len(images), draw, "latents")
        real, fake = self.discriminator(wanted), self.discriminator(code.detach())
        told = self.objective.discriminator(real, fake, draw, draw.progress)
        yield Turn("discriminator", {"adversarial": told}, signals={"real": real.detach(), "fake": fake.detach()})
        compared = self.discriminator(wanted) if self.objective.relativistic else None
        fooled = self.objective.generator(self.discriminator(code), compared, draw.progress)
        yield Turn("encoder", {"adversarial": fooled})

    def error(self, images: Tensor, codes: Tensor) -> Tensor:
        """``[N]``: how far images in [-1, 1] are from what is decoded."""
        error: Tensor = self.reconstruction(self.decoder(codes), base.to_range(images, (0.0, 1.0)))
        return error

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The reconstruction error."""
        return {"loss": self.error(batch.main, self.encode(batch.main))}

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1] from codes."""
        return base.from_range(self.decoder(latents), (0.0, 1.0))
