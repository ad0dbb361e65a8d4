"""What is judged, and what it is compared with: a run's samples or translations, or what is there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from belamy.data import Dataset, open_data
from belamy.device import choose_device
from belamy.errors import DataError, UsageError
from belamy.evaluation.candidate import (
    Candidate,
    open_candidate,
    opened,
    sides_of,
    stored_candidate,
    translated_candidate,
)
from belamy.evaluation.measures import Measure
from belamy.evaluation.own import own_card, own_measures, speaks
from belamy.evaluation.verdict import Verdict
from belamy.methods.base import Samples, Translates
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.modalities.grid import grid
from belamy.modalities.image import as_bytes
from belamy.modalities.sizes import SizeOption, text_of
from belamy.progress import Reporter
from belamy.runs.run import Run
from belamy.sampling.sheets import sheet_of
from belamy.training.setup import open_recipe_data

COUNT = 10_000
"""Images that are judged unless more or fewer are asked for: from here on the bias of a Fréchet distance is small."""
SHOWN, COLUMNS = 64, 8


@dataclass(frozen=True)
class Protocol:
    """How to judge; the fields are the options of :func:`evaluate`."""

    metrics: Sequence[str] | None = None
    extractor: str | None = None
    extractor_weights: Path | None = None
    count: int = COUNT
    split: str | None = None
    seed: int = 0
    size: SizeOption = None
    modality: str | None = None
    rate: int | None = None
    length: int | None = None
    real_baseline: bool = True
    best: bool = False
    controls: bool = False
    probes: Sequence[str] = ()
    classifiers: int = 0
    measures: Sequence[str] = ()
    options: Mapping[str, float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 2:
            raise UsageError(f"The count is {self.count:,}, but a distribution needs at least 2 images.")


def judged(
    run: Run | None, source: str, data: Dataset, protocol: Protocol, say: Reporter, device: str, offline: bool
) -> Candidate | None:
    """What is judged; None for a run of a method that makes nothing and is measured by itself.

    Raises:
        UsageError: A run whose method can neither be judged nor measured.
    """
    shape: tuple[int, ...] | None = data.shape
    if run is not None:
        method = run.method(best=protocol.best).to(choose_device(device))
        if not isinstance(method, Samples):
            if protocol.options:
                name = next(iter(protocol.options)).replace("_", "-")
                raise UsageError(f"{run.path} draws no samples, so --{name} would choose nothing. Leave it out.")
            if isinstance(method, Translates) and has_targets(method, data):
                if protocol.probes or protocol.classifiers:
                    raise UsageError(
                        f"{run.path} translates and draws no samples of its own, so there is nothing to probe. Leave "
                        "out --probes and --classifiers."
                    )
                return translated_candidate(run, method, data, protocol.count, protocol.seed)
            if speaks(method) and len(data.held_out):
                refuse_metrics(run, protocol)
                return None
        elif any(column.field[:2] == method.output[:2] for column in data.columns.values()):
            shape = None
    elif data.field.modality != "image":
        given = read_as(protocol, source, offline, say, data.field)
        if given.field[:2] != data.field[:2]:
            raise DataError(
                f"{source} holds {modality(given.field.modality).words[1]} of shape {list(given.shape)}, but they are "
                f"to be compared with {modality(data.field.modality).words[1]} of {list(data.shape)}. Make both alike."
            )
        return stored_candidate(given, source, protocol.count, protocol.seed, "all", None)
    return open_candidate(
        source, count=protocol.count, seed=protocol.seed, shape=shape, size=None if run else protocol.size,
        best=protocol.best, device=choose_device(device), offline=offline, progress=say.read, fixed=run is not None,
        options=protocol.options,
    )  # fmt: skip


def has_targets(method: Translates, data: Dataset) -> bool:
    """Whether data hold what translations are to be like: a target of each sample, or a side with held-out samples."""
    side = data.sides.get(method.target)
    return method.target in data.columns or (side is not None and min(len(side.held_out), len(data.held_out)) > 1)


def refuse_metrics(run: Run, protocol: Protocol) -> None:
    """Refuse what is asked of samples, where a method makes none.

    Raises:
        UsageError: Something is.
    """
    asked = {"metrics": protocol.metrics, "extractor": protocol.extractor, "controls": protocol.controls,
             "classifiers": protocol.classifiers, "probes": protocol.probes}  # fmt: skip
    if wrong := next((name for name, value in asked.items() if value), None):
        raise UsageError(
            f"{run.path} is of the method '{run.method_name}', which draws no samples to be judged; it is measured by "
            f"itself on held-out data. Leave --{wrong} out."
        )


def by_itself(
    run: Run, data: Dataset, protocol: Protocol, device: str, typed: str, measures: Sequence[Measure] = (),
    notes: Sequence[str] = (),
) -> Verdict:  # fmt: skip
    """The verdict on a method that makes no samples: what it says of itself on held-out data, and what was found."""
    method = run.method(best=protocol.best).to(choose_device(device))
    found = own_measures(method, data, protocol.seed)
    card = own_card(data, protocol.seed, bool(run.recipe.ema_half_life and method.averaged))
    facts = {"name": run.path.name or str(run.path), "source": str(run.path), "recipe": run.recipe_name,
             "training_seed": run.recipe.seed, "training_samples": run.samples_seen}  # fmt: skip
    shown = data.store.read(data.held_out[:SHOWN])
    return Verdict(
        subject=facts, against={"name": data.name, "split": "test", "rule": data.rule, "images": len(data)}, card=card,
        measures=(*found, *measures), notes=tuple(notes),
        sheets={f"Held out of {data.name}": pictured(shown, data)}, command=typed,
    )  # fmt: skip


def pictured(raw: Tensor, data: Dataset) -> np.ndarray:
    """A picture of samples as the data hold them."""
    if data.field.modality == "image":
        return grid(as_bytes(raw), columns=COLUMNS, scale=None)
    return sheet_of(raw, data.field, COLUMNS)


def reference(
    run: Run | None, source: str, against: str | None, protocol: Protocol, say: Reporter, offline: bool
) -> tuple[Dataset, str]:
    """The real images, and how they were brought to their size.

    Raises:
        DataError: Pictures of several sizes, and no size is asked for.
    """
    if run is None:
        assert against is not None  # else it was refused
        if protocol.modality is not None:
            return read_as(protocol, against, offline, say), "none"
        data = opened(against, sides_of(protocol.size), None, offline, say.read)
        return data, fitted(data, "crop")
    if run.spec.modality != "image":
        if protocol.size is not None:
            words = modality(run.spec.modality).words[1]
            raise UsageError(f"{run.path} learned from {words}, which have no size in pixels. Leave --size out.")
        recipe = run.recipe if against is None else run.recipe.changed(data=against)
        return open_recipe_data(recipe, offline, say.read), "none"
    height, width = run.spec.shape[1:]
    if sides_of(protocol.size) not in (None, (height, width)):
        raise UsageError(f"{run.path} draws images of {width}x{height} pixels. Leave --size {protocol.size} out.")
    if against is None or against == run.recipe.data:
        hint = f"If they moved, type: belamy evaluate {run.path} --against NEW"
        data = open_recipe_data(run.recipe, offline, say.read, hint)
    elif (own := moved_data(run, against, offline)) is not None:
        data = own
    else:
        data = open_data(
            against, size=(height, width), fit=run.recipe.fit, channels=run.spec.shape[0], alpha=run.recipe.alpha,
            offline=offline, progress=say.read,
        )  # fmt: skip
    return data, fitted(data, run.recipe.fit)


def read_as(protocol: Protocol, source: str, offline: bool, say: Reporter, like: Field | None = None) -> Dataset:
    """Data of the kind that the user says they are; texts with the symbols and the length of those they are like."""
    texts = like is not None and like.modality == "text"
    return open_data(
        source, modality=protocol.modality or ("text" if texts else None), rate=protocol.rate, length=protocol.length,
        offline=offline, progress=say.read, like=like if texts else None,
    )  # fmt: skip


def moved_data(run: Run, place: str, offline: bool) -> Dataset | None:
    """The data of a run at another place than it remembers, if they are there and no longer where they were."""
    if Path(run.recipe.data).expanduser().exists() or not Path(place).expanduser().exists():
        return None
    try:
        data = open_recipe_data(run.recipe.changed(data=place), offline)
    except (DataError, UsageError):
        return None
    return data if data.fingerprint == run.provenance.data.partition(":")[0] else None


def fitted(data: Dataset, how: str) -> str:
    """How pictures were brought to their common size: ``none`` if they had it."""
    if data.field.modality != "image":
        return "none"
    _, height, width = data.shape
    return "none" if set(data.origin.sizes) <= {f"{width}x{height}"} else f"{how} to {text_of((height, width))}"
