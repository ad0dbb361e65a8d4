"""Walk through a run's latent space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from belamy.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.methods.base import BaseMethod
    from belamy.progress import Reporter
    from belamy.runs.run import Run
    from belamy.sampling.walk import Look, Walk

MOST_FRAMES = 5000


@dataclass(frozen=True)
class Form:
    """Walk through a run's latent space from key to key: seeds, classes or pictures. Writes a strip or a film."""

    run: str
    """The run's directory."""
    seeds: tuple[int, ...] = ()
    """Keys: the first image of `belamy sample --seed` for each; 0 1 2 where no keys are named."""
    labels: tuple[str, ...] = ()
    """Keys: classes, by name or number. Where labels matter, one latent changes its class; elsewhere each key is the
    mean of a class."""
    images: tuple[str, ...] = ()
    """Keys: picture files, encoded or, where there is no encoder, found by optimisation."""
    path: Literal["prior", "linear", "slerp", "even"] = "prior"
    """prior: the latents' own way; linear: straight; slerp: along the arc; even: the own way in steps that all look
    equally large."""
    steps: int = 8
    """Steps from one key to the next."""
    loop: bool = False
    """Go back to the first key."""
    label: str | None = None
    """The class of all frames; by default the keys have the classes in turn, where labels matter, and they blend."""
    features: str = "pixels"
    """What measures how far apart images look: pixels, or an extractor as in `belamy evaluate --extractor`."""
    out: str = "walk.png"
    """NAME.png is a strip of all frames; NAME.gif, .webp or .mp4 a film."""
    seconds: float | None = None
    """How long the film runs; by default 12 frames a second."""
    seed: int = 0
    """Decides the latent that changes its class, and members of classes."""
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
    """Walk and write."""
    from belamy.cli.output import STANDARD_OUTPUT, deliver
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy walk")
    from belamy.cli.pictures import FILMS, film, kind_of, picture_file

    out = picture_file(form.out, form.overwrite, ("png", *FILMS))
    check(form)
    from belamy.device import choose_device
    from belamy.progress import reporter
    from belamy.runs.files import write_bytes
    from belamy.runs.run import Run
    from belamy.sampling.points import sampler
    from belamy.sampling.walk import walk

    run = Run.open(form.run)
    method = run.method(best=form.weights == "best").to(choose_device(form.device))
    sampler(method)
    told = reporter(form.progress and form.json != STANDARD_OUTPUT)
    try:
        names, keys, blend = chosen(form, run, method)
        made = walk(
            method, keys, blend, path=form.path, steps=form.steps, loop=form.loop,
            look=looking(form, run), progress=telling(told),
        )  # fmt: skip
    finally:
        told.close()
    if kind_of(out) == "png":
        write_bytes(out, made.strip(names).png)
    else:
        write_bytes(out, film(made.frames(), out, form.seconds or len(made.images) / 12))
    facts = described(form, made, names)
    deliver({"run": str(run.path), **facts, "files": [str(out)]}, form.json, summary(made, names, str(out)))
    return 0


def check(form: Form) -> None:
    """Refuse what cannot work before anything is loaded.

    Raises:
        UsageError: Keys of two kinds, fewer than two, too many frames, or a number out of range.
    """
    given = {f"--{name}": getattr(form, name) for name in ("seeds", "labels", "images") if getattr(form, name)}
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} name keys of two kinds. Leave one out.")
    for option, keys in given.items():
        if len(keys) < 2:
            raise UsageError(f"{option} names {len(keys)} key, but a walk needs 2 or more.")
    if min(form.seeds, default=0) < 0:
        raise UsageError(f"--seeds has {min(form.seeds)}, but seeds are whole numbers from 0 up.")
    if form.label is not None and form.labels:
        raise UsageError("--label holds a class and --labels walks through classes. Leave one out.")
    legs = max([3, *map(len, given.values())]) if not given else len(next(iter(given.values())))
    if form.steps < 1 or form.steps * legs > MOST_FRAMES:
        raise UsageError(f"--steps is {form.steps:,}, but with {legs} keys it must be in 1..{MOST_FRAMES // legs:,}.")
    if form.seconds is not None and not 0 < form.seconds <= 3600:
        raise UsageError(f"--seconds is {form.seconds:g}, but it must be above 0 and at most 3600.")


