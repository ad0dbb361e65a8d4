"""What participants see and hear: pictures as PNG, sounds as WAV, masks, and things broken on purpose.

Everything of a survey is encoded by the same hand, so that no file's format, name or header tells its origin.
"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belamy.errors import DataError, UsageError
from belamy.modalities import modality
from belamy.modalities.grid import BACKGROUND
from belamy.modalities.sizes import SizeOption, text_of
from belamy.modalities.waves import encode_wav
from belamy.seeds import generator
from belamy.survey.design import CATCH, MAIN, MASK, Design

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from belamy.evaluation.candidate import Candidate
    from belamy.modalities.fields import Field

PNG, WAV = "image/png", "audio/wav"
MASKS = 8
"""Different patterns after brief pictures."""
TILES = 7
"""Tiles of a mask along each side."""
QUIET = 0.2
"""Loudness of a broken sound against the one it is made of: noise is unpleasant."""
LONGEST_SOUND = 30.0
"""Seconds."""


@dataclass(frozen=True)
class Stimulus:
    """Something shown or heard.

    Args:
        source: Number of its source; None for a mask.
        number: Its number in the source.
        role: What it is for.
        mime: ``image/png`` or ``audio/wav``.
        data: The file's bytes.
    """

    source: int | None
    number: int
    role: str
    mime: str
    data: bytes


@dataclass(frozen=True)
class Collection:
    """Things of one source.

    Args:
        name: What the source is called.
        pictures: uint8 images.  # [n, C, H, W]
        sounds: 16-bit sounds, each [samples, channels].
        rate: Samples of a sound in a second.
        facts: How they came about.
    """

    name: str
    pictures: Tensor | None = None
    sounds: tuple[np.ndarray, ...] = ()
    rate: int = 0
    facts: tuple[tuple[str, Any], ...] = ()

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) of each picture."""
        if self.pictures is None:
            return None
        channels, height, width = self.pictures.shape[1:]
        return channels, height, width

    def __len__(self) -> int:
        return len(self.sounds) if self.pictures is None else len(self.pictures)


def has_sounds(source: str) -> bool:
    """Whether a source is a folder of WAV files, or a run that makes sounds."""
    from belamy.evaluation.candidate import is_run

    if is_run(source):
        from belamy.runs.run import Run

        return Run.open(source).build().output.modality == "audio"
    return bool(_wav_files(Path(source).expanduser()))


def _wav_files(folder: Path) -> list[Path]:
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in there if path.suffix.lower() == ".wav" and path.is_file())  # a pipe is none


def sounds(source: str, count: int, seed: int) -> Collection:
    """The WAV files of a folder, or so many of them chosen by the seed; of a run so many samples.

    Raises:
        DataError: A file that is not PCM, is too long, or has another rate or number of channels than the others.
    """
    import torch

    from belamy.evaluation.candidate import is_run, open_candidate

    if is_run(source):
        return of_candidate(open_candidate(source, count=count, seed=seed))
    folder = Path(source).expanduser()
    paths = _wav_files(folder)
    if len(paths) > count:
        order = torch.randperm(len(paths), generator=generator(seed, "survey-sounds"))
        paths = [paths[place] for place in sorted(order[:count].tolist())]
    read = [_read_wav(path) for path in paths]
    kinds = {(rate, samples.shape[1]) for samples, rate in read}
    if len(kinds) > 1:
        raise DataError(
            f"{folder} holds sounds of {len(kinds)} formats ({_kinds(kinds)}), which tells them apart. Convert them "
            "all to one rate and one number of channels."
        )
    facts = (("format", "WAV"), ("rate", read[0][1]), ("channels", read[0][0].shape[1]), ("count", len(read)))
    return Collection(folder.name, sounds=tuple(samples for samples, _ in read), rate=read[0][1], facts=facts)


