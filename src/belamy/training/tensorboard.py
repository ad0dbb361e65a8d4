"""Curves and pictures for TensorBoard, written when it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np


class Board:
    """Event files in a run's ``tensorboard`` folder.

    Args:
        writer: A ``torch.utils.tensorboard.SummaryWriter``.
    """

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    @classmethod
    def open(cls, run: Path, samples: int) -> Board | None:
        """The board of a run from a number of samples on; None where TensorBoard is not installed."""
        if find_spec("tensorboard") is None:
            return None
        from torch.utils.tensorboard import SummaryWriter

        return cls(SummaryWriter(str(run / "tensorboard"), purge_step=samples or None))

    def scalars(self, values: Mapping[str, float], samples: int) -> None:
        """Values by name at a number of training samples."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, samples)

    def picture(self, sheet: np.ndarray, samples: int) -> None:
        """A sheet of samples, uint8 ``[H, W, 3]``."""
        self._writer.add_image("samples", sheet, samples, dataformats="HWC")

    def close(self) -> None:
        """Write what is still held back."""
        self._writer.close()
