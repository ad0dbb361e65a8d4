"""What judges say of pictures that a run draws of held-out captions, as measures of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from belamy.api.judged import Protocol
from belamy.data import Dataset
from belamy.data.captions import FIELD as CAPTION
from belamy.errors import UsageError, nearest
from belamy.evaluation.caption_ranks import CANDIDATES, FIRST, own_ranks, retrieval
from belamy.evaluation.caption_variety import apart, variety
from belamy.evaluation.features import Extractor
from belamy.evaluation.measures import Measure
from belamy.evaluation.statistics import Interval
from belamy.judges.caption_matcher import CaptionMatcher
from belamy.judges.captioned_attributes import CaptionedAttributes, combination, made_of_attributes
from belamy.methods.base import BaseMethod, TakesText
from belamy.modalities.text import END, UNKNOWN, strings
from belamy.runs.run import Run
from belamy.sampling.draw import draw
from belamy.seeds import derive

MEASURES = ("attributes", "retrieval", "variety")
"""What may be asked: whether what captions name is there; whether pictures are known by their captions; how much
pictures of one caption differ."""
ALL = "all"
MOST, LEAST = 300, 20
"""Held-out captions that are drawn, at most, and the fewest that say anything."""
TEXTS, EACH = 50, 4
"""Captions whose variety is measured, and pictures of each."""
REAL_PAIRED = 2000
"""Real pictures among which those of equal captions are looked for, at most."""

Say = Callable[[str], None]


@dataclass
class Told:
    """What was found.

    Args:
        measures: The numbers.
        notes: What a reader must know.
        protocol: What decides the numbers, by the measure, for the card.
    """

    measures: list[Measure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    protocol: dict[str, str] = field(default_factory=dict)

    def add(self, numbers: Mapping[str, Interval], real: Mapping[str, Interval], metric: str) -> None:
        """Add numbers, each beside that of real pictures."""
        for name, number in numbers.items():
            beside = real.get(name)
            self.measures.append(
                Measure(name, number.value, number, None if beside is None else beside.value, beside, metric)
            )


def draws_by_text(run: Run | None) -> bool:
    """Whether a run draws pictures of captions."""
    method = None if run is None else run.build()
    return isinstance(method, TakesText) and method.caption is not None and method.output.modality == "image"


def check_names(names: Sequence[str]) -> None:
    """Refuse what is no measure of texts.

    Raises:
        UsageError: Which, and what to type.
    """
    for name in names:
        if name not in (*MEASURES, ALL):
            raise UsageError(f"There is no measure '{name}' of pictures of texts. {nearest(name, (*MEASURES, ALL))}")


def asked_measures(names: Sequence[str], data: Dataset) -> list[str]:
    """The measures that are asked for, ``all`` being those that can be told here.

    Raises:
        UsageError: One cannot be told of these data.
    """
    if not names:
        return []
    if CAPTION not in data.columns:
        raise UsageError(
            f"Measures of texts need pictures with captions, and {data.name} has none. Leave --measures out."
        )
    known = len(drawable(data, data.held_out))
    if known < LEAST:
        raise UsageError(
            f"Measures of texts need at least {LEAST} held-out pictures with captions, but {data.name} has {known}. "
            "Leave --measures out, or take more pictures."
        )
    readable = made_of_attributes(data)
    if "attributes" in names and not readable:
        raise UsageError(
            "The measure 'attributes' reads captions that are made of the pictures' attributes, as those of drawn "
            f"faces are (avatars-16:captions=true). Those of {data.name} are not. Leave it out."
        )
    every = [name for name in MEASURES if readable or name != "attributes"]
    return [name for name in every if name in names or ALL in names]


def drawable(data: Dataset, rows: Tensor) -> Tensor:
    """Those rows whose captions are whole, and hold nothing that training captions had not.  # long [n] to [m]"""
    symbols = data.columns[CAPTION].store.read(rows)
    whole = (symbols == END).any(1) & (symbols != UNKNOWN).all(1) & (symbols[:, 0] != END)
    return rows[whole]


