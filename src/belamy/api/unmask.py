"""An examination put together: suspects and real images in one format, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from belamy.device import choose_device
from belamy.errors import DataError, UsageError
from belamy.evaluation.candidate import (
    RUN,
    Candidate,
    facing,
    is_run,
    open_candidate,
    sides_of,
    stored_candidate,
    translated_candidate,
)
from belamy.evaluation.measures import Measure
from belamy.evaluation.own import own_measures
from belamy.forensics.comparison import Progress
from belamy.forensics.examination import AS_GIVEN, LEAST, ForensicExamination, ForensicsSettings, examine, said
from belamy.forensics.matching import check, look
from belamy.forensics.page import render
from belamy.forensics.samples import check_kind, examine_samples
from belamy.forensics.treatments import parse
from belamy.methods.base import Restores, Samples
from belamy.modalities import modality, spoken
from belamy.modalities.sizes import SizeOption
from belamy.progress import Reporter, reporter
from belamy.runs.files import write_bytes
from belamy.runs.run import Run
from belamy.seeds import derive
from belamy.training.setup import open_recipe_data

COUNT = 1000
LISTED = 8


@dataclass(frozen=True)
class Unmasked:
    """What was found of whom.

    Args:
        examination: The findings.
        suspect: The suspects.
        real: The real images, half of which are the reference.
        measures: What a run whose translations are the suspects says of itself on the samples that it translated.
    """

    examination: ForensicExamination
    suspect: Candidate
    real: Candidate
    measures: tuple[Measure, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        held_out = {each.name: each.value for each in self.measures}
        return {
            "suspect": _card(self.suspect), "real": _card(self.real), "held_out": held_out, **self.examination.facts()
        }  # fmt: skip

    def text(self) -> str:
        """The findings for people, in lines."""
        found = self.examination
        lines = [found.verdict, ""]
        for comparison in found.comparisons:
            heading = "as given" if comparison.format == AS_GIVEN else f"both sides alike: {comparison.format}"
            lines.append(f"{heading:<34} area under the ROC      caught   p")
            tests = sorted(comparison.tests.values(), key=lambda test: -test.auroc.value)
            for test in [comparison.headline, *(each for each in tests if each is not comparison.headline)][:LISTED]:
                mark = "*" if found.separates(comparison, test) else " "
                lines.append(
                    f"{mark} {test.title:<32} {said(test.auroc):<22} {test.operating.hits.value:>7.1%}   "
                    f"{found.correction(comparison, test):.2g}"
                )
            if len(tests) > LISTED:
                lines.append(f"  and {len(tests) - LISTED} more")
        broken = [rule for rule in found.matched.rules.values() if found.separates(found.matched, rule)]
        broken.sort(key=lambda rule: -rule.effect)
        lines += [
            f"broken by {rule.suspect.value:.1%} ({rule.real.value:.1%} of real): {rule.says}" for rule in broken[:5]
        ]
        lines.append(
            f"real against real: {said(found.control.headline.auroc)}, {found.control_alarms} of "
            f"{len(found.control.p_values())} tests separate"
        )
        if found.survival:
            shown = ", ".join(f"{each.treatment.name} {each.knowing.value:.3f}" for each in found.survival)
            lines.append(f"all traces after: {shown}")
        lines += [f"held-out {name}: {figure}" for name, figure in self.held_out().items()]
        return "\n".join([*lines, *(f"note: {note}" for note in found.notes)])

    def held_out(self) -> dict[str, str]:
        """What the run says of itself, in words: each measure with its interval of 95 %."""
        return {
            each.name: f"{each.value:.4g}"
            + (f" [{each.interval.low:.4g}, {each.interval.high:.4g}]" if each.interval else "")
            for each in self.measures
        }

    def save(self, path: Path) -> None:
        """The page."""
        page = render(self.examination, self.suspect.name, self.real.name, _facts(self))
        write_bytes(path, page.encode())


def unmask(
    suspect: str | Path | Run,
    real: str | Path | None = None,
    *,
    count: int = COUNT,
    hide: str | None = None,
    false_alarms: float = 0.05,
    split: str = "all",
    size: SizeOption = None,
    seed: int = 0,
    robustness: bool = True,
    device: str = "auto",
    offline: bool = False,
    progress: bool = True,
) -> Unmasked:
    """Tell suspects from real images, or samples of another kind from real ones, if that can be done.

    Suspects of a run that restores, or attacks, are what it makes of held-out samples, and those it learned from are
    the real ones.

    Args:
        suspect: A run or its directory, a folder or ``.zip`` of images, an array file, or another data source.
        real: Real images: any data source; a run's own data unless others are named.
        count: How many suspects; twice as many real images are taken, as far as there are.
        hide: What both sides are brought to before they are looked at: ``uint8`` or ``jpeg:QUALITY``; None looks at
            values as they are and rounded.
        false_alarms: Rate at which thresholds are set.
        split: Of the real images: ``train``, ``test`` or ``all``.
        size: Make all pictures of this size: the side of squares, ``WIDTHxHEIGHT``, or (height, width).
        seed: Of the samples, the choice among images, and all that is drawn.
        robustness: Measure what survives JPEG, blur and resizing; of pictures alone.
        device: Where a run draws.
        offline: Never fetch anything from the network.
        progress: Show how far it is.

    Raises:
        BelamyError: What is wrong and what to type instead.

    Example:
        >>> found = unmask("runs/digits-1", "mnist")  # doctest: +SKIP
        >>> found.examination.verdict  # doctest: +SKIP
    """
    if count < LEAST:
        raise UsageError(f"--count is {count}, but an examination needs at least {LEAST} suspects.")
    treatment = None if hide is None else parse(hide)
    settings = ForensicsSettings(false_alarms, seed, hide=treatment, robustness=robustness)
    path = str(suspect.path) if isinstance(suspect, Run) else str(suspect)
    say = reporter(progress)
    try:
        restored, measures = _restored(path, count, seed, device, offline, say)
        if restored is None:
            fakes = open_candidate(
                path, count=count, seed=seed, size=size, device=choose_device(device), offline=offline,
                progress=say.read,
            )  # fmt: skip
        else:
            fakes, split = restored, "train" if split == "all" and real is None else split
        wanted, named = max(2 * count, 3 * LEAST), None if real is None else str(real)
        tell: Progress = lambda share, text: say.work(share, text) if say.due() else None  # noqa: E731
        if fakes.kind.modality == "image":
            source, truth = _real(path, named, fakes, split, size, offline, wanted, seed, say)
            notes = check(look("suspects", fakes, path), look("real images", truth, source), settings.hide)
            found = examine(values(fakes), values(truth), settings, notes=notes, progress=tell)
        else:
            refuse_of_pictures(fakes, hide, size)
            truth = _real_samples(path, named, fakes, split, offline, wanted, seed, say)
            notes = ["What survives JPEG, blur and resizing is asked of photographs and drawings alone."] * robustness
            found = examine_samples(stored(fakes), stored(truth), truth.kind, settings, notes=notes, progress=tell)
    finally:
        say.close()
    return Unmasked(found, fakes, truth, measures)


def _restored(
    path: str, count: int, seed: int, device: str, offline: bool, say: Reporter
) -> tuple[Candidate | None, tuple[Measure, ...]]:
    """What a run that restores makes of held-out samples, None for what is no such run, and what it says of itself.

    Raises:
        UsageError: Nothing is held out.
    """
    if not is_run(path):
        return None, ()
    run = Run.open(path)
    method = run.method()
    if not isinstance(method, Restores) or isinstance(method, Samples):
        return None, ()
    method = method.to(choose_device(device))
    data = open_recipe_data(run.recipe, offline, say.read)
    if not len(data.held_out):
        raise UsageError(f"{path} learned from all its data, so it has translated none that is new. Hold some out.")
    return translated_candidate(run, method, data, count, seed), own_measures(method, data, seed)


def refuse_of_pictures(fakes: Candidate, hide: str | None, size: SizeOption) -> None:
    """Refuse a kind without traces, and options that pictures alone have, for samples of another kind.

    Raises:
        UsageError: One is given.
    """
    check_kind(fakes.kind.modality)
    given = {"--hide": hide is not None, "--size": size is not None}
    for option in (name for name, asked in given.items() if asked):
        words = modality(fakes.kind.modality).words[1]
        raise UsageError(f"{option} belongs to pictures, but {fakes.name} holds {words}. Leave it out.")


def stored(candidate: Candidate) -> Tensor:
    """All samples, as files hold them.  # [n, …]"""
    return torch.cat([raw for raw, _ in candidate.chunks()])


