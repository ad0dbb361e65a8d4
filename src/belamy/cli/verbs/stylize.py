"""Paint one picture in the style of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

from belamy.cli.options import NewFile, options
from belamy.cli.output import FILMS, film
from belamy.cli.painting import PaintingOptions, stepping
from belamy.cli.parsing import parse
from belamy.errors import UsageError

FRAMES = 60


@options
class Form(PaintingOptions):
    """Paint one picture in the style of others. Needs no download with the settings `offline`; `documents` and `gatys`
    need the published weights of VGG-19. A film is painted by `belamy stylize-film`."""

    out: str = "stylized.png"
    """The PNG file to write."""
    animation: Annotated[str | None, NewFile(FILMS)] = None
    """Also a film of the painting: NAME.gif, .webp or .mp4."""
    reconstructions: Annotated[str | None, NewFile(("png",))] = None
    """Also the PNG file of `belamy reconstruct-layers`."""


def run(words: Sequence[str]) -> int:
    """Paint and write."""
    if words and not words[0].startswith("-"):
        from belamy.cli.verbs import stylize_film
        from belamy.editing.style.film import is_film

        if is_film(words[0]):  # as films were painted before they had a verb of their own
            return stylize_film.run(words)
    form = parse(Form, words, "belamy stylize")
    return paint_picture(form) if form.network is None else paint_at_once(form)


def paint_picture(form: Form) -> int:
    """Optimise one picture."""
    from belamy.editing.style import stylize
    from belamy.editing.style.film import is_film
    from belamy.editing.style.reconstructions import reconstructions
    from belamy.progress import duration
    from belamy.runs.files import write_bytes

    if is_film(form.content):
        raise UsageError(f"{form.content} is a film. Type: belamy stylize-film {form.content} {' '.join(form.styles)}")
    given = form.chosen()
    with form.reporting() as told:
        tell = stepping(told)
        frames = FRAMES if form.animation else 0
        painting = stylize(form.content, list(form.styles), frames=frames, progress=tell, **given)
        painting.save(form.file)
        if form.reconstructions is not None:
            layers: dict[str, Any] = {name: [*each] for name, each in form.layers().items()}
            made = reconstructions(form.content, form.styles[0], progress=tell, **form.sight(), **layers)
            made.picture.save(form.reconstructions)
    if form.animation is not None:
        path = Path(form.animation).expanduser()
        write_bytes(path, film(painting.frames, path, 6.0))
    also = [path for path in (form.animation, form.reconstructions) if path is not None]
    height, width = painting.pixels.shape[:2]
    facts: dict[str, Any] = {
        "content": form.content, "styles": list(form.styles), "files": [form.out, *also], "width": width,
        "height": height, "seconds": painting.seconds, "step_seconds": painting.step_seconds,
        "strength": form.strength, "colours": form.colours, "seed": form.seed,
        "settings": painting.settings.model_dump(), "losses": painting.losses,
    }  # fmt: skip
    losses = painting.losses["total"]
    first = losses[-painting.final_steps]
    text = (
        f"{form.out}: {width}x{height} pixels, {len(losses):,} steps in {duration(painting.seconds)} "
        f"({painting.step_seconds:.3f} s a step); loss at this size {first:.4g} → {losses[-1]:.4g}"
    )
    return form.deliver(facts, "\n".join([text, *also]))


def paint_at_once(form: Form) -> int:
    """Paint one picture by a trained network."""
    from belamy.editing.style.one_pass import paint
    from belamy.progress import duration

    method = form.trained()
    before = perf_counter()
    picture = paint(method, form.content, form.styles, size=form.size, **form.by_network())
    seconds = perf_counter() - before
    picture.save(form.file)
    height, width = picture.pixels.shape[:2]
    facts = {"content": form.content, "styles": list(form.styles), "network": form.network, "files": [form.out],
             "width": width, "height": height, "seconds": seconds, "strength": form.strength}  # fmt: skip
    text = f"{form.out}: {width}x{height} pixels in one pass, {duration(seconds)} ({seconds:.2f} s)"
    return form.deliver(facts, text)
