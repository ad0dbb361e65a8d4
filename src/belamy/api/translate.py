"""Translating files by a trained method: drawings into photographs, noisy sound into clean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.api.masking import check_masking, holed
from belamy.api.translation_measures import MADE, measured
from belamy.api.translation_scores import TranslatedSet, check_scores, scored
from belamy.data import Dataset
from belamy.data.files import reasons
from belamy.data.one_file import NamedFile, files_in, has_opacity, is_grey, pieces, read_sample
from belamy.device import choose_device
from belamy.errors import DataError, Unreadable, UsageError
from belamy.evaluation.pairs.summary import Summary, summarise
from belamy.evaluation.statistics import Interval
from belamy.methods.base import (
    UNTOUCHED,
    BaseMethod,
    Fills,
    Restores,
    Samples,
    Translates,
    TranslatesBack,
    given_field,
)
from belamy.modalities import MODALITIES, modality, suffix_of
from belamy.modalities.fields import Field
from belamy.modalities.sizes import NATIVE, Size, SizeOption, parse_size
from belamy.pages import fragment, page
from belamy.pages.pictures import source
from belamy.ranges import Within
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.sampling.draw import checked_options, placement
from belamy.sampling.sheets import sheet_of, side_by_side
from belamy.seeds import SampleDraws

ON_PAGE, ON_SHEET = 48, 16
HELD_OUT = "test"

Progress = Callable[[int, int], None]
Translate = Callable[[Tensor, SampleDraws], Tensor]


@dataclass(frozen=True)
class Translation:
    """One input and what was made of it, as files hold them.

    Args:
        name: Of the input.
        given: The input.
        made: What was made of it.
        wanted: What it should have become, where that is known.
    """

    name: str
    given: Tensor
    made: Tensor
    wanted: Tensor | None = None


@dataclass(frozen=True)
class Translations:
    """What a method made of several inputs; in a notebook it shows itself.

    Args:
        source: What inputs are.
        target: What is made of them.
        items: In the order of the inputs.
        measures: How near they come to their targets, each by name, one number for each item that has one.
        untouched: The same of the inputs themselves, where they can be compared with targets.
        rivals: The same of what is made without learning, by its name, where the method knows such ways.
        scores: What was asked for beside, one number for all of them: by who made what is judged (``made``,
            ``untouched``, a rival, ``real``) and by name.
        skipped: Inputs and targets that were left out, and why.
        notes: What a user should know.
    """

    source: Field
    target: Field
    items: Sequence[Translation]
    measures: Mapping[str, Tensor] = field(default_factory=dict)
    untouched: Mapping[str, Tensor] = field(default_factory=dict)
    rivals: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    skipped: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.items)

    @property
    def suffix(self) -> str:
        """Of a file of one translation."""
        return suffix_of(self.target)

    def file(self, number: int) -> bytes:
        """The file of one translation."""
        made = self.items[number].made
        return modality(self.target.modality).encode(made, self.target._replace(shape=tuple(made.shape)))

    def summaries(self) -> dict[str, tuple[Summary, Summary | None]]:
        """Of each measure, that of the translations and that of the untouched inputs."""
        return {
            name: (summarise(values), summarise(self.untouched[name]) if name in self.untouched else None)
            for name, values in self.measures.items()
        }

    def beside(self) -> dict[str, dict[str, Summary]]:
        """Of each rival, its measures by name."""
        return {who: {name: summarise(each) for name, each in found.items()} for who, found in self.rivals.items()}

    def sheet(self, most: int = ON_SHEET) -> np.ndarray:
        """Inputs, outputs and targets of the first items side by side.  # uint8 [H, W, 3]"""
        first = self.items[0]
        alike = [item for item in self.items if item.given.shape == first.given.shape][:most]
        shown = {"input": (self.source, [item.given for item in alike]),
                 "output": (self.target, [item.made for item in alike])}  # fmt: skip
        wanted = [item.wanted for item in alike if item.wanted is not None]
        if len(wanted) == len(alike) and {each.shape for each in wanted} == {first.made.shape}:
            shown["target"] = (self.target, wanted)
        values = {}
        for name, (kind, raw) in shown.items():
            own = kind._replace(shape=tuple(raw[0].shape))
            values[name] = (own, modality(kind.modality).to_float(torch.stack(raw), own))
        return side_by_side(values)

    def page(self, title: str = "translations") -> str:
        """A page that shows inputs, outputs and targets side by side, with the measures."""
        beside = self.beside()
        rows = [
            [name, figure(made), "" if untouched is None else figure(untouched),
             *(figure(found[name]) if name in found else "" for found in beside.values())]
            for name, (made, untouched) in self.summaries().items()
        ]  # fmt: skip
        others = [who for who in self.scores if who not in (MADE, UNTOUCHED, *beside)]
        rows = [[*row, *[""] * len(others)] for row in rows] + [
            [name, *(spoken(self.scores[who][name]) if name in self.scores.get(who, {}) else ""
                     for who in (MADE, UNTOUCHED, *beside, *others))]
            for name in self.scores.get(MADE, {})
        ]  # fmt: skip
        shown = [self._cells(number) for number in range(min(len(self.items), ON_PAGE))]
        kept, words = len(self.items), modality(self.source.modality).words
        lead = f"{kept:,} {words[kept != 1]} translated" + (f", {ON_PAGE} of them shown" if kept > ON_PAGE else "")
        return page(
            "translation", title, lead_text=f"{lead}.", notes=list(self.notes), rows=rows, rivals=[*beside, *others],
            items=shown, skipped=dict(self.skipped),
        )  # fmt: skip

    def _cells(self, number: int) -> dict[str, Any]:
        item = self.items[number]
        cells = []
        for name, kind, raw in (("input", self.source, item.given), ("output", self.target, item.made),
                                ("target", self.target, item.wanted)):  # fmt: skip
            if raw is not None:
                own = kind._replace(shape=tuple(raw.shape))
                media = modality(kind.modality).media(raw[None], own)
                cells.append({"name": name, "picture": sheet_of(raw[None], own, 1), "media": media})
        place = sum(each.wanted is not None for each in self.items[:number])
        figures = {} if item.wanted is None else {
            name: f"{float(values[place]):.3f}" for name, values in self.measures.items() if len(values) > place
        }  # fmt: skip
        return {"name": item.name, "cells": cells, "figures": figures}

    def _repr_html_(self) -> str:
        lines = [f"{name} {figure(made)}" for name, (made, _) in self.summaries().items()]
        return fragment("card", title=repr(self), lines=lines, picture=source(self.sheet()), width=640)

    def __repr__(self) -> str:
        return f"Translations({len(self.items):,} of {self.source.modality} to {self.target.modality})"


