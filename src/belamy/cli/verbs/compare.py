"""Compare recipes over seeds and hyper-parameter draws, under an equal budget.

    belamy compare digits digits:adversarial=hinge "digits --adversarial wasserstein --penalties gradient-penalty" \\
        --seeds 5 --samples 300000 --out runs/losses

A recipe is its name; its name and fields, ``NAME:FIELD=VALUE,FIELD=VALUE``; or, in quotes, what follows
``belamy train``. ``LABEL=`` before it says what it is called in tables. The same command goes on where it stopped, and
any number of processes and machines may share the folder: ``belamy compare --out FOLDER`` joins in.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belamy.errors import UsageError

if TYPE_CHECKING:
    from belamy.comparison.plan import Variant


@dataclass(frozen=True)
class Form:
    """Compare recipes over seeds and hyper-parameter draws, under an equal budget; reports distributions, not the best.

    First the recipes: NAME, NAME:FIELD=VALUE,FIELD=VALUE, or in quotes what follows `belamy train`; LABEL= before it
    says what it is called in tables.
    """

    out: str = "runs/comparison"
    """The comparison's folder: new, or one to go on with or to help with."""
    seeds: int | None = None
    """Seeds of each recipe, from 0 on; by default 3."""
    draws: int | None = None
    """Draws of the hyper-parameters that --vary names, the same for all recipes; by default 1."""
    vary: tuple[str, ...] = ()
    """What is drawn: FIELD=LOW..HIGH, with :log or :int, or FIELD=ONE|OTHER; FIELD may be PART.OPTION, and + joins
    fields that share each draw."""
    samples: int | None = None
    """Budget of each trial in training samples; by default the recipes' own, if they agree."""
    seconds: float | None = None
    """Budget of each trial in seconds of training instead."""
    data: str | None = None
    """Data for all recipes; by default their own, if they agree."""
    judged: int | None = None
    """Samples of each trial that are judged; by default 10,000."""
    workers: int = 1
    """Processes to start here, each with one thread."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    storage: str | None = None
    """Share the work through this storage of Optuna (a database's address) instead of through the folder."""
    offline: bool = False
    """Never fetch data from the network."""
    progress: bool = True
    """Show how far it is."""
    json: str | None = None
    """Write what was found as JSON to this file; - is standard output."""


def run(words: list[str]) -> int:
    """Compare and say where the report is."""
    from belamy.cli.output import deliver
    from belamy.cli.parsing import parse

    first = next((number for number, word in enumerate(words) if word.startswith("-")), len(words))
    form = parse(Form, words[first:], "belamy compare")
    _check(form)
    from belamy.comparison.conduct import ComparisonConfig, Execution, compare
    from belamy.runs.files import read_json

    variants = tuple(variant(word, form.data) for word in words[:first])
    config = ComparisonConfig(variants, form.seeds, form.draws, form.vary, form.samples, form.seconds, form.judged)
    execution = Execution(
        Path(form.out).expanduser(), form.workers, form.device, form.offline, form.storage,
        form.progress and form.json != "-",
    )  # fmt: skip
    page = compare(config, execution)
    facts = read_json(page.with_suffix(".json"))
    deliver(facts, form.json, f"{told(facts)}\n{page}")
    return 0


def variant(word: str, data: str | None) -> Variant:
    """What a word of the command line stands for.

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
    if data is not None:
        fields.setdefault("data", data)
    made = changed(recipe, fields)
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
    rows = [("recipe", "trials", "failed", "lower quartile", "median", "upper quartile")]
    for label, each in facts["variants"].items():
        if each["done"]:
            quartiles = [f"{float(each[name]):.4g}" for name in ("q1", "median", "q3")]
            rows.append((label, str(each["done"]), str(each["failed"]), *quartiles))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    left = facts["planned"] - facts["done"]
    if left:
        lines.append(f"{left} of {facts['planned']} trials are left: others are at work on them.")
    return "\n".join(lines)


def _check(form: Form) -> None:
    """Refuse what cannot be before anything is loaded."""
    if form.samples is not None and form.seconds is not None:
        raise UsageError("--samples and --seconds are two budgets. Give one.")
    least = {"seeds": 1, "draws": 1, "samples": 1, "judged": 2, "workers": 1}
    for name, smallest in least.items():
        value = getattr(form, name)
        if value is not None and value < smallest:
            raise UsageError(f"--{name} is {value:,}, but it must be at least {smallest}.")
    if form.seconds is not None and not 0 < form.seconds < float("inf"):
        raise UsageError(f"--seconds is {form.seconds:g}, but it must be a positive number.")
