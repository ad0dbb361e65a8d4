"""What a look at a method that translates pictures measures: its translations, and what the discriminator tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import repeat
from math import prod
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from belamy.data import Batch, Dataset
from belamy.methods.base import UNTOUCHED, Fills, Restores, Turn, given_of
from belamy.methods.filling import OPAQUE
from belamy.seeds import Draws, SampleDraws
from belamy.training.trainer import Trainer
from belamy.training.watch import picture_faults as faults
from belamy.training.watch.patch_features import PatchFeatures, chosen, compared, spectrum

REFERENCE, MOST_VALUES, FEWEST = 256, 1 << 22, 16
"""Pictures that translations are compared with; of large ones only so many values in all, but no fewer than these."""
PLAYED = 4
"""Samples of the step that is played to see what reaches the generator."""
RARE, BEYOND, FAINT = 0.98, 1.25, 0.1
"""A spot counts that stands out so much more than this share of the data's strongest ones, and a little beyond it."""
SAMPLES_OF_CLASSES = 1000
"""Pictures of the second side that its classes are learned from, at most."""
GAME, GENERATOR = "adversarial", "generator"


class Reference(NamedTuple):
    """What pictures of the target are like."""

    pictures: Tensor
    spectrum: Mapping[int, float]
    lines: faults.LineDifferences
    spots: Tensor
    """What hardly any picture's strongest bright and dark spots exceed.  # [2]"""


class Seen(NamedTuple):
    """Translations and what they are compared with, all pictures ``[n, C, H, W]`` in [-1, 1]."""

    made: Tensor
    wanted: Tensor
    """What they should be; without pairs other pictures of the target."""
    ways: Sequence[Tensor]
    """What comes of the inputs without learning: first themselves, where they can be compared."""
    weights: Tensor
    """1 where pixels are made, 0 where they are known.  # [n, 1, H, W]"""
    labels: Tensor | None
    """Classes of the inputs.  # [n]"""


