"""Probabilistic context-free grammars: sentences with an exact law."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

import torch
from torch import Tensor

from belamy.data.grammar_charts import Charts
from belamy.data.grammar_rules import TerminalWord, parse_rules
from belamy.errors import DataError

FACT = "grammar"
"""Where a field of texts keeps the rules that they were drawn by."""
_DRAWN = 65_536


class Grammar:
    r"""Sentences that grow from a symbol by rules, each drawn among those of its symbol.

    With the numbers :math:`M_{AB}` of symbols *B* that *A* becomes on average, the entropies of what grows from each
    symbol are the solution of

    .. math:: H_A = -\sum_r p_r \log_2 p_r + \sum_B M_{AB} H_B

    and it is finite where all eigenvalues of *M* are below 1. It is the entropy of derivations; where no sentence has
    two, it is that of sentences too, else it is above it.

    References:
        Booth & Thompson 1973, "Applying probability measures to abstract languages", IEEE Transactions on Computers 22
        (the eigenvalues); Grenander 1967, "Syntax-controlled probabilities" (the entropy).

    Args:
        text: The rules; see :func:`belamy.data.grammar_rules.parse_rules`.
        where: What the errors call it.

    Raises:
        DataError: The rules are not right, or sentences have no finite mean length.

    Example:
        >>> grammar = Grammar("S -> 'a' S | 'a'")
        >>> grammar.entropy, grammar.log_prob(["a a a", "b"])
        (2.0, tensor([-2.0794,    -inf], dtype=torch.float64))
    """

    def __init__(self, text: str, where: str = "The grammar") -> None:
        self.rules = parse_rules(text, where)
        self.start = self.rules[0].left
        self._of: dict[str, list[int]] = defaultdict(list)
        for number, rule in enumerate(self.rules):
            self._of[rule.left].append(number)
        self._rows = {symbol: row for row, symbol in enumerate(self._of)}
        self._becomes = torch.zeros(len(self._rows), len(self._rows), dtype=torch.float64)
        for rule in self.rules:
            for each in rule.right:
                if not isinstance(each, TerminalWord):
                    self._becomes[self._rows[rule.left], self._rows[each]] += rule.probability
        growth = float(torch.linalg.eigvals(self._becomes).abs().max())
        if growth >= 1 - 1e-9:
            raise DataError(
                f"{where} makes sentences of no finite mean length: its symbols become {growth:.3g} symbols each on "
                "average, where it must be less than 1. Lower the weights of rules in which a symbol comes again."
            )
        self._charts = Charts(self.rules)

    @property
    def words(self) -> frozenset[str]:
        """The words of its sentences."""
        return frozenset(self._charts.words)

    @property
    def entropy(self) -> float:
        """Of a sentence's derivation, in bits."""
        return self._mean([-rule.probability * math.log2(rule.probability) for rule in self.rules])

    @property
    def mean_length(self) -> float:
        """Words of a sentence on average."""
        return self._mean(
            [rule.probability * sum(isinstance(each, TerminalWord) for each in rule.right) for rule in self.rules]
        )

    @property
    def uses(self) -> Tensor:
        """How often a derivation uses each rule on average.  # [rules] float64"""
        first = torch.zeros(len(self._rows), dtype=torch.float64)
        first[0] = 1
        visits = torch.linalg.solve(torch.eye(len(first), dtype=torch.float64) - self._becomes.T, first)
        return torch.stack([visits[self._rows[rule.left]] * rule.probability for rule in self.rules])

    def _mean(self, of_rules: Sequence[float]) -> float:
        """Of a derivation's sum, where each use of a rule, with its probability in it, adds so much to its symbol's."""
        added = torch.zeros(len(self._rows), dtype=torch.float64)
        for rule, number in zip(self.rules, of_rules, strict=True):
            added[self._rows[rule.left]] += number
        return float(torch.linalg.solve(torch.eye(len(added), dtype=torch.float64) - self._becomes, added)[0])

    def sample(self, count: int, source: torch.Generator) -> list[str]:
        """Sentences, words parted by single spaces."""
        reached = {
            symbol: list(accumulate(self.rules[number].probability for number in numbers))
            for symbol, numbers in self._of.items()
        }
        chances = _uniform(source)
        sentences = []
        for _ in range(count):
            words, waiting = [], [self.start]
            while waiting:
                symbol = waiting.pop()
                if isinstance(symbol, TerminalWord):
                    words.append(symbol)
                    continue
                place = bisect_right(reached[symbol], next(chances) * reached[symbol][-1])
                waiting += reversed(self.rules[self._of[symbol][place]].right)
            sentences.append(" ".join(words))
        return sentences

    def log_prob(self, sentences: Sequence[str]) -> Tensor:
        """Of each sentence, all its derivations summed, in nats; minus infinite of one that is none.  # [n] float64"""
        return self._charts.log_prob([sentence.split(" ") for sentence in sentences])

    def uses_in(self, sentences: Sequence[str]) -> Tensor:
        """How often sentences use each rule in all; of one with several derivations what is expected, given the words.

        Args:
            sentences: Of the grammar: none whose ``log_prob`` is infinite.

        Returns:
            Sums over the sentences.  # [rules] float64
        """
        return self._charts.uses([sentence.split(" ") for sentence in sentences])


@lru_cache(maxsize=8)
def grammar_of(text: str) -> Grammar:
    """The grammar of a field's rules."""
    return Grammar(text)


def _uniform(source: torch.Generator) -> Iterator[float]:
    """Numbers in [0, 1), without end."""
    while True:
        yield from torch.rand(_DRAWN, generator=source, dtype=torch.float64).tolist()
