"""Walk through a run's latent space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from belamy.cli.options import InSpace, Json, Offline, ProgressOption, Seed, ToFile, Within, options
from belamy.cli.output import FILMS, film, kind_of, telling
from belamy.cli.parsing import verb
from belamy.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.methods.base import BaseMethod
    from belamy.runs.run import Run
    from belamy.sampling.walk import Look, Walk

MOST_FRAMES = 5000


@options
class Form(InSpace, Offline, ProgressOption, ToFile, Json):
    """Walk through a run's latent space from key to key: seeds, classes or pictures. Writes a strip or a film; of texts
    a page, and says them; of sounds a strip of spectrograms, of music of piano rolls."""

    makes = "image/text/audio/music"
    kinds: ClassVar[Sequence[str]] = ("png", *FILMS)

    seeds: tuple[Seed, ...] = ()
    """Keys: the first image of `belamy sample --seed` for each; 0 1 2 where no keys are named."""
    labels: tuple[str, ...] = ()
    """Keys: classes, by name or number. Where labels matter, one latent changes its class; elsewhere each key is the
    mean of a class."""
    images: tuple[str, ...] = ()
    """Keys: picture files, encoded or, where there is no encoder, found by optimisation."""
    texts: tuple[str, ...] = ()
    """Keys: what texts say, of a GAN that learned with captions; one latent, that of --seed, is told each."""
    path: Literal["prior", "linear", "slerp", "even"] = "prior"
    """prior: the latents' own way; linear: straight; slerp: along the arc; even: the own way in steps that all look
    equally large."""
    steps: int = 8
    """Steps from one key to the next."""
    loop: bool = False
    """Go back to the first key."""
    label: str | None = None
    """The class of all frames; by default the keys have the classes in turn, where labels matter, and they blend."""
    text: str | None = None
    """What all frames show, of a GAN that learned with captions: a walk through its latents."""
    features: str = "pixels"
    """What measures how far apart images look: pixels, or an extractor as in `belamy evaluate --extractor`. Of texts,
    their n-grams do, of sounds their mel spectra."""
    out: str = "walk.png"
    """NAME.png is a strip of all frames; NAME.gif, .webp or .mp4 a film."""
    seconds: Annotated[float | None, Within(0, 3600, above=True)] = None
    """How long the film runs; by default 12 frames a second."""
    seed: Seed = 0
    """Decides the latent that changes its class, and members of classes."""

    def refuse(self) -> None:
        """Refuse keys of two kinds, fewer than two, and too many frames."""
        super().refuse()
        given = {
            f"--{name}": getattr(self, name) for name in ("seeds", "labels", "images", "texts") if getattr(self, name)
        }
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} name keys of two kinds. Leave one out.")
        for option, keys in given.items():
            if len(keys) < 2:
                one = (
                    " For one text through several latents, type --text TEXT --seeds 0 1." if keys is self.texts else ""
                )
                raise UsageError(f"{option} names one thing alone, but a walk needs 2 or more.{one}")
            if option != "--seeds" and len(set(keys)) == 1:
                raise UsageError(f"{option} names '{keys[0]}' alone, so nothing would change. Name 2 that differ.")
        if self.label is not None and self.labels:
            raise UsageError("--label holds a class and --labels walks through classes. Leave one out.")
        if self.text is not None and (self.texts or self.labels or self.images or self.label):
            raise UsageError("--text holds what is shown, and the keys are seeds. Type --seeds, or leave --text out.")
        if (self.texts or self.text is not None) and self.space != "z":
            raise UsageError(f"Texts have no styles, as --space {self.space} asks for. Leave --space out.")
        legs = max(map(len, given.values()), default=3)
        if self.steps < 1 or self.steps * legs > MOST_FRAMES:
            most = f"{MOST_FRAMES // legs:,}"
            raise UsageError(f"--steps is {self.steps:,}, but with {legs} keys it must be in 1..{most}.")


@verb(Form)
def run(form: Form) -> int:
    """Walk and write."""
    from belamy.runs.files import write_bytes
    from belamy.sampling.points import sampler
    from belamy.sampling.walk import walk

    run, method = form.opened()
    sampler(method)
    if method.output.modality == "text":
        check_texts(form, method)
    if method.output.modality in ("audio", "music"):
        check_sounds(form, method)
    with form.reporting() as told:
        if form.texts or form.text is not None:
            method, names, keys = told_texts(form, method)
            blend = None
        else:
            names, keys, blend = chosen(form, run, method)
        made = walk(
            method, keys, blend, path=form.path, steps=form.steps, loop=form.loop,
            look=looking(form, run), progress=telling(told),
        )  # fmt: skip
    out = form.file
    if kind_of(out) == "png":
        write_bytes(out, made.strip(names).png)
    else:
        write_bytes(out, film(made.frames(), out, form.seconds or len(made.images) / 12))
    return form.deliver({"run": str(run.path), **described(form, made, names)}, summary(made, names, form.out))


def told_texts(form: Form, method: BaseMethod) -> tuple[Any, list[str], Tensor]:
    """The method with latents that hold a text, the keys' names and places."""
    import torch

    from belamy.sampling.texts import TextLatents

    told = TextLatents(method)
    seeds = [form.seed] * len(form.texts) if form.texts else list(form.seeds or (0, 1, 2))
    texts = form.texts or (form.text or "",) * len(seeds)
    latents = torch.stack([told.latents(seed, [0])[0] for seed in seeds])
    return told, list(form.texts) or [f"seed {seed}" for seed in seeds], told.told(latents, texts)


