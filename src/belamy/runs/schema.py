"""What the JSON files of a run hold: one typed model each, which refuses a damaged file by name and place.

Facts that a newer Belamy added are kept and left alone; what an older one did not write has a default.
"""

from __future__ import annotations

from math import prod
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag, TypeAdapter, model_validator
from typing_extensions import TypeAliasType

from belamy.modalities.fields import LABEL, DataSpec
from belamy.modalities.fields import Field as DataField

MOST_VALUES = 1 << 28
"""Values of a sample, at most: a damaged file must not take all memory."""

Severity = Literal["note", "warning", "severe"]
Count = Annotated[int, Field(ge=0, le=10**15)]
Number = float
"""A number; "NaN", "Infinity" and "-Infinity" too, as strict JSON writes them."""
Measured = TypeAliasType(
    "Measured", "Number | str | bool | list[Measured] | dict[str, Measured] | None"
)  # not JsonValue: a whole number of 400 digits is none that can be drawn
Numbers = dict[str, Number]


class Facts(BaseModel):
    """Plain facts of a run."""

    model_config = ConfigDict(frozen=True, extra="allow")


class FieldFacts(Facts):
    """A field of the data; see :class:`belamy.modalities.fields.Field`."""

    modality: str
    shape: Annotated[tuple[Annotated[int, Field(ge=1, le=1 << 24)], ...], Field(max_length=8)]
    classes: tuple[str, ...] = ()
    rate: Annotated[float, Field(gt=0)] | None = None
    bits: Literal[1, 8, 16, 32] = 8
    facts: dict[str, JsonValue] = {}

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if prod(self.shape) > MOST_VALUES:
            raise ValueError(f"a sample of {prod(self.shape):,} values, more than {MOST_VALUES:,}")
        return self


