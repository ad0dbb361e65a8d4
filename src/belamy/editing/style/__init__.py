"""Style transfer: an image is optimised, or a network that was trained for it paints in one pass."""

from belamy.editing.style.backbone import Hooked
from belamy.editing.style.film import PaintedFilm, stylize_film
from belamy.editing.style.one_pass import paint
from belamy.editing.style.reconstructions import Reconstructions, reconstructions
from belamy.editing.style.settings import SETTINGS, StyleSettings
from belamy.editing.style.stylize import Painting, stylize

__all__ = [
    "SETTINGS",
    "Hooked",
    "PaintedFilm",
    "Painting",
    "Reconstructions",
    "StyleSettings",
    "paint",
    "reconstructions",
    "stylize",
    "stylize_film",
]
