"""Looking at a method in training without disturbing it: one row of plain numbers at each of some moments."""

from __future__ import annotations

from bisect import bisect_right as bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from belamy.data import Batch
from belamy.data.captions import FIELD as CAPTION
from belamy.methods import base
from belamy.methods.base import Samples, TakesText, Translates
from belamy.networks.layers import KerasConvTranspose2d, initial_share
from belamy.sampling.draw import made
from belamy.training.trainer import Trainer
from belamy.training.watch.own import told
from belamy.training.watch.patch_features import PatchFeatures, colour, compared, detail, nearest, pairwise, spectrum
from belamy.training.watch.sample_distances import SampleDistances
from belamy.training.watch.sound_faults import at_levels_of
from belamy.training.watch.text_effects import TextEffects
from belamy.training.watch.translations import TranslationLooks

MOMENTS = 64
"""Looks at a run, at most."""
IMAGES, LEAST = 64, 16
"""Images of each kind in a look: a batch, but no more and no fewer than these."""
APART = 32
"""Between two looks training sees at least so many times the images of a look."""
LEARNED = 3000
"""Training images that patch features are learned from, at most; in short runs one for each 60 samples of the run."""
FEWEST = 256
FEW = 4
SATURATED = 0.99
DIGITS = 5
SETTLING = 0.2
"""Share of a second stage before which the networks that samples are drawn with have hardly begun to learn."""
COLOURED = 0.02
"""Difference of channels from which data have colours."""
MOST_CLASSES = 100


@runtime_checkable
class HasDiscriminator(Protocol):
    """A method whose generated images are judged by an adversary."""

    value_range: tuple[float, float]
    objective: Any

    def real(self, batch: Batch) -> Tensor:
        """The batch's images as the adversary is shown them."""
        ...

    def judge(self, images: Tensor, labels: Tensor | None) -> Any:
        """What the adversary says; ``scores`` is [n]."""
        ...


@runtime_checkable
class ShowsOther(Protocol):
    """A method whose adversary may be shown something of which samples are only made.

    Of texts it is rows of probabilities ``[n, length, vocabulary]``, of sounds it may be spectra.
    """

    def shown_to_adversary(self, latents: Tensor, labels: Tensor | None) -> Tensor | None:
        """What the adversary is shown, in ``value_range``; None where it is the samples."""
        ...


