"""The sheets of a training run: every column has one class, and none is a tall sliver."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from belamy.modalities.fields import DataSpec
from belamy.runs.report import ReportFacts
from belamy.runs.report.page import render
from belamy.training.snapshots import IMAGES, layout


@pytest.mark.parametrize("classes", range(20))
def test_columns(classes: int) -> None:
    method: Any = SimpleNamespace(spec=DataSpec.pictures((1, 8, 8), tuple(map(str, range(classes)))))
    columns = layout(method)
    assert 1 <= IMAGES // columns <= 1.5 * columns and columns <= 16
    assert columns % classes == 0 if 2 <= classes <= 16 else columns == 8


def test_penalties_are_shown_as_they_are_typed() -> None:
    recipe = {"penalties": [{"name": "r1", "weight": 5.0}, "r2"], "batch": 8}
    page = render(ReportFacts("digits", "gan", recipe=recipe, recipe_defaults={"penalties": []}))
    assert "r1:weight=5.0 r2" in page.replace("<wbr>", "") and "&#34;name&#34;" not in page