class TranslationLooks:
    """Looks at what a method makes of training samples, and at the gradients of its generator.

    Args:
        trainer: What is watched; its method translates into pictures.
        learned: The training samples that are looked at.  # [m] long
    """

    def __init__(self, trainer: Trainer, learned: Tensor) -> None:
        self.trainer, self.learned = trainer, learned
        self.method = cast(Any, trainer.method)
        self.data = trainer.dataset
        self.side = self.data.sides.get(self.method.target)
        self.most = max(FEWEST, min(REFERENCE, MOST_VALUES // prod(self.method.output.shape)))

    def look(self, turn: int, count: int) -> dict[str, Any]:
        """The part of a row that is of translations.

        Args:
            turn: The number of the look; it decides which samples are translated.
            count: How many.
        """
        with torch.no_grad():
            seen = self.seen(turn, min(count, self.most))
        if not torch.isfinite(seen.made).all():
            return {"finite": 0.0}
        own, usual = spectrum(seen.made), self.reference
        row: dict[str, Any] = {
            "finite": 1.0,
            "pattern": max((own[period] / (usual.spectrum[period] + 1e-6) for period in own), default=1.0),
            "translation": {**self.compared(seen), **self.unpaired(seen), **self.known(seen)},
        }
        return row

    def seen(self, turn: int, count: int) -> Seen:
        """Translations of some training samples."""
        numbers = range(turn * count, (turn + 1) * count)
        batch = self.batch(self.learned[torch.tensor(numbers) % len(self.learned)], turn * count)
        draws = SampleDraws(self.method.recipe.seed + 1, numbers)
        source = given_of(self.method, batch, draws)
        size = max(1, min(count, self.method.recipe.batch))
        self.method.eval()
        made = torch.cat([
            self.method.translate(part, SampleDraws(draws.seed, numbers[first * size : first * size + len(part)]))
            for first, part in enumerate(source.split(size))
        ]).float().clamp(-1, 1)  # fmt: skip
        self.method.train()
        wanted = batch[self.method.target].float()
        weights = made.new_ones(len(made), 1, *made.shape[2:])
        if isinstance(self.method, Fills):
            weights = (source[:, -1:] < OPAQUE).float()
        return Seen(made, wanted, self.ways(source, wanted), weights, batch.labels)

    def batch(self, indices: Tensor, start: int) -> Batch:
        """Training samples as the method is given them, beside samples of the sides from a number on."""
        device, dtype = self.trainer.device, self.trainer.dtype
        batch = self.data.batch(indices, device, dtype)
        sides = {name: side.batch(_from(side, start, len(indices)), device, dtype).main
                 for name, side in self.data.sides.items()}  # fmt: skip
        return Batch({**batch.fields, **sides}, batch.indices)

    def ways(self, source: Tensor, wanted: Tensor) -> list[Tensor]:
        """What comes of inputs without learning, in the shape of the target."""
        if isinstance(self.method, Restores):
            rivals = self.method.rivals(source)
            return [rivals[UNTOUCHED].float(), *(each.float() for name, each in rivals.items() if name != UNTOUCHED)]
        if not source.is_floating_point() or source.shape[2:] != wanted.shape[2:]:
            return []
        return [] if (like := _as_channels(source.float(), wanted.shape[1])) is None else [like]

    @cached_property
    def reference(self) -> Reference:
        """What pictures of the target are like; made at the first look."""
        device = self.trainer.device
        if self.side is not None:
            pictures = self.side.batch(_from(self.side, 0, min(self.most, len(self.side))), device).main
        else:
            pictures = self.data.batch(self.learned[: self.most], device)[self.method.target]
        rare = faults.spots(pictures).quantile(RARE, dim=0)
        return Reference(pictures, spectrum(pictures), faults.lines(pictures), BEYOND * rare + FAINT)

    def compared(self, seen: Seen) -> dict[str, float]:
        """What translations are like, pixel by pixel where it is known what they should be."""
        made, wanted, ways, weights, _ = seen
        usual = self.reference
        like = wanted if self.side is None else ways[0] if ways else usual.pictures
        lines = [torch.maximum(*each) for each in zip(usual.lines, faults.lines(like), strict=True)]
        worst = faults.seam(faults.lines(made), faults.LineDifferences(*lines))
        row = {
            "variety": faults.variety(made, weights) / (faults.variety(wanted, weights) + 1e-6),
            "spots": float((faults.spots(made) > usual.spots).any(1).float().mean()),
            "seam": worst.factor,
            "seam_inside": float(worst.inside),
        }
        if ways:
            changes = [faults.apart(made, way, weights) / (faults.apart(wanted, way, weights) + 1e-6) for way in ways]
            row["change"] = min(changes)
        return row

    def known(self, seen: Seen) -> dict[str, float]:
        """What is measured beside the true translations: colours, and the edges of holes."""
        if self.side is not None:
            return {}
        row = {
            "likeness": faults.likeness(seen.made, seen.wanted, seen.weights),
            "shift": self.shift(seen, paired=True),
        }
        if isinstance(self.method, Fills):
            known = 1 - seen.weights
            row["jump"] = faults.jumps(seen.made, known) / (faults.jumps(seen.wanted, known) + 1e-3)
        return row

    def unpaired(self, seen: Seen) -> dict[str, Any]:
        """What can be told without true translations: the way gone, colours, classes."""
        if self.side is None:
            return {}
        made, usual = seen.made, self.reference.pictures
        means = usual.mean(0)
        row: dict[str, Any] = {"shift": self.shift(seen, paired=False)}
        if seen.ways and self.way is not None:
            given = seen.ways[0]
            row |= {
                "likeness": faults.likeness(made, given, seen.weights),
                "negative": float((-made.mean(0) - means).abs().mean() / ((made.mean(0) - means).abs().mean() + 1e-6)),
                "way": self.way.gone(given, made),
                "sides_apart": self.way.distance,
            }
        if self.classes is not None and seen.labels is not None:
            said = self.classes.features(made)[1]
            assert said is not None
            count = self.classes.classes
            row |= {
                "classes_given": torch.bincount(seen.labels, minlength=count).tolist(),
                "classes_made": torch.bincount(said.argmax(1).cpu(), minlength=count).tolist(),
                "classes_kept": float((said.argmax(1).cpu() == seen.labels.cpu()).float().mean()),
                "classes_limit": self.classes.accuracy,
                "classes_there": self.shares,
            }
        return row

    def shift(self, seen: Seen, paired: bool) -> float:
        """By how much a channel's mean is off; see :func:`belamy.training.watch.picture_faults.shift`."""
        usual = self.reference.pictures
        wanted = faults.channel_means(seen.wanted, seen.weights) if paired else usual.mean((2, 3))
        return faults.shift(faults.channel_means(seen.made, seen.weights), wanted, usual.std(), paired=paired)

    @cached_property
    def way(self) -> faults.Way | None:
        """From the first side to the second; None where they cannot be compared."""
        batch = self.batch(self.learned[: self.most], 0)
        ways = self.ways(batch[self.method.source], batch[self.method.target])
        return faults.Way.between(ways[0], self.reference.pictures) if ways else None

    @cached_property
    def classes(self) -> PatchFeatures | None:
        """Tells the classes of pictures of the second side, where both sides have the same."""
        side, names = self.side, tuple(self.data.classes)
        if side is None or len(names) < 2 or tuple(side.classes) != names or side.labels is None:
            return None
        return PatchFeatures(side, *compared(side, SAMPLES_OF_CLASSES), self.trainer.device)

    @cached_property
    def shares(self) -> list[float]:
        """How frequent the classes of the second side are."""
        assert self.classes is not None and self.classes.labels is not None
        counts = torch.bincount(self.classes.labels, minlength=self.classes.classes).double()
        return [float(share) for share in counts / counts.sum()]

    def reach(self) -> dict[str, float]:
        """What the discriminator tells the generator: of a step that is played and not taken, the gradients' norms.

        ``game`` is that of the adversarial losses before their weight; ``share`` is their part of all gradients with
        it. Empty where the step has no such loss, and where several processes play together.
        """
        trainer, clock = self.trainer, self.trainer.clock
        if "discriminator" not in trainer.players or trainer.world.size > 1:
            return {}
        recipe = self.method.recipe
        count = recipe.batch if self.method.undivided else min(recipe.batch, PLAYED)
        draw = Draws(recipe.seed, clock.step, device=trainer.device, dtype=trainer.dtype,
                     progress=min(clock.samples / recipe.train_samples, 1.0))  # fmt: skip
        indices = trainer.batches.indices(trainer.batches.position)[:count]
        for turns in self.method.play(repeat(self.batch(indices, clock.samples)), draw):
            for turn in (turns,) if isinstance(turns, Turn) else turns:
                if turn.player == GENERATOR:
                    return reaching(turn, trainer.parameters[GENERATOR])
        return {}


def reaching(turn: Turn, parameters: Sequence[Tensor]) -> dict[str, float]:
    """The norm of the adversarial gradients of a turn, and their part of all; empty where it has no such loss."""
    games = {name: term for name, term in turn.terms.items() if name.startswith(GAME)}
    rest = {name: term for name, term in turn.terms.items() if not name.startswith(GAME)}
    if not games:
        return {}
    weight = max(turn.weights.get(name, 1.0) for name in games)
    norms = [
        _norm([factor * term.mean() for term, factor in losses], parameters)
        for losses in ([(term, 1.0) for term in games.values()],
                       [(term, turn.weights.get(name, 1.0)) for name, term in rest.items()])
    ]  # fmt: skip
    return {"game": norms[0], "share": weight * norms[0] / (weight * norms[0] + norms[1] + 1e-30)}


def _norm(losses: Sequence[Tensor], parameters: Sequence[Tensor]) -> float:
    """The norm of the gradients of the sum of some losses."""
    learned = [loss for loss in losses if loss.requires_grad]
    if not learned:
        return 0.0
    total = torch.stack(learned).sum()
    found = torch.autograd.grad(total, list(parameters), retain_graph=True, allow_unused=True)
    gradients = [each for each in found if each is not None]
    return float(torch.stack(torch._foreach_norm(gradients)).float().norm()) if gradients else 0.0


def _from(side: Dataset, start: int, count: int) -> Tensor:
    """Training samples of a side from a number on, in an order that is the same for every run on the same data."""
    indices = side.indices("train" if "train" in side.splits else "all")
    order = chosen(indices, len(indices), "side")
    return order[torch.arange(start, start + count) % len(order)]


def _as_channels(pictures: Tensor, channels: int) -> Tensor | None:
    """Pictures with other channels: grey ones in colour, or the other way round; None where neither is."""
    if pictures.shape[1] == channels:
        return pictures
    if pictures.shape[1] == 1:
        return pictures.expand(-1, channels, -1, -1)
    return pictures.mean(1, keepdim=True) if channels == 1 else None
