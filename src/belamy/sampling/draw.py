"""Drawing images from a method: the one way from a seed to pixels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor

from belamy.errors import UsageError, nearest
from belamy.methods.base import BaseMethod, Samples, Sampling, SamplingOption, TakesText, TakesVoice, Translates
from belamy.modalities import modality
from belamy.modalities.text import SPECIAL, vocabulary_of
from belamy.networks.layers import initial_share
from belamy.seeds import SampleDraws

UNSETTLED = 0.02
"""A share of initial statistics that is told of."""
NAMED, SHOWN = 8, 200
"""Unknown symbols, and known ones, that a message names at most."""


class Drawing(TypedDict, total=False):
    """How samples are drawn.

    Args:
        seed: Decides the latents; 0 by default.
        start: Index of the first sample.
        labels: The name of one class (see :func:`class_number`), its number, or a number for each sample; by default
            the classes in turn, where there are classes.
        text: What is to be drawn, of a run that learned with captions: one for all samples, or one for each; by default
            nothing is asked for.
        voice: Whose voice is to speak, of a run that learned with voices: one vector for all samples, e.g. that of a
            recording by :func:`belamy.api.voices.voice_of`; by default the speakers in turn.  # [256]
        batch: How many at a time, 64 by default; the samples do not depend on it (beyond float rounding).
        steps: Of a sampler that takes many; None for the method's own number.
        report: Called with (done, total), in samples times steps.
        options: Values of the method's ``sampling_options``, e.g. a temperature; the others have their defaults.
    """

    seed: int
    start: int
    labels: Sequence[int] | int | str | None
    text: Sequence[str] | str | None
    voice: Tensor | None
    batch: int
    steps: int | None
    report: Callable[[int, int], None] | None
    options: Mapping[str, float | str] | None


def draw(method: BaseMethod, count: int, **how: Unpack[Drawing]) -> Tensor:
    """``[count, *shape]`` samples as files hold them, uint8 images ``[count, C, H, W]``.

    Sample i is a function of (seed, start + i) and its label alone. They are what :func:`generated` makes.

    Args:
        method: A method that samples; it is switched to evaluation mode and back.
        count: How many samples.
        how: See :class:`Drawing`.

    Raises:
        UsageError: The method does not sample, or a number is out of range, or it has no such option.
    """
    field = method.output
    kind = modality(field.modality)
    return torch.cat([kind.to_raw(part, field).cpu() for part in generated(method, count, **how)])


def generated(method: BaseMethod, count: int, **how: Unpack[Drawing]) -> Iterator[Tensor]:
    """Samples as networks make them, images ``[n, C, H, W]`` in [-1, 1], on the method's device, a batch at a time.

    The arguments are those of :func:`draw`.

    Raises:
        UsageError: The method does not sample, or a number is out of range.
    """
    seed, start, batch = how.get("seed", 0), how.get("start", 0), how.get("batch", 64)
    labels, steps, report = how.get("labels"), how.get("steps"), how.get("report")
    if not isinstance(method, Samples):
        raise no_samples(method)
    if count < 1 or batch < 1:
        raise UsageError(f"count = {count} and batch = {batch}, but both must be at least 1.")
    takes, options = takes_sampling(method), checked_options(method, how.get("options"))
    if not takes and steps is not None:
        raise UsageError("This run's method draws in one pass: it has no steps of sampling. Leave them out.")
    device, dtype = placement(method)
    if isinstance(labels, str):
        labels = class_number(labels, method.spec.classes)
    chosen = _labels(labels, start, count, len(method.spec.classes))
    if (text := how.get("text")) is not None:
        if labels is not None:
            raise UsageError("A text and a class are asked for, but a run knows one of the two. Leave one of them out.")
        chosen = symbols_of(method, text, count)
    if (voice := how.get("voice")) is not None:
        if labels is not None or text is not None:
            raise UsageError("A voice tells who speaks, so a class or a text beside it has no meaning. Leave it out.")
        check_voice(method)
        chosen = voice.expand(count, -1)
    for first in range(0, count, batch):
        last = min(first + batch, count)
        numbers = range(start + first, start + last)
        latents = method.latents(seed, numbers).to(device, dtype)
        tell = _telling(report, first, len(numbers), count)
        given = {"sampling": Sampling(SampleDraws(seed, numbers), steps, tell, options)} if takes else {}
        condition = None if chosen is None else chosen[first:last].to(device)
        training = method.training
        method.eval()
        try:
            with torch.no_grad():
                samples = method.generate(latents, condition, **given)
        finally:
            method.train(training)
        yield samples
        if report is not None and not takes:
            report(last, count)


def symbols_of(method: BaseMethod, text: Sequence[str] | str, count: int) -> Tensor:
    """Texts as a method reads them.  # long [count, length]

    Args:
        method: It learned with captions.
        text: One for all samples, or one for each.
        count: How many samples.

    Raises:
        UsageError: It learned without captions, or a text is empty, too long, or has what no caption had.
    """
    field = method.caption if isinstance(method, TakesText) else None
    if field is None:
        other = " Choose a class by --label, or leave --text out." if method.spec.classes else " Leave --text out."
        raise UsageError(f"This run learned without captions, so it cannot be told in words what to draw.{other}")
    known, length = vocabulary_of(field.classes), field.shape[0]
    texts = [" ".join(each.split()) for each in ([text] * count if isinstance(text, str) else text)]
    if len(texts) != count:
        raise UsageError(f"There are {len(texts):,} texts for {count:,} samples. Give one, or one for each.")
    what = "words" if known.words else "characters"
    for each in dict.fromkeys(texts):
        if not each:
            raise UsageError("The text is empty. Say what is to be drawn, or leave --text out.")
        if unknown := known.unknown(each):
            named = ", ".join(repr(symbol.strip() or symbol) for symbol in unknown[:NAMED])
            some = " ".join(sorted(symbol.strip() for symbol in known.symbols[len(SPECIAL) :])[:SHOWN])
            more = " …" if len(known.symbols) - len(SPECIAL) > SHOWN else ""
            raise UsageError(f"No caption that this run learned from has {named}. Its {what} are: {some}{more}")
        if (size := len(known.numbers(each))) >= length:
            raise UsageError(
                f"The text has {size} {what}, but those of captions that this run learned from are at most "
                f"{length - 1}. Say it in fewer."
            )
    rows = {each: known.row(each, length) for each in dict.fromkeys(texts)}
    return torch.tensor([rows[each] for each in texts])


def check_voice(method: BaseMethod) -> None:
    """Refuse a run that cannot be told whose voice is to speak.

    Raises:
        UsageError: It learned without voices.
    """
    if not isinstance(method, TakesVoice) or method.speakers is None:
        raise UsageError(
            "This run learned without voices, so it cannot be told whose is to speak. Leave --voice out, or train one "
            "that can: belamy train wavenet-small --no-conditional --voice --data SPEECH --rate 16000."
        )


def no_samples(method: BaseMethod) -> UsageError:
    """What to say of a method that draws none, and what to type instead."""
    if isinstance(method, Translates):
        return UsageError(
            f"This run's method draws no samples: it makes the field '{method.target}' of the field '{method.source}'. "
            "Type: belamy translate RUN INPUT."
        )
    return UsageError(
        "This run's method draws no samples: it has no generator. Use `belamy report` to look at it, and `belamy "
        "evaluate` to measure it."
    )


def takes_sampling(method: Samples) -> bool:
    """Whether a method's ``generate`` is told how to sample: random streams of its own, steps, a report of progress."""
    return "sampling" in inspect.signature(method.generate).parameters