def translate(
    run: str | Path | Run,
    inputs: str | Path | Sequence[str | Path],
    *,
    targets: str | Path | None = None,
    size: SizeOption = None,
    fit: str = "crop",
    seed: int = 0,
    weights: str = "newest",
    device: str = "auto",
    batch: int = 16,
    options: Mapping[str, float] | None = None,
    back: bool = False,
    data: Dataset | None = None,
    mask: str | Path | None = None,
    feather: int = 0,
    measures: Sequence[str] = (),
    say: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Translations:
    """What a trained method makes of files.

    Args:
        run: Of a method that translates, such as ``pix2pix``.
        inputs: Files and folders; ``test`` for the held-out samples of the run's data, which have targets.
        targets: What they should become: a file, or a folder with equal names.
        size: Of pictures, to bring them to: a side, ``96x64``; by default each keeps its own.
        fit: How a picture takes another size: ``crop``, ``pad`` or ``stretch``.
        seed: Decides what is random in a translation, with the place of the input.
        weights: The ``newest``, or the ``best`` that ``--keep-best`` kept.
        device: Where to compute.
        batch: Inputs of one size that are translated together.
        options: Values of the method's ``sampling_options``, e.g. ``blend`` of super-resolution.
        back: Translate the second of two sides into the first, by a method such as ``cyclegan``.
        data: The run's data, for ``test``.
        mask: Of pictures that are to be filled: a file that is white in their holes and black elsewhere, or a folder
            with one of each name; by default what is transparent is filled.
        feather: Of these, so many pixels into the holes what is filled in is shifted to join what is known.
        measures: What is asked of all translations together, of ``frechet``, ``kernel``, ``labels``, ``attributes``,
            ``cycle`` and ``cost``, or ``all`` that can be told here; labels and attributes are told by judges that are
            trained on the run's data once and kept.
        say: Is told that one is being trained.
        progress: Called with (done, total).

    Raises:
        UsageError: The method does not translate, or not back, does not take inputs of such a size, or masks do not
            fit.
        DataError: There are no inputs that can be read.
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    method: Any = translator(opened, weights, back).to(choose_device(device))
    check_call(size, fit, seed, batch)
    chosen = checked_options(method, options)
    check_masking(method, mask, feather, size)
    given, wanted = given_field(method), method.spec.fields[method.target]
    given, wanted = (wanted, given) if back else (given, wanted)
    asked = check_scores(measures, method, given, wanted, data, targets is not None)
    named = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    if [str(each) for each in named] == [HELD_OUT] and data is not None:
        found = _held_out(data, method, back, seed, batch)
        skipped: list[tuple[str, str]] = []
        notes: list[str] = []
    else:
        told = (unknown_label(opened.recipe.modality), keeps_opacity(method))
        found, skipped, notes = _read(list(map(str, named)), targets, given, wanted, size, fit, *told)
        found = holed(found, mask, given, skipped) if isinstance(method, Fills) else found
    work: Translate = method.translate_back if back else method.translate
    if chosen:
        work = partial(work, options=chosen)  # type: ignore[call-arg]
    if feather:
        work = partial(_filled, method, feather)
    made = _made(method, work, [raw for _, raw, _ in found], given, wanted, seed, batch, progress)
    items = [Translation(name, raw, new, known) for (name, raw, known), new in zip(found, made, strict=True)]
    skipped += [
        (item.name, f"its target is {_sides(item.wanted)}, but {_sides(item.made)} was made, so it is not measured")
        for item in items
        if item.wanted is not None and item.wanted.shape != item.made.shape
    ]
    items = [
        item if item.wanted is None or item.wanted.shape == item.made.shape else replace(item, wanted=None)
        for item in items
    ]
    pairs = [(item.given, item.made, item.wanted) for item in items]
    near = measured(pairs, method, given, wanted)
    scores = scored(asked, TranslatedSet(method, pairs, given, wanted, work, back, data, seed), say)
    own, untouched = near.pop(MADE, {}), near.pop(UNTOUCHED, {})
    return Translations(
        given, wanted, items, own, untouched, near, scores.values, skipped, [*notes, *scores.notes]
    )  # fmt: skip


def translator(run: Run, weights: str = "newest", back: bool = False) -> BaseMethod:
    """The method of a run, if it translates.

    Args:
        run: Trained.
        weights: The ``newest`` or the ``best``.
        back: Whether it is to translate back too.

    Raises:
        UsageError: It does not; the message says what it does instead.
    """
    method: BaseMethod = run.method(best=weights == "best")
    if not isinstance(method, Translates):
        instead = "it draws new samples: `belamy sample`" if isinstance(method, Samples) else "see `belamy report`"
        raise UsageError(
            f"{run.path} was trained by '{run.method_name}', which translates nothing; {instead}. Train a method for "
            "pairs, e.g. `belamy train pix2pix --data FOLDER --modality image:pairs=beside`."
        )
    if back and not isinstance(method, TranslatesBack):
        raise UsageError(
            f"{run.path} was trained by '{run.method_name}', which translates one way only: '{method.source}' into "
            f"'{method.target}'. Leave --back out, or train cyclegan, which learns both."
        )
    return method


def keeps_opacity(method: BaseMethod) -> bool:
    """Whether a method takes pictures with their opacity, though it learned from others."""
    field = given_field(method)
    return bool(getattr(method, "keeps_opacity", False)) and field.modality == "image" and field.shape[0] in (1, 3)


def unknown_label(kind: str | None) -> int:
    """The value of pixels whose class is not known in label maps that are read as a recipe says; -1 for none.

    Example:
        >>> unknown_label("label-map:unknown=255"), unknown_label(None)
        (255, -1)
    """
    part = MODALITIES.check(Part.parse(kind)) if kind else None
    return int(MODALITIES.build(part).unknown) if part is not None and part.name == "label-map" else -1


def check_call(size: SizeOption, fit: str, seed: int, batch: int) -> None:
    """Refuse what cannot be before anything is read.

    Raises:
        UsageError: A number or a word out of range.
    """
    from belamy.data.load_options import FITS

    parse_size(size)
    if fit not in FITS:
        raise UsageError(f"There is no fit '{fit}': it must be {', '.join(FITS)}.")
    Within(0).check("seed", seed)
    Within(1).check("batch", batch)


def _held_out(data: Dataset, method: Any, back: bool, seed: int, batch: int) -> list[tuple[str, Tensor, Tensor | None]]:
    """Name, input and target of each held-out sample of the run's data.

    A method that restores makes its inputs; of sides that are no pairs there are no targets.
    """
    pairs = method.target not in data.sides
    data = data if pairs or not back else data.sides[method.target]
    chosen = data.held_out
    if not len(chosen):
        raise UsageError(f"{data.name} holds no samples out: all {len(data)} were trained on. Give files.")
    raw = data.raw(chosen)
    names = [data.names[index] if data.names else f"test:{place}" for place, index in enumerate(chosen.tolist())]
    if not pairs:
        return [(name, given, None) for name, given in zip(names, raw[data.named], strict=True)]
    wanted, whole = raw[method.target], method.spec.fields[method.target]
    given = raw[method.source] if not isinstance(method, Restores) else _made(
        method, method.degrade, wanted.unbind(), whole, method.degraded, seed, batch, None
    )  # fmt: skip
    first, second = (wanted, given) if back else (given, wanted)
    return list(zip(names, first, second, strict=True))


def _read(
    inputs: Sequence[str],
    targets: str | Path | None,
    source: Field,
    target: Field,
    size: SizeOption,
    fit: str,
    unknown: int,
    opacity: bool,
) -> tuple[list[tuple[str, Tensor, Tensor | None]], list[tuple[str, str]], list[str]]:
    """Name, input and target of each file that can be read, with its opacity or without; the others, and notes."""
    sides = parse_size(size)
    wanted_size = None if sides in (None, NATIVE) else sides
    target_size = _enlarged(wanted_size, source, target)  # type: ignore[arg-type]
    files = [each for given in inputs for each in files_in(given, source)]
    partners = _partners(files, [] if targets is None else files_in(str(targets), target))
    found: list[tuple[str, Tensor, Tensor | None]] = []
    skipped: list[tuple[str, str]] = []
    coloured = 0
    for file in files:
        try:
            through = opacity and has_opacity(file.path)
            given = read_sample(file.path, _deeper(source, through), wanted_size, fit, unknown)  # type: ignore[arg-type]
        except Unreadable as error:
            skipped.append((file.name, str(error)))
            continue
        partner, wanted = partners.get(file.path), None
        if targets is not None and partner is None:
            skipped.append((file.name, f"there is no target of that name in {targets}"))
        if partner is not None:
            try:
                wanted = read_sample(partner.path, _deeper(target, through), target_size, fit)
            except Unreadable as error:
                skipped.append((partner.name, str(error)))
        found.append((file.name, given, wanted))
        coloured += source.modality == "image" and source.shape[0] <= 2 and not is_grey(file.path)
    if not found:
        word = modality(source.modality).words[0]
        raise DataError(f"None of the {len(files):,} file(s) can be read as {word}: {reasons(skipped)}.")
    notes = [f"{coloured:,} picture(s) in colour became grey, as this run's inputs are"] if coloured else []
    return found, skipped, notes


def _deeper(field: Field, opacity: bool) -> Field:
    """A field of pictures with one channel more, if they are read with their opacity."""
    channels, *sides = field.shape
    return field._replace(shape=(channels + 1, *sides)) if opacity else field


def _enlarged(size: Size | None, source: Field, target: Field) -> Size | None:
    """The size of targets where inputs are brought to one: as much larger as the run's targets are."""
    if size is None or source.modality != target.modality:
        return size
    height, width = (
        side * of_target // of_source
        for side, of_source, of_target in zip(size, source.shape[-2:], target.shape[-2:], strict=True)
    )
    return height, width


def _partners(files: Sequence[NamedFile], others: Sequence[NamedFile]) -> dict[Path, NamedFile]:
    """The target of each input: the one where there is one of each, else that of the same name but for its suffix."""
    if len(files) == len(others) == 1:
        return {files[0].path: others[0]}
    known = {PurePosixPath(other.name).with_suffix(""): other for other in others}
    named = {file.path: known.get(PurePosixPath(file.name).with_suffix("")) for file in files}
    return {path: other for path, other in named.items() if other is not None}


def _filled(method: Fills, feather: int, source: Tensor, draws: SampleDraws) -> Tensor:
    """Pictures whose holes are filled up to a feathered seam."""
    return method.fill(source, feather)


@torch.no_grad()
def _made(
    method: Any, work: Translate, inputs: Sequence[Tensor], source: Field, target: Field, seed: int, batch: int,
    progress: Progress | None,
) -> list[Tensor]:  # fmt: skip
    """What is made of inputs, in order; neighbours of one shape are worked on together."""
    method.eval()
    device, dtype = placement(method)
    kinds = modality(source.modality), modality(target.modality)
    made: list[Tensor] = []
    for some in pieces([tuple(each.shape) for each in inputs], batch):
        stacked = torch.stack([inputs[number] for number in some])
        values = kinds[0].to_float(stacked.to(device), source._replace(shape=tuple(stacked.shape[1:])))
        values = values.to(dtype) if values.is_floating_point() else values
        results = work(values, SampleDraws(seed, some))
        made += list(kinds[1].to_raw(results, target._replace(shape=tuple(results.shape[1:]))).cpu())
        if progress is not None:
            progress(some.stop, len(inputs))
    return made


def figure(summary: Summary) -> str:
    """A mean with its interval, in words."""
    return "exact copies" if summary.mean is None else spoken(summary.mean)


def spoken(number: Interval) -> str:
    """A number with its interval, where it has one, in words."""
    known = isfinite(number.low) and number.low < number.high
    return f"{number.value:.3f}" + (f" ({number.low:.3f} to {number.high:.3f})" if known else "")


def _sides(raw: Tensor | None) -> str:
    return "nothing" if raw is None else "x".join(map(str, reversed(raw.shape[1:])))
