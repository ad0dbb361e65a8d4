"""Saying in words what pictures or short films show, by a trained captioner, and where it looked at for each word."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from belamy.api.given_files import Given, Reading, read_inputs
from belamy.api.given_films import read_films
from belamy.api.translate import HELD_OUT
from belamy.data import Dataset
from belamy.data.captions import FIELD
from belamy.device import choose_device
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Captions, Samples, TakesText
from belamy.methods.beam_search import MOST
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.modalities.text import PADDING, strings
from belamy.pages import fragment
from belamy.pages.pictures import source
from belamy.ranges import Within
from belamy.runs.run import Run
from belamy.sampling.captions import attention_sheet, captioned_sheet, spoken_words
from belamy.sampling.draw import placement
from belamy.seeds import SampleDraws

KINDS = ("txt", "csv", "json")
"""Of files of captions."""
HOTTEST = 100
BATCH = 32
_SHOWN = 16
NO_EVIDENCE = (
    "The run's network does not tell what speaks for a word: --evidence needs one that was trained with --network "
    "spatial-attention. Take --attention."
)


class CaptionedPicture(NamedTuple):
    """A picture or film, and what is said of it.

    Args:
        name: Of the file.
        raw: As files hold it, in the size in which it was seen.
        text: The caption.
        word_probability: The geometric mean of the probabilities of its words, the end among them.
        words: One after the other, the end among them.
        attention: Of each word, to the places of the frames, of which a picture has one.  # [words, t, h, w]
        evidence: How much places speak for each word, of a network that tells it.  # [words, t, h, w]
        true: The caption that is known to be right; None where none is known.
    """

    name: str
    raw: Tensor
    text: str
    word_probability: float
    words: tuple[str, ...]
    attention: Tensor
    evidence: Tensor | None
    true: str | None

    def facts(self) -> dict[str, Any]:
        """What is told of it in files."""
        known = {} if self.true is None else {"true": self.true}
        return {"file": self.name, "caption": self.text, "word_probability": round(self.word_probability, 4), **known}


@dataclass(frozen=True)
class CaptionedPictures:
    """Captions of pictures or films.

    Args:
        field: What was given.
        items: Each with its caption.
        skipped: Names of what could not be read, and why.
        notes: What a user should know.
    """

    field: Field
    items: Sequence[CaptionedPicture]
    skipped: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[CaptionedPicture]:
        return iter(self.items)

    def lines(self) -> list[str]:
        """For people: each name with its caption, and the true one below it where that is known."""
        width = min(max(len(item.name) for item in self.items), 40)
        lines = []
        for item in self.items:
            lines.append(f"{item.name:<{width}}  {item.text}")
            if item.true is not None:
                lines.append(f"{'':<{width}}  true: {item.true}")
        return lines

    def file(self, kind: str) -> bytes:
        """The captions as a file: ``txt``, a line each after the name and a tab, ``csv``, with the columns file and
        caption that data are read by, or ``json``."""
        rows = [item.facts() for item in self.items]
        if kind == "json":
            return (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        told = io.StringIO()
        if kind == "csv":
            table = csv.DictWriter(told, list(rows[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
        else:
            told.writelines(f"{row['file']}\t{' / '.join(str(row['caption']).splitlines())}\n" for row in rows)
        return told.getvalue().encode("utf-8", "replace")

    def attention_sheet(self, number: int) -> np.ndarray:
        """The words of one caption, each below what was looked at for it.  # uint8 [H, W, 3]"""
        item = self.items[number]
        return attention_sheet(item.raw, item.words, item.attention)

    def evidence_sheet(self, number: int) -> np.ndarray:
        """The words of one caption, each below what spoke for it.  # uint8 [H, W, 3]

        Raises:
            UsageError: The network does not tell it.
        """
        item = self.items[number]
        if item.evidence is None:
            raise UsageError(NO_EVIDENCE)
        return attention_sheet(item.raw, item.words, item.evidence)

    def _repr_html_(self) -> str:
        some = self.items[:_SHOWN]
        sheet = captioned_sheet(torch.stack([item.raw for item in some]), self.field, [item.text for item in some])
        return fragment("card", title=repr(self), lines=[], picture=source(sheet), width=640)

    def __repr__(self) -> str:
        return f"CaptionedPictures({len(self.items):,} {modality(self.field.modality).words[1]})"


