"""Whatever is wrong with a word of a command line is told in one sentence of ours: what was given, what is allowed."""

from __future__ import annotations

import re
from dataclasses import MISSING
from importlib import import_module
from typing import Any, Literal, get_origin

import pytest

from belamy import recipes
from belamy.cli import known_verbs
from belamy.cli.parsing import parse
from belamy.cli.recipe_form import changed, read
from belamy.cli.verbs.train import Form as Train
from belamy.cli.wrong_words import Option, described
from belamy.errors import UsageError

RAW = re.compile(r"invalid choice|Error parsing|Missing value|Expected|Could not|Input should|\bINT\b|\bFLOAT\b|None")
"""How the libraries below would say it."""


def form_of(verb: str) -> Any:
    return getattr(import_module(f"belamy.cli.verbs.{verb.replace('-', '_')}"), "Form", None)


def said(form: Any, words: list[str], verb: str) -> str:
    needed = ["word" for each in described(form) if each.default is MISSING]
    with pytest.raises(UsageError) as refused:
        parse(form, [*needed, *words], f"belamy {verb}")
    return str(refused.value)


def wrong(option: Option) -> list[str]:
    """A value that the option does not allow; none, where it takes every text."""
    if option.kind is bool:
        return [f"--{option.name}=perhaps"]
    checked = option.many or option.kind in (int, float) or get_origin(option.kind) is Literal
    return [f"--{option.name}", "perhaps"] if checked and option.refuses("perhaps") else []


@pytest.mark.parametrize("verb", [verb for verb in known_verbs() if form_of(verb)])
def test_every_option_of_every_verb_says_what_it_was_given_and_what_it_takes(verb: str) -> None:
    form = form_of(verb)
    for option in described(form):
        if not option.own or option.default is MISSING:
            continue
        if words := wrong(option):
            told = said(form, words, verb)
            assert told.startswith(f"--{option.name} ") and "'perhaps'" in told, told
            assert re.search(r"but it (must be|takes) \S|takes no value", told) and not RAW.search(told), told
        if option.kind is not bool:
            told = said(form, [f"--{option.name}"], verb)
            assert told.startswith(f"--{option.name} needs a value") and not RAW.search(told), told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--seeds", "1", "b"], "--seeds holds 'b', but it takes whole numbers of at least 0."),
        (["--path", "straight"], "--path is 'straight', but it must be prior, linear, slerp or even."),
        (["--seed", "1.5"], "--seed is '1.5', but it must be a whole number of at least 0."),
        (["--overwrite", "yes"], "--overwrite takes no value, but is given 'yes': type --overwrite or --no-overwrite"),
        (["more"], "'more' is not expected there."),
    ],
)
def test_what_is_said_of_a_walk(words: list[str], says: str) -> None:
    assert says in said(form_of("walk"), words, "walk")


def test_a_word_that_is_missing_is_named_with_the_command() -> None:
    with pytest.raises(UsageError, match=r"^SUSPECTS is missing: type belamy anomaly RUN SUSPECTS\. "):
        parse(form_of("anomaly"), ["run"], "belamy anomaly")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--samples", "abc"], "--samples is 'abc', but it must be a whole number."),
        (["--train-samples", "abc"], "--train-samples is 'abc', but it must be a whole number."),
        (["--samples", "-3"], "--samples = -3 is not allowed: it must be greater than 0."),
        (["--average=x"], "--average is 'x', but it must be a whole number."),
        (["--average", "-1"], "--average = -1 is not allowed: it must be greater than or equal to 0."),
        (["--ema-half-life", "-1"], "--ema-half-life = -1 is not allowed"),
        (["--samples"], "--samples needs a value: a whole number."),
        (["--clip-norm", "x"], "--clip-norm is 'x', but it must be a number."),
        (["--fit", "round"], "--fit is 'round', but it must be crop, pad or stretch."),
        (["--generator-optimizer.lr", "x"], "--generator-optimizer.lr is 'x', but it must be a number."),
        (["--penalties", "r1:weight=x"], "r1.weight is 'x', but it must be a number."),
        (["--verbose", "yes"], "--verbose takes no value, but is given 'yes'"),
        (["--fresh-latents=no"], "--fresh-latents takes no value, but is given 'no'"),
    ],
)
def test_a_recipe_s_option_is_named_as_it_was_typed(words: list[str], says: str) -> None:
    recipe = recipes.get("digits")
    with pytest.raises(UsageError) as refused:
        changed(recipe, read(recipe, words, "belamy train digits", Train)[0], words)
    assert str(refused.value).startswith(says), refused.value


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--generator.areas", "false"], "type --generator.areas or --generator.no-areas alone."),
        (["--generator.no-areas=1"], "type --generator.areas or --generator.no-areas alone."),
        (["--no-generator.areas"], "or '--generator.no-areas'"),
    ],
)
def test_what_says_no_to_an_option_of_a_part(words: list[str], says: str) -> None:
    recipe = recipes.get("pairs")
    with pytest.raises(UsageError, match=re.escape(says)):
        read(recipe, words, "belamy train pairs", Train)
    said_no = changed(recipe, read(recipe, ["--generator.no-areas"], "belamy train pairs", Train)[0], words)
    assert said_no.generator.options["areas"] is False


@pytest.mark.parametrize("words", [["--path", "law"], ["--path=law"], ["--path", "prior"]])
def test_an_earlier_name_of_a_value_is_understood(words: list[str]) -> None:
    assert parse(form_of("walk"), ["run", *words], "belamy walk").path == "prior"


def test_an_earlier_name_of_a_verb_s_option_is_kept() -> None:
    told = said(form_of("evaluate"), ["--floor=maybe"], "evaluate")
    assert told.startswith("--floor takes no value, but is given 'maybe': type --floor or --no-floor alone."), told
