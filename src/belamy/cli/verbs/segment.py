"""Teach a run's encoder to tell what each pixel belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from belamy.cli.options import Json, Offline, OfRun, Seed, ToFolder, Within, options
from belamy.cli.output import stems
from belamy.cli.parsing import verb
from belamy.errors import DataError

if TYPE_CHECKING:
    import torch

    from belamy.data import Dataset
    from belamy.data.masks import Masks
    from belamy.editing.segmentation import Segmenter
    from belamy.runs.run import Run

SHEET = "sheet.png"
APPLIED = "applied.png"
TESTED = 500
"""Held-out images that the head is tested on, at most."""


@options
class Form(OfRun, Offline, ToFolder, Json):
    """Tell what each pixel belongs to: a small head on a run's frozen encoder learns it from a few images with masks,
    and is tested on others. Writes a sheet of both masks over the images, and with --apply masks of new pictures."""

    makes = "image"
    run: str
    """The run's directory; its method must have an encoder."""
    masks: str = "ink"
    """What the pixels of the images belong to: a folder with a PNG for each picture file, of the same name, whose
    pixels are whole numbers (palette, grey) or colours; a .npy file [N, H, W]; ink for what stands out from the paper
    (brighter than half on dark, darker on white), or ink-by-class for the same in the class of the image."""
    data: str | None = None
    """The images that the masks belong to: any source of images like the run's; by default what the run was trained
    on."""
    apply: str | None = None
    """Pictures whose masks to write: a picture, a folder, an archive, an array file, test:0..7 for held-out images of
    the run's data."""
    learn: Annotated[int, Within(1, 10_000)] = 30
    """Images that the head learns from; tested are others, 500 at most."""
    noise: Annotated[float, Within(0, 10)] = 0.0
    """Standard deviation of normal noise that the images get first, on the scale [0, 1]; masks are of clean ones."""
    count: Annotated[int, Within(1, 64)] = 10
    """Images on a sheet."""
    seed: Seed = 0
    """Decides which images learn, the noise, and the head's initial weights."""
    out: str | None = "segmented"
    """Folder of the sheets and masks."""


@verb(Form)
def run(form: Form) -> int:
    """Learn, test, draw, apply."""
    from belamy.cli.images import given
    from belamy.editing.restoration import noisy
    from belamy.editing.segmentation import SegmentationResult, encoder_features, learn
    from belamy.runs.files import filling, write_bytes

    out = form.folder()
    run, method = form.opened()
    features = encoder_features(method)
    own = form.run_data(run)
    new = given(form.apply, own, form.offline)[:2] if form.apply else None
    learned, held, note, data, masks = labelled(form, run, own)
    images = noisy(data.images(learned), form.noise, form.seed)
    head = learn(features, images, masks.classes[: len(learned)], len(masks.names), seed=form.seed)
    seen = noisy(data.images(held), form.noise, form.seed + 1)
    trial = SegmentationResult(seen, masks.classes[len(learned) :], head.segment(seen), masks.names, colours(masks))
    with filling(out) as folder:
        names = [SHEET]
        write_bytes(folder / SHEET, trial.picture(form.count).png)
        if new:
            names += applied(folder, head, masks, *new, form.count)
    files = [out / name for name in names]
    ious = trial.agreement(form.seed)
    facts: dict[str, Any] = {
        "run": str(run.path), "data": data.name, "masks": form.masks, "classes": list(masks.names), "noise": form.noise,
        "learned": len(learned), "tested": len(held), "iou": {name: list(each) for name, each in ious.items()},
        "note": note, "seed": form.seed, "files": [str(path) for path in files],
    }  # fmt: skip
    width = max(map(len, ious))
    lines = [f"  {name:{width}}  {each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for name, each in ious.items()]
    told = f"{out / SHEET}: learned from {len(learned):,} images; intersection over union in {len(held):,} others"
    end = [note] if note else []
    end += [f"{out / APPLIED}, and a mask of each of {len(new[0]):,} new picture(s)"] if new else []
    return form.deliver(facts, "\n".join([told, *lines, *end]))


def labelled(form: Form, run: Run, own: Dataset) -> tuple[torch.Tensor, torch.Tensor, str, Dataset, Masks]:
    """Which images learn and which are tested, what must be known of these, of what, and the masks of both.

    Raises:
        DataError: They are too few, or of another shape.
    """
    import torch

    from belamy.cli.images import other
    from belamy.data.masks import read_masks
    from belamy.judges.pretraining import evaluation_rows
    from belamy.seeds import generator

    data = own if form.data is None else other(form.data, own, form.offline)
    numbers = generator(form.seed, "learned")
    pool = data.indices("train")
    pool = pool[torch.randperm(len(pool), generator=numbers)]
    least = 0 if "test" in data.splits else max(1, len(pool) // 5)  # of few images a fifth is kept to be tested
    if len(pool) <= least:
        raise DataError(f"{data.name} has {len(data)} image, but some must learn and others be held out. Give more.")
    learned = pool[least:][: form.learn].sort().values
    held, note = evaluation_rows(data, learned)
    held = held[torch.randperm(len(held), generator=numbers)] if note else held
    held = held[:TESTED].sort().values
    source = run.recipe.data if form.data is None else form.data
    fit = run.recipe.fit if form.data is None else "crop"
    masks = read_masks(form.masks, data, torch.cat([learned, held]), fit=fit, folder=Path(source).expanduser())
    return learned, held, note, data, masks


def colours(masks: Masks) -> list[tuple[int, int, int]]:
    """Those that the masks have, or else some that can be told apart."""
    from belamy.sampling.scatter import palette

    if masks.values.ndim == 2:
        return [(int(red), int(green), int(blue)) for red, green, blue in masks.values]
    return [(0, 0, 0), *palette(len(masks.names) - 1)]


def applied(out: Path, head: Segmenter, masks: Masks, names: list[str], images: torch.Tensor, count: int) -> list[str]:
    """Write the masks of new pictures, and a sheet of the first; the names of the files."""
    from belamy.editing.segmentation import overlaid, sheet
    from belamy.runs.files import write_bytes

    found, tints = head.segment(images), colours(masks)
    files = [f"{stem}.png" for stem in stems(names, (SHEET, APPLIED))]
    for name, classes in zip(files, found, strict=True):
        write_bytes(out / name, masks.png(classes, tints))
    shown = {"given": images[:count], "found": overlaid(images[:count], found[:count], tints)}
    write_bytes(out / APPLIED, sheet(shown).png)
    return [APPLIED, *files]