def caption(
    run: str | Path | Run,
    inputs: str | Path | Sequence[str | Path],
    *,
    beams: int = 1,
    temperature: float = 0.0,
    fit: str = "crop",
    seed: int = 0,
    weights: str = "newest",
    device: str = "auto",
    data: Dataset | None = None,
    method: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> CaptionedPictures:
    """What pictures or short films show, in the words of a trained captioner.

    Args:
        run: A captioner's, or its directory.
        inputs: Files and folders; ``test`` for the held-out samples of the run's data, whose captions are known.
        beams: Beginnings that are kept in the search for the likeliest caption, 1 to 64; 1 takes the likeliest word
            each time.
        temperature: Above 0 words are drawn: below 1 likelier ones, above 1 bolder ones.
        fit: How a picture is brought to the size of the run's: ``crop``, ``pad`` or ``stretch``.
        seed: Decides drawn words, with the place of the picture.
        weights: The ``newest``, or the ``best`` that ``--keep-best`` kept.
        device: Where to compute.
        data: The run's data, for ``test``.
        method: The run's, where it is there already: what :func:`captioner` gives.
        progress: Called with (done, total).

    Raises:
        UsageError: The method writes no captions, or a number is out of range.
        DataError: There are no inputs that can be read.

    Example:
        >>> caption("runs/captioner-avatars-1", "faces/", beams=4).items[0].text  # doctest: +SKIP
        'a person with short brown hair, fair skin, happy eyes and a smile'
    """
    check_search(beams, temperature)
    opened = run if isinstance(run, Run) else Run.open(run)
    found: Any = (method or captioner(opened, weights)).to(choose_device(device))
    field: Field = found.spec.field
    named = [str(inputs)] if isinstance(inputs, str | Path) else list(map(str, inputs))
    known: list[str | None] | None = None
    if named == [HELD_OUT] and data is not None:
        given, known = _held_out(data)
        skipped, notes = list[tuple[str, str]](), list[str]()
    else:
        given, skipped, notes = _read(named, field, found.written, fit)
    items: list[CaptionedPicture] = []
    for first in range(0, len(given), BATCH):
        some = given[first : first + BATCH]
        true = [None] * len(some) if known is None else known[first : first + BATCH]
        draws = SampleDraws(seed, range(first, first + len(some)))
        items += _captioned(found, some, true, beams, temperature, draws)
        if progress is not None:
            progress(len(items), len(given))
    return CaptionedPictures(field, items, skipped, notes)


def _read(
    inputs: list[str], field: Field, written: Field, fit: str
) -> tuple[list[Given], list[tuple[str, str]], list[str]]:
    """What can be read of files, in the size of the run's; what cannot, and notes."""
    if field.modality == "video":
        return *read_films(inputs, field, fit), []
    _, height, width = field.shape
    return read_inputs(inputs, None, Reading(field, written, (height, width), fit, -1, False, False))


@torch.no_grad()
def _captioned(
    method: Any, given: Sequence[Given], true: Sequence[str | None], beams: int, temperature: float, draws: SampleDraws
) -> Iterator[CaptionedPicture]:
    """Some inputs with their captions."""
    device, dtype = placement(method)
    raw = torch.stack([each.raw for each in given])
    pictures = modality(method.spec.field.modality).to_float(raw, method.spec.field).to(device, dtype)
    told = method.eval().caption(pictures, beams=beams, temperature=temperature, draws=draws)
    symbols, attention = told.symbols.cpu(), told.attention.cpu()
    evidence = None if told.evidence is None else told.evidence.cpu()
    lengths = (symbols != PADDING).sum(1).clamp(min=1)
    for row, text in enumerate(strings(symbols, method.written)):
        words, weights = spoken_words(symbols[row], attention[row], method.written)
        spoke = None if evidence is None else spoken_words(symbols[row], evidence[row], method.written)[1]
        sure = exp(-float(told.nats[row]) / int(lengths[row]))
        yield CaptionedPicture(given[row].name, raw[row], text, sure, tuple(words), weights, spoke, true[row])


def _held_out(data: Dataset) -> tuple[list[Given], list[str | None]]:
    """The held-out samples of a run's data, and their captions."""
    chosen = data.held_out
    if not len(chosen):
        raise UsageError(f"{data.name} holds no samples out: all {len(data)} were trained on. Give files.")
    column = data.columns[FIELD]
    names = [data.names[index] if data.names else f"test:{place}" for place, index in enumerate(chosen.tolist())]
    given = [Given(name, raw) for name, raw in zip(names, data.store.read(chosen), strict=True)]
    return given, list(strings(column.store.read(chosen), column.field))


def captioner(run: Run, weights: str = "newest") -> BaseMethod:
    """The method of a run, if it writes captions.

    Raises:
        UsageError: It does not; the message says what it does instead.
    """
    method: BaseMethod = run.method(best=weights == "best")
    if not isinstance(method, Captions):
        instead = "see `belamy report`"
        if isinstance(method, Samples):
            told = ' --text "…"' if isinstance(method, TakesText) and method.caption is not None else ""
            instead = f"it draws new samples: `belamy sample {run.path}{told}`"
        raise UsageError(
            f"{run.path} was trained by '{run.method_name}', which writes no captions; {instead}. Train a captioner, "
            "e.g. `belamy train captioner-avatars`, or `belamy train captioner --data FOLDER --modality "
            "image:captions=beside`."
        )
    return method


def check_search(beams: int, temperature: float) -> None:
    """Refuse ways to write that cannot be.

    Raises:
        UsageError: A number out of range, or both.
    """
    Within(1, MOST).check("beams", beams)
    Within(0, HOTTEST).check("temperature", temperature)
    if beams > 1 and temperature > 0:
        raise UsageError(
            f"--beams {beams} searches for the likeliest caption, and --temperature {temperature:g} draws one. Leave "
            "one of them out."
        )
