"""What is judged, unmasked or shown to people: a run that draws, or images that are there already."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from io import BytesIO
from math import prod
from pathlib import Path
from typing import IO, Any, Protocol

import torch
from PIL import Image
from torch import Tensor

from belamy.data import Dataset, open_data
from belamy.data.load_options import Progress
from belamy.data.texts import SHEET
from belamy.errors import DataError, UsageError
from belamy.methods.base import BaseMethod, Samples, Translates, given_of
from belamy.modalities import modality
from belamy.modalities.colours import has_opacity
from belamy.modalities.fields import Field
from belamy.modalities.image import as_bytes
from belamy.modalities.sizes import Size, SizeOption, parse_size, text_of
from belamy.ranges import Within
from belamy.runs.run import Run
from belamy.sampling.draw import generated, made, no_samples, placement
from belamy.seeds import SampleDraws, generator

CHUNK = 1000
"""Images drawn, looked at and forgotten together."""
BATCH = 250
"""Images that a network draws at a time: always the same, for the last digits of a float depend on it."""
RUN = "run"
"""The format of what was never a file."""
PICTURES = Field("image", ())
_SIZES_NAMED = 4
QUANTISATION = {8: "uint8", 16: "uint16", 32: "float"}
IMAGE = 3
"""Numbers in the shape of a picture."""

Chunk = tuple[Tensor, Tensor | None]


class Source(Protocol):
    """Where a candidate's images come from."""

    def chunks(self) -> Iterator[Chunk]:
        """uint8 images ``[n, C, H, W]`` and their labels."""
        ...

    def values(self) -> Iterator[Tensor]:
        """float32 images ``[n, C, H, W]`` in [0, 1]."""
        ...


@dataclass(frozen=True)
class Candidate:
    """Images in a fixed order, whatever they are read from, as often as they are asked for.

    Args:
        name: What they are called.
        shape: (C, H, W) of each.
        count: How many there are.
        seed: Of the samples of a run, or of the choice among more images than were wanted; None where nothing was
            drawn or chosen.
        labels: ``in turn`` where a run was asked for the classes in turn, ``given`` where they came with the images, or
            ``none``.
        classes: Names of the classes.
        quantisation: ``uint8`` for files and arrays; ``float`` where :meth:`values` are not rounded.
        format: ``run``; ``npz``, ``npy`` or another array's name; or the codec of the files: ``PNG``, ``JPEG``,
            ``mixed: JPEG, PNG``.
        resize: What was done to the pictures' shape: ``none``, or e.g. ``crop to 32``.
        averaged: Whether a run's weights are averages; None for what is no run.
        fingerprint: Identifies the data set or the weights that the images come from.
        source: Where they come from.
        kind: What kind of samples they are.
    """

    name: str
    shape: tuple[int, ...]
    count: int
    seed: int | None
    labels: str
    classes: tuple[str, ...]
    quantisation: str
    format: str
    resize: str
    averaged: bool | None
    fingerprint: str
    source: Source = field(repr=False, compare=False)
    kind: Field = PICTURES

    def require(self, wanted: str, verb: str) -> None:
        """Refuse samples of another kind.

        Raises:
            UsageError: They are.
        """
        if self.kind.modality != wanted:
            words, held = modality(wanted).words[1], modality(self.kind.modality).words[1]
            raise UsageError(f"{verb} knows {words} alone, but {self.name} holds {held}.")

    def chunks(self) -> Iterator[Chunk]:
        """uint8 images ``[n, C, H, W]``, as the writer of files rounds them, and their labels ``[n]``."""
        return self.source.chunks()

    def values(self) -> Iterator[Tensor]:
        """float32 images ``[n, C, H, W]`` in [0, 1]: before they are rounded, where the source is a run."""
        return self.source.values()


@dataclass(frozen=True)
class Drawn:
    """Samples of a method, with the classes in turn where its networks use labels.

    Args:
        method: One that samples.
        count: How many samples.
        seed: Of the samples.
        heeds: Whether its networks use labels.
        options: Values of the method's ``sampling_options``; the others have their defaults.
    """

    method: BaseMethod
    count: int
    seed: int
    heeds: bool
    options: Mapping[str, float | str] = field(default_factory=dict)

    def chunks(self) -> Iterator[Chunk]:
        classes, first, field = len(self.method.spec.classes), 0, self.method.output
        for samples in self._generated():
            numbers = torch.arange(first, first + len(samples))
            raw = modality(field.modality).to_raw(samples, field).cpu()
            yield looked_at(raw, field), numbers % classes if self.heeds else None
            first += len(samples)

    def values(self) -> Iterator[Tensor]:
        for images in self._generated():
            yield images.float().add(1).div(2).clamp(0, 1).cpu()

    def _generated(self) -> Iterator[Tensor]:
        """A chunk at a time, in [-1, 1]."""
        held: list[Tensor] = []
        for images in generated(self.method, self.count, seed=self.seed, batch=BATCH, options=self.options):
            held.append(images)
            if len(held) * BATCH >= CHUNK:
                yield torch.cat(held)
                held = []
        if held:
            yield torch.cat(held)


