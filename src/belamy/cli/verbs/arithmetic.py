"""Add and subtract what images have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Form:
    """Add and subtract groups, seeds and images in a run's latent space: "mean(glasses) - mean(plain) + mean(woman)".
    Shows the operands, the result among eight neighbours, and the same sum of pixels beside it.

    Groups are classes, attributes (glasses, not beard, hair=red) and measures (thick, high(width)) of the run's data;
    words beside each other all hold: "mean(thick 7) - mean(thin 7) + mean(thin 1)". Further: seed(3), seed(3, 5) for
    image 5 of it, image("photo.png"), label("7"), numbers, brackets, + - * /."""

    run: str
    """The run's directory."""
    expression: str
    """What to work out, in quotes."""
    members: int = 64
    """Images whose mean a group is, at most; the documents take 3."""
    noise: float = 0.25
    """The neighbours differ by numbers uniform on ± this."""
    seed: int = 0
    """Decides the members of groups and the neighbours."""
    out: str = "arithmetic.png"
    """The PNG file to write."""
    weights: Literal["newest", "best"] = "newest"
    """Which weights draw: the newest, or the best that `train --keep-best` kept."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    offline: bool = False
    """Never fetch data from the network."""
    progress: bool = True
    """Show progress."""
    overwrite: bool = False
    """Replace files that are there."""
    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Work out and write."""
    from belamy.cli.output import STANDARD_OUTPUT, deliver
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy arithmetic")
    from belamy.cli.pictures import picture_file

    out = picture_file(form.out, form.overwrite)
    from belamy.cli.verbs.sample import heeds_labels
    from belamy.device import choose_device
    from belamy.editing.arithmetic import Setting, arithmetic
    from belamy.editing.expressions import parse as read
    from belamy.judges.reference_set import reference_set_of
    from belamy.progress import reporter
    from belamy.runs.files import write_bytes
    from belamy.runs.run import Run
    from belamy.sampling.points import sampler
    from belamy.training.setup import open_recipe_data

    expression = read(form.expression)
    run = Run.open(form.run)
    method = run.method(best=form.weights == "best").to(choose_device(form.device))
    sampler(method)
    setting = Setting(form.members, form.noise, form.seed, heeds_labels(method))
    told = reporter(form.progress and form.json != STANDARD_OUTPUT)
    try:
        crowd = reference_set_of(method, open_recipe_data(run.recipe, form.offline), seed=form.seed, say=told.say)
        result = arithmetic(method, expression, crowd, setting)
    finally:
        told.close()
    write_bytes(out, result.picture().png)
    operands = [{"operand": each.text, "images": each.members, "of": each.group} for each in result.operands]
    facts = {
        "run": str(run.path), "expression": form.expression, "operands": operands, "seed": form.seed,
        "noise": form.noise, "among": crowd.source, "latent": result.latents[4].tolist(),
        "weights": None if result.weights is None else result.weights[4].tolist(), "files": [str(out)],
    }  # fmt: skip
    told_of = ", ".join(f"{each.text}: {each.members} of {each.group:,}" for each in result.operands if each.group > 1)
    deliver(facts, form.json, f"{out}: {form.expression}" + (f"\n{told_of} (of {crowd.source})" if told_of else ""))
    return 0
