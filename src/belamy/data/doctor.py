"""An examination of data before anything is trained on it: facts as JSON, as lines, and a sheet of samples."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.data.dataset import Dataset
from belamy.data.files import STEP, some
from belamy.data.fitting import cropped, resized
from belamy.data.loading import faults, open_data
from belamy.data.pair_doctor import digest, examine_pairs, groups_of, is_paired, pair_sheet, told
from belamy.data.pictures import GREY_MODES as GREY
from belamy.modalities import modality
from belamy.modalities.fields import Media
from belamy.modalities.grid import visible
from belamy.modalities.sizes import text_of
from belamy.ranges import Within

SHEET_COLUMNS, SHEET_ROWS, _GAP = 10, 10, 2
_SHOWN, _LARGEST_SHOWN = 10, 256
_DEFAULT_SAMPLES = 1_000_000
_GROUPS, _GROUP = 5, 4
_DESCRIBED = 20_000
"""Samples of other kinds than pictures that are described, from all over the set."""
_PLAYED = 12
MIXED = 1.5
"""Times by which the widest proportions exceed the narrowest, from which on they are called mixed."""
FEW = 200
"""Fewer training images than these are too few for a model that is to make new ones."""


@dataclass(frozen=True)
class DataExamination:
    """What was found.

    Args:
        facts: Everything, as plain JSON.
        sheet: Samples side by side: a row per class where there are labels.  # [H, W, 3] uint8
        media: The first samples as they are heard or read; () of pictures.
    """

    facts: dict[str, Any]
    sheet: np.ndarray
    media: tuple[Media, ...] = ()

    def lines(self) -> list[str]:
        """The findings as text, one a line, the most important first."""
        return [*_identity(self.facts), *_contents(self.facts), *self.findings(), *_plan(self.facts)]

    def findings(self) -> list[str]:
        """What should be known or mended, one a line."""
        return _findings(self.facts)


def examine(source: str | Path, *, samples: int = _DEFAULT_SAMPLES, **options: Any) -> DataExamination:
    """Opens data as training would, looks at every image, and says what it found.

    Args:
        source: As for ``open_data``.
        samples: Training samples to see, for the number of passes.
        options: As for ``open_data``.

    Raises:
        UsageError: An unknown name or option, or a number out of range.
        DataError: A source that cannot be read.

    Example:
        >>> examine("avatars-32").facts["duplicates"]["images"]
        22
    """
    Within(1).check("samples", samples)
    dataset = open_data(source, **options)
    pictures = dataset.field.modality == "image"
    statistics, groups = _measured(dataset) if pictures else _described(dataset)
    facts = dataset.card()
    facts |= {
        "modality": dataset.field.modality,
        "bits": dataset.field.bits,
        "what": "images" if pictures else modality(dataset.field.modality).words[1],
        "source": str(source),
        "sizes": _ranked(dataset.origin.sizes),
        "modes": _ranked(dataset.origin.modes),
        "ignored": _ranked(dataset.origin.ignored),
        "attribute_counts": _attribute_counts(dataset),
        "values": statistics,
        "duplicates": _duplicates(dataset, groups),
        "faults": faults(source, **options),
        "pairs": examine_pairs(dataset) if is_paired(dataset) else {},
        "training": _training(dataset, options, samples),
        "next": _command(source, dataset, options),
    }
    if is_paired(dataset):
        return DataExamination(facts, pair_sheet(dataset))
    if pictures:
        return DataExamination(facts, contact_sheet(dataset))
    played = _spread(torch.arange(len(dataset)), _PLAYED)
    media = modality(dataset.field.modality).media(dataset.store.read(played), dataset.field)
    if len(media) == len(played):  # of tables there is one of all rows
        called = zip(media, _called(dataset, played), strict=True)
        media = tuple(each._replace(caption=f"{name}{each.caption}") for each, name in called)
    return DataExamination(facts, _sheet(dataset), media)


def contact_sheet(dataset: Dataset) -> np.ndarray:
    """Up to 10 rows of 10 samples on white; with labels a row per class, otherwise evenly spaced.  # [H, W, 3] uint8"""
    rows = _sheet_rows(dataset)
    columns = max(len(row) for row in rows)
    sides = _visible(dataset, rows[0][:1]).shape[2:]
    scale = max(1.0, max(sides) / _LARGEST_SHOWN)
    height, width = (max(1, round(side / scale)) for side in sides)
    step_y, step_x = height + _GAP, width + _GAP
    sheet = np.full((len(rows) * step_y + _GAP, columns * step_x + _GAP, 3), 255, np.uint8)
    for down, row in enumerate(rows):
        for across, index in enumerate(row):
            image = resized(_visible(dataset, index[None]), height, width)[0]
            top, left = down * step_y + _GAP, across * step_x + _GAP
            sheet[top : top + height, left : left + width] = image.permute(1, 2, 0).expand(-1, -1, 3).numpy()
    return sheet


