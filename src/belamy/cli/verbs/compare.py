"""Compare recipes over seeds and hyper-parameter draws, under an equal budget.

    belamy compare digits digits:adversarial=hinge "digits --adversarial wasserstein --penalties gradient-penalty" \\
        --seeds 5 --samples 300000 --out runs/losses

A recipe is its name; its name and fields, ``NAME:FIELD=VALUE,FIELD=VALUE``; or, in quotes, what follows
``belamy train``. ``LABEL=`` before it says what it is called in tables. The same command goes on where it stopped, and
any number of processes and machines may share the folder: ``belamy compare --out FOLDER`` joins in.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from belamy.cli.options import Device, Json, NewFile, Offline, ProgressOption, SizeOfPictures, Within, options
from belamy.cli.parsing import verb
from belamy.errors import UsageError

if TYPE_CHECKING:
    from belamy.comparison.plan import Variant


@options
class Form(SizeOfPictures, Device, Offline, ProgressOption, Json):
    """Compare recipes over seeds and hyper-parameter draws, under an equal budget; reports distributions, not the best.

    A recipe is NAME, NAME:FIELD=VALUE,FIELD=VALUE, or in quotes what follows `belamy train`; LABEL= before it says what
    it is called in tables.
    """

    recipes: Positional[tuple[str, ...]] = ()
    """What to compare; none to go on with a comparison or to help with it."""
    out: Annotated[str, NewFile()] = "runs/comparison"
    """The comparison's folder: new, or one to go on with or to help with."""
    seeds: Annotated[int | None, Within(1)] = None
    """Seeds of each recipe, from 0 on; by default 3."""
    draws: Annotated[int | None, Within(1)] = None
    """Draws of the hyper-parameters that --vary names, the same for all recipes; by default 1."""
    vary: tuple[str, ...] = ()
    """What is drawn: FIELD=LOW..HIGH, with :log or :int, or FIELD=ONE|OTHER; FIELD may be PART.OPTION, and + joins
    fields that share each draw."""
    samples: Annotated[int | None, Within(1)] = None
    """Budget of each trial in training samples; by default the recipes' own, if they agree."""
    seconds: Annotated[float | None, Within(0, above=True)] = None
    """Budget of each trial in seconds of training instead."""
    data: str | None = None
    """Data for all recipes; by default their own, if they agree."""
    modality: str | None = None
    """What kind the data are, where they do not say it themselves, for all recipes; with options, as in train."""
    rate: Annotated[int | None, Within(1)] = None
    """Of sound and films, for all recipes: samples or frames per second."""
    length: Annotated[int | None, Within(1)] = None
    """Samples of a clip, symbols of a text, frames of a film, steps of a series, for all recipes."""
    size: str | None = None
    """The size of pictures that all recipes train on, in pixels: the side of squares, 64, width x height, 96x64, or
    native; by default their own."""
    judged: Annotated[int | None, Within(2)] = None
    """Samples of each trial that are judged; by default 10,000."""
    workers: Annotated[int, Within(1)] = 1
    """Processes to start here, each with one thread."""
    storage: str | None = None
    """Share the work through this storage of Optuna (a database's address) instead of through the folder."""

    def refuse(self) -> None:
        """Refuse two budgets, and a storage that cannot be."""
        super().refuse()
        if self.samples is not None and self.seconds is not None:
            raise UsageError("--samples and --seconds are two budgets. Give one.")
        if self.storage is not None:
            from belamy.comparison.optuna_ledger import check_storage

            check_storage(self.storage)


@verb(Form)
def run(form: Form) -> int:
    """Compare and say where the report is."""
    from belamy.api.compare import compare
    from belamy.runs.files import read_json

    own = {name: getattr(form, name) for name in ("data", "modality", "rate", "length", "size")}
    variants = tuple(variant(word, {name: value for name, value in own.items() if value}) for word in form.recipes)
    page = compare(
        *variants, out=form.out, seeds=form.seeds, draws=form.draws, vary=form.vary, samples=form.samples,
        seconds=form.seconds, judged=form.judged, workers=form.workers, device=form.device, offline=form.offline,
        storage=form.storage, progress=form.progress and not form.quiet,
    )  # fmt: skip
    facts = read_json(page.with_suffix(".json"))
    return form.deliver(facts, f"{told(facts)}\n{page}")


def variant(word: str, own: Mapping[str, Any]) -> Variant:
    """What a word of the command line stands for.

    Args:
        word: A recipe, with what changes in it.
        own: Fields that all recipes have where the word says nothing else.

    Raises:
        UsageError: An unknown recipe or field, or a value that it does not allow.
    """
    from belamy import recipes
    from belamy.cli.recipe_form import changed, read
    from belamy.comparison.plan import Variant

    label, name, options = spelled(word)
    recipe = recipes.get(name)
    fields, _ = read(recipe, options, f"belamy compare {name}")
    if "seed" in fields:
        raise UsageError(f"'{word}' names a seed, but every recipe runs with the same seeds: --seeds says how many.")
    fields = {**own, **fields}
    recipe.check_sides(fields)
    made = changed(recipe, fields, options)
    plain: dict[str, Any] = made.model_dump(mode="json")
    return Variant(label=label, recipe=name.replace("_", "-"), fields={key: plain[key] for key in fields})


def spelled(word: str) -> tuple[str, str, list[str]]:
    """Label, recipe's name, and its options as ``belamy train`` takes them.

    Example:
        >>> spelled("digits:adversarial=hinge,latent=32")
        ('digits:adversarial=hinge,latent=32', 'digits', ['--adversarial', 'hinge', '--latent', '32'])
        >>> spelled("r1 and r2=digits --penalties r1:weight=5 r2")
        ('r1 and r2', 'digits', ['--penalties', 'r1:weight=5', 'r2'])
    """
    label, equals, rest_of_it = word.partition("=")
    if equals and ":" not in label and " -" not in label:
        word = rest_of_it
        if not label.strip():
            raise UsageError(f"'={word}' has no label before the sign.")
    else:
        label = word
    try:
        first, *rest = shlex.split(word) or [""]
    except ValueError:
        raise UsageError(f"'{word}' has a quotation mark that is not closed.") from None
    name, _, fields = first.partition(":")
    options = []
    for item in filter(None, fields.split(",")):
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise UsageError(
                f"'{word}' is not a recipe: write {name}:FIELD=VALUE,FIELD=VALUE, or in quotes what follows "
                f'`belamy train`, e.g. "{name} --adversarial hinge".'
            )
        options += [f"--{key.replace('_', '-')}", value]
    return label.strip(), name, [*options, *rest]


def told(facts: dict[str, Any]) -> str:
    """The table for people."""
    from belamy.evaluation.measures import aligned

    rows = [("recipe", "trials", "failed", "lower quartile", "median", "upper quartile")]
    for label, each in facts["variants"].items():
        if each["done"]:
            quartiles = [f"{float(each[name]):.4g}" for name in ("q1", "median", "q3")]
            rows.append((label, str(each["done"]), str(each["failed"]), *quartiles))
    lines = aligned(rows, words_last=False)
    left = facts["planned"] - facts["done"]
    if left:
        lines.append(f"{left} of {facts['planned']} trials are left: others are at work on them.")
    return "\n".join(lines)