def check_texts(form: Form, method: BaseMethod) -> None:
    """Refuse what a walk through texts has not.

    Raises:
        UsageError: A method without a prior of latents, a film, or options of pictures.
    """
    from belamy.cli.images import heeds_labels
    from belamy.sampling.walk import HasPrior

    if not isinstance(method, HasPrior):
        raise UsageError(
            f"{form.run} chooses each symbol by a random number of its own, so no way leads from one text to another. "
            "Take a run of `belamy train text-gan`."
        )
    if kind_of(form.file) != "png":
        raise UsageError(f"--out {form.out} is a film, but this run makes texts. Name a NAME.png.")
    if form.images or (form.labels and not heeds_labels(method)):
        raise UsageError("A walk through texts has seeds as keys. Type e.g. --seeds 0 1 2.")
    if form.features != "pixels":
        raise UsageError(f"--features {form.features} looks at images, but this run makes texts. Leave it out.")


def check_sounds(form: Form, method: BaseMethod) -> None:
    """Refuse what a walk through sounds or music has not.

    Raises:
        UsageError: A film, pictures as keys, or what looks at pictures.
    """
    from belamy.modalities import modality

    many = modality(method.output.modality).words[1]
    if kind_of(form.file) != "png":
        raise UsageError(f"--out {form.out} is a film, but this run makes {many}. Type --out walk.png.")
    if form.images:
        raise UsageError(f"A walk through {many} has seeds or classes as keys. Type e.g. --seeds 0 1 2.")
    if form.features != "pixels":
        raise UsageError(f"--features {form.features} looks at images, but this run makes {many}. Leave it out.")


def chosen(form: Form, run: Run, method: BaseMethod) -> tuple[list[str], Tensor, Tensor | None]:
    """The keys' names, their latents, and their class weights where labels matter."""
    import torch

    from belamy.cli.images import chosen_class, heeds_labels
    from belamy.sampling.draw import class_number
    from belamy.sampling.points import class_weights, drawn

    matter, classes = heeds_labels(method), run.spec.classes
    held = chosen_class(method, form.label, form.say())
    if form.images:
        from belamy.editing.arithmetic import read
        from belamy.editing.inversion import invert

        pictures = torch.stack([read(path, run.spec.shape) for path in form.images])
        known = None if held is None else torch.full((len(pictures),), held)
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
    numbers = [place % len(classes) if held is None else held for place in range(len(seeds))]
    return names, keys, class_weights(torch.tensor(numbers), len(classes))


def means(form: Form, run: Run, method: BaseMethod, names: list[str]) -> Tensor:
    """``[k, latent]``: the mean latent of each class."""
    import torch

    from belamy.editing.expressions import Group, Word
    from belamy.judges.reference_set import reference_set_of

    crowd = reference_set_of(method, form.run_data(run), seed=form.seed)
    groups = [Group((Word(name),)) for name in names]
    return torch.stack([crowd.members(group, 500, form.seed).latents.mean(0) for group in groups])


def looking(form: Form, run: Run) -> Look | None:
    """The perceptual distance of images, or what is usual for the kind of data."""
    if form.features == "pixels":
        return None
    from belamy.judges.extractors import choose

    extractor = choose(form.features, form.run_data(run), offline=form.offline)
    return lambda images: extractor.extract(images, None).features


def described(form: Form, made: Walk, names: list[str]) -> dict[str, Any]:
    """The facts of a walk."""
    return {
        "keys": names,
        "key_frames": list(made.keys),
        "path": form.path,
        "loop": form.loop,
        "frames": len(made.images),
        "features": {"text": "n-grams", "audio": "mel", "music": "rolls"}.get(made.field.modality, form.features),
        "step_lengths": [round(float(step), 6) for step in made.steps],
        "unevenness": made.unevenness,
        "files": [form.out],
        **({"texts": made.texts} if made.texts else {}),
    }


def summary(made: Walk, names: list[str], out: str) -> str:
    """The walk in words."""
    even = f"steps differ by {made.unevenness:.0%} (standard deviation over mean)"
    said = f"{out}: {len(made.images):,} frames through {', '.join(names)}; {even}"
    return "\n".join([said, *(text.replace("\n", " / ") for text in made.texts)])