class Watch:
    """Looks at the trainer's method at moments that the recipe alone decides, at most ``MOMENTS`` of them.

    A run that is resumed is looked at at the same moments and with the same features, and its rows are the same.

    Args:
        trainer: What is watched.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.method = trainer, trainer.method
        recipe = self.method.recipe
        total, self.images = recipe.train_samples, min(IMAGES, max(LEAST, recipe.batch))
        count = min(MOMENTS, total // (APART * self.images))
        self.moments = [total * (moment / count) ** 1.25 for moment in range(1, count + 1)]
        self.before: dict[str, list[Tensor]] = {}
        self.learned, self.held = compared(trainer.dataset, min(LEARNED, max(FEWEST, total // 60)))

    @cached_property
    def patch_features(self) -> PatchFeatures | None:
        """What samples are compared with the data by where both are pictures of one shape; made at the first look."""
        data, made = self.trainer.dataset, self.method.output
        if made.modality != "image" or (data.field.modality, data.shape) != ("image", made.shape):
            return None
        return PatchFeatures(data, self.learned, self.held, self.trainer.device)

    @cached_property
    def text_effects(self) -> TextEffects | None:
        """What tells whether pictures fit the captions that they are drawn by; None where they are drawn by none."""
        takes = isinstance(self.method, TakesText) and self.method.caption is not None
        known = takes and CAPTION in self.trainer.dataset.columns
        return TextEffects(self.trainer.dataset, self.patch_features) if known and self.patch_features else None

    @cached_property
    def distances(self) -> SampleDistances | None:
        """What other samples are compared with the data by, where the data hold a field of their kind and shape."""
        made = self.method.output
        name = next((name for name, column in self.trainer.dataset.columns.items()
                     if column.field[:2] == made[:2]), None)  # fmt: skip
        return SampleDistances(self.trainer.dataset, name, made) if name else None

    @cached_property
    def translations(self) -> TranslationLooks | None:
        """What translations of pictures are looked at by; None where none are made."""
        made = isinstance(self.method, Translates) and self.method.output.modality == "image"
        return TranslationLooks(self.trainer, self.learned) if made else None

    def prepare(self) -> None:
        """Make what looks share, so that the first takes no longer than the others."""
        if isinstance(self.method, Samples) and "patch_features" not in vars(self):
            with undisturbed(self.method, self.trainer.device), self.trainer.precision():
                _ = self.patch_features or self.distances, self.text_effects

    def approach(self) -> None:
        """Before a step: remember the weights, if the coming step is likely to reach a moment."""
        clock = self.trainer.clock
        stride = clock.samples / clock.step if clock.step else self.method.recipe.batch
        near = self._passed(clock.samples + stride) > self._passed(clock.samples)
        kept = self.trainer.parameters if near else {}
        self.before = {name: [weight.detach().clone() for weight in weights] for name, weights in kept.items()}

    def due(self, before: int) -> bool:
        """Whether a moment was reached since so many samples were seen."""
        return self._passed(self.trainer.clock.samples) > self._passed(before)

    def look(self) -> dict[str, Any]:
        """The row of this moment."""
        row: dict[str, Any] = {"weights": self._weights(), **self._moved()}
        with undisturbed(self.method, self.trainer.device), self.trainer.precision(), loudness(self.method) as loud:
            if isinstance(self.method, Samples):
                row |= self._samples(self.method) if self._settled else {}
            elif self.translations is not None:
                row |= self.translations.look(self._passed(self.trainer.clock.samples), self.images)
                row["reach"] = self.translations.reach()
        if isinstance(self.method, Samples) and len(self.held) >= FEW:
            with undisturbed(self.method, self.trainer.device), self.trainer.precision():
                self.method.eval()
                row |= told(self.trainer, self._unseen(0))
        row["enlarging"], uneven = enlarging_layers(self.method)
        if uneven:
            row["uneven"] = uneven
        if loud:
            values = torch.stack(list(loud.values())).tolist()
            row["activations"], row["loudest"] = max(zip(values, loud, strict=True), key=lambda each: each[0])
        return _rounded(row)

    @property
    def _settled(self) -> bool:
        """Whether the networks that samples are drawn with have learned for a while."""
        begun, total = self.method.first_drawn, self.method.recipe.train_samples
        return not begun or self.trainer.clock.samples >= (begun + SETTLING * (1 - begun)) * total

    def _passed(self, samples: float) -> int:
        return bisect(self.moments, samples)

    def _weights(self) -> dict[str, float]:
        """Root mean square of each player's weights."""
        return {name: float(_rms(weights)) for name, weights in self.trainer.parameters.items()}

    def _moved(self) -> dict[str, Any]:
        """How far the last step moved each player's weights, relative to them."""
        if not self.before:
            return {}
        moved = {}
        for name, weights in self.trainer.parameters.items():
            change = torch._foreach_sub([weight.detach() for weight in weights], self.before[name])
            moved[name] = float(_rms(change) / (_rms(weights) + 1e-30))
        self.before = {}
        return {"moved": moved}

    def _samples(self, method: Any) -> dict[str, Any]:
        """What new samples are like, and what the adversary says of them."""
        turn, trainer = self._passed(self.trainer.clock.samples), self.trainer
        batch, count = self._coming(), self.images
        seed, numbers = trainer.method.recipe.seed + 1, range(turn * count, (turn + 1) * count)
        latents = method.latents(seed, numbers).to(trainer.device, trainer.dtype)
        captions = self._captions(turn, count)
        labels = self._labels(turn, count) if captions is None else None
        with torch.no_grad():
            method.eval()
            images = made(method, latents, labels if captions is None else captions, seed, numbers)
            again, some, few = None, numbers[: count // 4], latents[: count // 4]
            if labels is not None:
                others = (labels[: count // 4] + 1) % len(method.spec.classes)
                again = made(method, few, others, seed, some)
            changed = [] if captions is None else [
                made(method, few, captions.roll(-1, 0)[: count // 4], seed, some),
                made(method, latents[-len(some) :], captions[: count // 4], seed, numbers[-len(some) :]),
            ]  # fmt: skip
            shown = method.shown_to_adversary(latents, labels) if isinstance(method, ShowsOther) else None
            method.train()
        samples = images
        row = self._seen(samples, again, labels, turn)
        if left := initial_share(method, trainer.clock.step):
            row["initial"] = left
        row["batch"] = self._classes_in(batch.labels)
        if captions is not None and row["finite"]:
            assert self.text_effects is not None  # captions are looked at by it
            row["text"] = self.text_effects.seen(_full(images), captions, *map(_full, changed))
        if shown is not None:
            if method.output.modality == "text":
                row["certainty"] = float(shown.amax(2).mean())
            images = base.from_range(shown, method.value_range)
        if isinstance(method, HasDiscriminator):
            if self.method.output.modality == self.method.spec.modality == "audio" and row["finite"]:
                row |= self._at_equal_levels(method, batch, samples, labels)
            row |= self._judged(method, batch, images, labels, turn)
        return row

    def _coming(self) -> Batch:
        """The images that are learned from next."""
        batches = self.trainer.batches
        several = -(-self.images // len(batches.indices(batches.position)))
        coming = [batches.indices(batches.position + ahead) for ahead in range(several)]
        return self._batch(torch.cat(coming)[: self.images])

    def _batch(self, indices: Tensor) -> Batch:
        """Images of the data set as the method is given them."""
        return self.trainer.dataset.batch(indices, self.trainer.device, self.trainer.dtype)

    def _unseen(self, turn: int) -> Batch:
        """Held-out images."""
        return self._batch(self.held[torch.arange(turn * self.images, (turn + 1) * self.images) % len(self.held)])

    def _labels(self, turn: int, count: int) -> Tensor | None:
        """Classes as frequent as in the data."""
        labels = self.trainer.dataset.labels
        if labels is None or not self.method.spec.classes:
            return None
        known = labels[self.learned]
        return known[torch.arange(turn * count, (turn + 1) * count) % len(known)].to(self.trainer.device)

    def _captions(self, turn: int, count: int) -> Tensor | None:
        """Captions of the data, where samples are drawn by such and held against them."""
        if self.text_effects is None:
            return None
        known = self.text_effects.learned
        return known[torch.arange(turn * count, (turn + 1) * count) % len(known)].to(self.trainer.device)

    def _classes_in(self, labels: Tensor | None) -> dict[str, float]:
        """Distinct classes in a batch, and how many a batch of its size holds by chance."""
        data = self.trainer.dataset
        if labels is None or data.labels is None or len(data.classes) < 2:
            return {}
        shares = torch.bincount(data.labels[self.learned], minlength=len(data.classes)).double() / len(self.learned)
        expected = float((1 - (1 - shares) ** len(labels)).sum())
        return {"classes": float(len(labels.unique())), "expected": expected}

    @torch.no_grad()
    def _seen(self, samples: Tensor, again: Tensor | None, labels: Tensor | None, turn: int) -> dict[str, Any]:
        """What samples are like; ``again`` are samples from the first latents with other labels.

        It is measured in full precision, whatever the method computes in.
        """
        with torch.autocast(self.trainer.device.type, enabled=False):
            return self._measured(_full(samples), None if again is None else _full(again), labels, turn)

    def _measured(self, samples: Tensor, again: Tensor | None, labels: Tensor | None, turn: int) -> dict[str, Any]:
        modality = self.method.output.modality
        row: dict[str, Any] = {} if modality == "image" else {"modality": modality}
        if samples.is_floating_point() and not torch.isfinite(samples).all():
            return {"finite": 0.0, **row}
        row["finite"] = 1.0
        if self.patch_features is not None:
            return row | self._pictures(self.patch_features, samples, again, labels, turn)
        return row | (self.distances.seen(samples) if self.distances is not None and modality != "image" else {})

    def _pictures(
        self,
        patch_features: PatchFeatures,
        images: Tensor,
        again: Tensor | None,
        labels: Tensor | None,
        turn: int,
    ) -> dict[str, Any]:
        """What patch features tell of generated pictures."""
        features, scores = patch_features.features(images)
        distances = nearest(features, patch_features.reference)
        own = spectrum(images)
        row: dict[str, Any] = {
            "diversity": float(pairwise(features).mean()) / patch_features.spread,
            "precision": patch_features.precision(features),
            "coverage": patch_features.coverage(features, turn),
            "nearest": float(distances.median()) / (patch_features.usual + 1e-12),
            "copies": float((distances < 0.4 * patch_features.usual).float().mean()),
            "detail": detail(images) / (patch_features.detail + 1e-6),
            **({"colour": colour(images) / patch_features.colour} if patch_features.colour > COLOURED else {}),
            "pattern": max((own[period] / (patch_features.spectrum[period] + 1e-6) for period in own), default=1.0),
        }
        if scores is not None:
            said = scores.argmax(1)
            if patch_features.classes <= MOST_CLASSES:
                row["classes"] = torch.bincount(said, minlength=patch_features.classes).tolist()
            if labels is not None and again is not None:
                other = patch_features.features(again)[0]
                row["fidelity"] = float((said == labels).float().mean())
                row["fidelity_chance"] = by_chance(said, labels)
                row["fidelity_limit"] = patch_features.accuracy
                changed = (other - features[: len(other)]).norm(dim=1).mean()
                row["label_effect"] = float(changed) / patch_features.spread
        return row

    def _judged(self, method: Any, batch: Batch, images: Tensor, labels: Tensor | None, turn: int) -> dict[str, Any]:
        """Scores of training, held-out and generated images, and the gradient that reaches the generator."""
        shown = method.real(batch)
        fakes = base.to_range(images.to(shown.dtype), method.value_range).detach().requires_grad_()
        with torch.no_grad():
            real = method.judge(shown, batch.labels).scores
        with torch.enable_grad():
            fake = method.judge(fakes, labels).scores
            progress = self.trainer.clock.samples / method.recipe.train_samples
            loss = method.objective.generator(fake, real, min(progress, 1.0)).sum()
            push, reaching = torch.autograd.grad(loss, [fake, fakes])
        row: dict[str, Any] = {
            "scores": {"real": _moments(real), "fake": _moments(fake.detach())},
            "auc": _auc(real, fake.detach()),
            "push": float(push.abs().mean()),
            "gradient": float(reaching.flatten(1).norm(dim=1).mean()),
            "shown": {"real": _values(shown), "fake": _values(fakes.detach())},
        }
        if len(self.held) >= FEW:
            unseen = self._unseen(turn)
            with torch.no_grad():
                scores = method.judge(method.real(unseen), unseen.labels).scores
            row["scores"]["held"] = _moments(scores)
            row["auc_held"] = _auc(real, scores)
        return row

    def _at_equal_levels(self, method: Any, batch: Batch, sounds: Tensor, labels: Tensor | None) -> dict[str, float]:
        """Pairs of real and generated sounds that are told apart, as they are and once they are equally loud.

        Whichever of a pair scores higher: a critic that takes all for the other is as sure.
        """
        with torch.no_grad():
            real = method.judge(method.real(batch), batch.labels).scores
            found = {}
            for name, heard in (("heard", sounds), ("levelled", at_levels_of(sounds, batch.main))):
                shown = method.real(Batch({method.spec.main: heard.to(batch.main)}, batch.indices))
                share = _auc(real, method.judge(shown, labels).scores)
                found[name] = max(share, 1 - share)
        return found


@contextmanager
def loudness(method: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Within the context, the root mean square of each layer's last output comes into the table."""
    found: dict[str, Tensor] = {}

    def listener(name: str) -> Callable[..., None]:
        def listen(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                found[name] = (output.detach().float().norm() / output.numel() ** 0.5).nan_to_num(nan=float("inf"))

        return listen

    with ExitStack() as stack:
        for name, module in method.named_modules():
            if not next(module.children(), None) and next(module.parameters(recurse=False), None) is not None:
                stack.callback(module.register_forward_hook(listener(name)).remove)
        yield found


@contextmanager
def undisturbed(method: nn.Module, device: torch.device) -> Iterator[None]:
    """After the context buffers, modes and random numbers are what they were before it."""
    kept = [(module, name, buffer, buffer.clone()) for module in method.modules()
            for name, buffer in module._buffers.items() if buffer is not None]  # fmt: skip
    modes = {module: module.training for module in method.modules()}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            with torch.no_grad():
                for module, name, buffer, value in kept:
                    buffer.copy_(value)
                    module._buffers[name] = buffer
            for module, mode in modes.items():
                module.training = mode


def enlarging_layers(method: nn.Module) -> tuple[str, str]:
    """The first layer that enlarges in strides, and the first whose kernel its stride does not divide; empty if none.

    The windows of the second overlap unevenly. A discriminator's layers do not count.

    Example:
        >>> enlarging_layers(nn.Sequential(nn.ConvTranspose2d(1, 1, 4, 2), KerasConvTranspose2d(1, 1, 5, 2)))
        ('0', '1 (kernel 5, stride 2)')
    """
    first, uneven = "", ""
    for name, module in method.named_modules():
        if name.startswith("discriminator"):
            continue
        kernel, stride = 1, 1
        if isinstance(module, nn.PixelShuffle):
            kernel = stride = module.upscale_factor
        elif isinstance(module, KerasConvTranspose2d):
            kernel, stride = module.kernel, module.stride
        elif isinstance(module, nn.ConvTranspose2d):
            sides = zip(module.kernel_size, module.stride, strict=True)
            kernel, stride = max(sides, key=lambda side: side[0] % side[1])
        first = first or (name if stride > 1 else "")
        uneven = uneven or (f"{name} (kernel {kernel}, stride {stride})" if kernel % stride else "")
    return first, uneven


def by_chance(said: Tensor, asked: Tensor) -> float:
    """The share that two lists of classes agree in if they have nothing to do with each other.

    Example:
        >>> by_chance(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1]))
        0.5
    """
    shares = [torch.bincount(each, minlength=int(max(said.max(), asked.max())) + 1).double() for each in (said, asked)]
    return float((shares[0] * shares[1]).sum()) / len(said) ** 2


def _auc(high: Tensor, low: Tensor) -> float:
    """Probability that one of the first exceeds one of the second, ties by half; 0.5 is chance."""
    difference = high.float()[:, None] - low.float()[None, :]
    return float(((difference > 0).float() + 0.5 * (difference == 0).float()).mean())


def _moments(scores: Tensor) -> dict[str, float]:
    scores = scores.float()
    return {"mean": float(scores.mean()), "sd": float(scores.std()) if len(scores) > 1 else 0.0}


def _values(images: Tensor) -> dict[str, float]:
    """Mean, spread, ends and the share at the ends of [-1, 1] of pixel values."""
    flat = images.float().flatten()
    return {
        "mean": float(flat.mean()), "sd": float(flat.std()), "low": float(flat.min()), "high": float(flat.max()),
        "saturated": float((flat.abs() > SATURATED).float().mean()),
        "between": float(images.float().flatten(1).std(0).mean()) if len(images) > 1 else 0.0,
    }  # fmt: skip


def _rms(tensors: Sequence[Tensor]) -> Tensor:
    count = sum(tensor.numel() for tensor in tensors)
    return torch.stack(torch._foreach_norm([tensor.detach() for tensor in tensors])).float().norm() / count**0.5


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Five digits are enough for any sign, and keep the file small."""

    def short(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: short(inner) for name, inner in value.items()}
        return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value

    return {name: short(value) for name, value in row.items()}


def _full(samples: Tensor) -> Tensor:
    """Samples in float32 where they came in fewer bits."""
    return samples.float() if samples.is_floating_point() and samples.element_size() < 4 else samples
