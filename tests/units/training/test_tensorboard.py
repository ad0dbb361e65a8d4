"""What is handed to TensorBoard, and that nothing is where it is not installed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from belamy.training import tensorboard
from belamy.training.tensorboard import Board


class Recorder:
    """Stands for a ``SummaryWriter``; its calls are kept."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.calls.append((name, value, step))

    def add_image(self, name: str, picture: np.ndarray, step: int, dataformats: str) -> None:
        self.calls.append((name, picture.shape, step, dataformats))

    def close(self) -> None:
        self.calls.append(("closed",))


def test_values_and_pictures_are_handed_over() -> None:
    writer = Recorder()
    board = Board(writer)
    board.scalars({"losses/generator.adversarial": 0.5, "gradient_norms/generator": 2.0}, 64)
    board.picture(np.zeros((4, 6, 3), dtype=np.uint8), 128)
    board.close()
    assert writer.calls == [
        ("losses/generator.adversarial", 0.5, 64),
        ("gradient_norms/generator", 2.0, 64),
        ("samples", (4, 6, 3), 128, "HWC"),
        ("closed",),
    ]


def test_no_board_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    assert Board.open(tmp_path, 0) is None
    assert not list(tmp_path.iterdir())