def pictures(
    source: str,
    count: int,
    seed: int,
    *,
    shape: tuple[int, ...] | None = None,
    size: SizeOption = None,
    device: str = "cpu",
    held_out: bool = False,
    fixed: bool = False,
) -> Collection:
    """Samples of a run, or images of a data source: the held-out ones, if that is wished and there are enough.

    Args:
        source: Where they are.
        count: How many, at most.
        seed: Of the samples or of the choice.
        shape: What they must be, (C, H, W).
        size: Make them of this size: the side of squares, ``WIDTHxHEIGHT``, or (height, width).
        device: Where a run draws.
        held_out: Whether the test split is wished.
        fixed: Whether the shape is that of a run, which draws no other.

    Raises:
        UsageError: An unknown source.
        DataError: Images of several sizes, or of another size than those before.
    """
    from belamy.evaluation.candidate import is_run, open_candidate

    wanted: dict[str, Any] = {
        "count": count, "seed": seed, "shape": shape, "size": size, "device": device, "fixed": fixed,
    }  # fmt: skip
    found = None
    if held_out and not is_run(source):
        with suppress(UsageError):  # there is no such split
            found = open_candidate(source, split="test", **wanted)
    if found is None or found.count < count:
        found = open_candidate(source, **wanted)
    return of_candidate(found)


def of_candidate(found: Candidate) -> Collection:
    """The pictures of a candidate, as participants see them."""
    import torch

    names = ("format", "count", "seed", "fingerprint", "resize")
    facts = tuple((name, getattr(found, name)) for name in names)
    raw = torch.cat([samples for samples, _ in found.chunks()])
    if found.kind.modality == "audio":
        values = modality("audio").to_float(raw, found.kind)  # [n, channels, samples]
        heard = (values.clamp(-1, 1) * 32767).round().to(torch.int16).transpose(1, 2).numpy()
        return Collection(found.name, sounds=tuple(heard), rate=int(found.kind.rate or 0), facts=facts)
    return Collection(found.name, pictures=raw if found.kind.modality == "image" else _pictured(raw, found.kind),
                      facts=facts)  # fmt: skip


def _pictured(raw: Tensor, field: Field) -> Tensor:
    """A picture of each sample that is none, all of one size.  # uint8 [n, 3, H, W]"""
    import torch

    shown = [modality(field.modality).sheet(raw[number : number + 1], field, 1) for number in range(len(raw))]
    height, width = (max(each.shape[axis] for each in shown) for axis in (0, 1))
    made = torch.full((len(shown), 3, height, width), BACKGROUND, dtype=torch.uint8)
    for place, each in enumerate(shown):
        made[place, :, : each.shape[0], : each.shape[1]] = torch.from_numpy(each.copy()).permute(2, 0, 1)
    return made


def stimuli(design: Design, collections: Sequence[Collection]) -> list[Stimulus]:
    """All that a survey shows: what is judged, what is practised on, what is broken, and masks.

    Args:
        design: The survey's plan.
        collections: One for each of its sources, of one size or format.

    Raises:
        DataError: A source has too few for one participant, who judges nothing twice.
    """
    _check_formats(collections)
    made = []
    for source, collection in enumerate(collections):
        roles = [role for role, count in design.reserve(source).items() for _ in range(count)]
        least = len(roles) + design.needed(source)
        if len(collection) < least:
            raise DataError(
                f"{collection.name} has {len(collection):,}, but one participant needs {least:,} of it and judges "
                f"nothing twice ({design.needed(source):,}, and {len(roles):,} set apart). Type a smaller --trials, "
                "--practice or --catch."
            )
        roles += [MAIN] * (len(collection) - len(roles))
        made += [_encoded(collection, number, source, role) for number, role in enumerate(roles)]
    made += [_broken(design, collections[design.partner], number) for number in range(design.catch)]
    if design.medium == "image" and (design.exposures or design.staircase) and design.mask:
        made += [Stimulus(None, number, MASK, PNG, _mask(design, collections, number)) for number in range(MASKS)]
    return made


def _check_formats(collections: Sequence[Collection]) -> None:
    """All sources look alike from outside."""
    kinds = {(each.rate, each.sounds[0].shape[1]) if each.pictures is None else each.shape for each in collections}
    if len(kinds) > 1:
        told = ", ".join(f"{each.name}: {_format(each)}" for each in collections)
        sizes = {each.shape[1:] for each in collections if each.shape is not None}
        mend = f"Type --size {text_of(min(sizes, key=prod))}" if len(sizes) > 1 else "Convert them to one"
        raise DataError(f"The sources differ in format ({told}), which tells them apart. {mend}.")


