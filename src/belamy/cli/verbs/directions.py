"""Find directions in a run's latent space: thickness, smile, or what has no name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from belamy.errors import UsageError

PAGE = "index.html"
MOST_STEPS = 41


@dataclass(frozen=True)
class Form:
    """Find directions in a run's latent space and show where they lead: a series of pictures for each, a matrix of what
    else changes by the word of independent observers, and the vectors, for `belamy edit`."""

    run: str
    """The run's directory."""
    attribute: tuple[str, ...] = ()
    """What to find: attributes of the data (smile, skin=8d5524, a class) or measures (thickness, slant, width, loops,
    brightness, colour); by default the data's attributes of two values, or usual measures."""
    method: str = "mean-difference"
    """mean-difference, linear-normal or learned for attributes; principal, factorisation or jacobian for directions
    without a name; with options, e.g. linear-normal:others=false or jacobian:count=8."""
    layer: str | None = None
    """Steer among the features of this layer of the generator, e.g. network.layers.5, in place of its latents; they are
    drawn, even where the run has an encoder. `belamy edit` takes latents only."""
    alphas: str = "-3..3"
    """Steps from the lowest to the highest; 1 is one standard deviation of the latents along the direction."""
    steps: int = 7
    """How many steps."""
    examples: int = 8
    """Rows of a series."""
    observed: int = 200
    """Images that the observers look at."""
    seed: int = 0
    """Decides the latents that are drawn, for methods without an encoder."""
    out: str | None = None
    """Folder of pictures, page and vectors; by default directions in the run's directory."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    offline: bool = False
    """Never fetch data from the network."""
    overwrite: bool = False
    """Replace files that are there."""
    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Find, look, and write."""
    from belamy.cli.output import STANDARD_OUTPUT, deliver, say
    from belamy.cli.parsing import parse
    from belamy.cli.pictures import picture_folder

    form = parse(Form, joined(words), "belamy directions")
    alphas = steps_of(form)
    from belamy.api.steering import Steering, save
    from belamy.editing.series import page, strips
    from belamy.registry import Part
    from belamy.runs.files import write_bytes, write_json
    from belamy.runs.run import Run

    run = Run.open(form.run)
    own = "directions" if form.layer is None else f"directions-{form.layer}"
    chosen = run.path / own if form.out is None else Path(form.out).expanduser()
    out = picture_folder(chosen, form.overwrite)
    quiet = form.json == STANDARD_OUTPUT
    steering = Steering.open(run, form.device, form.offline, None if quiet else say, form.layer)
    names = form.attribute or steering.usual()
    found = steering.find(Part.parse(form.method), names, form.seed)
    leaks = steering.leaks(found, names, alphas, form.observed, form.seed)
    latents, render = steering.beginnings(form.examples, form.seed)
    pictures = strips(render, latents, found, alphas)
    for name, picture in pictures.items():
        write_bytes(out / f"{file_name(name)}.png", picture.png)
    lead = (
        f"{run.recipe_name} after {run.samples_seen:,} training samples; directions by {form.method}; "
        f"{form.observed} images observed."
    )
    write_bytes(out / PAGE, page(run.path.name or run.recipe_name, lead, pictures, found.facts, leaks).encode())
    facts: dict[str, Any] = {
        "run": str(run.path), "method": form.method, "seed": form.seed, "found": dict(found.facts),
        "vectors": str(save(found, out)), "page": str(out / PAGE), "leakage": leaks.facts(),
    }  # fmt: skip
    write_json(out / "directions.json", facts)
    deliver(facts, form.json, f"{table(leaks)}\n\n{len(found.names)} directions and their page, {out / PAGE}")
    return 0


def joined(words: list[str]) -> list[str]:
    """The words with ``--alphas -3..3`` as one, which would else be taken for an option."""
    made: list[str] = []
    for word in words:
        if made and made[-1] == "--alphas":
            made[-1] = f"--alphas={word}"
        else:
            made.append(word)
    return made


def steps_of(form: Form) -> list[float]:
    """The steps, 0 among them where the middle is 0.

    Raises:
        UsageError: A number out of range.
    """
    match = re.fullmatch(r"\s*([^.]*(?:\.\d+)?)\.\.(.*)", form.alphas)
    try:
        low, high = (float(text) for text in match.groups()) if match else (1.0, 0.0)
    except ValueError:
        low, high = 1.0, 0.0
    if not (isfinite(low) and isfinite(high) and low < high):
        raise UsageError(f"--alphas is '{form.alphas}', but it must be LOW..HIGH, e.g. -3..3.")
    limits = {"steps": (2, MOST_STEPS), "examples": (1, 64), "observed": (2, 100_000)}
    for name, (least, most) in limits.items():
        if not least <= getattr(form, name) <= most:
            raise UsageError(f"--{name} is {getattr(form, name):,}, but it must be in {least:,}..{most:,}.")
    return [round(low + (high - low) * place / (form.steps - 1), 6) for place in range(form.steps)]


def file_name(name: str) -> str:
    """A direction's name as that of a file."""
    return re.sub(r"[^\w-]+", "-", name)


def table(leaks: Any) -> str:
    """The leakage matrix as text."""
    width = max(len(name) for name in [*leaks.directions, "per step"])
    columns = [max(len(name), 6) for name in leaks.observers]
    head = "  ".join(name.rjust(size) for name, size in zip(leaks.observers, columns, strict=True))
    lines = [f"{'per step':<{width}}  {head}"]
    for name, row in zip(leaks.directions, leaks.matrix.tolist(), strict=True):
        cells = "  ".join(f"{value:+.2f}".rjust(size) for value, size in zip(row, columns, strict=True))
        lines.append(f"{name:<{width}}  {cells}")
    return "\n".join(lines)
