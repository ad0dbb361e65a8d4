"""Paint a film in the style of pictures, frame by frame, so that what stands still keeps its paint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from belamy.cli.options import Within, options
from belamy.cli.output import FILMS, film
from belamy.cli.painting import PaintingOptions, stepping
from belamy.cli.parsing import verb


@options
class Form(PaintingOptions):
    """Paint a film in the style of pictures: each frame starts from the painted one before, moved as things moved, and
    is held to it."""

    kinds: ClassVar[Sequence[str]] = FILMS

    content: str
    """The film: an animated GIF or WebP, an MP4 …"""
    out: str = "stylized.webp"
    """The film to write: NAME.webp, .gif or .mp4."""
    steadiness: Annotated[float, Within(0)] = 200.0
    """Weight of the change against the frame before, moved as things moved; 0 for none."""


@verb(Form)
def run(form: Form) -> int:
    """Paint and write."""
    from belamy.editing.style.film import read_film, stylize_film
    from belamy.editing.style.one_pass import one_pass
    from belamy.editing.style.settings import named
    from belamy.progress import duration
    from belamy.runs.files import write_bytes

    given: dict[str, Any] = form.chosen()
    size = given.pop("size", None)
    if form.network is not None:
        given = {"painter": one_pass(form.trained(), form.styles, **form.by_network())}
    elif size is None:
        size = named(form.settings).size
    source = read_film(form.content, size)
    with form.reporting() as told:
        made = stylize_film(
            source, list(form.styles), steadiness=form.steadiness, progress=stepping(told), **given
        )  # fmt: skip
    write_bytes(form.file, film(made.frames, form.file, made.seconds))
    height, width = made.frames[0].shape[:2]
    changed = sum(made.unsteadiness) / max(len(made.unsteadiness), 1)
    facts = {"content": form.content, "styles": list(form.styles), "network": form.network, "files": [form.out],
             "width": width, "height": height, "frames": len(made.frames), "every": source.every,
             "steadiness": form.steadiness, "unsteadiness": made.unsteadiness, "seconds": made.took}  # fmt: skip
    thinned = f", every {source.every}th of the film's" if source.every > 1 else ""
    text = f"{form.out}: {len(made.frames)} frames{thinned} of {width}x{height} pixels in {duration(made.took)}; "
    return form.deliver(facts, f"{text}what stays changes by {changed:.1f} levels of 255 from frame to frame")
