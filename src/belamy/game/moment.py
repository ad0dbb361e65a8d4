"""A moment of a game: what there is to measure and to draw of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vmap

from belamy.game import measure
from belamy.game.belief import Belief, belief
from belamy.game.match import Match
from belamy.game.measure import Cells
from belamy.seeds import Draws, derive

ARROWS = 17
"""Along each axis of the plane."""
LINES = 29
"""From latents to their points, each for the same share of the latents."""
COMPANY = 64
"""Scores of each kind beside which a point's score stands where the generator's loss compares scores."""


@dataclass(frozen=True)
class Moment:
    """What was seen after a step.

    Args:
        step: Steps played.
        facts: Every figure by name; None where it has no meaning.
        cells: Masses of data and of generated points.
        verdict: What the discriminator says in each cell, 0..1: the probability of data that its score states, or else
            the score itself, stretched over 0..1.
        states_belief: Whether ``verdict`` is a probability.
        real: Points of the data ``[N, d]``, the same ones at every moment.
        fake: Generated points ``[N, d]`` of the same latents at every moment.
        latents: On the line: latents at even shares, and ``images`` their points.
        images: See ``latents``.
        places: In the plane: where the arrows stand ``[K, 2]``.
        pushes: Where the generator's loss pushes a point there ``[K, 2]``: minus its gradient.
    """

    step: int
    facts: dict[str, float | None]
    cells: Cells
    verdict: np.ndarray
    states_belief: bool
    real: np.ndarray
    fake: np.ndarray
    latents: np.ndarray
    images: np.ndarray
    places: np.ndarray
    pushes: np.ndarray


class Observer:
    """Looks at a match, always with the same data and the same latents.

    Args:
        match: Which.
    """

    def __init__(self, match: Match) -> None:
        self.match, self.distribution = match, match.distribution
        self.line = self.distribution.dimensions == 1
        draw = Draws(derive(match.settings.seed, "observer"), 0)
        self.real = self.distribution.sample(measure.JUDGED, draw)
        self.latents = match.latents(measure.JUDGED if self.line else measure.HISTOGRAM, draw)
        self.edges = measure.edges_of(self.distribution)
        self.masses = measure.real_masses(self.distribution)
        adversarial = match.objective.adversarial
        self.belief: Belief | None = belief(adversarial.discriminator, adversarial.relativistic)

    def look(self) -> Moment:
        """The match as it stands."""
        with torch.no_grad():
            fake = self.match.generator(self.latents)
            scores = self.match.discriminator(torch.cat([self.real, fake[: len(self.real)]])).double().numpy()
            cells = Cells(self.edges, self.masses, self._generated_masses(fake))
            middles = self._grid(torch.from_numpy(cells.middles).float())
            on_cells = self.match.discriminator(middles).double().numpy().reshape(self.masses.shape)
            shares = (torch.arange(LINES) + 0.5) / LINES
            line = torch.special.ndtri(shares)[:, None] if self.line else torch.zeros(0, self.match.latent)
            images = self.match.generator(line)
        real_scores, fake_scores = scores[: len(self.real)], scores[len(self.real) :]
        facts, verdict = self._facts(cells, fake, real_scores, fake_scores, on_cells)
        places = np.zeros((0, 2)) if self.line else self._grid(self._spaced(ARROWS)).numpy()
        pushes = places if self.line else self.pushes(torch.from_numpy(places).float(), real_scores, fake_scores)
        return Moment(
            self.match.step, facts, cells, verdict, self.belief is not None, self.real.numpy(),
            fake[: len(self.real)].numpy(), line[:, 0].numpy(), images[:, 0].numpy(), places, pushes,
        )  # fmt: skip

    def pushes(self, points: Tensor, real_scores: np.ndarray, fake_scores: np.ndarray) -> np.ndarray:
        """Minus the gradient of the generator's loss for a generated sample at each point ``[K, d]``.

        Where the loss compares scores, the sample stands among others of both kinds.
        """
        at = points.clone().requires_grad_()
        scores = self.match.discriminator(at)
        (slopes,) = torch.autograd.grad(scores.sum(), at)
        real = torch.from_numpy(real_scores[:COMPANY]).to(scores)
        others = torch.from_numpy(fake_scores[: COMPANY - 1]).to(scores)
        loss = self.match.objective.adversarial.generator
        wishes = vmap(grad(lambda score: loss(torch.cat([score[None], others]), real).sum()))(scores.detach())
        pushed: np.ndarray = (-wishes[:, None] * slopes).numpy()
        return pushed

    def _facts(
        self, cells: Cells, fake: Tensor, real_scores: np.ndarray, fake_scores: np.ndarray, on_cells: np.ndarray
    ) -> tuple[dict[str, float | None], np.ndarray]:
        facts: dict[str, float | None] = {
            "jensen_shannon": cells.jensen_shannon(),
            "wasserstein_1": self._wasserstein(fake),
            "separation": measure.separation(real_scores, fake_scores),
        }
        if self.belief is None:
            low, high = float(on_cells.min()), float(on_cells.max())
            verdict = (on_cells - low) / max(high - low, 1e-12)
            facts |= {"indecision": None, "gap": None}
        else:
            origin = self.belief.origin(real_scores, fake_scores)
            verdict = self.belief(on_cells, origin)
            stated = self.belief(np.concatenate([real_scores, fake_scores]), origin)
            weight = (cells.real + cells.fake) / (cells.real + cells.fake).sum()
            facts["indecision"] = float(np.abs(stated - 0.5).mean())
            facts["gap"] = float((weight * np.abs(verdict - cells.optimal)).sum())
        if (found := measure.coverage(fake, self.distribution)) is not None:
            facts |= {"modes_covered": found.covered, "modes": found.modes, "quality": found.quality}
        return facts, verdict

    def _wasserstein(self, fake: Tensor) -> float:
        if self.line:
            return measure.line_wasserstein(self.match.generator, self.distribution)
        return measure.plane_wasserstein(self.real, fake)

    def _generated_masses(self, fake: Tensor) -> np.ndarray:
        if self.line:
            return measure.pushed_forward(self.match.generator, self.edges)
        return measure.histogram(fake, self.edges)

    def _spaced(self, count: int) -> Tensor:
        low, high = self.distribution.window
        return low + (torch.arange(count) + 0.5) * (high - low) / count

    def _grid(self, along: Tensor) -> Tensor:
        """Points ``[N, d]``: the line's own, or the plane's row by row from below."""
        return along[:, None] if self.line else torch.cartesian_prod(along, along).flip(1)


def describe(facts: dict[str, float | None]) -> dict[str, Any]:
    """Figures as words for people, by what they are called."""
    words: dict[str, Any] = {}
    if (facts.get("modes") or 0) > 1:
        words["modes covered"] = f"{facts['modes_covered']} of {facts['modes']}"
        words["high-quality samples"] = f"{facts['quality']:.1%}"
    words["Wasserstein-1"] = f"{facts['wasserstein_1']:.4f}"
    words["Jensen-Shannon"] = f"{facts['jensen_shannon']:.4f} nats"
    words["scores parted"] = f"{facts['separation']:.3f}"
    if facts["indecision"] is not None:
        words["|D - 1/2|"] = f"{facts['indecision']:.3f}"
        words["|D - D*|"] = f"{facts['gap']:.3f}"
    return words
