"""Show the networks of a recipe or of a run, layer by layer, with their numbers of weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from belamy.cli.options import Json, options
from belamy.cli.verbs.train import recipe_and_rest

if TYPE_CHECKING:
    from belamy.methods.base import BaseMethod, BaseRecipe, DataSpec


@options
class Form(Json):
    """What to do with the numbers of weights."""


@options
class FormOfRun(Json):
    """Show the networks of a run, layer by layer, with their numbers of weights."""

    run: str
    """The run's directory."""


def run(words: list[str]) -> int:
    """Print layer tables, counted as Keras counts."""
    from belamy import recipes
    from belamy.cli.parsing import parse

    known = recipes.known()
    name, rest = recipe_and_rest(words, known)
    if name not in known and _is_path(words[0]):
        from belamy.runs.run import Run

        opened = parse(FormOfRun, words, "belamy inspect")
        form: Json = opened
        method = Run.open(opened.run).build()
    else:
        from belamy.cli.recipe_form import changed, read

        recipe = recipes.get(name)
        fields, form = read(recipe, rest, f"belamy inspect {name}", Form)
        method = build(changed(recipe, fields, rest))
    from belamy.networks.summary import count
    from belamy.runs.publish import layer_tables

    numbers = {name: count(network) for name, network in method.networks().items()}
    counts = {name: {"total": number.total, "trainable": number.trainable} for name, number in numbers.items()}
    text = "\n\n".join(f"{name}: {table}" for name, table in layer_tables(method).items())
    return form.deliver({"networks": counts}, text)


def build(recipe: BaseRecipe) -> BaseMethod:
    """A recipe's method with fresh weights, for its data where they are at hand, or else for the networks' own size."""
    from belamy.methods.base import METHODS
    from belamy.methods.requirements import check_fields
    from belamy.registry import Part
    from belamy.runs.run import method_name

    name, fields = method_name(recipe), spec(recipe)
    check_fields(METHODS.load(name), name, recipe, fields)
    method: BaseMethod = METHODS.build(Part(name=name), recipe=recipe, spec=fields)
    return method


def spec(recipe: BaseRecipe) -> DataSpec:
    """What the recipe's data decide; a set that would have to be fetched is not fetched for this."""
    from belamy.data.loading import SOURCES
    from belamy.errors import DataError
    from belamy.evaluation.candidate import sides_of
    from belamy.methods.base import DataSpec
    from belamy.training.setup import open_recipe_data

    try:
        data = open_recipe_data(recipe, offline=True)
    except DataError:
        if recipe.data.partition(":")[0].replace("_", "-") not in SOURCES.names():
            raise
        channels, height, width = native_shape(recipe)
        side = sides_of(recipe.size) or (height, width)
        classes = (recipe.only,) if recipe.only else tuple("0123456789")
        return DataSpec.pictures((recipe.channels or channels, *side), classes)
    return data.spec


def native_shape(recipe: BaseRecipe) -> tuple[int, int, int]:
    """The size that the recipe's first network was published for."""
    from belamy.registry import part_fields

    made = [
        slot.registry.load(getattr(recipe, name).name)
        for name, slot in part_fields(type(recipe)).items()
        if not slot.many
    ]
    shapes: list[Any] = [part.native_shape for part in made if hasattr(part, "native_shape")]
    channels, height, width = shapes[0]
    return channels, height, width


def _is_path(word: str) -> bool:
    return Path(word).expanduser().exists() or any(mark in word for mark in "/\\.")
