"""What the README promises."""

import re
from pathlib import Path

import pytest
import torch

from belamy import recipes
from belamy.data import open_data
from belamy.methods.base import METHODS, DataSpec
from belamy.networks.summary import count
from belamy.registry import Part
from belamy.runs.run import method_name
from belamy.training.setup import open_recipe_data

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([\w-]+)` \|[^|]*\| ([\d,+ ]+) \|$", README, flags=re.MULTILINE))


def test_every_recipe_is_listed() -> None:
    assert sorted(ROWS) == recipes.names()


HUGE = {"r3gan-imagenet-32", "r3gan-imagenet-64", "vid2vid-256", "waveglow"}
"""Recipes whose networks take seconds to build."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in HUGE else name for name in recipes.names()]
)
def test_listed_weights(name: str, undrawn: None) -> None:
    recipe = recipes.get(name)
    colour = {
        "cifar10": (3, 32, 32),
        "portraits": (3, 16, 16),
        "avatars-32": (3, 32, 32),
        "stacked-mnist": (3, 28, 28),
        "dead-leaves": (3, 64, 64),
        "avatars-64": (3, recipe.size or 64, recipe.size or 64),
    }
    shape = colour.get(recipe.data, (1, 28, 28))
    shape = (shape[0], recipe.size, recipe.size) if isinstance(recipe.size, int) else shape
    spec = DataSpec.pictures(shape, () if recipe.only else tuple("0123456789"))
    drawn = ("captioned-films", "outlines", "drums", "wordnet-phrases", "customers", "shapes:side=64", "points",
             "progressions")  # fmt: skip
    if recipe.data in drawn or "captions" in recipe.data or recipe.data.startswith("avatars-32:"):
        spec = open_recipe_data(recipe, offline=True).spec
    if recipe.data.startswith("notes"):
        spec = open_data(f"{recipe.data}{',' if ':' in recipe.data else ':'}count=8", length=recipe.length).spec
    if recipe.data.startswith("streets"):
        spec = open_data("streets:count=8", size=recipe.size).spec
    if recipe.data.startswith("moving-scenes"):
        side = 256 if name in HUGE else 32
        spec = open_data(f"moving-scenes:count=8,side={side}", length=recipe.length).spec
    if recipe.data.startswith("moving-shapes"):
        spec = open_data(f"{recipe.data},count=8", length=recipe.length).spec
    if recipe.other is not None:
        spec = DataSpec({**spec.fields, "other": spec.field})
    method = METHODS.build(Part(name=method_name(recipe)), recipe=recipe, spec=spec)
    assert ROWS[name] == " + ".join(f"{count(network).total:,}" for network in method.networks().values())


def test_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(examples) == 2
    names: dict[str, object] = {}
    for example in examples:
        exec(example.replace("samples=200_000", "samples=640"), names)
    images = names["images"]
    assert isinstance(images, torch.Tensor) and images.shape == (64, 1, 28, 28)


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", README))
def test_links_lead_somewhere(path: str) -> None:
    assert (Path(__file__).parents[2] / path).is_file()
