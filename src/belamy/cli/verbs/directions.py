"""Find directions in a run's latent space: thickness, smile, or what has no name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Any

from belamy.cli.options import InSpace, Json, Offline, Seed, ToFolder, Within, options
from belamy.cli.parsing import parse
from belamy.errors import UsageError

PAGE = "index.html"


@options
class Form(InSpace, Offline, ToFolder, Json):
    """Find directions in a run's latent space and show where they lead: a series of pictures for each, a matrix of what
    else changes by the word of independent observers, and the vectors, for `belamy edit`."""

    makes = "image"
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
    steps: Annotated[int, Within(2, 41)] = 7
    """How many steps."""
    examples: Annotated[int, Within(1, 64)] = 8
    """Rows of a series."""
    observed: Annotated[int, Within(2, 100_000)] = 200
    """Images that the observers look at."""
    seed: Seed = 0
    """Decides the latents that are drawn, for methods without an encoder."""
    out: str | None = None
    """Folder of pictures, page and vectors; by default directions in the run's directory."""

    def refuse(self) -> None:
        """Refuse what is no range of steps, and what finds no directions."""
        from belamy.editing.directions import DIRECTIONS
        from belamy.registry import Part

        super().refuse()
        steps_of(self)
        DIRECTIONS.check(Part.parse(self.method))


def run(words: Sequence[str]) -> int:
    """Find, look, and write."""
    form = parse(Form, joined(words), "belamy directions")
    from belamy.api.steering import FILE, Steering, save
    from belamy.editing.series import page, strips
    from belamy.registry import Part
    from belamy.runs.files import filling, write_bytes, write_json
    from belamy.runs.run import Run

    run, alphas = Run.open(form.run), steps_of(form)
    out = form.folder(run.path / kept_in(form.space if form.layer is None else form.layer))
    best = form.weights == "best"
    steering = Steering.open(run, form.device, form.offline, form.say(), form.layer, best, form.space)
    names = form.attribute or steering.usual()
    found = steering.find(Part.parse(form.method), names, form.seed)
    leaks = steering.leaks(found, names, alphas, form.observed, form.seed)
    latents, render = steering.beginnings(form.examples, form.seed)
    pictures = strips(render, latents, found, alphas)
    lead = (
        f"{run.recipe_name} after {run.samples_seen:,} training samples; directions by {form.method}; "
        f"{form.observed} images observed."
    )
    facts: dict[str, Any] = {
        "run": str(run.path), "method": form.method, "seed": form.seed, "found": dict(found.facts),
        "vectors": str(out / FILE), "page": str(out / PAGE), "leakage": leaks.facts(),
    }  # fmt: skip
    with filling(out) as folder:
        for name, picture in pictures.items():
            write_bytes(folder / f"{file_name(name)}.png", picture.png)
        write_bytes(folder / PAGE, page(run.path.name or run.recipe_name, lead, pictures, found.facts, leaks).encode())
        save(found, folder)
        write_json(folder / "directions.json", facts)
    return form.deliver(facts, f"{table(leaks)}\n\n{len(found.names)} directions and their page, {out / PAGE}")


def kept_in(place: str) -> str:
    """The folder, in a run's directory, of its directions in a space or a layer."""
    return "directions" if place == "z" else f"directions-{place}"


def joined(words: Sequence[str]) -> list[str]:
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
        UsageError: They are no range.
    """
    match = re.fullmatch(r"\s*([^.]*(?:\.\d+)?)\.\.(.*)", form.alphas)
    try:
        low, high = (float(text) for text in match.groups()) if match else (1.0, 0.0)
    except ValueError:
        low, high = 1.0, 0.0
    if not (isfinite(low) and isfinite(high) and low < high):
        raise UsageError(f"--alphas is '{form.alphas}', but it must be LOW..HIGH, e.g. -3..3.")
    return [round(low + (high - low) * place / (form.steps - 1), 6) for place in range(form.steps)]


def file_name(name: str) -> str:
    """A direction's name as that of a file."""
    return re.sub(r"[^\w-]+", "-", name)


def table(leaks: Any) -> str:
    """The leakage matrix as text."""
    width = max(len(name) for name in [*leaks.directions, "per step"])
    columns = [max(len(name), 6) for name in leaks.predictors]
    head = "  ".join(name.rjust(size) for name, size in zip(leaks.predictors, columns, strict=True))
    lines = [f"{'per step':<{width}}  {head}"]
    for name, row in zip(leaks.directions, leaks.matrix.tolist(), strict=True):
        cells = "  ".join(f"{value:+.2f}".rjust(size) for value, size in zip(row, columns, strict=True))
        lines.append(f"{name:<{width}}  {cells}")
    return "\n".join(lines)
