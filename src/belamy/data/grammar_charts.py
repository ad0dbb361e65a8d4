r"""How likely a grammar finds sentences, all their derivations summed: the algorithm of Cocke, Younger and Kasami.

.. math:: \beta_A(i, j) = \sum_B R_{AB} \Bigl( [j = i + 1]\, p(B \to w_i)
    + \sum_{B \to C D} p(B \to C D) \sum_{i < k < j} \beta_C(i, k)\, \beta_D(k, j) \Bigr), \qquad R = (I - U)^{-1}

is the probability that symbol *A* becomes the words from *i* to before *j*. Rules of more than two symbols are parted
into several; *U* holds the rules of one symbol, and *R* all chains of them, of any length.

References:
    Younger 1967, "Recognition and parsing of context-free languages in time n³", Information and Control 10; inside
    probabilities: Baker 1979, "Trainable grammars for speech recognition"; the chains: Jelinek & Lafferty 1991,
    "Computation of the probability of initial substring generation", Computational Linguistics 17, section 2; uses of
    rules as the gradient: Eisner 2016, "Inside-outside and forward-backward algorithms are just backprop".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from belamy.data.grammar_rules import Production, TerminalWord

PART = 512
"""Sentences of one length that are looked at together."""
_CERTAIN = -1


class Charts:
    """The rules in the form that charts are filled by.

    Args:
        rules: The first symbol is what sentences begin from; every symbol becomes words in the end with certainty.
    """

    def __init__(self, rules: Sequence[Production]) -> None:
        self.log_chances = torch.tensor([rule.probability for rule in rules], dtype=torch.float64).log()
        self.words: dict[str, int] = {}
        places = {symbol: place for place, symbol in enumerate(dict.fromkeys(rule.left for rule in rules))}
        own: dict[str, int] = {}  # symbols that become one word and no other
        self.symbols = len(places)
        lexical, unary, binary = [], [], []
        for number, rule in enumerate(rules):
            for word in (each for each in rule.right if isinstance(each, TerminalWord)):
                self.words.setdefault(word, len(self.words))
                if len(rule.right) > 1 and word not in own:
                    own[word] = self._new()
                    lexical.append((own[word], self.words[word], _CERTAIN))
            left = places[rule.left]
            if isinstance(rule.right[0], TerminalWord) and len(rule.right) == 1:
                lexical.append((left, self.words[rule.right[0]], number))
                continue
            right = [own[each] if isinstance(each, TerminalWord) else places[each] for each in rule.right]
            if len(right) == 1:
                unary.append((left, right[0], number))
                continue
            for part in right[:-2]:
                rest = self._new()
                binary.append((left, part, rest, number))
                left, number = rest, _CERTAIN
            binary.append((left, right[-2], right[-1], number))
        self.lexical, self.unary = (torch.tensor(each, dtype=torch.long).view(-1, 3).T for each in (lexical, unary))
        self.binary = torch.tensor(binary, dtype=torch.long).view(-1, 4).T

    def _new(self) -> int:
        self.symbols += 1
        return self.symbols - 1

    def log_prob(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """Of each sentence, given as words, in nats; minus infinite where there is no derivation.  # [n] float64"""
        return self._log_prob(sentences, self.log_chances)

    def uses(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """How often rules are used in the derivations of sentences, each as its share of all; no sentence may have
        none.  # [rules] float64"""
        if not sentences:
            return torch.zeros_like(self.log_chances)
        log_chances = self.log_chances.clone().requires_grad_()
        with torch.enable_grad():
            total = self._log_prob(sentences, log_chances).sum()
        return torch.autograd.grad(total, log_chances)[0]

    def _log_prob(self, sentences: Sequence[Sequence[str]], log_chances: Tensor) -> Tensor:
        by_length: dict[int, list[int]] = defaultdict(list)
        for place, sentence in enumerate(sentences):
            if sentence and all(word in self.words for word in sentence):
                by_length[len(sentence)].append(place)
        found = torch.full((len(sentences),), -torch.inf, dtype=torch.float64)
        chances = torch.cat([log_chances.exp(), torch.ones(1, dtype=torch.float64)])  # the last is certain
        for places in by_length.values():
            for start in range(0, len(places), PART):
                part = torch.tensor(places[start : start + PART])
                words = torch.tensor([[self.words[word] for word in sentences[place]] for place in part.tolist()])
                found = found.index_put((part,), self._filled(words, chances))
        return found

    def _filled(self, words: Tensor, chances: Tensor) -> Tensor:
        """Logarithms of the probabilities of sentences of one length.  # [n, t] to [n]"""
        none = torch.zeros(self.symbols, max(len(self.words), self.symbols), dtype=torch.float64)
        of_words = none[:, : len(self.words)].index_put(
            (self.lexical[0], self.lexical[1]), chances[self.lexical[2]], True
        )
        chains = none[:, : self.symbols].index_put((self.unary[0], self.unary[1]), chances[self.unary[2]], True)
        closed = torch.linalg.inv(torch.eye(self.symbols, dtype=torch.float64) - chains).T
        scales = of_words.detach().amax(0)[
            words
        ]  # the likeliest symbol of each word as 1: long sentences do not underflow
        filled = {1: of_words.T[words] / scales[..., None] @ closed}  # by the number of words: [n, starts, symbols]
        length, (left, first, second, number) = words.shape[1], self.binary
        for width in range(2, length + 1):
            starts = length - width + 1
            both = sum(
                filled[cut][:, :starts, first] * filled[width - cut][:, cut : cut + starts, second]
                for cut in range(1, width)
            )
            empty = torch.zeros(len(words), starts, self.symbols, dtype=torch.float64)
            filled[width] = empty.index_add(2, left, both * chances[number]) @ closed
        return filled[length][:, 0, 0].log() + scales.log().sum(1)
