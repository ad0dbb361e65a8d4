"""Paint one picture in the style of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from belamy.errors import StorageError, UsageError

if TYPE_CHECKING:
    from belamy.editing.style import Painting
    from belamy.editing.style.stylize import Progress
    from belamy.training.progress import Reporter

FILMS = ("gif", "webp", "mp4")
FRAMES = 60


@dataclass(frozen=True)
class Form:
    """Paint one picture in the style of others. Needs no download with the settings `offline`; `documents` and `gatys`
    need the published weights of VGG-19."""

    content: str
    """What is painted: a picture file."""
    styles: tuple[str, ...]
    """One picture file of a style, or several."""
    out: str = "stylized.png"
    """The PNG file to write."""
    settings: Literal["offline", "documents", "gatys"] = "offline"
    """offline: the embedded network; documents: the lecture's example, VGG-19 and gradient descent; gatys: the
    original, average pooling, rescaled weights and L-BFGS."""
    size: int | None = None
    """Height in pixels; by default that of the settings: 320, or 400 with VGG-19."""
    steps: int | None = None
    """Steps at each size; by default those of the settings."""
    weights: str | None = None
    """The file of VGG-19's weights; by default it is looked for in the cache."""
    content_layers: tuple[str, ...] = ()
    """Layers of the content, e.g. block4_conv2, with a weight where it is not 1: b6=2."""
    style_layers: tuple[str, ...] = ()
    """Layers of the style, e.g. stem b2=0.5 b4."""
    style_weight: float | None = None
    """Weight of the style against the content."""
    content_weight: float | None = None
    """Weight of the content."""
    smoothness: float | None = None
    """Weight of total variation."""
    lr: float | None = None
    """Learning rate."""
    style_scale: float | None = None
    """Size of the style picture against the content: 2 makes its strokes twice as large."""
    start: Literal["recoloured", "content", "noise"] | None = None
    """Where the painting starts."""
    shares: tuple[float, ...] = ()
    """Weights of several styles against each other."""
    strength: float = 1.0
    """From the content's own style, 0, to the given one, 1."""
    colours: Literal["style", "luminance", "histogram"] = "style"
    """Whose colours: the style's; or the content's, kept by painting its luminance alone, or by giving the style the
    content's colours first."""
    mask: tuple[str, ...] = ()
    """Where each style is wanted, white for there: one picture file for each style, or - for everywhere."""
    animation: str | None = None
    """Also a film of the painting: NAME.gif, .webp or .mp4."""
    seed: int = 0
    """Decides noise and shifts."""
    progress: bool = True
    """Show progress and the time left."""
    overwrite: bool = False
    """Replace files that are there."""
    json: str | None = None
    """Write the facts as JSON to this file; - is standard output."""


CHANGES = ("steps", "style_weight", "content_weight", "smoothness", "lr", "style_scale", "start")


def run(words: list[str]) -> int:
    """Paint and write."""
    from belamy.cli.output import STANDARD_OUTPUT, deliver
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy stylize")
    out, film = destinations(form)
    from belamy.editing.style import stylize
    from belamy.runs.files import write_bytes
    from belamy.training.estimate import duration
    from belamy.training.progress import reporter

    told = reporter(form.progress and form.json != STANDARD_OUTPUT)
    try:
        painting = stylize(
            form.content,
            list(form.styles),
            settings=form.settings,
            weights=form.weights,
            shares=form.shares or None,
            masks=[None if mask == "-" else mask for mask in form.mask] or None,
            strength=form.strength,
            colours=form.colours,
            frames=FRAMES if film else 0,
            seed=form.seed,
            progress=telling(told),
            **changes(form),
        )
    finally:
        told.close()
    painting.save(out)
    if film:
        write_bytes(film, filmed(painting, film))
    facts = described(form, painting, [path for path in (out, film) if path])
    height, width = painting.pixels.shape[:2]
    text = (
        f"{out}: {width}x{height} pixels, {len(painting.losses['total']):,} steps in {duration(painting.seconds)} "
        f"({painting.step_seconds:.3f} s a step); loss {painting.losses['total'][0]:.4g} → "
        f"{painting.losses['total'][-1]:.4g}"
    )
    deliver(facts, form.json, text if film is None else f"{text}\n{film}")
    return 0


def destinations(form: Form) -> tuple[Path, Path | None]:
    """The picture and the film, refused before anything is computed.

    Raises:
        UsageError: Another kind of file.
        StorageError: It is there already.
    """
    from belamy.cli.output import named_file

    out = named_file(form.out, "--out")
    film = None if form.animation is None else named_file(form.animation, "--animation")
    if out.suffix.lower() != ".png":
        raise UsageError(f"--out is {out}, but the picture is a PNG file. Name it {out.stem}.png.")
    if film and film.suffix.lower().removeprefix(".") not in FILMS:
        raise UsageError(f"--animation is {film}, but it must end in {', '.join(f'.{kind}' for kind in FILMS)}.")
    for path in filter(None, (out, film)):
        if path.is_dir() or (path.exists() and not form.overwrite):
            raise StorageError(f"{path} is there already, and nothing is overwritten unasked. Type --overwrite.")
    return out, film


def changes(form: Form) -> dict[str, Any]:
    """What the options change in the settings."""
    changed = {name: getattr(form, name) for name in (*CHANGES, "size") if getattr(form, name) is not None}
    for name in ("content_layers", "style_layers"):
        if words := getattr(form, name):
            changed[name] = dict(layer(word, f"--{name.replace('_', '-')}") for word in words)
    return changed


def layer(word: str, option: str) -> tuple[str, float]:
    """A layer and its weight.

    Example:
        >>> layer("b4=0.5", "--style-layers"), layer("stem", "--style-layers")
        (('b4', 0.5), ('stem', 1.0))
    """
    name, equals, weight = word.partition("=")
    try:
        return name, float(weight) if equals else 1.0
    except ValueError:
        raise UsageError(f"{option} {word}: '{weight}' is no weight. Write {name}=0.5.") from None


def telling(told: Reporter) -> Callable[[Progress], None]:
    """What to call after each step."""
    from belamy.training.estimate import duration

    def tell(progress: Progress) -> None:
        if told.due():
            loss = f"loss {progress.terms.total:.4g}"
            text = f"step {progress.step:,} of {progress.steps:,}  {loss}  {duration(progress.left)} left"
            told.work(progress.step / progress.steps, text)

    return tell


def filmed(painting: Painting, path: Path) -> bytes:
    """The bytes of a film of the painting."""
    from belamy.sampling import animation

    encoders = {"gif": animation.encode_gif, "webp": animation.encode_webp, "mp4": animation.encode_mp4}
    return encoders[path.suffix.lower().removeprefix(".")](painting.frames, seconds=6.0)


def described(form: Form, painting: Painting, files: list[Path]) -> dict[str, Any]:
    """The facts of a painting."""
    height, width = painting.pixels.shape[:2]
    return {
        "content": form.content,
        "styles": list(form.styles),
        "files": [str(path) for path in files],
        "width": width,
        "height": height,
        "seconds": painting.seconds,
        "step_seconds": painting.step_seconds,
        "strength": form.strength,
        "colours": form.colours,
        "seed": form.seed,
        "settings": painting.settings.model_dump(),
        "losses": painting.losses,
    }
