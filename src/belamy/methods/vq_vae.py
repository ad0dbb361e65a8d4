r"""VQ-VAE: pictures as few codes, and a model of the codes to draw them from; both in one training.

.. math:: \ln p(x) \ge \ln p(x \mid c) + \ln p(c), \qquad c = \text{codes of } x

for any codes c that are a function of x. The decoder says how likely the levels of the values are, and the law of the
codes is autoregressive, so the bound can be told in nats and bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.likelihood import chosen
from belamy.methods.autoregressive import NETWORKS
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Sampling, SamplingOption, Turn
from belamy.methods.code_use import count, revive
from belamy.methods.levels import (
    LIKELIHOODS,
    SAMPLING,
    ShadesMethod,
    ShadesRecipe,
    check_steps,
    classes_told,
    labels_told,
    precise,
    temperature_of,
)
from belamy.networks.vq_vae import STRIDE, CodedAutoencoder, CodeLaw
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws, generator

QUANTISERS = Registry("belamy.networks.quantisers", "quantiser", "Quantiser")


class Recipe(ShadesRecipe):
    """VQ-VAE: pictures as few codes, a learned codebook or a grid, and an autoregressive model of the codes."""

    likelihood: Annotated[Part, LIKELIHOODS] = Part(name="logistic-mixture", components=1)
    """How likely a value is by what the decoder says: logistic-mixture, categorical, bernoulli (black and white)."""
    quantiser: Annotated[Part, QUANTISERS] = Part(name="vector")
    """How features become codes: vector (a codebook) or finite-scalar (a grid, FSQ)."""
    width: int = Field(default=64, ge=2, le=4096)
    """Channels of the autoencoder, even."""
    prior: Annotated[Part, NETWORKS] = Part(name="gated-pixel-cnn", width=64, depth=6, first=3)
    """The network that looks at the codes before each."""
    prior_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How the model of the codes learns."""
    first_stage: float = Field(default=0.5, ge=0, le=1)
    """Share of the training in which only the autoencoder learns; then only the model of the codes does. 0 for both at
    every step."""
    patience: int = Field(default=200, ge=1)
    """Steps after which a code that no place has taken is dead."""
    restart: bool = True
    """Give dead codes a new place among the batch's features."""
    conditional: bool = False
    """Learn codes given the pictures' class, so that classes can be asked for."""

    @classmethod
    def tiny(cls) -> Self:
        """Few codes of black and white digits of few pixels, both stages at once."""
        prior = Part(name="gated-pixel-cnn", width=4, depth=2, first=3)
        quantiser = Part(name="vector", codes=8, dimensions=4)
        parts: dict[str, Any] = {"prior": prior, "quantiser": quantiser, "likelihood": Part(name="bernoulli")}
        return cls(train_samples=96, batch=8, size=8, ema_half_life=16, width=8, first_stage=0.0, **parts)


