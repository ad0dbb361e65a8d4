"""Style transfer: an image is optimised, not a network."""

from belamy.editing.style.backbone import Hooked
from belamy.editing.style.stylize import Painting, stylize
from belamy.editing.style.settings import SETTINGS, Settings

__all__ = ["SETTINGS", "Hooked", "Painting", "Settings", "stylize"]