def chosen(form: Form, run: Run, method: BaseMethod) -> tuple[list[str], Tensor, Tensor | None]:
    """The keys' names, their latents, and their class weights where labels matter."""
    import torch

    from belamy.cli.verbs.sample import class_number, heeds_labels
    from belamy.sampling.points import class_weights, drawn

    matter, classes = heeds_labels(method), run.spec.classes
    if form.label is not None and not matter:
        raise UsageError("This run's networks do not use labels, so no class can be held. Leave --label out.")
    if form.images:
        from belamy.editing.arithmetic import read
        from belamy.editing.inversion import invert

        pictures = torch.stack([read(path, run.spec.shape) for path in form.images])
        known = None if form.label is None else torch.full((len(pictures),), class_number(form.label, classes))
        found = invert(method, pictures, labels=known, seed=form.seed)
        names = [path.rpartition("/")[2] for path in form.images]
        return names, found.latents, found.weights if matter else None
    if form.labels:
        numbers = [class_number(label, classes) for label in form.labels]
        names = [classes[number] for number in numbers]
        if not matter:
            return names, means(form, run, method, names), None
        keys = drawn(method, form.seed).expand(len(numbers), -1)
        return names, keys, class_weights(torch.tensor(numbers), len(classes))
    seeds = form.seeds or (0, 1, 2)
    keys = torch.stack([drawn(method, seed) for seed in seeds])
    names = [f"seed {seed}" for seed in seeds]
    if not matter:
        return names, keys, None
    held = None if form.label is None else class_number(form.label, classes)
    numbers = [place % len(classes) if held is None else held for place in range(len(seeds))]
    return names, keys, class_weights(torch.tensor(numbers), len(classes))


def means(form: Form, run: Run, method: BaseMethod, names: list[str]) -> Tensor:
    """``[k, latent]``: the mean latent of each class."""
    import torch

    from belamy.editing.expressions import Group, Word
    from belamy.judges.reference_set import reference_set_of
    from belamy.training.setup import open_recipe_data

    crowd = reference_set_of(method, open_recipe_data(run.recipe, form.offline), seed=form.seed)
    groups = [Group((Word(name),)) for name in names]
    return torch.stack([crowd.members(group, 500, form.seed).latents.mean(0) for group in groups])


def looking(form: Form, run: Run) -> Look:
    """What measures how far apart images look."""
    from belamy.sampling.walk import pixels

    if form.features == "pixels":
        return pixels
    from belamy.judges.extractors import choose
    from belamy.training.setup import open_recipe_data

    extractor = choose(form.features, open_recipe_data(run.recipe, form.offline), offline=form.offline)
    return lambda images: extractor.extract(images, None).features


def telling(told: Reporter) -> Any:
    """What to call with the images that are done."""

    def tell(done: int, total: int) -> None:
        if told.due():
            told.work(done / total, f"{done:,} of {total:,} images")

    return tell


def described(form: Form, made: Walk, names: list[str]) -> dict[str, Any]:
    """The facts of a walk."""
    return {
        "keys": names,
        "key_frames": list(made.keys),
        "path": form.path,
        "loop": form.loop,
        "frames": len(made.images),
        "features": form.features,
        "step_lengths": [round(float(step), 6) for step in made.steps],
        "unevenness": made.unevenness,
    }


def summary(made: Walk, names: list[str], out: str) -> str:
    """The walk in words."""
    even = f"steps differ by {made.unevenness:.0%} (standard deviation over mean)"
    return f"{out}: {len(made.images):,} frames through {', '.join(names)}; {even}"
