"""What a run shows of itself: the animation and the report, made from what is on disk."""

from __future__ import annotations

import shlex
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from belamy import recipes
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Captions, Samples, Shows, Translates
from belamy.modalities import modality
from belamy.modalities.animation import available_codecs, encode_gif, encode_mp4, encode_webp, encode_within
from belamy.networks.summary import summarize
from belamy.runs import files
from belamy.runs.media import read_media
from belamy.runs.report import ReportFacts, render
from belamy.runs.report.page import typed
from belamy.runs.run import Run
from belamy.sampling.density import knows_the_plane

LARGEST_SHEET = 2000
"""Pixels of a side of the animation."""
FILM_BUDGET = 700_000
"""Bytes of the film within the report."""


def publish(run: Run) -> Path:
    """Write the run's animation and its ``report.html``, without what is damaged, as ``run.lost`` then says.

    Returns:
        The report's path.
    """
    snapshots = run.snapshots()
    frames = [np.asarray(Image.open(BytesIO(png)).convert("RGB")) for _, png in snapshots]
    if len(frames) > 1:
        animate(run, [_enlarged(frame) for frame in frames])
    method = run.build()
    facts = ReportFacts(
        recipe_name=run.recipe_name,
        method=run.method_name,
        recipe=run.recipe.model_dump(mode="json"),
        recipe_defaults=_defaults(run.recipe_name),
        provenance={"seed": run.recipe.seed, **run.provenance.model_dump(mode="json", exclude_unset=True)},
        data=run.card.model_dump(mode="json", exclude_unset=True),
        metrics=run.metrics(),
        journal=run.journal(),
        snapshots=snapshots,
        animation=encode_within(frames, FILM_BUDGET) if len(frames) > 1 else None,
        real=run.real(),
        samples_are="images" if run.spec.modality == "image" else modality(run.spec.modality).words[1],
        media=read_media(run.path, run.lost),
        pictures_are=pictures_are(method),
        tables=layer_tables(method),
        commands=commands(run),
        findings=run.diagnosis(),
        run=str(run.path),
        notes=notes(run),  # last: what was lost is known by now
    )
    path = run.path / "report.html"
    files.write_bytes(path, render(facts).encode())
    return path


def pictures_are(method: BaseMethod) -> str:
    """What a snapshot of a method shows, in words."""
    if isinstance(method, Translates):
        pairs = "other" not in method.spec.fields
        return f"Held-out inputs, what is made of them{', and their targets' if pairs else ''}"
    if isinstance(method, Captions):
        return "Held-out samples beside what is said of them"
    if isinstance(method, Shows):
        return "Held-out samples and what is made of them"
    if isinstance(method, Samples):
        return f"Samples{' and their density beside them' if knows_the_plane(method) else ''}"
    return "Images above their reconstructions"


def animate(run: Run, frames: list[np.ndarray]) -> None:
    """Write the animation as GIF, and as MP4 or else WebP where a codec is installed.

    What cannot be encoded is left out and named.
    """
    encoders = {"gif": encode_gif, "mp4": encode_mp4, "webp": encode_webp}
    codecs = available_codecs()
    for kind in ("gif", *(["mp4"] if "mp4" in codecs else ["webp"] if "webp" in codecs else [])):
        try:
            film = encoders[kind](frames)
        except Exception as error:  # encoders of other libraries refuse sizes in many ways; the report needs no film
            run.lost[f"animation.{kind}"] = f"The animation could not be encoded as {kind.upper()}: {error}"
            continue
        run.save_animation(film, kind)


def layer_tables(method: BaseMethod) -> dict[str, str]:
    """The layer table of each of a method's networks, or why there is none."""
    inputs, tables = method.inputs(), {}
    for name, network in method.networks().items():
        try:
            tables[name] = str(summarize(network, *inputs[name]))
        except Exception as error:  # a network of a user's own may do what tracing cannot; its run has succeeded
            tables[name] = f"No table: {error}"
    return tables


def commands(run: Run) -> list[str]:
    """What to type to train the same again and to draw samples."""
    recipe = run.recipe.model_dump(mode="json")
    usual = _defaults(run.recipe_name) or {}
    changed = {name: value for name, value in recipe.items() if name not in usual or usual[name] != value}
    name = run.recipe_name if usual else "RECIPE"
    flags = [" ".join(_flag(key, value)) for key, value in changed.items() if usual or value is not None]
    return [
        " ".join(["belamy train", name, *flags]),
        f"belamy sample {shlex.quote(str(run.path))} --count 64 --seed 0 --out samples",
    ]


def notes(run: Run) -> list[str]:
    """Warnings to place before the numbers."""
    seen, total = run.samples_seen, run.recipe.train_samples
    said = [*run.lost.values()]
    if seen < total:
        said.append(f"This run is not finished: {seen:,} of {total:,} samples. Go on with `belamy resume {run.path}`.")
    return said


def _flag(key: str, value: Any) -> list[str]:
    """The words that set a field."""
    name = key.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    values = value if isinstance(value, list) else [value]
    return [f"--{name}", *(shlex.quote(typed(each)) for each in values)]


def _defaults(name: str) -> dict[str, Any] | None:
    try:
        return recipes.get(name).model_dump(mode="json")
    except UsageError:
        return None


def _enlarged(sheet: np.ndarray) -> np.ndarray:
    """The sheet at a size worth watching, about 600 pixels wide, and no larger than an encoder takes."""
    if (times := -(-max(sheet.shape[:2]) // LARGEST_SHEET)) > 1:
        return np.asarray(Image.fromarray(sheet).reduce(times))
    factor = max(1, round(600 / sheet.shape[1]))
    return sheet.repeat(factor, axis=0).repeat(factor, axis=1)