class Method(ShadesMethod):
    """Two players, the autoencoder and the law of its codes, one after the other.

    *Departs from the paper:* reconstructions are counted by a likelihood of levels; dead codes start anew, where they
    are needed; both stages are one training.

    References:
        Van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937; Mentzer et al. 2023, arXiv:2309.15505.

    Raises:
        UsageError: The pictures have not 8 bits or sides that are no multiples of 4, a conditional model's have no
            classes, or the quantiser makes no codes.
    """

    averaged = ("autoencoder", "law_of_codes")
    objective_terms = ("autoencoder.reconstruction",)
    nats_terms = ("autoencoder.reconstruction", "law.nats")
    sampling_options: Mapping[str, SamplingOption] = SAMPLING
    likelihood: Literal["exact", "bound"] = "bound"
    idle: Tensor

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.classes = classes_told(recipe.conditional, spec, "VQ-VAE")
        quantiser: Any = QUANTISERS.build(recipe.quantiser)
        outputs = self.channels * self.law.parameters
        if not quantiser.codes:
            raise UsageError("VQ-VAE learns the law of codes, and the quantiser 'none' makes none. Leave it out.")
        self.autoencoder = CodedAutoencoder(spec.shape, quantiser, outputs, recipe.width // 2 * 2)
        self.places = (quantiser.dimensions, self.height // STRIDE, self.width // STRIDE)
        network = NETWORKS.build(recipe.prior, shape=self.places, classes=self.classes)
        self.law_of_codes = CodeLaw(network, quantiser.codes)
        self.first_drawn = recipe.first_stage
        self.register_buffer("idle", torch.zeros(quantiser.codes, dtype=torch.long))

    @property
    def players(self) -> dict[str, Player]:
        """The autoencoder, and the law of its codes."""
        return {
            "autoencoder": Player(self.autoencoder, self.recipe.optimizer),
            "law": Player(self.law_of_codes, self.recipe.prior_optimizer),
        }

    @property
    def undivided(self) -> str:
        """Codes are counted once a step."""
        return "codes that no place of a batch takes are counted"

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Pictures, and vectors of codes with the class if it is told."""
        labels = (torch.zeros(2, dtype=torch.long),) if self.classes else ()
        return {"autoencoder": (self.spec.shape,), "law_of_codes": (self.places, *labels)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """The autoencoder's turn, the law's, or both, by the stage."""
        batch, split = next(data), self.recipe.first_stage
        levels = self.levels(batch, draw)
        if draw.progress < split or not split:
            if self.recipe.restart:
                network, patience = self.autoencoder, self.recipe.patience
                revive(network.quantiser, self.idle, patience, lambda: network.encoder(self.seen(levels)), draw)
            nats, quantised = self.decoded(levels)
            count(self.idle, quantised.codes)
            used = (self.idle < self.recipe.patience).to(nats).mean()
            terms = {"reconstruction": nats, **quantised.terms}
            yield Turn("autoencoder", terms, {"reconstruction": 1 / self.values}, {"used": used})
        if draw.progress >= split:
            with torch.no_grad():
                codes = self.codes_of(levels)
            terms = {"nats": self.nats_of_codes(codes, batch.labels)}
            yield Turn("law", terms, {"nats": 1 / codes[0].numel()})

    def seen(self, levels: Tensor) -> Tensor:
        """Levels as the autoencoder sees them."""
        return self.shown(levels, next(self.parameters()).dtype)

    def decoded(self, levels: Tensor) -> tuple[Tensor, Any]:
        """Nats of pictures given their codes, and the codes.  # [N, C, H, W] to [N]"""
        told, quantised = self.autoencoder(self.seen(levels))
        parameters = told.unflatten(1, (self.channels, self.law.parameters)).movedim(2, -1)
        return -self.law.log_prob(parameters, levels).flatten(1).sum(1), quantised

    def codes_of(self, levels: Tensor) -> Tensor:
        """The codes of pictures.  # long [N, h, w]"""
        codes: Tensor = self.autoencoder.quantiser(self.autoencoder.encoder(self.seen(levels))).codes
        return codes

    def nats_of_codes(self, codes: Tensor, labels: Tensor | None) -> Tensor:
        """Minus the log-probability of codes.  # long [N, h, w] to [N]"""
        vectors = self.autoencoder.quantiser.vectors(codes).detach().to(next(self.parameters()))
        logits = self.law_of_codes(vectors, labels_told(self.classes, labels))
        told: Tensor = logits.log_softmax(-1).gather(-1, codes[..., None])
        return -told.flatten(1).sum(1)

    def log_prob(self, batch: Batch, draws: SampleDraws) -> Tensor:
        """The bound of each picture in nats, of what ``scored`` says.  # [n]"""
        nats, quantised = self.decoded(self.levels(batch, draws))
        return -(nats + self.nats_of_codes(quantised.codes, batch.labels))

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """Nats of a picture given its codes, and of the codes; the loss is both."""
        nats, quantised = self.decoded(self.levels(batch, draw))
        of_codes = self.nats_of_codes(quantised.codes, batch.labels)
        return {"loss": nats + of_codes, "reconstruction": nats, "codes": of_codes}

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """Uniform numbers, one for each code.  # [n, places]"""
        size = self.places[1] * self.places[2]
        return torch.stack([torch.rand(size, generator=generator(seed, "sample", index)) for index in indices])

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Pictures of codes that are drawn one after the other, in [-1, 1].  # [n, C, H, W]

        Raises:
            UsageError: A number of steps is asked for.
        """
        check_steps(sampling)
        labels = labels_told(self.classes, labels)
        kind, temperature = precise(latents.device), temperature_of(sampling)
        law = deepcopy(self.law_of_codes).to(kind).eval()
        quantiser: Any = deepcopy(self.autoencoder.quantiser).to(kind).eval()
        state, before, codes = law.network.start(len(latents), labels), None, []
        for place in range(latents.shape[1]):
            logits = law.head(law.network.step(state, place, before))
            codes.append(chosen(logits, latents[:, place], temperature))
            before = quantiser.vectors(codes[-1][:, None, None])[..., 0, 0].to(kind)
            if sampling:
                sampling.report(place + 1, latents.shape[1])
        return self.drawn(torch.stack(codes, 1).unflatten(1, self.places[1:]))

    def drawn(self, codes: Tensor) -> Tensor:
        """The mean of what the decoder says of codes.  # long [n, h, w] to [n, C, H, W]"""
        vectors = self.autoencoder.quantiser.vectors(codes).to(next(self.parameters()))
        told = self.autoencoder.decoder(vectors).unflatten(1, (self.channels, self.law.parameters))
        return self.mean_shown(told.movedim(2, -1))

    def reconstruct(self, images: Tensor) -> Tensor:
        """What the decoder says of the codes of pictures in [-1, 1]."""
        return self.drawn(self.autoencoder(images)[1].codes)
