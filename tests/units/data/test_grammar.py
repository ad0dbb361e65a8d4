"""Grammars against the enumeration of finite ones, and against closed forms."""

from __future__ import annotations

import math
from collections import defaultdict
from copy import deepcopy
from itertools import product
from pathlib import Path

import pytest
import torch

from belamy.data import open_data
from belamy.data.grammar import FACT, Grammar
from belamy.data.grammar_rules import Production, TerminalWord
from belamy.data.sources.grammar import ATELIER
from belamy.errors import BelamyError, DataError

FINITE = """
S -> A B 'end' [2] | A [1] | B A B [1]   # three symbols, one symbol, words among symbols
A -> 'x' [3] | B 'y' [1]
B -> 'x' | A2 | 'y' [0.5]
A2 -> 'x' 'y' | 'y'
"""
Derivation = tuple[float, tuple[int, ...], tuple[str, ...]]
"""Its probability, the rules that it uses, and its words."""


def derivations(rules: list[Production], symbol: str) -> list[Derivation]:
    """All of a grammar without recursion, by brute force."""
    found = []
    for number, rule in enumerate(rules):
        if rule.left == symbol:
            parts = [
                [(1.0, (), (str(each),))] if isinstance(each, TerminalWord) else derivations(rules, each)
                for each in rule.right
            ]
            for chosen in product(*parts):
                chance = rule.probability * math.prod(each[0] for each in chosen)
                used = (number, *(one for each in chosen for one in each[1]))
                found.append((chance, used, tuple(word for each in chosen for word in each[2])))
    return found


class TestAFiniteGrammar:
    grammar = Grammar(FINITE)
    all = derivations(grammar.rules, "S")

    def test_every_sentence_has_the_probability_of_its_derivations(self) -> None:
        told: dict[str, float] = defaultdict(float)
        for chance, _, words in self.all:
            told[" ".join(words)] += chance
        assert len(told) < len(self.all)  # some have several
        assert math.fsum(told.values()) == pytest.approx(1, abs=1e-12)
        found = self.grammar.log_prob(list(told)).exp()
        torch.testing.assert_close(
            found, torch.tensor(list(told.values()), dtype=torch.float64), atol=1e-14, rtol=1e-12
        )

    def test_all_other_sentences_are_none(self) -> None:
        members = {" ".join(words) for _, _, words in self.all}
        strangers = [
            " ".join(words) for length in range(1, 5) for words in product(("x", "y", "end"), repeat=length)
            if " ".join(words) not in members
        ]  # fmt: skip
        assert strangers and bool(self.grammar.log_prob([*strangers, "", "z", "x  y", "x "]).isneginf().all())

    def test_the_entropy_and_the_mean_length_are_those_of_the_derivations(self) -> None:
        entropy = -math.fsum(chance * math.log2(chance) for chance, _, _ in self.all)
        assert self.grammar.entropy == pytest.approx(entropy, rel=1e-12)
        assert self.grammar.mean_length == pytest.approx(math.fsum(p * len(words) for p, _, words in self.all))

    def test_uses_of_rules_are_counted_over_derivations(self) -> None:
        wanted = torch.zeros(len(self.grammar.rules), dtype=torch.float64)
        sentence = ("x", "x", "y", "end")
        of_one = wanted.clone()
        for chance, used, words in self.all:
            for rule in used:
                wanted[rule] += chance
                of_one[rule] += chance * (words == sentence)
        torch.testing.assert_close(self.grammar.uses, wanted)
        of_one /= sum(chance for chance, _, words in self.all if words == sentence)
        torch.testing.assert_close(self.grammar.uses_in([" ".join(sentence)] * 3), 3 * of_one)

    def test_samples_come_as_often_as_they_should(self) -> None:
        drawn = self.grammar.sample(20_000, torch.Generator().manual_seed(1))
        chance = float(self.grammar.log_prob(["x"]).exp())
        assert sum(each == "x" for each in drawn) / 20_000 == pytest.approx(chance, abs=4 * math.sqrt(chance / 20_000))


