"""The rules of a context-free grammar, as they are written in a file."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from math import isfinite
from typing import NamedTuple

from belamy.errors import DataError

MOST = 10_000
"""Rules of a grammar, at most."""
_PARTS = re.compile(r"""'[^']*'|"[^"]*"|\[[^\]]*\]|\||[^\s'"\[\]|]+|\S""")
_EXAMPLE = "Write e.g.: S -> NOUN 'sleeps' [0.7] | 'it' 'rains' [0.3]"


class TerminalWord(str):
    """What stands in a sentence: no rule goes on from it."""

    __slots__ = ()


class Production(NamedTuple):
    """That a symbol may become others.

    Args:
        left: The symbol.
        right: What it becomes, one or more symbols and words in order.
        probability: Of this rule among those of the symbol, which sum to 1.
    """

    left: str
    right: tuple[str, ...]
    probability: float

    def __str__(self) -> str:
        right = " ".join(repr(str(each)) if isinstance(each, TerminalWord) else each for each in self.right)
        return f"{self.left} -> {right}"


def parse_rules(text: str, where: str = "The grammar") -> list[Production]:
    """The rules that a text says, in order; the first symbol is what sentences begin from.

    A line is ``SYMBOL -> alternative [weight] | alternative [weight] …``, words in quotation marks; a weight that is
    left out is 1, and the weights of a symbol are divided by their sum. What follows a ``#`` is a comment.

    Args:
        text: What is written.
        where: What the errors call it.

    Raises:
        DataError: A line is none, a symbol has no rule, or is not reached from the first.

    Example:
        >>> [(str(rule), rule.probability) for rule in parse_rules("S -> 'a' S | 'a' [3]")]
        [("S -> 'a' S", 0.25), ("S -> 'a'", 0.75)]
    """
    found: list[Production] = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = _parts(line)
        if parts:
            found += _of_line(parts, f"{where}, line {number}")
    if not found:
        raise DataError(f"{where} has no rules. {_EXAMPLE}")
    if len(found) > MOST:
        raise DataError(f"{where} has {len(found):,} rules, more than the {MOST:,} that are read.")
    _check_symbols(found, where)
    sums: Counter[str] = Counter()
    for rule in found:
        sums[rule.left] += rule.probability  # type: ignore[assignment]
    return [rule._replace(probability=rule.probability / sums[rule.left]) for rule in found]


def _parts(line: str) -> list[str]:
    """The words of a line before its comment."""
    parts = _PARTS.findall(line)
    comment = next((place for place, part in enumerate(parts) if part.startswith("#")), len(parts))
    return parts[:comment]


def _of_line(parts: list[str], where: str) -> Iterator[Production]:
    if len(parts) < 3 or parts[1] != "->" or not _is_symbol(parts[0]):
        raise DataError(f"{where}, is no rule. {_EXAMPLE}")
    right: list[str] = []
    weight: float | None = None
    for part in [*parts[2:], "|"]:
        if part == "|":
            if not right:
                raise DataError(f"{where}, has an alternative of nothing, but a symbol becomes one or more. {_EXAMPLE}")
            yield Production(parts[0], tuple(right), 1.0 if weight is None else weight)
            right, weight = [], None
        elif weight is not None:
            raise DataError(f"{where}: {part} follows a weight, which ends an alternative. {_EXAMPLE}")
        elif part.startswith("["):
            weight = _weight(part, where)
        elif part[0] in "'\"" and part[-1] == part[0] and len(part) > 2 and not re.search(r"\s", part):
            right.append(TerminalWord(part[1:-1]))
        elif _is_symbol(part):
            right.append(part)
        else:
            raise DataError(f"{where}: {part} is neither a symbol nor one word in quotation marks. {_EXAMPLE}")


def _is_symbol(part: str) -> bool:
    return part != "->" and part[0] not in "'\"[]|"


def _weight(part: str, where: str) -> float:
    try:
        weight = float(part.strip("[]"))
    except ValueError:
        weight = -1.0
    if not isfinite(weight) or weight <= 0:
        raise DataError(f"{where}: the weight {part} is no number above 0. {_EXAMPLE}")
    return weight


def _check_symbols(rules: list[Production], where: str) -> None:
    """Refuse symbols that lead nowhere, or that nothing leads to."""
    follows: dict[str, set[str]] = defaultdict(set)
    for rule in rules:
        follows[rule.left].update(each for each in rule.right if not isinstance(each, TerminalWord))
    for rule in rules:
        for each in rule.right:
            if not isinstance(each, TerminalWord) and each not in follows:
                raise DataError(f"{where} has no rule for {each} (in {rule}). Write one, or put it in quotation marks.")
    reached, begun = {rules[0].left}, [rules[0].left]
    while begun:
        new = follows[begun.pop()] - reached
        reached |= new
        begun += new
    if lost := next((symbol for symbol in follows if symbol not in reached), None):
        raise DataError(f"{where} has rules for {lost}, but none leads there from {rules[0].left}. Leave them out.")
