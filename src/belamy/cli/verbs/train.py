"""Train a recipe: belamy train [RECIPE] [--data SOURCE] [--resume-from RUN | --like RUN] [any field of the recipe].

The recipe's fields are the options; --start-from RUN takes another run's networks over to other data.
"""

from __future__ import annotations

from typing import Annotated, Literal

from belamy.cli.options import NewFile, Training, Within, options
from belamy.cli.output import say
from belamy.cli.parsing import option_of
from belamy.recipes import default_for

SWITCHES = ("--offline", "--no-offline", "--progress", "--no-progress", "--verbose", "--no-verbose", "--watch",
            "--no-watch", "--autopilot", "--no-autopilot", "--checkpoint-activations",
            "--no-checkpoint-activations")  # fmt: skip


@options
class Form(Training):
    """How to go about it; only the precision and the micro-batch touch the outcome."""

    out: Annotated[str | None, NewFile()] = None
    """The run's directory, new or empty; by default runs/RECIPE-NUMBER."""
    resume_from: str | None = None
    """Start from the newest checkpoint of this run, with its recipe unless another is named, and the fields changed
    that are given. What fits is taken over; the clock goes on, so --samples counts those of that run too."""
    start_from: str | None = None
    """Start with the weights of this run's networks, as far as they fit, on other data, at another size or with another
    recipe; the clock begins anew. Its recipe is taken unless another is named; --freeze keeps layers as they were."""
    like: str | None = None
    """Train the recipe of this run from the beginning, with the fields changed that are given."""
    minutes: float | None = None
    """Train for about so long, snapshots and report included: the number of samples is chosen for it by a few steps
    beforehand. By default the recipe says the number; `pictures` takes half an hour."""
    precision: Literal["auto", "float32", "bfloat16", "float64"] = "auto"
    """auto, float32, bfloat16 (automatic mixed precision) or float64."""
    micro_batch: Annotated[int | None, Within(1)] = None
    """Take a batch in parts of so many samples, one after the other, to save memory; by default as a whole. The players
    learn from the average of the parts' gradients, which is the batch's where the loss is a mean over samples."""
    memory: str | None = None
    """Stay below so much memory, e.g. 8GB: the micro-batch is chosen by it, and whether activations are computed
    again."""
    checkpoint_activations: bool = False
    """Keep only the inputs of the networks' blocks, and compute what lies within again for the gradients: about half of
    the activations' memory for a third more time; the result is the same."""
    snapshots: Annotated[int, Within(1)] = 48
    """Sheets of samples to draw over the run."""
    watch: bool = True
    """Look for what goes wrong; `belamy diagnose RUN` tells what was found."""
    autopilot: bool = False
    """Apply what the watch advises against a severe finding, and take it back if it makes things worse."""
    evaluate_every: Annotated[int | None, Within(1)] = None
    """Judge samples against real images every so many training samples, as `belamy evaluate` does."""
    evaluate_count: int = 5000
    """How many samples are judged each time."""
    metrics: tuple[str, ...] = ()
    """By what they are judged, e.g. frechet kernel:subsets=50; by default the usual metrics that the data allow."""
    keep_best: str | None = None
    """Keep the weights for which this number, e.g. frechet, was nearest to that of real images, beside the newest;
    `belamy sample RUN --weights best` draws with them."""


def run(words: list[str]) -> int:
    """Train and say where the run is."""
    from belamy import recipes
    from belamy.cli.recipe_form import changed, general, read

    known = recipes.known()
    named, rest = named_and_rest(words, known)
    parent = parent_named(words) if named is None else None
    if named is None and parent is None and {"-h", "--help"} & set(rest):
        return general(Form, "belamy train")
    recipe = recipes.get(named or default_for(value_of(words, "--data")))
    if parent is not None:
        from belamy.runs.run import Run

        recipe = Run.open(parent).recipe
    changes, session = read(recipe, rest, f"belamy train {named or ''}".rstrip(), Form)
    asked = changed(recipe, changes, rest)  # refused here, it is named as it was typed
    typed = {recipe.present_name(option_of(word)[2:].partition(".")[0].replace("-", "_")) for word in rest}
    given = {name: getattr(asked, name) for name in type(recipe).model_fields if name in typed or name in changes}
    from belamy.api.train import train

    run = train(named, **session.given(), **given)
    say(f"Finished: {run.path / 'report.html'}")
    return 0


def parent_named(words: list[str]) -> str | None:
    """The run that one of these options names, as far as can be told before they are read.

    Example:
        >>> parent_named(["--batch", "8", "--resume-from", "runs/digits-1"])
        'runs/digits-1'
    """
    return value_of(words, "--resume-from", "--start-from", "--like")


def value_of(words: list[str], *names: str) -> str | None:
    """The value that the first of the options has, as far as can be told before they are read.

    Example:
        >>> value_of(["--batch", "8", "--data=photos"], "--data")
        'photos'
    """
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if option_of(word) in names:
            _, equals, value = word.partition("=")
            found = value if equals else following
            return found if found and not found.startswith("--") else None  # the parser tells what is missing
    return None


def recipe_and_rest(words: list[str], known: list[str]) -> tuple[str, list[str]]:
    """The recipe's name, the usual one where none is given, and the other words.

    Example:
        >>> recipe_and_rest(["--offline", "vae-mnist", "--batch", "8"], ["vae-mnist"])
        ('vae-mnist', ['--offline', '--batch', '8'])
    """
    name, rest = named_and_rest(words, known)
    return name or default_for(value_of(words, "--data")), rest


def named_and_rest(words: list[str], known: list[str]) -> tuple[str | None, list[str]]:
    """The recipe's name, None where none is given, and the other words.

    It is the first word that is not an option; after options, a word is taken for it that is a recipe's name and
    cannot be an option's value.
    """
    for number, word in enumerate(words):
        name = word.replace("_", "-")
        before = words[number - 1] if number else ""
        free = not before.startswith("-") or "=" in before or before.startswith("--no-") or before in SWITCHES
        if (number == 0 and not word.startswith("-")) or (name in known and free):
            return name, words[:number] + words[number + 1 :]
    return None, words
