"""Style transfer: an image is optimised, not a network."""

from belamy.editing.style.backbone import Hooked
from belamy.editing.style.settings import SETTINGS, Settings
from belamy.editing.style.stylize import Painting, stylize

__all__ = ["SETTINGS", "Hooked", "Painting", "Settings", "stylize"]