@dataclass(frozen=True)
class Stored:
    """Images of a data set.

    Args:
        data: The data set.
        indices: Which of its images.  # [n] long
    """

    data: Dataset
    indices: Tensor

    def chunks(self) -> Iterator[Chunk]:
        for kept in self.indices.split(CHUNK):
            raw = looked_at(self.data.store.read(kept), self.data.field)
            yield raw, None if self.data.labels is None else self.data.labels[kept]

    def values(self) -> Iterator[Tensor]:
        white = {8: 255, 16: 65535, 32: 1}[self.data.field.bits]
        for kept in self.indices.split(CHUNK):
            yield self.data.store.read(kept).float() / white


def looked_at(raw: Tensor, field: Field) -> Tensor:
    """Samples as those who judge see them: pictures in 8 bits, whatever they have."""
    return as_bytes(raw) if field.modality == "image" else raw


def open_candidate(
    source: str | Path,
    *,
    count: int,
    seed: int = 0,
    shape: tuple[int, ...] | None = None,
    size: SizeOption = None,
    split: str = "all",
    best: bool = False,
    device: torch.device | str = "cpu",
    offline: bool = False,
    progress: Progress | None = None,
    fixed: bool = False,
    options: Mapping[str, float | str] | None = None,
) -> Candidate:
    """The images of a run's directory, a folder, an archive, an array file or any other data source.

    Pictures are taken at their own size: nothing is resized unless ``size`` says so, since a resize changes every
    number that is measured and every trace that is looked for.

    Args:
        source: Where the images are.
        count: How many are wanted. A run draws so many; of a larger data set so many are chosen by the seed.
        seed: Of the samples or of the choice.
        shape: What the images must be, (C, H, W); grey and colour are converted, another size is refused.
        size: Make them of this size: the side of squares, ``WIDTHxHEIGHT``, or (height, width).
        split: Of a data set: which of its images.
        best: Of a run: take its best weights, which ``train --keep-best`` kept, instead of its newest.
        device: Where a run draws.
        offline: Never fetch data from the network.
        progress: Called with (done, total) while files are read.
        fixed: Whether ``shape`` is that of a run, which draws no other.
        options: Of how a run's method draws.

    Raises:
        UsageError: A run that draws no samples, an unknown source or split, or a number out of range.
        DataError: Pictures of several sizes, or of another size than ``shape``.

    Example:
        >>> open_candidate("avatars-16", count=100).format
        'embedded'
    """
    Within(1).check("The count", count)
    sides = sides_of(size)
    if is_run(source):
        found = drawn_candidate(Run.open(source), count, seed, device, best, options)
        if sides is not None and found.kind.modality != "image":
            words = modality(found.kind.modality).words[1]
            raise UsageError(f"--size belongs to pictures, but {source} makes {words}. Leave it out.")
        if sides is not None and sides != found.shape[1:]:
            raise UsageError(
                f"{source} draws images of {_size(found.shape)} pixels and no others. Leave --size {text_of(sides)} "
                f"out, or type --size {text_of(found.shape[1:])} to bring pictures in files to that."
            )
    else:
        data = opened(source, sides, shape[0] if shape else None, offline, progress, shape)
        found = stored_candidate(data, str(source), count, seed, split, sides)
    if shape is not None and found.shape != shape:
        raise DataError(mismatch(str(source), found, shape, fixed))
    return found


@dataclass(frozen=True)
class Translated:
    """Translations of held-out samples.

    Args:
        method: One that translates.
        data: The data, with the field that is translated.
        indices: Of which samples.  # [n] long
        seed: Of what translating draws.
    """

    method: BaseMethod
    data: Dataset
    indices: Tensor
    seed: int

    @torch.no_grad()
    def chunks(self) -> Iterator[Chunk]:
        method: Any = self.method
        device, dtype = placement(method)
        field, first = self.data.spec.fields[method.target], 0
        for kept in self.indices.split(BATCH):
            draws = SampleDraws(self.seed, range(first, first + len(kept)))
            made = method.translate(given_of(method, self.data.batch(kept, device, dtype), draws), draws)
            yield modality(field.modality).to_raw(made, field).cpu(), None
            first += len(kept)

    def values(self) -> Iterator[Tensor]:
        for images, _ in self.chunks():
            yield images.float() / 255


