"""Train a recipe: belamy train [RECIPE] [--data SOURCE] [any field of the recipe].

The recipe's fields are the options.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

DEFAULT = "digits"
SWITCHES = ("--offline", "--no-progress")


@dataclass(frozen=True)
class Session:
    """How to go about it; only the precision touches the outcome."""

    out: str | None = None
    """The run's directory, new or empty; by default runs/RECIPE-NUMBER."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    precision: str = "auto"
    """auto, float32, bfloat16 (automatic mixed precision) or float64."""
    snapshots: int = 48
    """Sheets of samples to draw over the run."""
    checkpoint_seconds: float = 60.0
    """Save the state at least this often, in seconds."""
    offline: bool = False
    """Never fetch data from the network."""
    progress: bool = True
    """Show a progress bar and messages."""


def run(words: list[str]) -> int:
    """Train and say where the run is."""
    from belamy import recipes

    name, rest = recipe_and_rest(words, recipes.names())
    recipe = recipes.get(name)
    from belamy.cli.output import say
    from belamy.cli.recipe_form import changed, read
    from belamy.training.start import train

    fields, session = read(recipe, rest, f"belamy train {name}", Session)
    changed(recipe, fields)  # refused here, it is named as it was typed
    run = train(name, **asdict(session), **fields)
    say(f"Finished: {run.path / 'report.html'}")
    return 0


def recipe_and_rest(words: list[str], known: list[str]) -> tuple[str, list[str]]:
    """The recipe's name and the other words.

    It is the first word that is not an option; after options, a word is taken for it that is a recipe's name and
    cannot be an option's value.

    Example:
        >>> recipe_and_rest(["--offline", "vae-mnist", "--batch", "8"], ["vae-mnist"])
        ('vae-mnist', ['--offline', '--batch', '8'])
    """
    for number, word in enumerate(words):
        name = word.replace("_", "-")
        before = words[number - 1] if number else ""
        free = not before.startswith("-") or "=" in before or before.startswith("--no-") or before in SWITCHES
        if (number == 0 and not word.startswith("-")) or (name in known and free):
            return name, words[:number] + words[number + 1 :]
    return DEFAULT, words
