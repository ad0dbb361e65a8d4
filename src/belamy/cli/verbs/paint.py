"""Paint label maps in the browser and see what a run makes of them. The page is served to this machine alone.

belamy paint runs/spade-small-1
belamy paint runs/spade-small-1 --start map.png --port 8001
"""

from __future__ import annotations

from typing import Annotated

from belamy.cli.options import Json, OfRun, Within, options
from belamy.cli.parsing import verb
from belamy.cli.serving import serve_page


@options
class Form(OfRun, Json):
    """Paint label maps on a page of this machine, with brush, fill and undo, by mouse or keyboard, and see the picture
    that a run of spade, pix2pix-hd or pix2pix makes of them; maps can be opened and saved."""

    start: str | None = None
    """A PNG file of a label map to begin with; without it all is of the first class."""
    size: str | None = None
    """Of the map, in pixels: a side, 64, or width x height, 96x64; by default that of the run's maps."""
    port: Annotated[int, Within(0, 65_535)] = 8000
    """Where the page is; 0 takes a free port."""

    def refuse(self) -> None:
        """Refuse a size that is none."""
        super().refuse()
        from belamy.modalities.sizes import parse_size

        parse_size(self.size)


@verb(Form)
def run(form: Form) -> int:
    """Serve the page until Ctrl-C."""
    from belamy.api.label_painter import MapPainter, painting

    painter = MapPainter(form.run, weights=form.weights, device=form.device, size=form.size, start=form.start)
    return serve_page(painting(painter), form, "Paint at")
