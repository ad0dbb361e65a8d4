"""A loss, a network, a method and a recipe of another package, one file each, trained with by name."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import belamy
from belamy import recipes
from belamy.cli import main
from belamy.errors import NotFinite
from belamy.methods.base import METHODS
from belamy.registry import Part
from belamy.runs.run import RECIPE_TYPES, Run

FILES = {
    "my_network.py": '''
"""Two small dense networks."""
from math import prod
from torch import Tensor, nn

class Generator(nn.Module):
    """One layer."""
    native_shape = (1, 8, 8)
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, int, int], *, gain: float = 1.0) -> None:
        super().__init__()
        self.shape, self.gain = shape, gain
        self.layer = nn.Linear(latent, prod(shape))

    def forward(self, latents: Tensor) -> Tensor:
        return (self.gain * self.layer(latents)).tanh().unflatten(1, self.shape)

class Discriminator(nn.Module):
    """One layer."""
    native_shape = (1, 8, 8)

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.layer = nn.Linear(prod(shape), 1)

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        pixels = images.flatten(1)
        return self.layer(pixels)[:, 0], pixels

    def forward(self, images: Tensor) -> Tensor:
        return self.scores_and_features(images)[0]
''',
    "my_method.py": '''
"""Learns the mean image; its learning rate is called otherwise than in the house."""
from collections.abc import Iterable, Iterator
from typing import Annotated

import torch
from torch import Tensor, nn

from belamy.data import Batch
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.seeds import Draws
from belamy.registry import Part

class Recipe(base.BaseRecipe):
    """The mean image."""
    learning: Annotated[Part, OPTIMIZERS] = Part(name="sgd", lr=10.0)
    """How the mean learns."""

    @classmethod
    def tiny(cls) -> "Recipe":
        return cls(samples=64, batch=8)

class Mean(nn.Module):
    """A picture."""
    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.picture = nn.Parameter(torch.zeros(shape))

    def forward(self, images: Tensor) -> Tensor:
        return self.picture.expand(len(images), *self.picture.shape)

class Method(base.BaseMethod):
    """One player."""
    averaged = ("mean",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.mean = Mean(spec.shape)

    @property
    def players(self) -> dict[str, Player]:
        return {"mean": Player(self.mean, self.recipe.learning)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        images = next(data).images
        yield Turn("mean", {"distance": (self.mean(images) - images).square().flatten(1).mean(1)})

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        return base.normal_latents(seed, indices, 1)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.mean(latents)
''',
    "my_recipes.py": '''
"""A recipe of everything that the package adds."""
from belamy.methods import gan
from belamy.registry import Part

def all_mine() -> gan.Recipe:
    """Our loss and our networks."""
    return gan.Recipe(
        generator=Part(name="my-network", gain=2.0), discriminator=Part(name="my-network"), latent=4,
        adversarial=Part(name="my-loss", factor=0.5), batch=8, samples=64,
    )
''',
}
ENTRY_POINTS = """
[belamy.networks]
my_network = my_network
[belamy.methods]
my-method = my_method:Method
[belamy.recipes]
my-recipes = my_recipes
[belamy.losses.adversarial]
"""
LOSS = """
from torch import Tensor, nn

class Adversarial(nn.Module):
    relativistic = False

    def on_real(self, real):
        return -real

    def on_fake(self, fake):
        return fake

    def discriminator(self, real, fake):
        return fake - real

    def generator(self, fake, real=None):
        return -fake
