r"""Counts of n-grams, and what follows by interpolated Kneser-Ney smoothing, with discounts that are learned.

.. math:: p(w \mid h) = \frac{\max(c(hw) - D_{c(hw)}, 0)}{c(h\,\cdot)} + \frac{\sum D}{c(h\,\cdot)}\, p(w \mid h'),

where *h'* is *h* without its first symbol and the last resort is uniform. Counts of the longest n-grams are
occurrences; those of shorter ones are how many different symbols precede them (occurrences at a text's beginning).
Histories are numbered, those of each length in a sorted table of (number of the history without its first symbol, first
symbol), and so are n-grams. The last row of each table stands for what was never seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

NONE = -1
_LAST = torch.iinfo(torch.long).max


class NGrams(nn.Module):
    """Probabilities of what follows up to ``order - 1`` symbols.

    References:
        Kneser & Ney 1995, "Improved backing-off for m-gram language modeling"; three discounts for each length: Chen &
        Goodman 1999, Computer Speech & Language 13, equation 20.

    Args:
        vocabulary: How many symbols can be read.
        symbols: How many of them can follow, the first, padding, not counted.
        order: Symbols of the longest n-grams.
    """

    def __init__(self, vocabulary: int, symbols: int, order: int) -> None:
        super().__init__()
        self.vocabulary, self.symbols, self.order = vocabulary, symbols, order
        self.held_back = nn.Parameter(torch.zeros(order, 3))
        for length in range(order):
            histories = torch.tensor([_LAST] if length else [0, _LAST])
            self.register_buffer(f"histories_{length}", histories)
            self.register_buffer(f"grams_{length}", torch.tensor([_LAST]))
            self.register_buffer(f"counts_{length}", torch.zeros(1, dtype=torch.long))
            self.register_buffer(f"totals_{length}", torch.zeros_like(histories))
            self.register_buffer(f"kinds_{length}", torch.zeros(len(histories), 3, dtype=torch.long))

    @property
    def discounts(self) -> Tensor:
        """Of counts 1, 2 and more: a share of 1, 2 and 3.  # [order, 3]"""
        return self.held_back.sigmoid() * torch.arange(1, 4).to(self.held_back)

    def count(self, before: Tensor, following: Tensor) -> None:
        """Count texts, in place of what was counted before.

        Args:
            before: The symbol before each.  # [N, T]
            following: The symbols; 0 where there is none.  # [N, T]
        """
        there = following > 0
        for length in range(1, self.order):
            keys = self._keys(length, before, self._numbers(before, length))
            self._keep(length, histories=_ended(keys[there & (keys >= 0)].unique(), _LAST))
        numbers = self._numbers(before, self.order)
        places = torch.arange(before.shape[1], device=before.device).expand_as(before)
        longer = torch.empty(0, dtype=torch.long, device=before.device)  # n-grams one symbol longer, each once
        for length in reversed(range(self.order)):
            told = there & (numbers[length] >= 0)
            told &= torch.ones_like(told) if length == self.order - 1 else places + 1 == length
            occurring = (numbers[length] * self.vocabulary + following)[told]
            if length < self.order - 1:
                parents = self._table("histories", length + 1)[longer // self.vocabulary] // self.vocabulary
                longer = parents * self.vocabulary + longer % self.vocabulary
            grams, counts = torch.cat([occurring, longer]).unique(return_counts=True)
            self._keep(length, grams=_ended(grams, _LAST), counts=_ended(counts, 0))
            owners, size = grams // self.vocabulary, len(self._table("histories", length))
            kinds = torch.zeros(size, 3, dtype=torch.long, device=grams.device)
            kinds.index_put_((owners, counts.clamp(max=3) - 1), torch.ones_like(counts), accumulate=True)
            self._keep(length, kinds=kinds, totals=torch.zeros_like(kinds[:, 0]).index_add(0, owners, counts))
            longer = grams

    def log_prob(self, before: Tensor, following: Tensor, leave_out: bool = False) -> Tensor:
        """Logarithm of the probability of each symbol after all those before it.

        Args:
            before: The symbol before each.  # [N, T]
            following: The symbols; what is told where it is 0 means nothing.  # [N, T]
            leave_out: Take each symbol itself out of the counts, which are those of these texts among others.

        Returns:
            In nats.  # [N, T]
        """
        return self._chances(self._numbers(before, self.order), following, leave_out).log()

    def step(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log-probabilities after symbols that follow those which ``state`` has seen, and the new state.

        Args:
            tokens: Symbols.  # [N, T]
            state: Those before them, as far as they tell; None at the beginning of a text.  # [N, ≤ order - 2]
        """
        read = tokens if state is None else torch.cat([state, tokens], 1)
        numbers = [each[:, read.shape[1] - tokens.shape[1] :, None] for each in self._numbers(read, self.order)]
        every = torch.arange(self.vocabulary, device=tokens.device).expand(*tokens.shape, -1)
        chances = self._chances(numbers, every).masked_fill((every == 0) | (every >= self.symbols), 0)
        return chances.log(), read[:, max(read.shape[1] - self.order + 2, 0) :]

    def forward(self, tokens: Tensor) -> Tensor:
        """Log-probabilities of what follows each symbol; a symbol sees itself and those before it.  # [N, T, V]"""
        return self.step(tokens)[0]

    def _chances(self, numbers: list[Tensor], following: Tensor, leave_out: bool = False) -> Tensor:
        """Probabilities of symbols after histories, whose numbers are given by length.  # [...]"""
        counts = [self._count(length, number, following) for length, number in enumerate(numbers)]
        less = self._left_out(counts, numbers) if leave_out else [torch.zeros_like(counts[0])] * self.order
        chance = torch.full(counts[0].shape, 1 / (self.symbols - 1)).to(self.held_back)
        for length, (discounts, number, count) in enumerate(zip(self.discounts, numbers, counts, strict=True)):
            total, kinds = self._table("totals", length)[number], self._table("kinds", length)[number]
            kinds = kinds + _one_more(count - less[length]) * less[length][..., None]
            kinds = kinds - _one_more(count) * less[length][..., None]
            total, count = total - less[length], count - less[length]
            kept = (kinds.to(discounts) * discounts).sum(-1)
            own = torch.where(count > 0, discounts[count.clamp(1, 3) - 1], 0)
            mixed = (count - own + kept * chance) / total.clamp(min=1)
            chance = torch.where(total > 0, mixed, chance)
        return chance

    def _left_out(self, counts: list[Tensor], numbers: list[Tensor]) -> list[Tensor]:
        """By how much each count is lower without one occurrence: at the longest history that was seen, and at a
        shorter one where the n-gram one symbol longer was seen this once."""
        less, alone = [], torch.zeros_like(counts[0])
        longer = torch.full_like(numbers[0], NONE)
        for number, count in zip(reversed(numbers), reversed(counts), strict=True):
            less.append(torch.where((longer < 0) & (number >= 0), 1, alone) * (count > 0))
            alone, longer = less[-1] * (count == 1), number
        return less[::-1]

    def _numbers(self, tokens: Tensor, lengths: int) -> list[Tensor]:
        """The numbers of the last 0, 1, … ``lengths - 1`` symbols up to each; -1 of those never seen.  # [N, T] each"""
        found = [torch.zeros_like(tokens)]
        for length in range(1, lengths):
            found.append(_place(self._table("histories", length), self._keys(length, tokens, found)))
        return found

    def _keys(self, length: int, tokens: Tensor, numbers: list[Tensor]) -> Tensor:
        """What the last ``length`` symbols up to each are found by; -1 where there are not so many, or were never."""
        older = nn.functional.pad(tokens, (length - 1, 0), value=NONE)[:, : tokens.shape[1]]
        shorter = numbers[length - 1]
        return torch.where((older >= 0) & (shorter >= 0), shorter * self.vocabulary + older, NONE - 1)

    def _count(self, length: int, numbers: Tensor, following: Tensor) -> Tensor:
        """How often symbols follow histories of a length.  # [...] long"""
        place = _place(self._table("grams", length), numbers * self.vocabulary + following)
        return self._table("counts", length)[place]

    def _table(self, name: str, length: int) -> Tensor:
        table: Tensor = self.get_buffer(f"{name}_{length}")
        return table

    def _keep(self, length: int, **tables: Tensor) -> None:
        for name, table in tables.items():
            setattr(self, f"{name}_{length}", table)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Make the tables as long as those that are put in place of them."""
        for name, table in list(self.named_buffers(recurse=False)):
            if prefix + name in state_dict:
                setattr(self, name, table.new_empty(state_dict[prefix + name].shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _place(keys: Tensor, wanted: Tensor) -> Tensor:
    """The places of numbers in a sorted table; -1, which is the last row, of those that are not in it."""
    places = torch.searchsorted(keys, wanted.contiguous())
    return torch.where(keys[places] == wanted, places, NONE)


def _ended(table: Tensor, last: int) -> Tensor:
    """A table with a last row."""
    return torch.cat([table, table.new_full((1,), last)])


def _one_more(count: Tensor) -> Tensor:
    """One n-gram of a count, among those of 1, 2 and more; none of 0.  # [...] to [..., 3]"""
    return (count[..., None].clamp(max=3) == torch.arange(1, 4, device=count.device)).long()
