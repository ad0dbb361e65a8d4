"""The matcher of captions and pictures: encoders of both, learned from one half of the data, asked about the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from math import log
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from belamy.data import Dataset, to_float
from belamy.data.captions import FIELD as CAPTION
from belamy.data.load_options import LoadOptions
from belamy.evaluation.features.classifier import weights_digest
from belamy.methods.base import Player, Turn
from belamy.methods.learning import fit
from belamy.modalities.fields import Field
from belamy.networks.convnet import Classifier
from belamy.networks.layers import fit_moving_statistics
from belamy.networks.text_transformer import TextEncoder
from belamy.registry import Part
from belamy.runs import files
from belamy.seeds import derive, generator

SEED = 12345
WIDTH, DEPTH, HEADS = 64, 1, 4
"""Of the text encoder; pictures and texts become so many numbers."""
BATCH, PASSES, LEAST, MOST = 64, 40, 300, 3000
"""Pairs in a step, passes over the half that is learned from, and steps, at least and at most."""
NOISE = 0.15
"""On the pictures that are learned from (standard deviation, on the scale [-1, 1])."""
TEMPERATURE, SHARPEST = 0.07, 100.0
"""At first, and the greatest factor of cosines that can be learned, as in CLIP."""
ADAM, SCHEDULE = Part(name="adam", lr=2e-3), Part(name="cosine", warmup=0.2)
LEARNED = 1
"""Counts the ways in which matchers have learned: one of another way is not found in the cache."""
PART = 256

Say = Callable[[str], None]


class Encoders(nn.Module):
    r"""A picture and a text as vectors of length 1, near to each other where they belong together.

    Learned by telling which of the texts of a batch is a picture's, and the other way round:

    .. math:: -\frac12 \log \mathrm{softmax}_j(s \langle x_i, t_j \rangle)_i
        - \frac12 \log \mathrm{softmax}_j(s \langle x_j, t_i \rangle)_i

    References:
        Radford et al. 2021, "CLIP", arXiv 2103.00020, figure 3.

    Args:
        shape: (channels, height, width) of the pictures.
        caption: The field of the captions.
    """

    def __init__(self, shape: tuple[int, ...], caption: Field) -> None:
        super().__init__()
        self.picture = Classifier(shape, WIDTH)
        self.text = TextEncoder(caption.shape[0], len(caption.classes), width=WIDTH, depth=DEPTH, heads=HEADS)
        self.sharpness = nn.Parameter(torch.tensor(-log(TEMPERATURE)))

    def pictures(self, values: Tensor) -> Tensor:
        """Vectors of pictures in [-1, 1].  # [n, C, H, W] to [n, 64]"""
        return normalize(self.picture(values), dim=1)

    def texts(self, symbols: Tensor) -> Tensor:
        """Vectors of texts.  # long [n, L] to [n, 64]"""
        return normalize(self.text(symbols).whole, dim=1)

    def loss(self, values: Tensor, symbols: Tensor) -> Tensor:
        """Of pictures and their texts.  # [n]"""
        scores = self.sharpness.exp().clamp(max=SHARPEST) * self.pictures(values) @ self.texts(symbols).T
        own = torch.arange(len(scores))
        return sum(cross_entropy(each, own, reduction="none") for each in (scores, scores.T)) / 2  # type: ignore[return-value]


class CaptionMatcher:
    """Tells how well captions fit pictures; the generator that is judged has not taught it, nor it the generator.

    One half of the data, the same for every run on them, is learned from; :attr:`asked` are held-out pictures of the
    other half, which neither a generator nor it has learned from.

    Args:
        data: Pictures with captions.
        cache: Where judges are kept; None is $BELAMY_CACHE or the platform's cache.
        say: Is told that it is being trained.

    Raises:
        UsageError: Pictures whose sides are no multiples of 4.
    """

    def __init__(self, data: Dataset, cache: Path | None = None, say: Say | None = None) -> None:
        self.data = data
        self.learned, self.other = halves(data)
        held = data.held_out
        self.asked = held[torch.isin(held, self.other)]
        key = json.dumps([data.fingerprint, LEARNED])
        name = f"captions-{hashlib.sha256(key.encode()).hexdigest()[:24]}.safetensors"
        path = LoadOptions(cache=cache).cache_folder / "judges" / name
        self.encoders = _fresh(data)
        if not path.is_file():
            with files.locked(path.with_suffix(".lock")):
                if not path.is_file():
                    if say:
                        say(f"Training the matcher of pictures and captions of {data.name}, once for all …")
                    _learn(self.encoders, data, self.learned)
                    files.save_tensors(path, self.encoders.state_dict())
        self.encoders.load_state_dict(files.load_tensors(path, None))
        self.encoders.eval().requires_grad_(False)
        self.digest = weights_digest(self.encoders.state_dict())

    def __str__(self) -> str:
        return (
            f"convnet and text-transformer@{self.digest[:6]}, learned from {len(self.learned):,} pictures, asked about "
            f"held-out ones of the other {len(self.other):,}"
        )

    def scores(self, pictures: Tensor, symbols: Tensor) -> Tensor:
        """How well each caption fits each picture.  # uint8 [n, C, H, W], long [m, L] to [n, m] in [-1, 1]"""
        seen = torch.cat([self.encoders.pictures(to_float(part)) for part in pictures.split(PART)])
        read = torch.cat([self.encoders.texts(part) for part in symbols.split(PART)])
        return seen @ read.T


def halves(data: Dataset) -> tuple[Tensor, Tensor]:
    """The rows that a matcher learns from, and those that it is asked about.  # [n] long each"""
    order = torch.randperm(len(data), generator=generator(SEED, "halves"))
    first, second = order.tensor_split(2)
    return first.sort().values, second.sort().values


def _fresh(data: Dataset) -> Encoders:
    """Encoders with weights of their own seed, whatever else is drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(SEED, "weights"))
        return Encoders(data.shape, data.columns[CAPTION].field)


def _learn(encoders: Encoders, data: Dataset, rows: Tensor) -> None:
    """Let encoders learn from pairs."""
    steps, numbers = min(max(PASSES * len(rows) // BATCH, LEAST), MOST), generator(SEED, "matcher")
    captions = data.columns[CAPTION].store
    fit_moving_statistics(encoders, steps)

    def play(_step: int) -> Turn:
        taken = rows[torch.randint(len(rows), (BATCH,), generator=numbers)]
        values = to_float(data.images(taken))
        values = values + NOISE * torch.randn(values.shape, generator=numbers)
        return Turn("encoders", {"matching": encoders.loss(values, captions.read(taken).long())})

    fit({"encoders": Player(encoders, ADAM)}, play, steps, schedule=SCHEDULE, seed=derive(SEED, "dropout"))
