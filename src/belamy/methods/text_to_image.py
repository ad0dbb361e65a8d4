r"""Text-conditional GANs (GAN-CLS, GAN-INT): a generator told a text, and a discriminator of picture and text together.

.. math::
    L_D = (1 - m)\, L(D(x, t),\, D(G(z, t), t)) + m\, L(D(x, t),\, D(x, \hat t)), \qquad
    L_G = L_G(D(G(z, t), t)) + w\, L_G(D(G(z, \bar t), \bar t)), \quad \bar t = (t + \hat t) / 2
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch, Dataset
from belamy.data.captions import FIELD as CAPTION
from belamy.data.variants import every
from belamy.errors import UsageError
from belamy.losses.joint_embedding import joint_embedding, retrieved
from belamy.losses.objective import Objective
from belamy.losses.penalty_context import PenaltyContext
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.classifier import CLASSIFIERS
from belamy.methods.construction import NORMALISATIONS, PENALTIES, adapted, make_penalties
from belamy.methods.denoising import TEXT_ENCODERS
from belamy.methods.derangement import alike, deranged
from belamy.methods.gan import ADVERSARIAL, PRIORS
from belamy.modalities.fields import Field as DataField
from belamy.networks.conditioning_augmentation import AugmentedGenerator
from belamy.networks.priors.normal import Prior
from belamy.networks.reconstruction import Reconstruction
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

CAPTIONED_GENERATORS = Registry("belamy.networks", "captioned generator", "CaptionedGenerator")
CAPTIONED_DISCRIMINATORS = Registry("belamy.networks", "captioned discriminator", "CaptionedDiscriminator")
BETWEEN = 0.5
"""Where between two texts the generator learns too: β of the paper."""
KEPT = 1024
"""Captions of the data that are kept, to be drawn where nothing is asked for."""


class Recipe(base.BaseRecipe):
    """A GAN of pictures that are asked for in words."""

    data: str = "avatars-16:captions=true"
    """Pictures with captions: a named set, or a folder with a text file beside each picture or a table."""
    generator: Annotated[Part, CAPTIONED_GENERATORS] = Part(name="gan-cls", width=32)
    """The network that makes pictures of latents and texts."""
    discriminator: Annotated[Part, CAPTIONED_DISCRIMINATORS] = Part(name="gan-cls", width=32)
    """The network that judges pictures and texts together."""
    text_encoder: Annotated[Part, TEXT_ENCODERS] = Part(name="bag-of-words")
    """What reads captions; one that learns does so with the discriminator, or before it, by ``embed_until``."""
    embed_until: float = Field(default=0.0, ge=0, lt=1)
    """Share of the training in which only the text encoder learns, beside one of pictures, by the structured joint
    embedding loss; then it stays. 0 for one that learns with the discriminator, if it learns."""
    picture_encoder: Annotated[Part, CLASSIFIERS] = Part(name="convnet")
    """The network of pictures beside which it then learns, with a vector's numbers in place of classes."""
    latent: int = Field(default=128, gt=0, le=65536)
    """Size of the latent vector."""
    prior: Annotated[Part, PRIORS] = Part(name="normal")
    """Distribution of the latents."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="non-saturating")
    """What the two players minimise."""
    mismatch: float = Field(default=0.5, ge=0, lt=1)
    """Share that real pictures with wrong captions have in what the discriminator tells from real pictures with their
    own (GAN-CLS); the rest are generated ones. 0 for none."""
    interpolation: float = Field(default=0.0, ge=0)
    """Factor of the generator's loss for texts halfway between two captions (GAN-INT); 0 for none."""
    augmentation: int = Field(default=0, ge=0, le=65536)
    """Numbers that a text is told by, drawn around what is made of its vector (conditioning augmentation); 0 for the
    vector itself."""
    kl_weight: float = Field(default=0.01, ge=0)
    """Factor of the distance of these numbers from a standard normal distribution, as a sum over them."""
    penalties: tuple[Annotated[Part, PENALTIES], ...] = ()
    """Terms and constraints that join the discriminator's loss, e.g. gradient-penalty."""
    discriminator_norm: Annotated[Part, NORMALISATIONS] = Part(name="native")
    """What stands in place of the discriminator's batch normalisations."""
    critic_steps: int = Field(default=1, gt=0)
    """Discriminator updates for one generator update."""
    fresh_batch: bool = False
    """Let the generator learn from captions of a batch of its own instead of from those of the discriminator's turn."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the discriminator learns, and the text encoder with it."""

    @classmethod
    def tiny(cls) -> Self:
        """Narrow networks, a text encoder that learns, all terms at once."""
        return cls(
            generator=Part(name="gan-cls", width=4, told=8),
            discriminator=Part(name="gan-cls", width=4, told=8),
            text_encoder=Part(name="text-transformer", width=8, depth=1, heads=2),
            latent=8,
            interpolation=1.0,
            penalties=(Part(name="r1", weight=0.1, every=2),),
            train_samples=320,
            batch=16,
            ema_half_life=64,
        )


