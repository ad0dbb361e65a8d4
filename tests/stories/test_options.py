"""The recipe's fields are the options of ``belamy train``: what is typed is what the recipe holds."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from belamy import recipes
from belamy.cli import main
from belamy.cli.recipe_form import changed, read
from belamy.cli.verbs.train import Form, recipe_and_rest
from belamy.methods.base import BaseRecipe
from belamy.registry import Part
from belamy.runs.publish import commands
from belamy.runs.run import Run


def typed(line: str) -> BaseRecipe:
    """The recipe that ``belamy train`` would train."""
    name, rest = recipe_and_rest(shlex.split(line), recipes.names())
    recipe = recipes.get(name)
    fields, _ = read(recipe, rest, f"belamy train {name}", Form)
    made = changed(recipe, fields)
    assert type(made).parse(made.model_dump(mode="json")) == made, "the JSON holds the whole recipe"
    return made


def field(line: str, name: str) -> Any:
    return getattr(typed(line), name)


def test_without_options_a_recipe_is_as_written() -> None:
    for name in recipes.names():
        assert typed(name) == recipes.get(name)


def test_plain_fields() -> None:
    made = typed("dcgan-mnist --data photos --size 32 --channels 3 --fit pad --batch 8 --clip-norm 0.5 --fresh-latents")
    assert (made.data, made.size, made.channels, made.fit, made.batch) == ("photos", 32, 3, "pad", 8)
    assert made.clip_norm == 0.5 and field("dcgan-mnist --fresh-latents", "fresh_latents") is True
    assert field("dcgan-geron --no-fresh-latents", "fresh_latents") is False
    assert field("dcgan-frog --clip-value None", "clip_value") is None


def test_dashes_underscores_and_equals_signs_are_one() -> None:
    lines = ("--clip-norm 2 --critic-steps 3", "--clip_norm 2 --critic_steps 3", "--clip-norm=2 --critic_steps=3")
    assert len({typed(f"dcgan_mnist {line}").model_dump_json() for line in lines}) == 1


def test_a_part_is_replaced_by_name() -> None:
    assert field("dcgan-mnist --generator dcgan-geron", "generator") == Part(name="dcgan-geron")
    assert field("dcgan-mnist --generator=dcgan_geron:activation=selu", "generator") == Part(
        name="dcgan-geron", activation="selu"
    )
    assert field("dcgan-mnist --generator-optimizer sgd", "generator_optimizer") == Part(name="sgd")


def test_one_option_of_a_part_changes_and_the_recipes_others_stay() -> None:
    optimizer = field("dcgan-mnist --generator-optimizer.lr 0.001", "generator_optimizer")
    assert optimizer == Part(name="adam", lr=0.001, beta1=0.9, eps=1e-7, keras=True)
    assert field("dcgan-mnist --discriminator.dropout 0.6", "discriminator") == Part(name="dcgan-mnist", dropout=0.6)
    assert field("dcgan-geron --adversarial.no-half", "adversarial") == Part(name="non-saturating", half=False)


def test_an_option_of_a_part_that_is_put_in() -> None:
    line = "dcgan-mnist --generator_optimizer.momentum 0.5 --generator-optimizer sgd:lr=0.1"
    assert field(line, "generator_optimizer") == Part(name="sgd", lr=0.1, momentum=0.5)


def test_an_option_given_at_its_default_is_not_written_down() -> None:
    assert typed("dcgan-mnist --discriminator.dropout 0.3 --batch 256") == recipes.get("dcgan-mnist")


def test_several_penalties() -> None:
    made = field("dcgan-mnist --penalties r1:weight=5,every=16 gradient-penalty --seed 3", "penalties")
    assert made == (Part(name="r1", weight=5.0, every=16), Part(name="gradient-penalty"))


@pytest.mark.parametrize(
    "line",
    ["vae-mnist --batch 8", "--batch 8 vae-mnist", "--no-progress vae-mnist --batch 8", "--batch=8 vae-mnist"],
)
def test_the_recipe_may_stand_anywhere(line: str) -> None:
    made = typed(line)
    assert made.batch == 8 and type(made) is type(recipes.get("vae-mnist"))


def test_a_value_that_is_a_recipes_name_stays_a_value() -> None:
    name, rest = recipe_and_rest(["dcgan-mnist", "--generator", "dcgan-geron"], recipes.names())
    assert (name, rest) == ("dcgan-mnist", ["--generator", "dcgan-geron"])
    name, rest = recipe_and_rest(["--generator", "dcgan-geron"], recipes.names())
    assert rest == ["--generator", "dcgan-geron"]


@pytest.mark.parametrize(
    "line",
    [
        "dcgan-mnist",
        "dcgan-mnist --fresh-latents --penalties r1:weight=5,every=16 r2 --data 'my photos' --clip-value 2",
        "dcgan-frog --clip-value None --only None --no-fresh-latents --generator-optimizer.rho 0.5",
        "dcgan-geron-selu --generator dcgan-geron --adversarial hinge --schedule cosine:end=0.1",
        "vae-mnist --printed --beta 0.5",
    ],
)
def test_the_command_in_the_report_trains_the_same(line: str, trained: Path, tmp_path: Path) -> None:
    made = typed(line)
    run = Run.open(shutil.copytree(trained, tmp_path / "run"))
    run.recipe, run.recipe_name = made, line.split()[0]
    again, draw = commands(run)
    assert typed(again.removeprefix("belamy train ")) == made
    assert shlex.split(draw)[:3] == ["belamy", "sample", str(run.path)]


def test_the_help_of_a_recipe_shows_its_fields_and_the_options_of_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "dcgan-mnist", "--generator", "dcgan-geron", "--help"]) == 0
    page = capsys.readouterr().out
    words = " ".join(page.split())
    for option in ("--latent INT", "--penalties", "--discriminator.dropout FLOAT", "--generator.activation", "--out"):
        assert option in page
    for text in (
        "the side of squares, 64, or width x height, 96x64",
        "default: 256",
        "Known: boundary-equilibrium,",
        "Probability of dropping a value",
    ):
        assert text in words.replace("│ │ ", "")
