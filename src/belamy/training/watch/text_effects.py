"""What captions tell of the pictures that are drawn by them, and what latents do beside them."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.data.captions import FIELD as CAPTION
from belamy.modalities.text import split, strings
from belamy.training.watch.patch_features import PatchFeatures

WORDS, RARE = 256, 0.02
"""Words and pairs of words that are looked for, at most, and the share of captions that each has and lacks at least."""
RIDGE = 0.05
HELD = 256
"""Held-out pictures that say what can be told, at most."""


class TextEffects:
    r"""Tells from pictures which caption is theirs, and what changes pictures more: another text, or another latent.

    Which words, and pairs of neighbouring words, a caption has is guessed from the patch features of its picture by
    ridge regression, in closed form; a picture fits the caption whose words w have the greatest cosine with what is
    guessed, both less their means and over their deviations:

    .. math:: \hat w(x) = A \phi(x), \qquad
        A = \arg\min \frac1n \sum_i \lVert w_i - A \phi(x_i) \rVert^2 + \rho \lVert A \rVert^2

    Args:
        dataset: Its field ``caption`` tells what pictures show.
        patch_features: Of its pictures.
    """

    def __init__(self, dataset: Dataset, patch_features: PatchFeatures) -> None:
        column = dataset.columns[CAPTION]
        self.store, self.field, self.look = column.store, column.field, patch_features
        self.learned = self.store.read(patch_features.indices)
        said = [_terms(text) for text in strings(self.learned, self.field)]
        counts = Counter(term for terms in said for term in terms)
        least, most = RARE * len(said), (1 - RARE) * len(said)
        usual = sorted((-count, term) for term, count in counts.items() if least <= count <= most)
        self.terms = {term: place for place, (_, term) in enumerate(usual[:WORDS])}
        self.mean, self.deviation = torch.zeros(len(self.terms)), torch.ones(len(self.terms))
        words = self.words(self.learned)
        self.mean, self.deviation = words.mean(0), words.std(0, correction=0)
        known = patch_features.reference.cpu()
        self.scale = known.std(0) + 1e-6
        known = known / self.scale
        gram = known.T @ known / len(known) + RIDGE * torch.eye(known.shape[1])
        self.guess = torch.linalg.solve(gram, known.T @ self.words(self.learned) / len(known))  # [components, terms]

    def words(self, captions: Tensor) -> Tensor:
        """Which terms captions have, less their means and over their deviations.  # long [n, L] to [n, terms]"""
        found = torch.zeros(len(captions), len(self.terms))
        for row, text in enumerate(strings(captions.cpu(), self.field)):
            for term in _terms(text):
                if term in self.terms:
                    found[row, self.terms[term]] = 1
        return (found - self.mean) / self.deviation

    def fits(self, features: Tensor, captions: Tensor) -> float | None:
        """How often a picture fits its own caption better than another one that says something else; chance is ½.

        Args:
            features: Of pictures.  # [n, components]
            captions: What was asked for.  # long [n, L]

        Returns:
            None where all captions are alike.
        """
        guessed, words = features.cpu() / self.scale @ self.guess, self.words(captions)
        cosine = torch.cosine_similarity(guessed[:, None], words[None], dim=2)
        own = cosine.diagonal()[:, None]
        better = (own > cosine).double() + 0.5 * (own == cosine).double()
        other = (captions[:, None] != captions[None]).any(2).cpu()
        return float(better[other].mean()) if bool(other.any()) else None

    @cached_property
    def limit(self) -> float | None:
        """The same of real pictures that were not learned from; where none are held out, of those that were."""
        if len(self.look.held):
            return self.fits(self.look.others[:HELD], self.store.read(self.look.held[:HELD]))
        return self.fits(self.look.reference[:HELD], self.learned[:HELD])

    @torch.no_grad()
    def seen(self, samples: Tensor, captions: Tensor, by_text: Tensor, by_latent: Tensor) -> dict[str, float]:
        """A part of the row of a look.

        Args:
            samples: Pictures of captions.  # [n, C, H, W]
            captions: These.  # long [n, L]
            by_text: The first latents with the caption of the next sample each.  # [m, C, H, W]
            by_latent: The first captions with other latents.  # [m, C, H, W]
        """
        features = self.look.features(samples)[0]
        row = {"fits": self.fits(features, captions), "fits_limit": self.limit}
        some = features[: len(by_text)]
        different = (captions != captions.roll(-1, 0)).any(1)[: len(by_text)]
        if bool(different.any()):
            for name, others in (("by_text", by_text), ("by_latent", by_latent)):
                change = (self.look.features(others)[0] - some).norm(dim=1)[different]
                row[name] = float(change.mean()) / self.look.spread
        return {name: value for name, value in row.items() if value is not None}


def _terms(text: str) -> set[str]:
    """The words of a text, and its pairs of neighbouring words.

    Example:
        >>> sorted(_terms("A red hat"))
        ['a', 'a red', 'hat', 'red', 'red hat']
    """
    words = [word.strip() for word in split(text.lower(), words=True)]
    return {*words, *(f"{one} {other}" for one, other in pairwise(words))}
