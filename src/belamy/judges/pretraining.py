"""Pretraining: an encoder that learned without labels, loaded into a classifier that has few."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import torch
from markupsafe import Markup
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.data import Dataset, to_float
from belamy.errors import UsageError
from belamy.evaluation import intervals
from belamy.evaluation.statistics import Interval
from belamy.judges.judge import Say, labels_of, right
from belamy.methods.base import BaseMethod, Encodes, Player, Turn
from belamy.methods.learning import fit
from belamy.networks.layers import fit_moving_statistics
from belamy.pages import page
from belamy.pages.charts import interval_chart
from belamy.registry import Part
from belamy.sampling.draw import placement
from belamy.seeds import derive, generator
from belamy.training.trainer import fresh

Start = Literal["pretrained", "frozen", "scratch"]
STARTS: tuple[Start, ...] = ("scratch", "frozen", "pretrained")
TELLING = 200
"""Held-out images that are enough to test on."""


class EncoderClassifier(nn.Module):
    """Images → the method's code → normalised → classes.

    Args:
        method: It encodes; it is copied, and the copy learns too unless it is frozen.
        classes: How many.
        frozen: Whether the encoder stays as it is.
        codes: Codes whose mean and standard deviation the head's input is measured by.  # [n, latent]
    """

    def __init__(self, method: BaseMethod, classes: int, *, frozen: bool, codes: Tensor) -> None:
        super().__init__()
        self.method: Any = deepcopy(method).requires_grad_(not frozen)
        self.register_buffer("mean", codes.mean(0))
        self.register_buffer("deviation", codes.std(0).clamp_min(1e-6))
        self.head = nn.Linear(codes.shape[1], classes).to(codes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[n, classes]`` of images in [-1, 1]."""
        logits: Tensor = self.head((self.method.encode(images) - self.mean) / self.deviation)
        return logits


@dataclass(frozen=True)
class Learning:
    """How a classifier of few images learns: Adam on all of them at once, with a rate that falls along a half cosine.

    Args:
        steps: Of Adam.
        rate: Of the head.
        encoder_rate: Of the encoder, whatever it starts from.
    """

    steps: int = 150
    rate: float = 1e-2
    encoder_rate: float = 1e-3


@dataclass(frozen=True)
class Gain:
    """Accuracy on held-out images by how the encoder started, one number for each seed.

    Args:
        accuracies: By ``scratch``, ``frozen`` and ``pretrained``.
        per_class: Labelled images of each class.
        tested: Images that were not learned from.
        note: What must be known of these; empty where they were held out.
    """

    accuracies: dict[str, tuple[float, ...]]
    per_class: int
    tested: int
    note: str = ""

    @property
    def gain(self) -> Interval:
        """Mean of pretrained minus scratch over seeds, with Student's interval."""
        pairs = zip(self.accuracies["pretrained"], self.accuracies["scratch"], strict=True)
        return intervals.mean([after - before for after, before in pairs])

    def chart(self) -> Markup:
        """Mean accuracy of each start with Student's interval over the seeds, as SVG."""
        found = {start: [intervals.mean(each)] for start, each in self.accuracies.items()}
        return interval_chart(found, "Accuracy", "with 95 % intervals over seeds", per_cent=True)

    def _repr_html_(self) -> str:
        return self.chart()

    def page(self, title: str) -> str:
        """One self-contained HTML page: the accuracies drawn, and those of every seed."""
        lead = (
            f"{self.per_class} labels of each class, {self.tested:,} other images. Pretraining gains "
            f"{self.gain.value:+.1%} ({self.gain.low:+.1%} to {self.gain.high:+.1%}). {self.note}"
        )
        seeds = [[f"{found:.1%}" for found in row] for row in zip(*self.accuracies.values(), strict=True)]
        return page("pretraining", title, lead_text=lead, chart=self.chart(), starts=list(self.accuracies), seeds=seeds)

    def facts(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "per_class": self.per_class,
            "tested": self.tested,
            "note": self.note,
            "accuracies": {start: list(found) for start, found in self.accuracies.items()},
            "gain": list(self.gain),
        }


