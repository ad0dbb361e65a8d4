"""Restore one picture without anything to learn from: take noise out, fill holes, enlarge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from belamy.cli.options import Json, ProgressOption, Seed, ToFile, Within, options
from belamy.cli.parsing import verb

if TYPE_CHECKING:
    from belamy.editing.deep_prior import FitProgress
    from belamy.progress import Reporter

CHANGES = ("steps", "maps", "lr", "patience")


@options
class Form(ProgressOption, ToFile, Json):
    """Restore one picture by Deep Image Prior: an untrained network is fitted to it and stopped before it learns the
    noise. Nothing is learned from other pictures. Ctrl-C ends it and writes the best so far. A picture whose holes a
    trained run fills is a matter of `belamy translate`."""

    picture: str
    """What is restored: a picture file."""
    task: Literal["denoise", "inpaint", "enlarge"] = "denoise"
    """Take noise out, fill holes, or enlarge."""
    out: str = "restored.png"
    """The PNG file to write."""
    mask: str | None = None
    """Of the holes: a picture file as large, white there and black elsewhere; by default what is transparent."""
    scale: Annotated[int | None, Within(2, 8)] = None
    """By how much it is enlarged; by default 4."""
    settings: Literal["quick", "paper"] = "quick"
    """quick: a narrow network, for a CPU; paper: the published one, sixteen times the work."""
    steps: Annotated[int | None, Within(1, 1_000_000)] = None
    """Steps at most; by default those of the settings, 2,000 or 5,000."""
    maps: Annotated[int | None, Within(1, 1024)] = None
    """Width of the network; by default 32 or 128."""
    lr: Annotated[float | None, Within(0)] = None
    """Learning rate; by default 0.01."""
    patience: Annotated[int | None, Within(1)] = None
    """End after so many steps without a smaller error of the pixels that are held out; by default 250 or 500."""
    seed: Seed = 0
    """Decides the network's weights, its noise and the pixels that are held out."""

    def refuse(self) -> None:
        """Refuse a mask without holes to fill, and a scale without enlarging."""
        super().refuse()
        from belamy.editing.deep_prior import check_task

        check_task(self.task, self.mask is not None, self.scale)


@verb(Form)
def run(form: Form) -> int:
    """Restore and write."""
    from belamy.editing.deep_prior import restore_picture
    from belamy.progress import duration

    changes = {name: getattr(form, name) for name in CHANGES if getattr(form, name) is not None}
    with form.reporting() as told:
        made = restore_picture(
            form.picture, form.task, mask=form.mask, scale=form.scale, settings=form.settings, seed=form.seed,
            progress=fitting(told), **changes,
        )  # fmt: skip
        made.save(form.file)
    height, width = made.pixels.shape[:2]
    facts: dict[str, Any] = {
        "picture": form.picture, "task": form.task, "files": [form.out], "width": width, "height": height,
        "steps": made.steps, "best": made.best, "stopped": made.stopped, "seconds": made.seconds, "seed": form.seed,
        "settings": made.settings.model_dump(), "held_out_errors": made.errors,
    }  # fmt: skip
    text = (
        f"{form.out}: {width}x{height} pixels, the mean at step {made.best:,} of {made.steps:,} in "
        f"{duration(made.seconds)}; ended by {ENDED[made.stopped]}"
    )
    return form.deliver(facts, text)


ENDED = {
    "the held-out pixels": "the pixels that were held out, whose error fell no more",
    "the last step": "the last step (--steps)",
    "interrupted": "an interruption; this is the best so far",
}


def fitting(told: Reporter) -> Callable[[FitProgress], None]:
    """A callback for each step."""
    from belamy.progress import duration

    def tell(fit: FitProgress) -> None:
        if told.due():
            error = "" if fit.error is None else f"error of held-out pixels {fit.error:.1f}  "
            told.work(fit.step / fit.steps, f"step {fit.step:,}  {error}{duration(fit.left)} left at most")

    return tell
