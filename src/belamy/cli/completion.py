"""What completes verbs, recipes and options in a shell: ``belamy --completion bash``, ``zsh`` or ``fish``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module

from pydantic import BaseModel

from belamy import recipes
from belamy.errors import UsageError, nearest
from belamy.game.settings import GameSettings
from belamy.methods.recipe import BaseRecipe

SHELLS = ("bash", "fish", "zsh")
OF_RECIPES = ("compare", "inspect", "train")
"""The verbs whose first word is a recipe."""
FIELDS: dict[str, type[BaseModel]] = {"train": BaseRecipe, "inspect": BaseRecipe, "game": GameSettings}
"""Whose fields are options of a verb beside those of its form."""

BASH = """\
_belamy() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} verb=${{COMP_WORDS[1]}}
  local options= words=
  case $verb in
{cases}
  esac
  if [ "$COMP_CWORD" = 1 ]; then words="{verbs}"
  elif [ "${{word#-}}" != "$word" ]; then words=$options
  else case $verb in {of_recipes}) words="{recipes}" ;; esac
  fi
  COMPREPLY=( $(compgen -W "$words" -- "$word") )
}}
complete -o default -F _belamy belamy
"""
ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


def script(shell: str, verbs: Mapping[str, str]) -> str:
    """The script that a shell reads, e.g. in ``~/.bashrc``: ``eval "$(belamy --completion bash)"``.

    Args:
        shell: bash, zsh or fish.
        verbs: What each verb does.

    Raises:
        UsageError: Another shell.
    """
    if shell not in SHELLS:
        raise UsageError(f"--completion names a shell, and '{shell}' is none of them. {nearest(shell, SHELLS)}")
    options = {verb: options_of(verb) for verb in verbs}
    if shell == "fish":
        return _fish(verbs, options)
    cases = "\n".join(f'    {verb}) options="{" ".join(words)}" ;;' for verb, words in options.items())
    made = BASH.format(
        cases=cases, verbs=" ".join(verbs), of_recipes="|".join(OF_RECIPES), recipes=" ".join(recipes.known())
    )
    return made if shell == "bash" else ZSH + made


def options_of(verb: str) -> list[str]:
    """The options of a verb, with their dashes; of those that take a recipe, also the fields of all recipes."""
    form = import_module(f"belamy.cli.verbs.{verb.replace('-', '_')}").Form
    names = [
        field.name for field in fields(form) if field.default is not MISSING and "Positional" not in str(field.type)
    ]
    names += FIELDS[verb].model_fields if verb in FIELDS else ()
    return [f"--{name.replace('_', '-')}" for name in dict.fromkeys([*names, "help"])]


def _fish(verbs: Mapping[str, str], options: Mapping[str, list[str]]) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    lines = [f"complete -c belamy -n __fish_use_subcommand -a {verb} -d {quoted(text)}" for verb, text in verbs.items()]
    seen = " ".join(OF_RECIPES)
    lines.append(f"complete -c belamy -n '__fish_seen_subcommand_from {seen}' -a {quoted(' '.join(recipes.known()))}")
    for verb, words in options.items():
        lines += [f"complete -c belamy -n '__fish_seen_subcommand_from {verb}' -l {word[2:]}" for word in words]
    return "\n".join(lines) + "\n"