def checked_options(method: BaseMethod, given: Mapping[str, float | str] | None = None) -> dict[str, float]:
    """A value of each option of a method's sampling: those that are given, by number or name, the others by default.

    Raises:
        UsageError: There is no such option, or a number is out of range.
    """
    known = method.sampling_options
    found = {name: option.default for name, option in known.items()}
    for name, value in (given or {}).items():
        if name not in known:
            hint = nearest(name, known) if known else "It has none: leave it out."
            raise UsageError(f"The sampler of this run's method has no option '{name}'. {hint}")
        found[name] = _number(name, known[name], value)
    return found


def _number(name: str, option: SamplingOption, value: float | str) -> float:
    """The value of an option, which may be given by its name."""
    if option.choices:
        if value not in option.choices:
            raise UsageError(f"The sampler's {name} is {value!r}. {nearest(str(value), option.choices)}")
        return float(option.choices.index(str(value)))
    if isinstance(value, str) or not option.allows(value):
        said = value if isinstance(value, str) else f"{value:g}"
        raise UsageError(f"The sampler's {name} is {said}, but it must be {option.bounds}.")
    return value


def made(method: Samples, latents: Tensor, labels: Tensor | None, seed: int, numbers: Iterable[int]) -> Tensor:
    """Samples of latents as networks make them, by the method's own number of steps.

    Args:
        method: In the mode and on the device where it is.
        latents: ``[n, …]``, of its type and device.
        labels: ``[n]`` or None.
        seed: Of the random streams that a sampler may have of its own.
        numbers: The sample index of each row there.
    """
    if not takes_sampling(method):
        return method.generate(latents, labels)
    sampler: Any = method
    sampling = Sampling(SampleDraws(seed, numbers), options=checked_options(sampler))
    samples: Tensor = sampler.generate(latents, labels, sampling=sampling)
    return samples