def _visible(dataset: Dataset, indices: Tensor) -> Tensor:
    """Pictures as bytes of grey or colour.  # uint8 [n, 1 or 3, H, W]"""
    return torch.from_numpy(visible(dataset.images(indices).numpy()))


def _sheet(dataset: Dataset) -> np.ndarray:
    """A sheet of samples of any kind, evenly spaced or class by class.  # [H, W, 3] uint8"""
    shown = torch.cat(_sheet_rows(dataset))
    captions = _classes_of(dataset, shown)
    return modality(dataset.field.modality).sheet(dataset.store.read(shown), dataset.field, captions=captions)


def _classes_of(dataset: Dataset, indices: Tensor) -> list[str] | None:
    """The class of each sample, by name, where there are labels."""
    if dataset.labels is None:
        return None
    return [dataset.classes[code] for code in dataset.labels[indices].tolist()]


def _called(dataset: Dataset, indices: Tensor) -> list[str]:
    """File and class of samples, as far as they have them, for what is said of each."""
    names = None if dataset.names is None else [dataset.names[each] for each in indices.tolist()]
    known = [each for each in (names, _classes_of(dataset, indices)) if each is not None]
    return ["".join(f"{each[row]}, " for each in known) for row in range(len(indices))]


def _described(dataset: Dataset) -> tuple[dict[str, Any], list[list[int]]]:
    """What a modality says of its samples, and the groups of samples that are equal."""
    kind, field, size = modality(dataset.field.modality), dataset.field, max(1, math.prod(dataset.shape))
    parts = torch.arange(len(dataset)).split(max(1, STEP // (8 * size)))
    groups = groups_of(digest(sample) for indices in parts for sample in dataset.store.read(indices))
    shown = _spread(torch.arange(len(dataset)), max(2, min(_DESCRIBED, STEP // size)))
    return kind.describe(dataset.store.read(shown), field), groups


def _sheet_rows(dataset: Dataset) -> list[Tensor]:
    if dataset.labels is not None:
        members = [(dataset.labels == code).nonzero().flatten() for code in range(len(dataset.classes))]
        present = [indices for indices in members if len(indices)][:SHEET_ROWS]
        each = SHEET_COLUMNS * (SHEET_ROWS // len(present))
        return [row for indices in present for row in _spread(indices, each).split(SHEET_COLUMNS)]
    shown = _spread(torch.arange(len(dataset)), SHEET_COLUMNS * SHEET_ROWS)
    return list(shown.split(SHEET_COLUMNS))


def _spread(indices: Tensor, count: int) -> Tensor:
    if len(indices) <= count:
        return indices
    return indices[torch.linspace(0, len(indices) - 1, count).round().long()]


def _measured(dataset: Dataset) -> tuple[dict[str, Any], list[list[int]]]:
    """Statistics of the pixel values by channel, and the groups of images that are equal in every pixel."""
    channels, bits = dataset.shape[0], dataset.field.bits
    histogram = torch.zeros(channels, 256 if bits == 8 else 1 << 16, dtype=torch.int64)
    keys: list[bytes] = []
    blank: list[int] = []
    start, colourless = 0, True
    for indices in torch.arange(len(dataset)).split(max(1, min(1024, STEP // math.prod(dataset.shape)))):
        images = dataset.store.read(indices)
        colourless = colourless and bool((images == images[:, :1]).all())
        values = images if bits == 8 else (images * 65535).round().long() if bits == 32 else images.long()
        for channel in range(channels):
            histogram[channel] += torch.bincount(values[:, channel].flatten(), minlength=histogram.shape[1])
        blank += [
            start + place for place in (images == images[..., :1, :1]).flatten(1).all(1).nonzero().flatten().tolist()
        ]
        keys += map(digest, images)
        start += len(images)
    named = [dataset.names[index] if dataset.names else index for index in blank]
    return {**_statistics(histogram, bits), "colourless": colourless, "blank": named}, groups_of(keys)


def _statistics(histogram: Tensor, bits: int) -> dict[str, Any]:
    """Statistics from counts of the values, on the scale 0..1 for mean and standard deviation; exact but for floats."""
    white = histogram.shape[1] - 1
    values = torch.arange(white + 1, dtype=torch.float64)
    counts = histogram.to(torch.float64)
    totals = counts.sum(1)
    means = counts @ values / totals
    squares = counts @ values**2 / totals
    present = histogram.sum(0).nonzero().flatten()
    lowest, highest = int(present[0]), int(present[-1])
    return {
        "lowest": round(lowest / white, 4) if bits == 32 else lowest,
        "highest": round(highest / white, 4) if bits == 32 else highest,
        "distinct": len(present),
        "mean": (means / white).tolist(),
        "std": ((squares - means**2).clamp(min=0).sqrt() / white).tolist(),
        "share_of_0": float(counts[:, 0].sum() / totals.sum()),
        "share_of_255": float(counts[:, white].sum() / totals.sum()),
    }


def _duplicates(dataset: Dataset, groups: list[list[int]]) -> dict[str, Any]:
    """Equal images: how many are repetitions, which, and how many repetitions lie across the splits."""
    split_of = torch.full((len(dataset),), -1, dtype=torch.long)
    for number, indices in enumerate(dataset.splits.values()):
        split_of[indices] = number
    across = sum(len(set(split_of[torch.tensor(group)].tolist())) > 1 for group in groups)
    names = dataset.names
    shown = [[names[index] if names else index for index in group] for group in groups]
    return {"images": sum(len(group) - 1 for group in groups), "groups": shown, "groups_across_splits": across}


def _attribute_counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    return {
        name: dict(zip(known.values, torch.bincount(known.codes, minlength=len(known.values)).tolist(), strict=True))
        for name, known in dataset.attributes.items()
    }


def _training(dataset: Dataset, options: dict[str, Any], samples: int) -> dict[str, Any]:
    train = len(dataset.indices("train"))
    shapes = {tuple(map(int, text.split("x"))) for text in dataset.origin.sizes}
    pictures = dataset.field.modality == "image"
    changed = pictures and any((width, height) != dataset.shape[:0:-1] for width, height in shapes)
    return {
        "shape": list(dataset.shape),
        "size_chosen_by": "the data" if options.get("size") is None else "the user",
        "fit": options.get("fit", "crop") if changed else None,
        "kept": "read from disk when needed" if dataset.streams else "in memory",
        "bytes": len(dataset) * math.prod(dataset.shape) * dataset.field.bits // 8,
        "samples": samples,
        "passes": samples / max(train, 1),
    }


def _ranked(counts: Any) -> dict[str, int]:
    return dict(sorted(dict(counts).items(), key=lambda item: (-item[1], item[0])))


def _identity(facts: dict[str, Any]) -> list[str]:
    if facts["modality"] == "image":
        channels, height, width = facts["shape"]
        known = {1: "grey", 2: "grey with opacity", 3: "RGB", 4: "RGB with opacity"}
        depth = {8: "", 16: ", 16 bits", 32: ", floats"}[facts["bits"]]
        what = f"images, {width}x{height} {known.get(channels, f'{channels} channels')}{depth}"
    else:
        unit = "symbols" if facts["modality"] == "text" else "numbers"
        what = f"{facts['what']} of {'x'.join(map(str, facts['shape']))} {unit}"
    return [
        f"{facts['name']}: {facts['images']:,} {what}",
        f"licence: {facts['licence']}",
        f"fingerprint: {facts['fingerprint']} ({facts['fingerprint_of']})",
    ]


def _contents(facts: dict[str, Any]) -> list[str]:
    values = facts["values"]
    if facts["modality"] != "image":
        return [*_told(values), f"labels: {_listed(facts['label_counts']) or 'none'}"]
    means = ", ".join(f"{mean:.4f}" for mean in values["mean"])
    stds = ", ".join(f"{std:.4f}" for std in values["std"])
    lines = [
        f"sizes: {_listed(facts['sizes'])}",
        f"modes: {_listed(facts['modes'])}",
        f"values: {values['lowest']}..{values['highest']} ({values['distinct']} distinct), mean {means}, std {stds}",
        f"labels: {_listed(facts['label_counts']) or 'none'}",
    ]
    for name, counts in facts["attribute_counts"].items():
        if counts != facts["label_counts"]:
            lines.append(f"attribute {name}: {_listed(counts)}")
    return lines


def _told(values: dict[str, Any], where: str = "") -> list[str]:
    """Facts of any depth as lines: a line for each group of plain facts, long lists left out."""
    lines, plain = [], []
    for name, value in values.items():
        if (
            isinstance(value, dict)
            and len(value) > _SHOWN
            and not any(isinstance(each, dict) for each in value.values())
        ):
            value = dict(list(value.items())[:_SHOWN])
        if isinstance(value, dict) and value:
            lines += _told(value, f"{where} {name}".strip())
        elif isinstance(value, float):
            plain.append(f"{name} {value:,.0f}" if value.is_integer() else f"{name} {value:.4g}")
        elif isinstance(value, str | int):
            plain.append(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}")
    return [*([f"{where or 'values'}: {', '.join(plain)}"] if plain else []), *lines]


def _findings(facts: dict[str, Any]) -> list[str]:
    lines = [f"note: {note}" for note in facts["notes"]]
    duplicates = facts["duplicates"]
    if duplicates["images"]:
        across = duplicates["groups_across_splits"]
        leak = f"; {across:,} group(s) lie across the splits, so a test would see what was trained on" if across else ""
        lines.append(f"duplicates: {duplicates['images']:,} {facts['what']} repeat another{leak}")
        named = [" = ".join(map(str, group[:_GROUP])) for group in duplicates["groups"][:_GROUPS]]
        more = len(duplicates["groups"]) - len(named)
        lines += [f"the same: {group}" for group in named]
        lines += [f"the same: {more:,} groups more; --json FILE lists all"] if more else []
    lines += [f"{kind}: {some(places, _GROUP)}" for kind, places in facts["faults"].items()]
    lines += told(facts["pairs"])
    if facts["splits"]["train"] < FEW:
        lines.append(
            f"too few: {facts['splits']['train']:,} {facts['what']} to train on; a model that is to make new ones "
            f"learns from {FEW} at the least, better from thousands, and from fewer it learns to repeat them"
        )
    lines += [f"skipped {name}: {reason}" for name, reason in facts["skipped"]]
    if facts["ignored"]:
        lines.append(f"other files, passed over: {_listed(facts['ignored'])}")
    return lines + (_of_pictures(facts) if facts["modality"] == "image" else [])


def _of_pictures(facts: dict[str, Any]) -> list[str]:
    """What is found in pictures alone."""
    lines, values, (channels, height, width) = [], facts["values"], facts["shape"]
    if values["colourless"] and channels == 3:
        lines.append("note: every pixel is grey; --channels 1 trains faster")
    if blank := values["blank"]:
        lines.append(f"blank: {len(blank):,} of a single colour: {some([*map(str, blank)], _GROUP)}")
    sizes = {tuple(map(int, text.split("x"))): count for text, count in facts["sizes"].items()}
    total = max(sum(sizes.values()), 1)
    small = sum(count for (wide, high), count in sizes.items() if wide < width or high < height)
    if small and facts["training"]["fit"]:
        least = min(sizes, key=math.prod)
        lines.append(
            f"enlarged: {small:,} of {total:,} are smaller than {width}x{height}, down to {least[0]}x{least[1]}"
        )
    shapes = sorted(wide / high for wide, high in sizes)
    if shapes and shapes[-1] > MIXED * shapes[0]:
        lost = (
            sum(count * (1 - _kept((size[0], size[1]), (int(height), int(width)))) for size, count in sizes.items())
            / total
        )
        does = {"crop": f"crop cuts {lost:.0%} of their pixels off, and --fit pad keeps all",
                "pad": "pad adds white at their sides", "stretch": "stretch distorts them"}  # fmt: skip
        how = does[facts["training"]["fit"] or "crop"]
        lines.append(f"proportions: from {shapes[0]:.2f} to {shapes[-1]:.2f}, width by height, are mixed; {how}")
    lines += _kinds_of_files(facts["modes"])
    return lines


def _kept(size: tuple[int, int], target: tuple[int, int]) -> float:
    """The share of a picture's pixels that cropping to the proportions of (height, width) keeps."""
    left, top, right, bottom = cropped(*size, target)
    return (right - left) * (bottom - top) / math.prod(size)


def _kinds_of_files(modes: dict[str, int]) -> list[str]:
    """Depths, opacity and colour that some of the files have and others do not."""
    total, lines = sum(modes.values()), []
    kinds = {
        "16 bits or more": lambda mode: mode.startswith(("I", "F")),
        "opacity": lambda mode: "A" in mode or "a" in mode,
        "no colour": lambda mode: mode in GREY,
    }
    for what, has in kinds.items():
        count = sum(number for mode, number in modes.items() if has(mode))
        if 0 < count < total:
            lines.append(f"mixed: {count:,} of {total:,} files have {what}, the others do not")
    return lines


def _plan(facts: dict[str, Any]) -> list[str]:
    plan = facts["training"]
    fitted = f", fitted by {plan['fit']}" if plan["fit"] else ""
    splits = ", ".join(f"{count:,} {name}" for name, count in facts["splits"].items())
    return [
        f"splits: {splits} ({facts['split_rule']})",
        f"training: {'x'.join(map(str, plan['shape']))} (size chosen by {plan['size_chosen_by']}){fitted}, "
        f"{plan['kept']} ({plan['bytes'] / 2**20:,.1f} MiB)",
        f"training for {plan['samples']:,} samples is {plan['passes']:,.1f} passes",
    ]


def _command(source: str | Path, dataset: Dataset, options: dict[str, Any]) -> str:
    """What to type next, with the options that were given; arrays get a size that networks can halve twice."""
    names = ("modality", "size", "fit", "channels", "alpha", "rate", "length", "other", "labels", "levels")
    given = {name: options.get(name) for name in names}
    recipe = getattr(modality(dataset.field.modality), "recipe", "RECIPE")
    if is_paired(dataset):
        recipe = "vid2vid" if dataset.field.modality in ("video", "label_film") else "pix2pix"
    elif dataset.field.modality == "image":
        recipe = ""  # `belamy train` chooses for pictures
        height, width = dataset.shape[1:]
        if height % 4 or width % 4:
            given["size"] = text_of((max(8, height // 4 * 4), max(8, width // 4 * 4)))
    words = [
        word
        for name, value in given.items()
        if value not in (None, "crop", "white")
        for word in (f"--{name}", str(value))
    ]
    return shlex.join(["belamy", "train", *filter(None, [recipe]), "--data", str(source), *words])


def _listed(counts: dict[str, int]) -> str:
    return some([f"{key} ({count:,})" for key, count in counts.items()], _SHOWN)