def test_catalan_numbers() -> None:
    """S → S S (p) | a: of n words there are C(n-1) derivations; H = h(p) / (1 - 2p), the mean is (1-p) / (1-2p)."""
    p = 0.3
    grammar = Grammar(f"S -> S S [{p}] | 'a' [{1 - p}]")
    for n in range(1, 9):
        catalan = math.comb(2 * n - 2, n - 1) // n
        found = float(grammar.log_prob([" ".join("a" * n)]).exp())
        assert found == pytest.approx(catalan * p ** (n - 1) * (1 - p) ** n, rel=1e-12)
    h = -p * math.log2(p) - (1 - p) * math.log2(1 - p)
    assert grammar.entropy == pytest.approx(h / (1 - 2 * p)) and grammar.mean_length == pytest.approx(
        (1 - p) / (1 - 2 * p)
    )


def test_chains_of_symbols_of_any_length() -> None:
    """S → S (½) | a: however often S becomes itself, the sentence is a."""
    grammar = Grammar("S -> S | T\nT -> 'a' [1] | S [1] | 'b' 'a' [2]")
    assert grammar.log_prob(["a", "b a"]).exp().tolist() == pytest.approx([1 / 3, 2 / 3])
    assert grammar.uses_in(["a"]).tolist() == pytest.approx([4 / 3, 4 / 3, 1, 1 / 3, 0])


def test_long_and_unlikely_sentences_do_not_underflow() -> None:
    grammar = Grammar("S -> W S | W\nW -> 'x' [1e-12] | 'y'")
    assert float(grammar.log_prob([" ".join("x" * 40)])) == pytest.approx(40 * math.log(0.5e-12), rel=1e-9)


def test_the_atelier_has_one_derivation_of_each_sentence_and_the_entropy_that_it_says() -> None:
    grammar = Grammar(ATELIER)
    drawn = grammar.sample(600, torch.Generator().manual_seed(2))
    told = grammar.log_prob(drawn)
    used = torch.stack([grammar.uses_in([sentence]) for sentence in drawn[:60]])
    assert torch.allclose(used, used.round(), atol=1e-9)  # one derivation: whole numbers
    chances = torch.tensor([rule.probability for rule in grammar.rules], dtype=torch.float64)
    torch.testing.assert_close(used @ chances.log(), told[:60])
    bits = -told / math.log(2)
    assert float(bits.mean()) == pytest.approx(grammar.entropy, abs=4 * float(bits.std()) / math.sqrt(600))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no rules"),
        ("# S -> 'a'", "has no rules"),
        ("S = 'a'", "line 1, is no rule"),
        ("\nS ->", "line 2, is no rule"),
        ("S -> 'a' |", "an alternative of nothing"),
        ("S -> 'a' | | 'b'", "an alternative of nothing"),
        ("S -> ''", "neither a symbol nor one word"),
        ("S -> 'a b'", "neither a symbol nor one word"),
        ("S -> 'a", "neither a symbol nor one word"),
        ("S -> 'a' [x]", r"the weight \[x\] is no number above 0"),
        ("S -> 'a' [0]", r"the weight \[0\] is no number above 0"),
        ("S -> 'a' [0.5] 'b'", "'b' follows a weight"),
        ("S -> T", "has no rule for T"),
        ("S -> 'a'\nT -> 'b'", "none leads there from S"),
        ("S -> S S | 'a'", "no finite mean length"),
        ("S -> S", "no finite mean length"),
    ],
)
def test_wrong_rules_are_one_message(text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        Grammar(text, "rules.txt")


def test_a_data_set_of_ones_own_rules(tmp_path: Path) -> None:
    (file := tmp_path / "rules.txt").write_text(FINITE, "utf-8")
    data = open_data(f"grammar:count=30,rules={file}")
    assert data.field.facts == {FACT: FINITE} and data.name == "grammar" and "bits on average, exactly" in data.notes[0]
    assert "".join(sorted(data.field.classes[3:])) == " denxy"
    words = open_data(f"grammar:count=30,rules={file}", modality="text:unit=words")
    assert set(words.field.classes[3:]) == {" x", " y", " end"}
    (lines := tmp_path / "lines.txt").write_text("a line\nanother line\n", "utf-8")
    assert deepcopy(open_data(lines, modality="text").field).facts == {}  # as metrics copy what they were shown
    for source, says in (("grammar:rules=nowhere.txt", "nowhere.txt"), ("grammar:count=1", "it must be in 2")):
        with pytest.raises(BelamyError, match=says):
            open_data(source)
    with pytest.raises(BelamyError, match="no labels"):
        open_data("grammar:count=30", labels="x.csv")