def _telling(
    report: Callable[[int, int], None] | None, first: int, some: int, count: int
) -> Callable[[int, int], None]:
    """A report of the steps of ``some`` of ``count`` samples, which counts the ``first`` before them too."""

    def tell(done: int, total: int) -> None:
        if report is not None:
            report(first * total + some * done, count * total)

    return tell


def class_number(label: str, classes: Sequence[str]) -> int:
    """The number of the class that a user names: by its name or, where no class has that name, by its number.

    Raises:
        UsageError: There is no such class.

    Example:
        >>> class_number("1", ("1", "2", "3")), class_number("0", ("1", "2", "3"))
        (0, 0)
    """
    if not classes:
        raise UsageError("This run was trained without labels, so no class can be chosen. Leave --label out.")
    if label in classes:
        return classes.index(label)
    if label.isdecimal() and int(label) < len(classes):
        return int(label)
    raise UsageError(f"There is no class '{label}' in this run. {nearest(label, classes)}")


def unsettled(method: BaseMethod, samples: int) -> str:
    """What is to be said of images made after a training too short for batch normalisation; empty if nothing.

    Args:
        method: Its recipe says how many samples a step has.
        samples: Training samples seen.
    """
    steps = samples // method.recipe.batch
    left = initial_share(method, steps)
    if left <= UNSETTLED:
        return ""
    return (
        f"After {steps:,} steps up to {left:.0%} of the initial statistics of batch normalisation are left, so these "
        "images are not yet what the networks can do. Train longer."
    )


def placement(method: BaseMethod) -> tuple[torch.device, torch.dtype]:
    """Device and floating type of a method's parameters."""
    first = next(method.parameters())
    return first.device, first.dtype


def _labels(labels: Sequence[int] | int | None, start: int, count: int, classes: int) -> Tensor | None:
    if labels is None:
        return torch.arange(start, start + count) % classes if classes else None
    if not classes:
        raise UsageError("This run was trained without labels, so no class can be chosen. Leave --label out.")
    chosen = torch.tensor([labels] * count if isinstance(labels, int) else list(labels))
    if len(chosen) != count or int(chosen.min()) < 0 or int(chosen.max()) >= classes:
        raise UsageError(f"labels must be {count} class numbers in 0..{classes - 1}.")
    return chosen
