"""Whether two sets of images have one format, so that nothing but their content can tell them apart.

A detector that is shown PNG samples and JPEG photographs learns JPEG. Size, channels, codec and the strength of
compression must agree, or both sides are brought to one format first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from belamy.errors import DataError
from belamy.evaluation.candidate import RUN, Candidate, Stored, files_of
from belamy.forensics.treatments import Treatment

LOSSY = frozenset(("JPEG", "MPO", "JPEG2000", "WEBP", "AVIF", "GIF"))
"""Codecs that change pixels; GIF leaves 256 colours."""
PROBED = 200
"""Files whose compression is looked at."""
# The luminance table of quality 50, ITU-T T.81 annex K.1, whose multiples the usual qualities are; its sum is enough.
_STANDARD_SUM = 3688


@dataclass(frozen=True)
class Side:
    """One side's format.

    Args:
        who: ``suspects`` or ``real images``.
        candidate: The images.
        qualities: Of JPEG files, how many have which quality, as their tables tell.
    """

    who: str
    candidate: Candidate
    qualities: Counter[int]

    @property
    def lossy(self) -> bool:
        """Whether a file may have been changed by its codec."""
        return bool(set(self.candidate.format.removeprefix("mixed: ").split(", ")) & LOSSY)

    def said(self) -> str:
        """The format in words."""
        if self.candidate.format == RUN:
            return "samples of a run, which were never files"
        if self.qualities and self.candidate.format == "JPEG":
            quality, count = self.qualities.most_common(1)[0]
            most = "" if len(self.qualities) == 1 else f" in {count} of {self.qualities.total()} files"
            return f"JPEG of quality {quality}{most}"
        return {"embedded": "an embedded set, never compressed"}.get(self.candidate.format, self.candidate.format)


def look(who: str, candidate: Candidate, source: str) -> Side:
    """The format of candidates, with the quality of JPEG files.

    Args:
        who: What they are called in messages.
        candidate: The images.
        source: Where they come from, as the user named it.
    """
    found: Counter[int] = Counter()
    if "JPEG" in candidate.format and isinstance(candidate.source, Stored):
        data, indices = candidate.source.data, candidate.source.indices.tolist()
        names = [data.names[index] for index in indices[:: max(1, len(indices) // PROBED)]] if data.names else []
        for _, file in files_of(Path(source).expanduser(), names):
            with Image.open(file or BytesIO()) as image:
                table = getattr(image, "quantization", {}).get(0)
                if table:
                    found[quality(sum(table))] += 1
    return Side(who, candidate, found)


def quality(table_sum: int) -> int:
    """The usual JPEG quality whose luminance table has about this sum; below 20, where tables are cut, it is too high.

    Example:
        >>> quality(3688), quality(1844), quality(64)
        (50, 75, 100)
    """
    scale = 100 * table_sum / _STANDARD_SUM
    return max(1, min(100, round(5000 / scale if scale > 100 else (200 - scale) / 2 if scale > 2 else 100)))


def check(suspect: Side, real: Side, hide: Treatment | None) -> list[str]:
    """Refuse to compare formats; what else a reader should know.

    Args:
        suspect: The suspects' format.
        real: The real images' format.
        hide: What both sides will be brought to.

    Returns:
        Notes in plain words.

    Raises:
        DataError: Another shape, another codec, or another strength of compression.
    """
    _check_shapes(suspect.candidate, real.candidate)
    recompressed = hide is not None and hide.kind == "jpeg"
    difference = _difference(suspect, real)
    if difference and not recompressed:
        raise DataError(
            f"{difference} The format alone would tell them apart. Bring both to one with --hide jpeg:75, which "
            "compresses both alike, or name real images of the suspects' format."
        )
    notes = []
    if difference:
        twice = [side.who for side in (suspect, real) if side.lossy]
        notes.append(
            f"{difference} Both were compressed alike before they were compared, but the {' and the '.join(twice)} had "
            "been compressed before: something of that may remain."
        )
    if suspect.candidate.resize != real.candidate.resize and suspect.candidate.format != RUN:
        notes.append(
            f"Resizing leaves traces: {suspect.who}: {suspect.candidate.resize}; {real.who}: {real.candidate.resize}. "
            "Where only one side was resized, that may be what separates."
        )
    return notes


def _check_shapes(suspect: Candidate, real: Candidate) -> None:
    if suspect.shape == real.shape:
        return
    sizes = [f"{each.shape[2]}x{each.shape[1]} pixels in {each.shape[0]} channel(s)" for each in (suspect, real)]
    side = min(suspect.shape[1:] + real.shape[1:])
    raise DataError(
        f"The suspects have {sizes[0]}, the real images {sizes[1]}. Make both the same: --size {side}, and "
        "grey or colour on both sides."
    )


def _difference(suspect: Side, real: Side) -> str:
    """How the codecs differ, as a sentence; empty where they do not."""
    told = f"The {suspect.who} are {suspect.said()}, the {real.who} {real.said()}."
    if suspect.lossy != real.lossy:
        return told
    if not suspect.lossy:
        return ""
    if suspect.candidate.format != real.candidate.format or "mixed" in suspect.candidate.format:
        return told
    usual = [side.qualities.most_common(1)[0][0] if side.qualities else None for side in (suspect, real)]
    return told if usual[0] != usual[1] else ""
