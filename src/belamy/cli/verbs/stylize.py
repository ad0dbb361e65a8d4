"""Paint one picture, or a film, in the style of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from belamy.errors import UsageError

if TYPE_CHECKING:
    from belamy.editing.style import Painting
    from belamy.editing.style.stylize import Progress
    from belamy.methods.base import BaseMethod
    from belamy.progress import Reporter

PICTURE = "stylized.png"
FRAMES = 60


@dataclass(frozen=True)
class Form:
    """Paint one picture, or a film, in the style of others. Needs no download with the settings `offline`; `documents`
    and `gatys` need the published weights of VGG-19."""

    content: str
    """What is painted: a picture file, or a film: an animated GIF or WebP, an MP4 …"""
    styles: tuple[str, ...]
    """One picture file of a style, or several; none with a network that knows one style."""
    out: str | None = None
    """The file to write; by default stylized.png, or stylized.webp of a film, which can be .gif or .mp4 too."""
    network: str | None = None
    """Paint in one pass, with the network of this run of fast-style or adain-style."""
    settings: Literal["offline", "documents", "gatys"] = "offline"
    """offline: the embedded network; documents: the lecture's example, VGG-19 and gradient descent; gatys: the
    original, average pooling, rescaled weights and L-BFGS."""
    size: int | None = None
    """Height in pixels; by default that of the settings: 320, or 400 with VGG-19."""
    steps: int | None = None
    """Steps at each size; by default those of the settings."""
    weights: str | None = None
    """The file of VGG-19's weights; by default it is looked for in the cache. With --backbone, of its weights."""
    backbone: str | None = None
    """See with any image network of an installed package, PACKAGE.MODULE.NAME[:OPTION=VALUE,…], e.g.
    torchvision.models.resnet50:weights=DEFAULT; its layers are named with --content-layers and --style-layers."""
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
    reconstructions: str | None = None
    """Also a PNG file of content and style made again from what each layer holds of them."""
    steadiness: float = 200.0
    """Of a film: weight of the change against the frame before, moved as things moved; 0 for none."""
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
    from belamy.cli.output import STANDARD_OUTPUT
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy stylize")
    from belamy.editing.style.film import is_film
    from belamy.progress import reporter

    told = reporter(form.progress and form.json != STANDARD_OUTPUT)
    try:
        if is_film(form.content):
            return paint_film(form, told)
        if form.network is not None:
            return paint_at_once(form)
        return paint_picture(form, told)
    finally:
        told.close()


def paint_picture(form: Form, told: Reporter) -> int:
    """Optimise one picture."""
    from belamy.cli.output import deliver
    from belamy.cli.pictures import FILMS, picture_file
    from belamy.cli.pictures import film as encoded
    from belamy.editing.style import stylize
    from belamy.progress import duration
    from belamy.runs.files import write_bytes

    out = picture_file(PICTURE if form.out is None else form.out, form.overwrite)
    animation, figures = form.animation, form.reconstructions
    film = None if animation is None else picture_file(animation, form.overwrite, FILMS, "--animation")
    sheet = None if figures is None else picture_file(figures, form.overwrite, option="--reconstructions")
    given = chosen(form)
    painting = stylize(form.content, list(form.styles), frames=FRAMES if film else 0, progress=telling(told), **given)
    painting.save(out)
    if sheet is not None:
        from belamy.editing.style.reconstructions import reconstructions

        kept = {key: given[key] for key in ("settings", "network", "weights", "seed")}
        layers: dict[str, Any] = {key: [*given.get(key, {})] for key in ("content_layers", "style_layers")}
        reconstructions(form.content, form.styles[0], progress=telling(told), **kept, **layers).picture.save(sheet)
    if film:
        write_bytes(film, encoded(painting.frames, film, 6.0))
    facts = described(form, painting, [path for path in (out, film, sheet) if path])
    height, width = painting.pixels.shape[:2]
    text = (
        f"{out}: {width}x{height} pixels, {len(painting.losses['total']):,} steps in {duration(painting.seconds)} "
        f"({painting.step_seconds:.3f} s a step); loss {painting.losses['total'][0]:.4g} → "
        f"{painting.losses['total'][-1]:.4g}"
    )
    deliver(facts, form.json, "\n".join([text, *(str(path) for path in (film, sheet) if path)]))
    return 0


def paint_at_once(form: Form) -> int:
    """Paint one picture by a trained network."""
    from time import perf_counter

    from belamy.cli.output import deliver
    from belamy.cli.pictures import picture_file
    from belamy.editing.style.one_pass import paint
    from belamy.progress import duration

    out = picture_file(PICTURE if form.out is None else form.out, form.overwrite)
    method = trained(form)
    before = perf_counter()
    picture = paint(method, form.content, form.styles, size=form.size, **by_network(form))
    seconds = perf_counter() - before
    picture.save(out)
    height, width = picture.pixels.shape[:2]
    facts = {"content": form.content, "styles": list(form.styles), "network": form.network, "files": [str(out)],
             "width": width, "height": height, "seconds": seconds, "strength": form.strength}  # fmt: skip
    deliver(facts, form.json, f"{out}: {width}x{height} pixels in one pass, {duration(seconds)} ({seconds:.2f} s)")
    return 0