class TextJudge:
    """Draws pictures of captions, and has them judged.

    Args:
        method: That draws.
        data: What it learned from.
        protocol: Count, seed and options of the samples.
        extractor: By whose features variety is told.
        say: Is told what is going on.
    """

    def __init__(self, method: BaseMethod, data: Dataset, protocol: Protocol, extractor: Extractor, say: Say) -> None:
        self.method, self.data, self.protocol = method, data, protocol
        self.extractor, self.say, self.told = extractor, say, Told()
        self.column = data.columns[CAPTION]
        self.rows = drawable(data, data.held_out)[: min(MOST, protocol.count)]
        self.captions = self.texts(self.rows)

    def texts(self, rows: Tensor) -> list[str]:
        """The captions of some pictures."""
        return strings(self.column.store.read(rows), self.column.field)

    def drawn(self, texts: Sequence[str], purpose: str) -> Tensor:
        """A picture of each text.  # uint8 [n, C, H, W]"""
        self.say(f"Drawing {len(texts):,} pictures of captions: {purpose} …")
        seed = derive(self.protocol.seed, purpose)
        return draw(self.method, len(texts), seed=seed, text=list(texts), batch=50, options=self.protocol.options)

    def attributes(self) -> None:
        """Whether what captions name is there, of held-out captions and of combinations that training never had."""
        judge = CaptionedAttributes(self.data, say=self._heard)
        real, drawn = self.data.images(self.rows), self.drawn(self.captions, "held-out captions")
        self.told.add(judge.agreement(drawn, self.captions), judge.agreement(real, self.captions), "attributes")
        others = judge.agreement(drawn, [*self.captions[1:], *self.captions[:1]])["attributes"]
        new, share = judge.recombined(len(self.captions), self.protocol.seed)
        if len(new) >= LEAST:
            unseen = judge.agreement(self.drawn(new, "unseen combinations"), new, "unseen-attributes")
            self.told.add({name: unseen[name] for name in list(unseen)[:3]}, {}, "attributes")
        self.told.notes.append(
            f"Held against captions of others, the pictures drawn have {others.value:.1%} of the attributes. Of "
            f"recombined attributes {share:.0%} are combinations that no training picture has; {len(new):,} of them "
            "were drawn (unseen-attributes)."
        )
        self.told.protocol["attributes"] = f"captions={len(self.captions)},recombined={len(new)}"

    def retrieval(self) -> None:
        """Whether pictures are known by their captions among others, by encoders that learned from the other half."""
        matcher = CaptionMatcher(self.data, say=self.say)
        rows, pool = drawable(self.data, matcher.asked)[: len(self.rows)], drawable(self.data, matcher.other)
        if len(rows) < LEAST:
            self.told.notes.append(
                f"Retrieval is left out: {len(rows)} held-out pictures with captions are in the half that the matcher "
                f"has not seen, fewer than {LEAST}."
            )
            return
        captions = self.column.store.read(pool)
        own, seed = torch.searchsorted(pool, rows), self.protocol.seed
        pictures = {"real": self.data.images(rows), "fake": self.drawn(self.texts(rows), "retrieval")}
        ranks = {
            side: own_ranks(matcher.scores(each, captions), own, captions, seed=seed) for side, each in pictures.items()
        }
        self.told.add(retrieval(ranks["fake"]), retrieval(ranks["real"]), "retrieval")
        candidates = min(CANDIDATES, len(pool))
        self.told.notes.append(
            f"Captions are looked for among {candidates} by encoders of their own ({matcher}). By chance r-precision "
            f"is {1 / candidates:.1%}, caption-recall-{FIRST} {min(FIRST / candidates, 1):.1%} and caption-rank "
            f"{(candidates + 1) / 2:g}."
        )
        self.told.protocol["retrieval"] = f"candidates={candidates},asked={len(rows)},encoder={matcher}"

    def variety(self) -> None:
        """How much pictures of one caption differ, beside those of different ones."""
        texts = list(dict.fromkeys(self.captions))[:TEXTS]
        drawn = self.drawn([text for text in texts for _ in range(EACH)], "variety")
        rows = drawable(self.data, self.data.indices("all"))[:REAL_PAIRED]
        meaning = combination if made_of_attributes(self.data) else str
        real = self.extractor.extract(self.data.images(rows)).features
        unit = apart(real)
        beside = variety(real, [meaning(text) for text in self.texts(rows)], unit)
        found = variety(self.extractor.extract(drawn).features, [text for text in texts for _ in range(EACH)], unit)
        self.told.add(found, beside, "variety")
        self.told.notes.append(
            f"Variety is told by distances of {self.extractor.name}, over that of two real pictures; of {len(texts)} "
            f"captions {EACH} pictures each."
            + ("" if "caption-variety" in beside else " Too few real pictures have equal captions to stand beside it.")
        )
        self.told.protocol["variety"] = f"captions={len(texts)},pictures={EACH}"

    def _heard(self, text: str) -> None:
        self.say(text)
        if text.startswith("Of "):  # how many held-out pictures they tell right
            self.told.notes.append(text)


def judged_texts(
    method: BaseMethod, data: Dataset, protocol: Protocol, names: Sequence[str], extractor: Extractor, say: Say
) -> Told:
    """The measures of pictures of held-out captions.

    Args:
        method: That draws them.
        data: What it learned from, with captions.
        protocol: How many, of what seed, with which options.
        names: What is asked, of ``MEASURES``; where nothing is, a note says what could be.
        extractor: By whose features variety is told.
        say: Is told what is going on.
    """
    if not names:
        return Told(notes=["Whether pictures are what their captions say was not measured: add --measures all."])
    judge = TextJudge(method, data, protocol, extractor, say)
    for name in names:
        getattr(judge, name)()
    return judge.told
