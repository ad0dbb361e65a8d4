"""Tell generated images from real ones.

    belamy unmask runs/digits-1
    belamy unmask fakes/ --real photos/ --hide jpeg:75 --out unmasked.html

Suspects and real images must have one format; what their content alone gives away is tested, with real images against
real images as control.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from belamy.errors import StorageError, UsageError


@dataclass(frozen=True)
class Form:
    """Tell generated images from real ones: which tests separate, how surely, and what JPEG leaves of it."""

    suspect: str
    """A run's directory, a folder or .zip of images, an .npz or .npy array, or another data source."""
    real: str | None = None
    """Real images: any data source. A run is compared with its own data unless others are named."""
    count: int = 1000
    """How many suspects; twice as many real images are taken, as far as there are."""
    hide: str | None = None
    """Bring both sides to uint8 or to jpeg:QUALITY before anything is looked at; by default a run's samples are looked
    at both unrounded and rounded."""
    false_alarms: float = 0.05
    """The share of real images that may be called generated, where thresholds are set."""
    split: str = "all"
    """Which of the real images: train, test or all."""
    size: int | None = None
    """Make squares of this side, in pixels, of all pictures; without it they are taken as they are."""
    seed: int = 0
    """Of the samples, the choice among images, and all that is drawn."""
    robustness: bool = True
    """Measure what survives JPEG, blur and resizing of both sides."""
    out: str | None = None
    """Write a page with pictures to this file; by default unmask.html in a run's directory."""
    overwrite: bool = False
    """Replace a file that --out names."""
    device: str = "auto"
    """Where a run draws: auto, cpu, cuda, cuda:1 or mps."""
    offline: bool = False
    """Never fetch anything from the network."""
    progress: bool = True
    """Show how far it is."""
    json: str | None = None
    """Write what was found as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Examine, write the page and sum up."""
    from belamy.cli.output import STANDARD_OUTPUT, deliver
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy unmask")
    page = destination(form)
    from belamy.api.unmask import unmask

    found = unmask(
        form.suspect, form.real, count=form.count, hide=form.hide, false_alarms=form.false_alarms, split=form.split,
        size=form.size, seed=form.seed, robustness=form.robustness, device=form.device, offline=form.offline,
        progress=form.progress and form.json != STANDARD_OUTPUT,
    )  # fmt: skip
    text = found.text()
    if page is not None:
        found.save(page)
        text += f"\n\n{page}"
    deliver(found.as_json(), form.json, text)
    return 0


def destination(form: Form) -> Path | None:
    """Where the page goes: the file named, or into a run's directory; None for nowhere.

    Raises:
        UsageError: It is no page.
        StorageError: It is there already.
    """
    from belamy.cli.output import named_file

    if form.out is None:
        folder = Path(form.suspect).expanduser()
        return folder / "unmask.html" if (folder / "recipe.json").is_file() else None
    page = named_file(form.out, "--out")
    if page.is_dir():
        raise StorageError(f"{page} is a folder. Name a file, e.g. --out {page / 'unmask.html'}")
    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out is '{form.out}', but it is a page: NAME.html. For the numbers, type --json NAME.json.")
    if page.exists() and not form.overwrite:
        raise StorageError(f"{page} is there already. Give another --out, or type --overwrite.")
    return page