class Method(base.BaseMethod):
    r"""Two players: the discriminator tells real pictures with their captions from generated ones and wrong captions.

    *m* is :attr:`Recipe.mismatch`; at ½, and with a loss that judges scores apart, real pictures count 1, wrong
    captions and generated pictures ½ each, as in the paper's algorithm 1. One that compares scores (relativistic,
    Wasserstein's) compares real pictures with both. Wrong captions are a derangement of the batch's, in which another
    caption of the same picture, or the same one of another, is never wrong; where half of a batch is alike and there
    are not enough others, generated pictures stand in. *w* is :attr:`Recipe.interpolation`.

    A text encoder that learns does so in the discriminator's turns, and the generator listens; or before, as in
    the paper, until :attr:`Recipe.embed_until`, beside one of pictures: classes are those of the data, or pictures with
    a caption in common. Of samples for
    which nothing is asked, captions are drawn among 1,024 of the training data, by a number that joins the latents.

    By :attr:`Recipe.augmentation` the generator is told a text by numbers drawn around a mean, whose noise belongs to
    the latents, and whose divergence from standard normal numbers joins its loss.

    *Departs from the paper*: its text encoder is trained beforehand, on its own; the generator's turn draws latents
    anew; the texts between captions share the latents of those at captions.

    References:
        Conditioning augmentation: Zhang et al. 2017, arXiv 1612.03242, section 3.2.
        Reed et al. 2016, "Generative adversarial text to image synthesis", arXiv 1605.05396, algorithm 1 and section
        4.3, equation 5.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: A penalty that has no place here, or a prior that is not normal beside an augmentation.
    """

    stages = 1
    """How many of its networks are told a text, each by numbers of its own."""
    kept: Tensor

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.caption: DataField | None = spec.fields[CAPTION]
        symbols, length = self.caption.classes, self.caption.shape[0]
        self.text_encoder = TEXT_ENCODERS.build(
            recipe.text_encoder, length=length, vocabulary=len(symbols), symbols=symbols
        )
        self.learns_text = any(parameter.requires_grad for parameter in self.text_encoder.parameters())
        self.averaged = ("generator", "text_encoder") if self.learns_text else ("generator",)
        self.picture_encoder: Any = None
        if recipe.embed_until:
            if not self.learns_text:
                raise UsageError(
                    f"embed-until is {recipe.embed_until:g}, but the text encoder '{recipe.text_encoder.name}' does "
                    "not learn. Type --text-encoder char-cnn-rnn, or --embed-until 0."
                )
            given = {"shape": spec.shape, "classes": self.text_encoder.width}
            self.picture_encoder = CLASSIFIERS.build(recipe.picture_encoder, **given)
        self.first_drawn = recipe.embed_until
        if recipe.augmentation and recipe.prior.name != "normal":
            raise UsageError(
                f"The numbers that a text is told by are drawn with the latents, whose prior is '{recipe.prior.name}', "
                "but they must be normal. Type --prior normal, or --augmentation 0."
            )
        self.prior: Prior = PRIORS.build(recipe.prior, latent=recipe.latent + self.stages * recipe.augmentation)
        self.generator: Any = self.made_generator()
        self.discriminator: Any = adapted(self.made_discriminator(), recipe.discriminator_norm, ())
        self.objective = Objective(ADVERSARIAL.build(recipe.adversarial))
        self.penalties = _penalties(recipe.penalties, self.discriminator, spec.shape)
        self.register_buffer("kept", torch.zeros(KEPT, length, dtype=torch.long))

    def made_generator(self) -> nn.Module:
        """The generator, in its first state."""
        size, text = self.recipe.augmentation, self.text_encoder.width
        given = {"latent": self.recipe.latent, "shape": self.spec.shape, "text": size or text}
        network: nn.Module = CAPTIONED_GENERATORS.build(self.recipe.generator, **given)
        return AugmentedGenerator(network, text, size) if size else network

    def made_discriminator(self) -> nn.Module:
        """The discriminator, in its first state."""
        given = {"shape": self.spec.shape, "text": self.text_encoder.width}
        made: nn.Module = CAPTIONED_DISCRIMINATORS.build(self.recipe.discriminator, **given)
        return made

    @classmethod
    def requires(cls, recipe: Recipe) -> Mapping[str, str]:
        """Pictures with captions."""
        return {"main": "image", CAPTION: "text"}

    def measure_data(self, data: Dataset) -> None:
        """Keep captions of the training data."""
        some = data.some_training(KEPT, "captions")
        self.kept.copy_(data.batch(some[torch.arange(KEPT) % len(some)])[CAPTION])

    @property
    def players(self) -> dict[str, Player]:
        """The discriminator and the generator; the encoders by themselves where they learn before, else with the
        former."""
        encoders = {name: part for name, part in self.networks().items() if name.endswith("encoder")}
        judges = {"discriminator": self.discriminator, **({} if self.recipe.embed_until else encoders)}
        found = {
            "discriminator": Player(nn.ModuleDict(judges), self.recipe.discriminator_optimizer),
            "generator": Player(self.generator, self.recipe.generator_optimizer),
        }
        if self.recipe.embed_until:
            found["embedding"] = Player(nn.ModuleDict(encoders), self.recipe.discriminator_optimizer)
        return found

    @property
    def undivided(self) -> str:
        """Texts and pictures are compared with those of all classes of a batch."""
        return "each text is compared with all pictures of a batch" if self.recipe.embed_until else ""

    def networks(self) -> dict[str, nn.Module]:
        """Generator, discriminator, the text encoder where it learns, and that of pictures beside which it does so."""
        found = {"generator": self.generator, "discriminator": self.discriminator}
        found |= {"text_encoder": self.text_encoder} if self.learns_text else {}
        return found | ({"picture_encoder": self.picture_encoder} if self.recipe.embed_until else {})

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Latents and texts, pictures and texts, symbols, pictures: as far as the networks are there."""
        text = (self.text_encoder.width,)
        given: dict[str, tuple[tuple[int, ...] | Tensor, ...]] = {
            "generator": ((self.prior.latent,), text),
            "discriminator": (self.spec.shape, text),
            "text_encoder": (self.kept[:2],),
            "picture_encoder": (self.spec.shape,),
        }
        return {name: given[name] for name in self.networks()}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """Turns of the discriminator, then one of the generator; before these the encoders', where they learn first."""
        if draw.progress < self.recipe.embed_until:
            yield self.embedding_turn(next(data))
            return
        for _ in range(self.recipe.critic_steps):
            batch = next(data)
            yield self.discriminator_turn(batch, draw)
            for penalty in self.penalties.values():
                penalty.constrain(self.discriminator)  # type: ignore[operator]
        yield self.generator_turn(next(data) if self.recipe.fresh_batch else batch, draw)

    def embedding_turn(self, batch: Batch) -> Turn:
        """From the classes of pictures, or where they have none from their captions."""
        classes = batch.labels if batch.labels is not None else alike(batch.main, said_of(batch))
        pictures, texts = self.picture_encoder(batch.main), self.text_vectors(batch[CAPTION])
        terms = {"joint": joint_embedding(pictures, texts, classes)}
        return Turn("embedding", terms, signals={"retrieved": retrieved(pictures.detach(), texts.detach(), classes)})

    def discriminator_turn(self, batch: Batch, draw: Draws) -> Turn:
        """From real pictures with their captions, with wrong ones, and generated pictures."""
        images, captions, share = batch.main, batch[CAPTION], self.recipe.mismatch
        with torch.set_grad_enabled(not self.recipe.embed_until):
            text = self.text_vectors(captions)
        z = self.noise(len(batch), draw)
        with torch.no_grad():
            made = self.generator(z, text)
        real, features = self.discriminator.scores_and_features(images, text)
        fake, fake_features = self.discriminator.scores_and_features(made, text)
        terms = {"adversarial": self.objective.discriminator(real, fake, draw, draw.progress)}
        weights, signals = {}, {"real": real.detach(), "fake": fake.detach()}
        if share:
            order, wrong = deranged(images, said_of(batch), draw)
            unmatched = torch.where(wrong, self.discriminator(images, text[order]), fake)
            terms["mismatch"] = self.objective.discriminator(real, unmatched, draw, draw.progress)
            weights, signals["wrong"] = {"adversarial": 1 - share, "mismatch": share}, unmatched.detach()
        context = PenaltyContext(
            critic=lambda seen: self.discriminator(seen, text),
            critic_of_fakes=lambda seen: self.discriminator(seen, text),
            features=lambda seen: self.discriminator.scores_and_features(seen, text)[1],
            real=images, fake=made, real_scores=real, fake_scores=fake, real_features=features,
            fake_features=fake_features, latents=z, styles=lambda latents: latents[:, None],
            synthesize=lambda styles: self.generator(styles[:, 0], text[: len(styles)]), draw=draw,
            progress=draw.progress, told=text, critic_told=self.discriminator,
        )  # fmt: skip
        penalties: Mapping[str, Any] = dict(self.penalties.items())
        for name, penalty in penalties.items():
            term = penalty(context) if draw.step % penalty.every == 0 else None
            if term is not None:
                terms[name], weights[name] = term, penalty.weight * penalty.every
        return Turn("discriminator", terms, weights, signals)

    def generator_turn(self, batch: Batch, draw: Draws) -> Turn:
        """From pictures of captions, and of texts between two."""
        images, captions, factor = batch.main, batch[CAPTION], self.recipe.interpolation
        z = self.noise(len(batch), draw)
        with torch.no_grad():
            text = self.text_vectors(captions)
            real = self.discriminator(images, text) if self.objective.relativistic else None
        terms, weights = {"adversarial": self.fooled(z, text, real, draw)}, {}
        if self.recipe.augmentation:
            terms["kl"], weights["kl"] = self.generator.divergence(text), self.recipe.kl_weight
        if factor:
            other, _ = deranged(images, said_of(batch), draw)
            terms["interpolation"] = self.fooled(z, text.lerp(text[other], BETWEEN), real, draw)
            weights["interpolation"] = factor
        return Turn("generator", terms, weights)

    def fooled(self, z: Tensor, text: Tensor, real: Tensor | None, draw: Draws) -> Tensor:
        """The generator's loss for pictures of texts.  # [N]"""
        scores = self.discriminator(self.generator(z, text), text)
        return self.objective.generator(scores, real, draw.progress)

    def noise(self, count: int, draw: Draws) -> Tensor:
        """Latents for training.  # [count, latent]"""
        return self.prior.sample(count, draw, "latents")

    def text_vectors(self, symbols: Tensor) -> Tensor:
        """What texts say, each as a vector.  # long [N, L] to [N, text]

        Vectors of an encoder that does not learn have length 1, however many numbers they are of; here they are so
        long that these are about as large as those of latents, else networks hardly hear them.
        """
        whole: Tensor = self.text_encoder(symbols)[2]
        return whole if self.learns_text else whole * self.text_encoder.width**0.5

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, latent + 1]``: the latent of each sample index, with the noise of the augmentation, and what chooses a
        caption where none is asked for."""
        numbers = SampleDraws(seed, indices)
        count = len(numbers.indices)
        return torch.cat([self.prior.sample(count, numbers), numbers.uniform("caption", count, 1)], 1)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures ``[n, C, H, W]`` in [-1, 1] of texts, symbols ``[n, L]``; of training captions without."""
        return self.from_text(latents, self.asked(latents, labels))

    def asked(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """The vectors of texts, symbols ``[n, L]``, or of training captions that latents choose.  # [n, text]"""
        if labels is None or labels.dim() != 2:
            labels = self.kept[(latents[:, -1] * KEPT).long().clamp(0, KEPT - 1)]
        return self.text_vectors(labels)

    def from_text(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures ``[n, C, H, W]`` in [-1, 1] of vectors of texts ``[n, text]``, or of what is between and beside."""
        made: Tensor = self.generator(latents[:, : self.prior.latent], text)
        return made.clamp(-1, 1)

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Pictures, and samples of their captions."""
        drawn = self.generate(self.latents(draws.seed, draws.indices).to(batch.main), batch[CAPTION])
        return {"picture": (self.output, batch.main), "sample of its caption": (self.output, drawn)}


def said_of(batch: Batch) -> Tensor:
    """All captions of each picture where some have several, else the one of each.  # long [N, K, L] or [N, L]"""
    return batch.fields.get(every(CAPTION), batch[CAPTION])


def _penalties(parts: Iterable[Part], discriminator: nn.Module, shape: tuple[int, ...]) -> nn.ModuleDict:
    """The penalties of the discriminator's loss.

    Raises:
        UsageError: One joins the generator's loss, or needs maps.
    """
    for part in parts:
        if PENALTIES.load(part.name).players != ("discriminator",):  # type: ignore[attr-defined]
            raise UsageError(
                f"The penalty '{part.name}' joins the generator's loss, which has no penalties in text-to-image. "
                "Choose gradient-penalty, r1 or another of the discriminator's."
            )
    reconstruction = partial(Reconstruction, [], shape)
    return nn.ModuleDict(make_penalties(parts, discriminator, reconstruction=reconstruction))