def values(candidate: Candidate) -> Tensor:
    """All images, in [0, 1].  # [n, C, H, W] float32"""
    return torch.cat(list(candidate.values()))


def _real(
    suspect: str, real: str | None, fakes: Candidate, split: str, size: SizeOption, offline: bool, count: int,
    seed: int, say: Reporter,
) -> tuple[str, Candidate]:  # fmt: skip
    """The real images and what names them; chosen by a stream of their own, so that a set can be set against itself."""
    stream = derive(seed, "real images")
    if real is not None:
        shape = (fakes.shape[0], *(sides_of(size) or fakes.shape[1:]))
        found = open_candidate(
            real, count=count, seed=stream, shape=shape, size=size, split=split, offline=offline, progress=say.read,
            fixed=fakes.format == RUN,
        )  # fmt: skip
        return real, found
    if not is_run(suspect):
        raise UsageError(f"Name the real images that {suspect} is to be compared with: --real DATA.")
    recipe = Run.open(suspect).recipe
    data = open_recipe_data(recipe, offline, say.read)
    return recipe.data, stored_candidate(data, recipe.data, count, stream, split, recipe.size)


def _real_samples(
    suspect: str, real: str | None, fakes: Candidate, split: str, offline: bool, count: int, seed: int, say: Reporter
) -> Candidate:
    """The real samples of another kind than pictures, coded as the suspects are."""
    stream = derive(seed, "real images")
    if real is not None:
        found = open_candidate(
            real, count=count, seed=stream, split=split, shape=fakes.shape, offline=offline, progress=say.read
        )
    elif is_run(suspect):
        run = Run.open(suspect)
        data = facing(open_recipe_data(run.recipe, offline, say.read), run.build())
        found = stored_candidate(data, run.recipe.data, count, stream, split, None)
    else:
        raise UsageError(f"Name the real samples that {suspect} is to be compared with: --real DATA.")
    if found.kind != fakes.kind:
        raise DataError(
            f"{found.name} holds {modality(found.kind.modality).words[1]} that are coded otherwise than those of "
            f"{fakes.name}: another rate, vocabulary, or other columns. That alone would tell them apart. Compare a "
            "run with its own data, or files of one making."
        )
    return found


def _card(candidate: Candidate) -> dict[str, Any]:
    return {
        "name": candidate.name, "count": candidate.count, "shape": list(candidate.shape), "seed": candidate.seed,
        "format": candidate.format, "quantisation": candidate.quantisation, "resize": candidate.resize,
        "averaged": candidate.averaged, "fingerprint": candidate.fingerprint,
    }  # fmt: skip


def _facts(found: Unmasked) -> dict[str, str]:
    suspect, real = found.suspect, found.real
    shape = " × ".join(map(str, suspect.shape))
    origin = {"run": "drawn by a run, never rounded"}.get(suspect.format, suspect.format)
    kind = found.examination.kind.modality
    return {
        spoken("images", kind): f"{shape}{' (channels × height × width)' * (kind == 'image')}",
        "suspects come from": f"{suspect.name}, {origin}, {suspect.fingerprint[:16]}",
        spoken("real images come from", kind): f"{real.name}, {real.format}, {real.fingerprint[:16]}",
        **{f"held-out {name}": figure for name, figure in found.held_out().items()},
    }