def _format(collection: Collection) -> str:
    if collection.pictures is None:
        return _kinds({(collection.rate, collection.sounds[0].shape[1])})
    return " × ".join(map(str, collection.pictures.shape[1:]))


def _kinds(kinds: set[tuple[int, int]]) -> str:
    return ", ".join(f"{rate:,} Hz with {channels} channels" for rate, channels in sorted(kinds))


def _encoded(collection: Collection, number: int, source: int, role: str) -> Stimulus:
    if collection.pictures is None:
        return Stimulus(source, number, role, WAV, wav(collection.sounds[number], collection.rate))
    return Stimulus(source, number, role, PNG, _png(collection.pictures[number]))


def _broken(design: Design, collection: Collection, number: int) -> Stimulus:
    """The pixels of a picture, or the samples of a sound, in random order: nothing of it is left but its shades."""
    import torch

    stream = generator(design.seed, "survey-broken", number)
    index = int(torch.randint(len(collection), (1,), generator=stream))
    if collection.pictures is None:
        samples = collection.sounds[index]
        shuffled = samples[torch.randperm(len(samples), generator=stream).numpy()]
        noise = (shuffled * QUIET).astype(samples.dtype)
        return Stimulus(design.partner, index, CATCH, WAV, wav(noise, collection.rate))
    picture = collection.pictures[index]
    order = torch.randperm(picture[0].numel(), generator=stream)
    return Stimulus(design.partner, index, CATCH, PNG, _png(picture.flatten(1)[:, order].view_as(picture)))


def _mask(design: Design, collections: Sequence[Collection], number: int) -> bytes:
    """A picture of tiles from places and pictures of all sources at random: it has their shades and strokes."""
    import torch

    stream = generator(design.seed, "survey-mask", number)
    pool = [each.pictures for each in collections if each.pictures is not None]
    _, height, width = pool[0][0].shape
    side = ceil(min(height, width) / TILES)
    mask = torch.zeros_like(pool[0][0])
    for top in range(0, height, side):
        for left in range(0, width, side):
            images = pool[int(torch.randint(len(pool), (1,), generator=stream))]
            image = images[int(torch.randint(len(images), (1,), generator=stream))]
            y = int(torch.randint(height - side + 1, (1,), generator=stream))
            x = int(torch.randint(width - side + 1, (1,), generator=stream))
            place = mask[:, top : top + side, left : left + side]
            place.copy_(image[:, y : y + place.shape[1], x : x + place.shape[2]])
    return _png(mask)


def _png(image: Tensor) -> bytes:
    """The bytes of a PNG file of one picture ``[C, H, W]``."""
    from belamy.modalities.grid import encode_png

    return encode_png(image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).contiguous().numpy())


def wav(samples: np.ndarray, rate: int) -> bytes:
    """The bytes of a WAV file.

    Args:
        samples: int16, [samples, channels].
        rate: In Hz.
    """
    return encode_wav(samples.T, rate)


def _read_wav(path: Path) -> tuple[np.ndarray, int]:
    """The samples of a WAV file in 16 bits, [samples, channels], and its rate."""
    import numpy as np

    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate, count = file.getparams()[:4]
            if count > LONGEST_SOUND * rate:
                raise DataError(f"{path} lasts more than {LONGEST_SOUND:.0f} s, and cannot be judged.")
            raw = file.readframes(count)
    except (wave.Error, EOFError, OSError) as error:
        raise DataError(f"{path} is not a WAV file of PCM samples ({error}). Convert it, or take it away.") from error
    raw = raw[: len(raw) // (width * channels) * width * channels]  # a file that was cut short ends within a frame
    if width not in (1, 2, 3, 4) or not raw:
        raise DataError(f"{path} has {count:,} samples of {8 * width} bits; 8, 16, 24 or 32 bits are read.")
    if width == 1:  # the only unsigned kind
        samples = (np.frombuffer(raw, np.uint8).astype(np.int16) - 128) << 8
    else:  # the two highest bytes of each sample
        samples = np.frombuffer(raw, np.uint8).reshape(-1, width)[:, -2:].copy().view("<i2")[:, 0]
    return samples.astype(np.int16).reshape(-1, channels), rate