class DomainFacts(Facts):
    """What the data decided: their fields, by name and in order."""

    fields: Annotated[dict[str, FieldFacts], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _of_pictures(cls, facts: Any) -> Any:
        """Runs of before fields were named hold a shape and classes."""
        if not isinstance(facts, dict) or "fields" in facts or not {"shape", "classes"} <= facts.keys():
            return facts
        if not isinstance(facts["shape"], list) or len(facts["shape"]) != 3:
            raise ValueError("domain.shape is not that of a picture: channels, height, width")
        label = {LABEL: {"modality": "category", "shape": (), "classes": facts["classes"]}} if facts["classes"] else {}
        return {"fields": {"image": {"modality": "image", "shape": facts["shape"]}, **label}}

    @model_validator(mode="after")
    def _something_beside_the_label(self) -> Self:
        if self.fields.keys() <= {LABEL}:
            raise ValueError("no field beside the label")
        return self

    @property
    def spec(self) -> DataSpec:
        """The same as methods are built from."""
        return DataSpec({name: DataField(**{name: getattr(each, name) for name in DataField._fields})
                         for name, each in self.fields.items()})  # fmt: skip


class RecipeFile(Facts):
    """``recipe.json``: what was asked for. Its presence makes a directory a run."""

    format: Literal[1] = 1
    recipe: str
    method: str
    fields: dict[str, Any]
    domain: DomainFacts


class ValidationFacts(Facts):
    """Validation of a run during training."""

    every: Annotated[int, Field(ge=1)]
    count: Annotated[int, Field(ge=1)]
    metrics: tuple[str, ...] = ()
    keep_best: str | None = None


class Provenance(Facts):
    """``provenance.json``: where a run comes from, and the options that a resume takes over."""

    precision: Literal["auto", "float32", "bfloat16", "float64"]
    snapshots: Annotated[int, Field(ge=1)]
    data: str
    sessions: list[dict[str, JsonValue]]
    versions: dict[str, str | None] = {}
    git: dict[str, JsonValue] | None = None
    watch: bool = True
    autopilot: bool = False
    judging: ValidationFacts | None = None
    micro_batch: Annotated[int, Field(ge=1)] | None = None
    checkpoint_activations: bool = False
    parent: dict[str, JsonValue] | None = None


class DataCard(Facts):
    """``data.json``: what was learned from; see :meth:`belamy.data.Dataset.card`."""

    name: str = ""
    images: Count = 0
    shape: tuple[Count, ...] = ()
    classes: tuple[str, ...] = ()
    label_counts: dict[str, Count] = {}
    attributes: dict[str, list[JsonValue]] = {}
    splits: dict[str, Count] = {}
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


class Event(Facts):
    """A line of ``journal.jsonl``."""

    event: str
    samples: Count
    time: str = ""


class FindingEvent(Event):
    """The watch found something, or something graver."""

    sign: str
    severity: Severity
    says: str


class RemedyEvent(Event):
    """The autopilot changed the recipe."""

    sign: str
    why: str
    changes: dict[str, JsonValue]
    was: dict[str, JsonValue]
    afresh: bool


class BackOutEvent(Event):
    """The autopilot took a remedy back."""

    sign: str
    changes: dict[str, JsonValue]


class BestEvent(Event):
    """The best weights so far were kept."""

    metric: str
    value: Number


class MetricsRow(Facts):
    """A line of ``metrics.jsonl``."""

    __pydantic_extra__: dict[str, Measured]

    samples: Count
    step: Count = 0
    seconds: Annotated[float, Field(le=10**12)] = 0.0
    speed: Number = 0.0
    losses: Numbers = {}
    evaluation: Numbers = {}
    judged: Numbers = {}
    intervals: dict[str, tuple[Number, Number]] = {}
    watch: dict[str, Measured] = {}
    protocol: str = ""


class EvidenceFacts(Facts):
    """A quantity over the run, and its limit."""

    name: str
    points: tuple[tuple[Number, Number], ...] = ()
    limit: Number | None = None


class RemedyFacts(Facts):
    """What may help, the options of ``belamy train`` that do it, and whether they are for a beginning anew."""

    why: str
    options: tuple[str, ...] = ()
    anew: bool = False


class FindingFacts(Facts):
    """An entry of ``diagnosis.json``."""

    sign: str
    title: str
    severity: Severity
    since: Count | None = None
    strength: Number = 0.0
    says: str = ""
    cause: str = ""
    evidence: tuple[EvidenceFacts, ...] = ()
    remedies: tuple[RemedyFacts, ...] = ()


class State(Facts):
    """``state.json`` of a checkpoint: its clock, and how long the logs were when it was made."""

    samples: Count
    step: Count
    position: Count
    seconds: Annotated[float, Field(ge=0)]
    journal: Count
    metrics: Count
    sha256: str


class Weights(Facts):
    """``index.json`` beside weights: the SHA-256 of each network's file."""

    samples: Count
    sha256: dict[str, str]


class Best(Weights):
    """``best/index.json``: by what these weights are the best."""

    metric: str
    value: Number
    distance: Number
    protocol: str = ""


_EVENTS = {"finding": FindingEvent, "remedy": RemedyEvent, "back-out": BackOutEvent, "best": BestEvent}


def _kind(row: Any) -> str:
    event = row.get("event") if isinstance(row, dict) else None
    return event if isinstance(event, str) and event in _EVENTS else "other"


AnyEvent = Annotated[
    Annotated[FindingEvent, Tag("finding")] | Annotated[RemedyEvent, Tag("remedy")]
    | Annotated[BackOutEvent, Tag("back-out")] | Annotated[BestEvent, Tag("best")] | Annotated[Event, Tag("other")],
    Discriminator(_kind),
]  # fmt: skip
EVENT: TypeAdapter[Event] = TypeAdapter(AnyEvent)
ROW, PROVENANCE, CARD = TypeAdapter(MetricsRow), TypeAdapter(Provenance), TypeAdapter(DataCard)
STATE, WEIGHTS, BEST = TypeAdapter(State), TypeAdapter(Weights), TypeAdapter(Best)
DIAGNOSIS = TypeAdapter(tuple[FindingFacts, ...])