def paint_film(form: Form, told: Reporter) -> int:
    """Paint a film, frame by frame."""
    from belamy.cli.output import deliver
    from belamy.cli.pictures import FILMS, picture_file
    from belamy.cli.pictures import film as encoded
    from belamy.editing.style import film as films
    from belamy.editing.style.one_pass import one_pass
    from belamy.editing.style.settings import named
    from belamy.progress import duration
    from belamy.runs.files import write_bytes

    if form.animation is not None or form.reconstructions is not None:
        raise UsageError(f"{form.content} is a film: --animation and --reconstructions are for one picture.")
    if not 0 <= form.steadiness < float("inf"):
        raise UsageError(f"--steadiness is {form.steadiness}, but it must be at least 0.")
    out = picture_file("stylized.webp" if form.out is None else form.out, form.overwrite, FILMS)
    given: dict[str, Any] = chosen(form)
    size = given.pop("size", None)
    if form.network is not None:
        painter = one_pass(trained(form), form.styles, **by_network(form))
        given = {"painter": painter}
    elif size is None:
        size = named(form.settings).size
    source = films.read_film(form.content, size)
    made = films.stylize_film(source, list(form.styles), steadiness=form.steadiness, progress=telling(told), **given)
    write_bytes(out, encoded(made.frames, out, made.seconds))
    height, width = made.frames[0].shape[:2]
    changed = sum(made.unsteadiness) / max(len(made.unsteadiness), 1)
    facts = {"content": form.content, "styles": list(form.styles), "network": form.network, "files": [str(out)],
             "width": width, "height": height, "frames": len(made.frames), "every": source.every,
             "steadiness": form.steadiness, "unsteadiness": made.unsteadiness, "seconds": made.took}  # fmt: skip
    thinned = f", every {source.every}th of the film's" if source.every > 1 else ""
    text = f"{out}: {len(made.frames)} frames{thinned} of {width}x{height} pixels in {duration(made.took)}; "
    deliver(facts, form.json, f"{text}what stays changes by {changed:.1f} levels of 255 from frame to frame")
    return 0


def chosen(form: Form) -> dict[str, Any]:
    """What ``stylize`` is asked for beside the pictures."""
    from belamy.editing.style.backbone import imported

    for style in form.styles:
        if (Path(style) / "recipe.json").is_file():
            raise UsageError(f"{style} is a run, not a picture. Type: belamy stylize {form.content} --network {style}")
    network = None
    if form.backbone is not None:
        if not form.content_layers or not form.style_layers:
            raise UsageError(
                "--backbone names a network whose layers must be named too: give --content-layers and --style-layers."
            )
        network = imported(form.backbone, None if form.weights is None else Path(form.weights))
    return {
        "settings": form.settings,
        "network": network,
        "weights": form.weights if network is None else None,
        "shares": form.shares or None,
        "masks": [None if mask == "-" else mask for mask in form.mask] or None,
        "strength": form.strength,
        "colours": form.colours,
        "seed": form.seed,
        **changes(form),
    }


def trained(form: Form) -> BaseMethod:
    """The network of the run that paints in one pass.

    Raises:
        UsageError: Options were given that it has no use for.
    """
    from belamy.runs.run import Run

    unused = [name for name in (*CHANGES, "weights", "backbone", "animation", "reconstructions")
              if name != "style_scale" and getattr(form, name) is not None]  # fmt: skip
    unused += [name for name in ("mask", "content_layers", "style_layers") if getattr(form, name)]
    unused += ["colours"] if form.colours != "style" else []
    unused += ["settings"] if form.settings != "offline" else []
    if unused:
        option = unused[0].replace("_", "-")
        raise UsageError(f"--{option} is for painting step by step; a network paints in one pass. Leave it out.")
    return Run.open(str(form.network)).method()


def by_network(form: Form) -> dict[str, Any]:
    """What painting in one pass is asked for."""
    scale = 1.0 if form.style_scale is None else form.style_scale
    return {"shares": form.shares, "strength": form.strength, "style_scale": scale}


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
    from belamy.progress import duration

    def tell(progress: Progress) -> None:
        if told.due():
            loss = "" if progress.terms is None else f"loss {progress.terms.total:.4g}  "
            text = f"step {progress.step:,} of {progress.steps:,}  {loss}{duration(progress.left)} left"
            told.work(progress.step / progress.steps, text)

    return tell


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