"""
BROKEN = {
    "without-relativistic": (LOSS.replace("    relativistic = False\n", ""), "lacks relativistic"),
    "without-generator": (LOSS.partition("    def generator")[0], "lacks generator(fake, real)"),
    "without-on-real": (LOSS.replace("def on_real", "def on_data"), "is not relativistic, but lacks on_real(real)"),
    "of-one-argument": (
        LOSS.replace("def discriminator(self, real, fake)", "def discriminator(self, scores)"),
        "has a discriminator that does not take (real, fake)",
    ),
    "of-no-module": (LOSS.replace("(nn.Module)", ""), "is no torch.nn.Module"),
    "that-asks": (
        LOSS.replace("    def on_real", "    def __init__(self, strength):\n        pass\n\n    def on_real"),
        "asks for 'strength', but is given nothing",
    ),
    "that-fails": (LOSS + "\nimport nowhere_to_be_found\n", "cannot be loaded from broken_that_fails: ModuleNotFound"),
    "that-raises": (
        LOSS.replace("return fake - real", "return fake - real + undefined"),
        "broken_that_raises.py, line 13",
    ),
}
"""Losses of another package that break the contract, and what is said of them."""


def guide() -> dict[str, str]:
    """The loss that CONTRIBUTING.md shows, and its entry point, by language."""
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
    section = text[text.index("Another package adds its own") :]
    return dict(re.findall(r"```(python|toml)\n(.*?)```", section, re.DOTALL)[:2])


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installed package: four parts, the guide's loss, losses that break the contract; and data."""
    folder = tmp_path_factory.mktemp("package")
    for name, text in FILES.items():
        (folder / name).write_text(text.lstrip())
    (folder / "my_package").mkdir()
    (folder / "my_package" / "__init__.py").touch()
    (folder / "my_package" / "my_loss.py").write_text(guide()["python"])
    ((group, points),) = tomllib.loads(guide()["toml"])["project"]["entry-points"].items()
    assert f"[{group}]" == ENTRY_POINTS.splitlines()[-1]
    lines = [f"{name} = {module}" for name, module in points.items()]
    for name, (text, _) in BROKEN.items():
        module = f"broken_{name.replace('-', '_')}"
        (folder / f"{module}.py").write_text(text.lstrip())
        lines.append(f"{name} = {module}")
    info = folder / "extra-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS + "\n".join(lines))
    np.save(folder / "noise.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.chdir(folder)
        yield folder


def usual(package: Path, out: str) -> dict[str, Any]:
    return {
        "data": str(package / "noise.npy"), "out": package / "runs" / out,
        "train_samples": 64, "batch": 8, "progress": False, "snapshots": 2,
    }  # fmt: skip


def dense(**fields: Any) -> Any:
    small = Part(name="dense-fashion")
    return RECIPE_TYPES.load("gan")(generator=small, discriminator=small, latent=8).changed(**fields)


def test_each_is_trained_with_by_name(package: Path) -> None:
    made = {
        "loss": belamy.train(dense(adversarial="my-loss:factor=2"), **usual(package, "loss")),
        "network": belamy.train(dense(generator="my-network"), **usual(package, "network")),
        "method": belamy.train(RECIPE_TYPES.load("my-method").tiny(), **usual(package, "method")),
        "recipe": belamy.train("all-mine", **usual(package, "recipe")),
    }
    assert "my-method" in METHODS.names() and "all-mine" in recipes.names()
    for run in made.values():
        assert Run.open(run.path).sample(2).shape == (2, 1, 8, 8)
    facts = json.loads((made["recipe"].path / "recipe.json").read_text())
    assert facts["recipe"] == "all-mine"
    assert facts["fields"]["adversarial"] == {"name": "my-loss", "factor": 0.5}
    logged = json.loads((made["method"].path / "metrics.jsonl").read_text().splitlines()[-1])
    assert "mean.distance" in logged["losses"]


def test_the_command_line_trains_with_them(package: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["train", "all-mine", "--data", "noise.npy", "--train-samples", "32", "--out", "by-command"]
    assert main([*words, "--adversarial", "my-loss:factor=3"]) == 0, capfd.readouterr().err
    facts = json.loads((package / "by-command" / "recipe.json").read_text())
    assert facts["fields"]["adversarial"] == {"name": "my-loss", "factor": 3.0}
    assert (package / "by-command" / "report.html").is_file()


@pytest.mark.parametrize("name", BROKEN)
def test_a_part_that_breaks_the_contract_is_named(package: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["train", "digits", "--data", "noise.npy", "--train-samples", "32", "--batch", "8", "--no-progress"]
    code = main([*words, "--adversarial", name, "--out", name])
    said = " ".join(capfd.readouterr().err.split())
    assert BROKEN[name][1] in said
    assert "defect of Belamy" not in said
    if name == "that-raises":
        assert code == 1
        return
    assert code == 2 and name in said.replace("_", "-")
    assert not (package / name).exists()


def test_a_new_method_that_diverges_is_told_what_to_do(package: Path) -> None:
    """Its optimiser's field has a name of its own."""
    recipe = RECIPE_TYPES.load("my-method").tiny()
    with pytest.raises(NotFinite, match=r"mean\.distance.*--learning\.lr 2\.5e\+29"):
        belamy.train(recipe, **{**usual(package, "diverged"), "train_samples": 640}, learning="sgd:lr=1e30")
