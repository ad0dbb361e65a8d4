"""``belamy parts``: what can be combined, and how it is written."""

from __future__ import annotations

import json

import pytest

from belamy.cli import main
from belamy.cli.verbs.parts import registries
from belamy.registry import Part


def test_every_part_of_every_shelf_is_listed_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parts", "--json", "-"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"adversarial loss", "penalty", "generator", "discriminator", "view", "optimizer"} <= facts.keys()
    for kind, (registry, fields) in registries().items():
        assert list(facts[kind]) == registry.names() and fields
        assert all(fact["description"].endswith(".") for fact in facts[kind].values()), kind


def test_a_part_is_explained_and_its_usage_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parts", "r1"]) == 0
    page = capsys.readouterr().out
    assert "Mescheder" in page
    usage = page.rpartition("--penalties ")[2].strip()
    assert registries()["penalty"][0].check(Part.parse(usage)).name == "r1"


def test_a_name_of_several_kinds_shows_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parts", "digits"]) == 0
    page = capsys.readouterr().out
    assert "digits: generator" in page and "digits: discriminator" in page


def test_an_unknown_part_suggests(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parts", "hinje"]) == 2
    assert "Did you mean 'hinge'" in capsys.readouterr().err