def translated_candidate(run: Run, method: BaseMethod, data: Dataset, count: int, seed: int) -> Candidate:
    """What a run makes of the held-out sources, or of so many of them."""
    from belamy.evaluation.features.classifier import weights_digest

    translates: Any = method
    indices = data.splits.get("test", data.indices("all"))[:count]
    field = data.spec.fields[translates.target]
    return Candidate(
        name=run.path.name or str(run.path), shape=field.shape, count=len(indices),
        seed=seed, labels="none", classes=(), quantisation="uint8", format=RUN, resize="none",
        averaged=bool(run.recipe.ema_half_life and method.averaged), fingerprint=weights_digest(method.state_dict()),
        source=Translated(method.eval(), data, indices, seed), kind=field,
    )  # fmt: skip


def facing(data: Dataset, method: BaseMethod) -> Dataset:
    """The data with what a method makes as their main field, or the side that it translates into.

    Raises:
        UsageError: They hold nothing of that kind and shape.
    """
    made = method.output
    if isinstance(method, Translates) and method.target in data.sides:
        return data.sides[method.target]
    if data.field[:2] == made[:2]:
        return data
    name = next((name for name, column in data.columns.items() if column.field[:2] == made[:2]), None)
    if name is None:
        words = modality(made.modality).words[1]
        raise UsageError(
            f"This run makes {words} of shape {list(made.shape)}, and {data.name} holds none to compare them with."
        )
    column = data.columns[name]
    return data.changed(store=column.store, field=column.field, named=name, extra={}, sides={}, names=None)


def is_run(source: str | Path) -> bool:
    """Whether a source is the directory of a run."""
    return (Path(source).expanduser() / "recipe.json").is_file()


def drawn_candidate(
    run: Run, count: int, seed: int, device: torch.device | str = "cpu", best: bool = False,
    options: Mapping[str, float | str] | None = None,
) -> Candidate:  # fmt: skip
    """The samples of a run."""
    from belamy.evaluation.features.classifier import weights_digest

    method = run.method(best=best).to(device)
    heeds = heeds_labels(method)
    return Candidate(
        name=run.path.name or str(run.path), shape=method.output.shape, count=count, seed=seed,
        labels="in turn" if heeds else "none", classes=tuple(run.spec.classes), quantisation="float", format=RUN,
        resize="none", averaged=bool(run.recipe.ema_half_life and method.averaged),
        fingerprint=weights_digest(method.state_dict()), source=Drawn(method, count, seed, heeds, options or {}),
        kind=method.output,
    )  # fmt: skip


def sides_of(size: SizeOption) -> Size | None:
    """(height, width) that pictures are brought to; None where they are taken as they are."""
    found = parse_size(size)
    return None if isinstance(found, str) else found


def stored_candidate(data: Dataset, source: str, count: int, seed: int, split: str, size: SizeOption) -> Candidate:
    """Images of a data set: all of a split, or so many of them chosen by the seed."""
    sides = sides_of(size)
    indices = data.indices(split)
    if data.names is not None and SHEET in data.names:
        indices = indices[indices != data.names.index(SHEET)]
    if not len(indices):
        raise UsageError(f"The split '{split}' of {data.name} is empty. Choose another.")
    chosen = len(indices) > count
    if chosen:
        order = torch.randperm(len(indices), generator=generator(seed, "candidate"))
        indices = indices[order[:count].sort().values]
    return Candidate(
        name=data.name, shape=data.shape, count=len(indices), seed=seed if chosen else None,
        labels="none" if data.labels is None else "given", classes=data.classes,
        quantisation=QUANTISATION.get(data.field.bits, "none"), format=file_format(source, data, indices.tolist()),
        resize="none" if sides is None else f"crop to {text_of(sides)}", averaged=None, fingerprint=data.fingerprint,
        source=Stored(data, indices), kind=data.field,
    )  # fmt: skip


