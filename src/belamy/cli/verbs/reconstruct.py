"""Show what an autoencoder makes of pictures, with noise taken out of them."""

from __future__ import annotations

from typing import Annotated

from belamy.cli.options import Json, Offline, OfRun, Seed, ToFile, Within, options
from belamy.cli.parsing import verb


@options
class Form(OfRun, Offline, ToFile, Json):
    """Pass pictures through an autoencoder's run: its reconstructions, or with --noise what it restores of noisy ones.
    Writes a sheet, and tells the peak signal-to-noise ratios."""

    makes = "image"
    pictures: str
    """A picture, a folder, an archive, an array file, a named data set; test for the held-out images of the run's data,
    test:0..7 for the first of them."""
    noise: Annotated[float, Within(0, 10)] = 0.0
    """Standard deviation of normal noise to add first, on the scale [0, 1]; 0 for pictures that are noisy already."""
    count: Annotated[int, Within(1, 64)] = 10
    """Pictures on the sheet."""
    seed: Seed = 0
    """Decides the noise."""
    out: str = "reconstructed.png"
    """The PNG file to write."""


@verb(Form)
def run(form: Form) -> int:
    """Reconstruct, compare, draw."""
    from belamy.cli.images import given
    from belamy.editing.restoration import restore
    from belamy.evaluation import intervals
    from belamy.runs.files import write_bytes

    run, method = form.opened()
    names, images, _ = given(form.pictures, form.run_data(run), form.offline)
    found = restore(method, images, form.noise, form.seed)
    write_bytes(form.file, found.picture(form.count).png)
    kept = found.after.isfinite() & (found.before.isfinite() | (form.noise == 0))
    after = intervals.mean(found.after[kept])
    before = intervals.mean(found.before[kept]) if form.noise else None
    facts = {
        "run": str(run.path), "pictures": len(names), "noise": form.noise, "seed": form.seed,
        "psnr_before": None if before is None else finite(before), "psnr": finite(after),
        "each": [{"name": name, "psnr": value} for name, value in zip(names, map(rounded, found.after), strict=True)],
        "files": [form.out],
    }  # fmt: skip
    told = f"{after.value:.2f} dB" if before is None else f"{before.value:.2f} dB before, {after.value:.2f} dB after"
    return form.deliver(facts, f"{form.out}: {len(names):,} picture(s), {told}")


def finite(numbers: tuple[float, ...]) -> list[float | None]:
    """Numbers to two decimals, None for those that JSON has no word for."""
    from math import isfinite

    return [round(number, 2) if isfinite(number) else None for number in numbers]


def rounded(value: object) -> float | None:
    """One number to two decimals; None where a picture came back as it was."""
    return finite((float(value),))[0]  # type: ignore[arg-type]
