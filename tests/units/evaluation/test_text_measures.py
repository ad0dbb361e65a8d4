"""Measures of texts: figures worked by hand, and those that sacrebleu and NLTK give."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch

import belamy
from belamy.cli import main
from belamy.data.grammar import FACT, Grammar
from belamy.data.sources.grammar import ATELIER
from belamy.errors import UsageError
from belamy.evaluation.bleu import ORDERS, References
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.kneser_ney import KneserNey
from belamy.evaluation.metrics import METRICS, Metric
from belamy.evaluation.rows import marks
from belamy.evaluation.text_metric import TextMetric
from belamy.modalities.fields import Field
from belamy.modalities.text import Vocabulary, vocabulary_of
from belamy.registry import Part

REFERENCES = [
    "the old painter sells a portrait of ada", "the painter sells the blue portrait", "two critics wait",
    "a forger copies the portrait of the old critic near the door", "the the the cat",
]  # fmt: skip


def seen(texts: list[str], field: Field) -> ExtractedFeatures:
    rows = torch.tensor([vocabulary_of(field.classes).row(text, field.shape[0]) for text in texts])
    return ExtractedFeatures(torch.zeros(len(texts), 1, dtype=torch.float64), images=rows, field=field)


def told(name: str, facts: dict[str, Any] | None = None, **sides: list[str]) -> Metric:
    """A metric that was shown texts of sides."""
    known = Vocabulary.of([text for texts in sides.values() for text in texts])
    field = Field("text", (120,), known.symbols, facts=facts or {})
    metric: Metric = METRICS.build(Part.parse(name), classes=0)
    metric.update(**{side: seen(texts, field) for side, texts in sides.items()})
    return metric


class TestBleu:
    references = References([text.split() for text in REFERENCES])

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [  # sacrebleu 2.6.0 with smoothing "floor" of 0.1 and without effective order, NLTK 3.10.4 with its method 1
            ("the old painter sells the blue portrait", (1.0, 1.0, 0.9306048591, 0.7578582833)),
            ("the painter the painter the painter waits", (0.3086066999, 0.1239596188, 0.0830701847, 0.0692041104)),
            ("two critics wait near the old door quietly again",
             (0.6236095645, 0.3815714142, 0.1744391899, 0.1131152730)),
            ("the the the the the the", (0.4472135955, 0.3684031499, 0.2020515505, 0.1528142136)),
            ("dogs sleep now", (0.0, 0.0, 0.0, 0.0)),
            ("a portrait", (0.6065306597, 0.2815265937, 0.1918018355, 0.1523536134)),  # sacrebleu: 0 from BLEU-3 on
        ],
    )  # fmt: skip
    def test_it_is_that_of_others(self, text: str, wanted: tuple[float, ...]) -> None:
        assert self.references.bleu(text.split()) == pytest.approx(wanted, abs=1e-10)

    def test_by_hand(self) -> None:
        """All words, pairs and triples are in a reference, 3 of 4 quadruples, 1 of 3 quintuples; 7 words, nearest 6."""
        found = self.references.bleu(["the", "old", "painter", "sells", "the", "blue", "portrait"])
        assert found == pytest.approx((1, 1, 0.75**0.25, (0.75 / 3) ** 0.2))

    def test_short_texts_are_told_so(self) -> None:
        """Of references of 3 and 5 words 3 is the nearer to 2, and to 4, where the shorter is taken."""
        known = References([["a", "b", "c"], ["a", "b", "c", "d", "e"]])
        assert known.bleu(["a", "b"])[0] == pytest.approx(math.exp(1 - 3 / 2))
        assert known.bleu(["a", "b", "c", "d"])[0] == pytest.approx(1)
        assert known.bleu([]) == (0, 0, 0, 0) == References([]).bleu(["a"])

    def test_among_themselves_is_against_all_others(self) -> None:
        drawn = random.Random(0)
        texts = [drawn.choices("ab", k=drawn.randint(0, 7)) for _ in range(9)]
        for place, found in enumerate(References(texts).among_themselves()):
            others = References(texts[:place] + texts[place + 1 :])
            assert found == pytest.approx(others.bleu(texts[place])), texts[place]

    def test_the_metric_is_the_mean_over_texts(self) -> None:
        texts = ["the painter sells the frame", "two forgers wait"]
        metric = told("bleu", real=REFERENCES, fake=texts)
        for place, order in enumerate(ORDERS):
            mean = sum(self.references.bleu(text.split())[place] for text in texts) / 2
            assert metric.compute()[f"bleu-{order}"] == pytest.approx(mean)


def test_self_bleu_is_of_groups_of_one_size() -> None:
    texts = [f"the painter paints {each}" for each in "abcdefg"]
    metric = told("self-bleu:size=3", real=REFERENCES, fake=texts)
    assert metric.compute()["self-bleu-3"] == pytest.approx((3 / 4 * 2 / 3 * 1 / 2) ** (1 / 3))  # the last word differs
    assert not metric.notes and metric.intervals()["self-bleu-3"].low == pytest.approx(metric.compute()["self-bleu-3"])
    few = told("self-bleu", real=REFERENCES, fake=texts)
    assert "Self-BLEU is of 7 texts" in few.notes[0] and few.intervals() == {}


def test_words_and_case_are_options_on_the_card() -> None:
    texts = ["Don't  stop, Ada", "stop"]
    assert told("bleu", real=texts, fake=texts).tokens("real") == [["Don't", "stop", ",", "Ada"], ["stop"]]  # type: ignore[attr-defined]
    made: TextMetric = told("bleu:unit=characters,lowercase=true", real=texts, fake=texts)  # type: ignore[assignment]
    assert made.tokens("fake")[1] == ["s", "t", "o", "p"] and made.tokens("fake")[0][0] == "d"


def test_divergence_by_hand() -> None:
    """Words a, b with ½ and ½ against 1 and 0: H(¾, ¼) - ½; pairs ab against aa: nothing in common."""
    metric = told("ngram-divergence:longest=3", real=["a b"], fake=["a a"])
    assert metric.compute() == pytest.approx({"ngram-divergence-1": 0.3112781244591, "ngram-divergence-2": 1.0})
    same = told("ngram-divergence", real=["a b a", "b"], fake=["b", "a b a"])
    assert same.compute() == {f"ngram-divergence-{size}": 0.0 for size in (1, 2, 3)}  # none has four words


def test_reverse_bits_are_those_of_n_grams_of_the_generated_texts() -> None:
    """Symbols a, b and the end, of four with what is unknown."""
    metric = told("reverse-perplexity:order=2", real=["ab", "b"], fake=["ab", "ab", "aa"])
    model = KneserNey([[2, 3, 0], [2, 3, 0], [2, 2, 0]], 4, order=2)
    bits = -(model.log_prob([2, 3, 0]) + model.log_prob([3, 0])) / math.log(2)
    assert metric.compute() == {"reverse-bits": pytest.approx(bits / 5)}


def test_what_is_copied_is_counted() -> None:
    """Of three texts one is a training text; of their 3 + 1 + 0 pairs of words 1 + 1 are in training texts."""
    metric = told(
        "copied-texts:n=2", real=["x"], train=["a b", "c"], fake=["a b c b", "a b", "c"]
    )  # fmt: skip
    assert metric.compute() == pytest.approx({"copied-texts": 2 / 3, "copied-ngrams": 2 / 4})


FACTS = {FACT: "S -> 'a' S | 'a'"}  # n words have the probability 2^-n


class TestGrammar:
    def test_by_hand(self) -> None:
        metric = told("grammar", FACTS, real=["a"], fake=["a", "a", "a a", "b"])
        found = metric.compute()
        assert found["grammatical"] == 3 / 4 and found["sentence-bits"] == pytest.approx(4 / 3)
        assert found["derivations-covered"] == pytest.approx(1 / 2 + 1 / 4)
        mixed = (3 / 8, 5 / 8)  # rules of ¼ and ¾ against ½ and ½
        bits = (
            -sum(each * math.log2(each) for each in mixed)
            - (1 - 1 / 4 * math.log2(1 / 4) - 3 / 4 * math.log2(3 / 4)) / 2
        )
        assert found["rule-divergence"] == pytest.approx(bits)

    def test_spaces_and_nothing_are_no_words(self) -> None:
        metric = told("grammar", FACTS, real=["a"], fake=["a  a", " a", "a ", "b", ""])
        assert metric.compute() == {"grammatical": 0.0, "derivations-covered": 0.0}

    def test_more_of_the_grammar_is_covered_by_more_sentences(self) -> None:
        drawn = Grammar(ATELIER).sample(300, torch.Generator().manual_seed(0))
        all_of_it, third = (told("grammar", {FACT: ATELIER}, real=["a"], fake=part) for part in (drawn, drawn[:100]))
        some = told("grammar", {FACT: ATELIER}, real=["a"], fake=drawn[:1] * 300)
        assert all_of_it.compute()["grammatical"] == 1.0
        covered = [each.compute()["derivations-covered"] for each in (some, third, all_of_it)]
        assert covered[0] < covered[1] < covered[2] < 0.3
        assert some.compute()["rule-divergence"] > 10 * all_of_it.compute()["rule-divergence"]


def test_a_file_of_texts_is_judged_with_the_symbols_of_the_data(tmp_path: Path) -> None:
    drawn = Grammar(ATELIER).sample(60, torch.Generator().manual_seed(5))
    (tmp_path / "made.txt").write_text("\n".join([*drawn[:40], *(f"{each} Ω" for each in drawn[40:])]), "utf-8")
    names = ["grammar", "bleu:lowercase=true"]
    verdict = belamy.evaluate(
        tmp_path / "made.txt", "grammar:count=300", metrics=names, count=60, split="all", progress=False
    )  # fmt: skip
    found = {each.name: each for each in verdict.measures}
    assert found["grammatical"].value == pytest.approx(40 / 60) and found["grammatical"].real_baseline == 1.0
    assert verdict.card.metrics["bleu"] == "unit=words,lowercase=True"
    with pytest.raises(UsageError, match="was not drawn from one"):
        belamy.evaluate(tmp_path / "made.txt", "wordnet-phrases", metrics=["grammar"], progress=False)


def test_texts_that_a_run_wrote_are_judged_as_it_is(tmp_path: Path) -> None:
    """A run of n-grams on a grammar: its own samples, and the folder that ``belamy sample`` writes of them."""
    recipe = {"order": 3, "train_samples": 64, "data": "grammar:count=300", "modality": "text:unit=words"}
    run = belamy.train("n-grams", out=tmp_path / "run", snapshots=1, progress=False, device="cpu", **recipe)
    how: dict[str, Any] = {"metrics": ["grammar", "self-bleu:size=10"], "count": 40, "split": "all", "progress": False}
    verdict = belamy.evaluate(run, options={"temperature": 0.5}, **how)
    share = next(each for each in verdict.measures if each.name == "grammatical")
    assert share.value > 0.5 and set(share.controls) == {"by default"}
    assert main(["sample", str(run.path), "--count", "40", "--out", str(tmp_path / "drawn"), "--no-progress"]) == 0
    found = belamy.evaluate(tmp_path / "drawn", "grammar:count=300", modality="text:unit=words", **how)
    assert found.subject["images"] == 40


def test_rows_of_few_values_are_told_apart() -> None:
    """As texts are: with sums of values by places most of these would be taken for copies of others."""
    rows = torch.randint(3, 30, (20_000, 33), generator=torch.Generator().manual_seed(0)).sort(1).values
    assert len(marks(rows).unique()) == len(rows.unique(dim=0)) == 20_000
    assert torch.equal(marks(rows[:5]), marks(rows)[:5])