def few_labels(
    method: BaseMethod,
    data: Dataset,
    *,
    per_class: int = 10,
    seeds: int = 5,
    seed: int = 0,
    learning: Learning | None = None,
    say: Say | None = None,
) -> Gain:
    """What a pretrained encoder is worth where labels are few.

    For each seed as many training images of every class are drawn, and three classifiers of the same form learn from
    these alone: one whose encoder has fresh weights (``scratch``), one whose encoder is the method's and stays
    (``frozen``), and one whose encoder is the method's and learns on (``pretrained``). All are tested on the images of
    :func:`evaluation_rows`.

    References:
        Hinton & Salakhutdinov 2006, Science 313; Erhan et al. 2010, "Why does unsupervised pre-training help deep
        learning?"

    Args:
        method: It encodes.
        data: Labelled images of the method's shape.
        per_class: Labelled images of each class.
        seeds: How many times all is drawn and learned.
        seed: Of the first.
        learning: How, the same for all.
        say: Is told each seed's result.

    Raises:
        UsageError: The method has no encoder, or the data too few labels or nothing held out.
    """
    labels = _checked(method, data, per_class, seeds)
    how, tested, note = learning or Learning(), 0, ""
    found: dict[str, list[float]] = {start: [] for start in STARTS}
    for number in range(seed, seed + seeds):
        chosen = drawn(labels, data.indices("train"), per_class, number)
        held, note = evaluation_rows(data, chosen)
        tested = len(held)
        for start in STARTS:
            network = classifier(method, data, chosen, start, number, how)
            found[start].append(float(right(network, data, held).double().mean()))
        if say:
            told = ", ".join(f"{start} {found[start][-1]:.1%}" for start in STARTS)
            say(f"Seed {number}, {per_class} labels of each class: {told}")
    return Gain({start: tuple(each) for start, each in found.items()}, per_class, tested, note)


def classifier(
    method: BaseMethod, data: Dataset, chosen: Tensor, start: Start = "pretrained", seed: int = 0,
    learning: Learning | None = None,
) -> EncoderClassifier:  # fmt: skip
    """A classifier with the method's encoder, taught by some of the data.

    Args:
        method: It encodes; it stays as it is.
        data: Labelled images.
        chosen: Those to learn from.  # [n]
        start: Whether the encoder is the method's, the same and frozen, or one with fresh weights drawn by the seed.
        seed: Of fresh weights, and of dropout.
        learning: How.

    Returns:
        It, in evaluation mode.
    """
    how, labels = learning or Learning(), data.labels
    assert labels is not None  # the caller has checked
    device, dtype = placement(method)
    encoder = method
    if start == "scratch":
        encoder = fresh(lambda: type(method)(method.recipe, method.spec), derive(seed, "scratch"), device, dtype)
    images, wanted = to_float(data.images(chosen)).to(device, dtype), labels[chosen].to(device)
    with torch.no_grad():
        codes = encoder.eval().encode(images)  # type: ignore[operator]
    network = EncoderClassifier(encoder, len(data.classes), frozen=start == "frozen", codes=codes)
    network.train(start != "frozen")
    fit_moving_statistics(network, how.steps)
    players = {"head": Player(network.head, Part(name="adam", lr=how.rate))}
    if start != "frozen":
        players["encoder"] = Player(network.method, Part(name="adam", lr=how.encoder_rate))

    def play(_step: int) -> tuple[Turn, ...]:
        loss = cross_entropy(network(images), wanted, reduction="none")
        return tuple(Turn(player, {"cross-entropy": loss}) for player in players)

    fit(players, play, how.steps, seed=derive(seed, "few-labels"))
    return network.eval()


def drawn(labels: Tensor, among: Tensor, per_class: int, seed: int) -> Tensor:
    """As many images of every class, drawn by the seed.  # [classes · per_class]"""
    order = among[torch.randperm(len(among), generator=generator(seed, "few-labels"))]
    return torch.cat([order[labels[order] == kind][:per_class] for kind in labels.unique()])


def evaluation_rows(data: Dataset, learned: Tensor) -> tuple[Tensor, str]:
    """Which images test what learned from a few: those held out, or all others where too few are.

    Args:
        data: The images.
        learned: Those that were learned from.  # [n]

    Returns:
        Rows, and what must be known of them; nothing where all of them were held out.
    """
    held = data.held_out
    if len(held) >= TELLING:
        return held, ""
    kept = torch.ones(len(data), dtype=torch.bool)
    kept[learned] = False
    others = kept.nonzero().flatten()
    if len(others) == len(held):
        return held, ""
    return others, (
        f"{data.name} holds only {len(held):,} images out, so all {len(others):,} that were not learned from are "
        "tested on; the encoder has seen most of them, without labels."
    )


def _checked(method: BaseMethod, data: Dataset, per_class: int, seeds: int) -> Tensor:
    """The labels of data that a classifier can learn from.

    Raises:
        UsageError: It cannot.
    """
    if not isinstance(method, Encodes):
        raise UsageError("This run's method has no encoder, so nothing of it can be loaded. Take an autoencoder's run.")
    if tuple(method.spec.shape) != data.shape:
        raise UsageError(f"{data.name} is {data.shape}, but this run's images are {tuple(method.spec.shape)}.")
    labels = labels_of(data)
    if seeds < 2 or per_class < 1:
        raise UsageError(f"{seeds} seeds and {per_class} labels are asked for, but there must be 2 and 1 or more.")
    fewest = int(torch.bincount(labels[data.indices("train")], minlength=len(data.classes)).min())
    if per_class > fewest:
        raise UsageError(
            f"{per_class} labels of each class are asked for, but one class has {fewest} training images. "
            f"Type --per-class {max(fewest, 1)} or less."
        )
    if len(labels) <= per_class * len(data.classes):
        raise UsageError(f"{per_class} labels of each class leave none of {len(labels)} images to test on. Take fewer.")
    return labels
