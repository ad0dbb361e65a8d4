"""Translating files by a trained method: drawings into photographs, noisy sound into clean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.api.given_colours import as_values, check_colours, hinted, parse_hints, parse_palette
from belamy.api.given_files import COLOURS, Given, Reading, own_field, read_inputs
from belamy.api.making import Manner, Progress, Translate, made
from belamy.api.masking import check_masking, holed
from belamy.api.translation_measures import MADE, measured
from belamy.api.translation_scores import TranslatedSet, check_scores, scored
from belamy.data import Dataset
from belamy.device import choose_device
from belamy.errors import UsageError
from belamy.evaluation.pairs.summary import Summary, summarise
from belamy.evaluation.statistics import Interval
from belamy.methods.base import (
    UNTOUCHED,
    BaseMethod,
    Fills,
    Redraws,
    Restores,
    Samples,
    Translates,
    TranslatesBack,
    given_field,
)
from belamy.modalities import MODALITIES, WrittenTwice, modality, suffix_of
from belamy.modalities.colours import recolour
from belamy.modalities.fields import Field
from belamy.modalities.image import as_bytes
from belamy.modalities.sizes import SizeOption, parse_size
from belamy.pages import fragment, page
from belamy.pages.pictures import source
from belamy.ranges import Within
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.sampling.draw import checked_options
from belamy.sampling.sheets import picture_of, side_by_side
from belamy.seeds import SampleDraws

ON_PAGE, ON_SHEET = 48, 16
HELD_OUT = "test"
MOST_OUTPUTS = 64


@dataclass(frozen=True)
class Translation:
    """One input and what was made of it, as files hold them.

    Args:
        name: Of the input.
        given: The input.
        made: What was made of it.
        wanted: What it should have become, where that is known.
        others: What else was made of it, by the seeds that follow.
        opacity: That files keep of the input, where the method takes none.  # [1, H, W]
        grey: Whether files are grey, as the input is and the method restores it.
    """

    name: str
    given: Tensor
    made: Tensor
    wanted: Tensor | None = None
    others: Sequence[Tensor] = ()
    opacity: Tensor | None = None
    grey: bool = False

    def kept(self, which: int = 0) -> Tensor:
        """What a file of one of its outputs holds: in grey where the input is, with its opacity."""
        made = (self.made, *self.others)[which]
        if self.grey:
            made = recolour(made[None], made.shape[0] - 2)[0]
        return made if self.opacity is None else torch.cat([made, self.opacity])


@dataclass(frozen=True)
class Translations:
    """What a method made of several inputs; in a notebook it shows itself.

    Args:
        source: What inputs are.
        target: What is made of them.
        items: In the order of the inputs.
        measures: How near they come to their targets, each by name, one number for each item that has one; NaN where
            the measure cannot tell.
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

    def file(self, number: int, which: int = 0) -> bytes:
        """The file of one translation, or of another output of the same input."""
        return self.files(number, which)[self.suffix]

    def files(self, number: int, which: int = 0) -> dict[str, bytes]:
        """The file of one translation by its suffix, and what stands beside it: of music, how it sounds."""
        kept, kind = self.items[number].kept(which), modality(self.target.modality)
        own = own_field(self.target, kept)
        beside = kind.others(kept, own) if isinstance(kind, WrittenTwice) else {}
        return {self.suffix: kind.encode(kept, own), **beside}

    def summaries(self) -> dict[str, tuple[Summary, Summary | None]]:
        """Of each measure, that of the translations and that of the untouched inputs."""
        return {
            name: (_summary(values), _summary(self.untouched[name]) if name in self.untouched else None)
            for name, values in self.measures.items()
        }

    def beside(self) -> dict[str, dict[str, Summary]]:
        """Of each rival, its measures by name."""
        return {who: {name: _summary(each) for name, each in found.items()} for who, found in self.rivals.items()}

    def titled(self, name: str) -> str:
        """A measure's name, of sounds with the rate at which they were measured."""
        rate = self.target.rate if self.target.modality == "audio" else None
        return name if rate is None else f"{name} at {rate:,.0f} Hz"

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
            own = own_field(kind, raw[0])
            values[name] = (own, modality(kind.modality).to_float(torch.stack(raw), own))
        return side_by_side(values)

    def page(self, title: str = "translations") -> str:
        """A page that shows inputs, outputs and targets side by side, with the measures."""
        beside = self.beside()
        rows = [
            [self.titled(name), figure(made), "" if untouched is None else figure(untouched),
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
        outputs = [item.kept(which) for which in range(1 + len(item.others))]
        shown = [("input", self.source, item.given)]
        shown += [(f"output {which + 1}" if which else "output", self.target, raw) for which, raw in enumerate(outputs)]
        shown += [] if item.wanted is None else [("target", self.target, item.wanted)]
        for name, kind, raw in shown:
            own = own_field(kind, raw)
            media = modality(kind.modality).media(raw[None], own)
            cells.append({"name": name, "picture": picture_of(raw, own), "media": media})
        place = sum(each.wanted is not None for each in self.items[:number])
        figures = {} if item.wanted is None else {
            name: f"{float(values[place]):.3f}" for name, values in self.measures.items()
            if len(values) > place and not values[place].isnan()
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
    outputs: int = 1,
    tile: int | None = None,
    overlap: int | None = None,
    options: Mapping[str, float] | None = None,
    back: bool = False,
    data: Dataset | None = None,
    method: Any = None,
    mask: str | Path | None = None,
    feather: int = 0,
    hints: Sequence[str] = (),
    palette: Sequence[str] = (),
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
        outputs: How many are made of each input; the second is what the next seed gives, and so on.
        tile: Longest side of a tile of large pictures in pixels; by default they pass in tiles where memory needs it.
        overlap: Of tiles in pixels; by default as many as the network sees, so that tiles make what the whole would.
        options: Values of the method's ``sampling_options``, e.g. ``blend`` of super-resolution.
        back: Translate the second of two sides into the first, by a method such as ``cyclegan``.
        data: The run's data, for ``test``.
        method: The run's, where it is there already: what :func:`translator` gives.
        mask: Of pictures that are to be filled: a file that is white in their holes and black elsewhere, or a folder
            with one of each name; by default what is transparent is filled.
        feather: Of these, so many pixels into the holes what is filled in is shifted to join what is known.
        hints: Of grey pictures that are given colours: what each is to have at places, ``12,34=#ff0000`` at column 12
            of row 34.
        palette: Of these, colours that they are to have somewhere, e.g. ``["#e33", "white"]``.
        measures: What is asked of all translations together, of ``frechet``, ``kernel``, ``labels``, ``attributes``,
            ``cycle`` and ``cost``, or ``all`` that can be told here; labels and attributes are told by judges that are
            trained on the run's data once and kept.
        say: Is told that one is being trained.
        progress: Called with (done, total).

    Raises:
        UsageError: The method does not translate, or not back, does not take inputs of such a size, or masks or colours
            do not fit.
        DataError: There are no inputs that can be read.
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    method = (method or translator(opened, weights, back)).to(choose_device(device))
    check_call(size, fit, outputs)
    chosen = checked_options(method, options)
    check_masking(method, mask, feather, size)
    named = _named(inputs)
    held_out = named == [HELD_OUT] and data is not None
    points, colours = parse_hints(hints), parse_palette(palette)
    check_colours(method, points, colours, size, held_out)
    given, wanted = given_field(method), method.spec.fields[method.target]
    given, wanted = (wanted, given) if back else (given, wanted)
    manner = Manner(seed, batch, tile, overlap)
    manner.check(given)
    asked = check_scores(measures, method, given, wanted, data, targets is not None)
    skipped: list[tuple[str, str]] = []
    notes: list[str] = []
    if held_out and data is not None:
        found = [Given(*each) for each in _held_out(data, method, back, seed, batch)]
    else:
        unknown = unknown_label(opened.recipe.modality)
        how = Reading(given, wanted, size, fit, unknown, *opacities(method, given, wanted))
        found, skipped, notes = read_inputs(named, targets, how)
        found = _fillable(found, method, mask, chosen, skipped)
    work = _way(method, back, chosen, feather, colours)
    seen = hinted(found, points, method.hint_side if points else 0)
    series = _series(method, work, seen, (given, wanted), manner, outputs, notes, progress)
    items = [_translation(each, outcome, method) for each, outcome in zip(found, series, strict=True)]
    items = _comparable(items, skipped)
    pairs = [(_shallow(each.given, given), _shallow(each.made, wanted), each.wanted) for each in items]
    pairs = [(raw, new, None if true is None else _shallow(true, wanted)) for raw, new, true in pairs]
    near = measured(pairs, method, given, wanted, notes)
    scores = scored(asked, TranslatedSet(method, pairs, given, wanted, work, back, data, seed), say)
    own, untouched = near.pop(MADE, {}), near.pop(UNTOUCHED, {})
    return Translations(given, wanted, items, own, untouched, near, scores.values, skipped, [*notes, *scores.notes])


def _named(inputs: str | Path | Sequence[str | Path]) -> list[str]:
    """Files and folders as they were typed."""
    if named := [inputs] if isinstance(inputs, str | Path) else list(inputs):
        return [str(each) for each in named]
    raise UsageError("Nothing is given to translate. Name files or folders, or test.")


def _series(
    method: Any, work: Translate, raw: Sequence[Tensor], fields: tuple[Field, Field], manner: Manner, outputs: int,
    notes: list[str], progress: Progress | None,
) -> list[tuple[Tensor, ...]]:  # fmt: skip
    """The outputs of each input, one for each seed from the manner's on; what a user should know is added to notes."""
    series: list[list[Tensor]] = []
    said: list[str] = []
    for which in range(outputs):
        values, said = made(method, work, raw, *fields, replace(manner, seed=manner.seed + which), progress)
        series.append(values)
    together = list(zip(*series, strict=True))
    notes += said
    if outputs > 1 and all(map(_alike, together)):
        notes.append(f"all {outputs} outputs of each input are alike: nothing is random in this method")
    return together


def _translation(given: Given, outputs: Sequence[Tensor], method: Any) -> Translation:
    """What was made of an input; files of methods that restore are grey where it is."""
    grey = given.grey and isinstance(method, Restores)
    return Translation(given.name, given.raw, outputs[0], given.wanted, outputs[1:], given.opacity, grey)


def _alike(values: Sequence[Tensor]) -> bool:
    return all(torch.equal(values[0], other) for other in values[1:])


def _fillable(
    found: list[Given],
    method: Any,
    mask: str | Path | None,
    options: Mapping[str, float],
    skipped: list[tuple[str, str]],
) -> list[Given]:
    """Of inputs that are to be filled those that have holes; all, where they are drawn anew."""
    if isinstance(method, Redraws):
        for each in found:
            method.check_size(each.name, each.raw)
        if mask is None and method.redraws(options):
            return found
    if not isinstance(method, Fills):
        return found
    greys = {each.name: each.grey for each in found}
    fitting = holed([(each.name, each.raw, each.wanted) for each in found], mask, method.degraded, skipped)
    return [Given(name, raw, wanted, grey=greys[name]) for name, raw, wanted in fitting]


def _comparable(items: list[Translation], skipped: list[tuple[str, str]]) -> list[Translation]:
    """Translations without targets of another size, which are named among what is left out."""
    skipped += [
        (item.name, f"its target is {_sides(item.wanted)}, but {_sides(item.made)} was made, so it is not measured")
        for item in items
        if item.wanted is not None and item.wanted.shape != item.made.shape
    ]
    return [
        item if item.wanted is None or item.wanted.shape == item.made.shape else replace(item, wanted=None)
        for item in items
    ]


def _shallow(raw: Tensor, field: Field) -> Tensor:
    """Pictures of more bits than the run's in 8, in which they are measured."""
    return as_bytes(raw) if field.modality == "image" and field.bits == 8 else raw


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
    method = method.translating(method) if method.translating is not None else method
    if not isinstance(method, Translates):
        instead = "it draws new samples: `belamy sample`" if isinstance(method, Samples) else "see `belamy report`"
        other = "speech-enhancer" if method.spec.modality == "audio" else "pix2pix --modality image:pairs=beside"
        raise UsageError(
            f"{run.path} was trained by '{run.method_name}', which translates nothing; {instead}. Train a method for "
            f"pairs, e.g. `belamy train {other} --data FOLDER`."
        )
    if back and not isinstance(method, TranslatesBack):
        raise UsageError(
            f"{run.path} was trained by '{run.method_name}', which translates one way only: '{method.source}' into "
            f"'{method.target}'. Leave --back out, or train cyclegan, which learns both."
        )
    return method


def opacities(method: BaseMethod, given: Field, wanted: Field) -> tuple[bool, bool]:
    """Whether a method takes pictures with their opacity, and whether that is kept beside it if it does not."""
    opaque = given.modality == "image" and given.shape[0] in COLOURS
    through = opaque and bool(getattr(method, "keeps_opacity", False))
    alike = wanted.modality == "image" and wanted.shape[0] in COLOURS and wanted.shape[1:] == given.shape[1:]
    return through, opaque and alike and not through


def unknown_label(kind: str | None) -> int:
    """The value of pixels whose class is not known in label maps that are read as a recipe says; -1 for none.

    Example:
        >>> unknown_label("label-map:unknown=255"), unknown_label(None)
        (255, -1)
    """
    part = MODALITIES.check(Part.parse(kind)) if kind else None
    return int(MODALITIES.build(part).unknown) if part is not None and part.name == "label-map" else -1


def check_call(size: SizeOption, fit: str, outputs: int) -> None:
    """Refuse what cannot be before anything is read.

    Raises:
        UsageError: A number or a word out of range.
    """
    from belamy.data.load_options import FITS

    parse_size(size)
    if fit not in FITS:
        raise UsageError(f"There is no fit '{fit}': it must be {', '.join(FITS)}.")
    Within(1, MOST_OUTPUTS).check("outputs", outputs)


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
    given = raw[method.source] if method.source in raw else made(
        method, method.degrade, wanted.unbind(), whole, method.degraded, Manner(seed, batch)
    )[0]  # fmt: skip
    first, second = (wanted, given) if back else (given, wanted)
    return list(zip(names, first, second, strict=True))


def _way(
    method: Any, back: bool, options: Mapping[str, float], feather: int, palette: Sequence[tuple[int, int, int]]
) -> Translate:
    """How a method is called."""
    if feather:
        return partial(_filled, method, feather)
    chosen: dict[str, Any] = ({"options": options} if options else {}) | (
        {"palette": as_values(palette)} if palette else {}
    )
    return partial(method.translate_back if back else method.translate, **chosen)


def _filled(method: Fills, feather: int, source: Tensor, draws: SampleDraws) -> Tensor:
    """Pictures whose holes are filled up to a feathered seam."""
    return method.fill(source, feather)


def _summary(values: Tensor) -> Summary:
    """Of the pairs that were scored."""
    return summarise(values[~values.isnan()])


def figure(summary: Summary) -> str:
    """A mean with its interval, in words."""
    return "exact copies" if summary.mean is None else spoken(summary.mean)


def spoken(number: Interval) -> str:
    """A number with its interval, where it has one, in words."""
    known = isfinite(number.low) and number.low < number.high
    return f"{number.value:.3f}" + (f" ({number.low:.3f} to {number.high:.3f})" if known else "")


def _sides(raw: Tensor | None) -> str:
    return "nothing" if raw is None else "x".join(map(str, reversed(raw.shape[1:])))