def opened(
    source: str | Path,
    size: Size | None,
    channels: int | None,
    offline: bool,
    progress: Progress | None,
    wanted_shape: tuple[int, ...] | None = None,
) -> Dataset:
    """A data set with pictures as large as they are, or of a size.

    Args:
        source: Where they are.
        size: (height, width); None to take them as they are.
        channels: Theirs; None for those they have.
        offline: Never fetch data from the network.
        progress: Called with (done, total) while files are read.
        wanted_shape: (C, H, W) of what they are compared with: the size to advise.

    Raises:
        DataError: They are of several sizes, and no size is asked for.
    """
    alpha = "keep" if channels is not None and has_opacity(channels) else "white"
    wanted: dict[str, Any] = {"channels": channels, "alpha": alpha, "offline": offline, "progress": progress}
    data = open_data(source, size=size, **wanted)
    if data.names is None or data.field.modality != "image":
        return data
    sizes, modes = Counter(data.origin.sizes), Counter(data.origin.modes)
    if SHEET in data.names and len(data) > 1:
        sizes[min(sizes, key=sizes.__getitem__)] -= 1
        modes["RGB"] -= 1
        if channels is None and set(+modes) == {"L"}:
            wanted["channels"], channels = 1, 1
    sizes = +sizes
    if size is not None:
        return data if channels in (None, data.shape[0]) else open_data(source, size=size, **wanted)
    if len(sizes) > 1:
        named = ", ".join(each for each, _ in sizes.most_common(_SIZES_NAMED))
        more = f" and {len(sizes) - _SIZES_NAMED} more" if len(sizes) > _SIZES_NAMED else ""
        raise DataError(
            f"{source} holds pictures of {len(sizes)} sizes: {named}{more}. Resizing changes what is measured, so it "
            f"is done only if asked for: type --size {text_of((wanted_shape or data.shape)[1:])}."
        )
    width, height = map(int, next(iter(sizes)).split("x"))
    fits = data.shape[1:] == (height, width) and channels in (None, data.shape[0])
    return data if fits else open_data(source, size=(height, width), **wanted)


def file_format(source: str, data: Dataset, indices: Sequence[int]) -> str:
    """The codec of picture files, told by their content; of arrays, other kinds and named sets, what they are."""
    path = Path(source).expanduser()
    if data.names is None or data.field.modality != "image":
        return path.suffix.lstrip(".").lower() or "array" if path.exists() else "embedded"
    found = {_codec(file, name) for name, file in files_of(path, [data.names[index] for index in indices])}
    codecs = sorted(found)
    return codecs[0] if len(codecs) == 1 else f"mixed: {', '.join(codecs)}"


def heeds_labels(method: BaseMethod) -> bool:
    """Whether one latent makes different images for different labels; not every network of labelled data does.

    Raises:
        UsageError: The method draws no samples.
    """
    if not isinstance(method, Samples):
        raise no_samples(method)
    if len(method.spec.classes) < 2:
        return False
    device, dtype = placement(method)
    latents = method.latents(0, [0, 0]).to(device, dtype)
    training = method.training
    method.eval()
    with torch.no_grad():
        first, second = made(method, latents, torch.tensor([0, 1], device=device), 0, [0, 0])
    method.train(training)
    return not torch.allclose(first, second, atol=1e-4)


def mismatch(source: str, found: Candidate, wanted: tuple[int, ...], fixed: bool) -> str:
    """What to say of images that cannot be compared for their shape; a run's own size is the one to take.

    Args:
        source: Where they are from.
        found: What they are.
        wanted: (C, H, W) of what they are compared with.
        fixed: Whether that is a run's.
    """
    if len(found.shape) != IMAGE or len(wanted) != IMAGE:
        return (
            f"{source} holds samples of shape {list(found.shape)}, but they are to be compared with samples of "
            f"{list(wanted)}. Make both the same."
        )
    drawn = found.format == RUN
    told = (
        f"{source} {'draws' if drawn else 'holds'} images of {_size(found.shape)} pixels in {found.shape[0]} "
        f"channel(s), but they are to be compared with images of {_size(wanted)} in {wanted[0]}."
    )
    if drawn and fixed:
        return f"{told} Runs draw at one size only: name runs that agree."
    if drawn and found.shape[0] != wanted[0]:
        return f"{told} Runs draw in their own colours only: name {'grey' if found.shape[0] == 1 else 'colour'} images."
    sides = [found.shape] if drawn else [wanted] if fixed else [found.shape, wanted]
    return f"{told} Make both the same: --size {text_of(min((each[1:] for each in sides), key=prod))}."


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[2]}x{shape[1]}"


def files_of(path: Path, names: Sequence[str]) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Files of a folder or a ``.zip``, opened one after the other; None for what cannot be opened under its name."""
    archive = None if path.is_dir() else zipfile.ZipFile(path)
    with archive or nullcontext():
        for name in names:
            try:
                with (path / name).open("rb") if archive is None else archive.open(name) as file:
                    yield name, file
            except (KeyError, OSError):
                yield name, None


def _codec(file: IO[bytes] | None, name: str) -> str:
    """The codec of a file, told by its first bytes, or by its name where these tell nothing."""
    try:
        with Image.open(file or BytesIO()) as image:
            return str(image.format)
    except OSError:
        return Path(name).suffix.lstrip(".").upper()
