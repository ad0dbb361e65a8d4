"""Belamy: forge, judge, steer and unmask generative models.

Example:
    >>> import belamy
    >>> run = belamy.train("digits", samples=100_000)  # doctest: +SKIP
    >>> run.sample(64, seed=0).shape  # doctest: +SKIP
    torch.Size([64, 1, 28, 28])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from belamy.api.caption import caption
    from belamy.api.compare import compare
    from belamy.api.completion import complete
    from belamy.api.continuation import continue_text
    from belamy.api.enhancing import enhance
    from belamy.api.evaluate import evaluate
    from belamy.api.latent_editor import steer
    from belamy.api.likelihood import score
    from belamy.api.series_continuation import continue_series
    from belamy.api.sound_continuation import continue_sounds
    from belamy.api.train import resume, train
    from belamy.api.translate import translate
    from belamy.editing.deep_prior import restore_picture
    from belamy.editing.style.stylize import stylize
    from belamy.runs.run import open_run as open
    from belamy.training.watch.diagnosis import diagnose

__all__ = [
    "caption", "compare", "complete", "continue_series", "continue_sounds", "continue_text", "diagnose", "enhance",
    "evaluate", "open", "restore_picture", "resume", "score", "steer", "stylize", "train", "translate",
]  # fmt: skip
__version__ = "0.1.0"

_HOMES = {
    "caption": ("api.caption", "caption"),
    "compare": ("api.compare", "compare"),
    "complete": ("api.completion", "complete"),
    "continue_series": ("api.series_continuation", "continue_series"),
    "continue_sounds": ("api.sound_continuation", "continue_sounds"),
    "continue_text": ("api.continuation", "continue_text"),
    "diagnose": ("training.watch.diagnosis", "diagnose"),
    "enhance": ("api.enhancing", "enhance"),
    "evaluate": ("api.evaluate", "evaluate"),
    "open": ("runs.run", "open_run"),
    "restore_picture": ("editing.deep_prior", "restore_picture"),
    "resume": ("api.train", "resume"),
    "score": ("api.likelihood", "score"),
    "steer": ("api.latent_editor", "steer"),
    "stylize": ("editing.style.stylize", "stylize"),
    "train": ("api.train", "train"),
    "translate": ("api.translate", "translate"),
}


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(f"{__name__}.{module}"), attribute)
