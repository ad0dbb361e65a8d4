"""Tell generated images, sounds, texts, rows and the like from real ones.

    belamy unmask runs/digits-1
    belamy unmask fakes/ --real photos/ --hide jpeg:75 --out unmasked.html

Suspects and real images must have one format; what their content alone gives away is tested, with real images against
real images as control.
"""

from __future__ import annotations

from typing import Annotated

from belamy.cli.options import Device, Json, Offline, ProgressOption, Seed, SizeOfPictures, ToPage, Within, options
from belamy.cli.parsing import verb


@options
class Form(SizeOfPictures, Device, Offline, ProgressOption, ToPage, Json):
    """Tell generated samples from real ones: which tests separate, how surely, and what JPEG leaves of pictures."""

    suspect: str
    """A run's directory, a folder or .zip of images, an .npz or .npy array, or another data source."""
    real: str | None = None
    """Real images: any data source. A run is compared with its own data unless others are named."""
    count: Annotated[int, Within(2)] = 1000
    """How many suspects; twice as many real images are taken, as far as there are."""
    hide: str | None = None
    """Bring both sides to uint8 or to jpeg:QUALITY before anything is looked at; by default a run's samples are looked
    at both unrounded and rounded."""
    false_alarms: float = 0.05
    """The share of real images that may be called generated, where thresholds are set."""
    split: str = "all"
    """Which of the real images: train, test or all."""
    size: str | None = None
    """Make all pictures of this size, in pixels: the side of squares, 64, or width x height, 96x64; without it they are
    taken as they are."""
    seed: Seed = 0
    """Of the samples, the choice among images, and all that is drawn."""
    robustness: bool = True
    """Measure what survives JPEG, blur and resizing of both sides; of pictures alone."""
    name = "unmask.html"

    def refuse(self) -> None:
        """Refuse a page that cannot be written."""
        super().refuse()
        self.page(self.suspect)


@verb(Form)
def run(form: Form) -> int:
    """Examine, write the page and sum up."""
    from belamy.api.unmask import unmask

    found = unmask(
        form.suspect, form.real, count=form.count, hide=form.hide, false_alarms=form.false_alarms, split=form.split,
        size=form.size, seed=form.seed, robustness=form.robustness, device=form.device, offline=form.offline,
        progress=form.progress and not form.quiet,
    )  # fmt: skip
    text = found.text()
    if (page := form.page(form.suspect)) is not None:
        found.save(page)
        text += f"\n\n{page}"
    return form.deliver(found.as_json(), text)
