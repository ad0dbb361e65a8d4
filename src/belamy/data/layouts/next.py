"""Films that are their own inputs: to each frame belongs the one that follows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from belamy.data.dataset import Dataset
from belamy.data.film_pairs import next_frames
from belamy.data.formats.films import Format
from belamy.data.load_options import LoadOptions
from belamy.errors import UsageError


class PairLayout:
    """Films as they are read without pairs; what is learned is the next frame."""

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """Clips of ``length`` frames and, as their targets, of the frames one later.

        Raises:
            UsageError: These are no films.
        """
        if options.kind is None or options.kind.name != "video":
            raise UsageError("Pairs of frames that follow each other are those of films: --modality video:pairs=next.")
        longer = options if options.length is None else replace(options, length=options.length + 1)
        return next_frames(Format().open(path, longer))
