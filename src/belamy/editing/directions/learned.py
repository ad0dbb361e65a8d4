"""Learned through the images: the step that gives or takes an attribute and leaves the others as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from belamy.data import to_uint8
from belamy.editing.attribute_predictors import learned_network
from belamy.editing.directions import DirectionData, Directions, in_deviations
from belamy.errors import UsageError
from belamy.sampling.draw import placement
from belamy.seeds import generator

FIRST, STRIDE = 2.0, 0.06
"""The length of a step at the beginning, in deviations, and how fast it changes, as a share of a deviation."""
NOISE = 0.15
"""Of the pixels that the classifiers learn from, so that descent cannot fool them by single ones."""
MARGIN = 1.5
"""The logit at which an attribute counts as given."""


class Direction:
    r"""Vectors found by descent through the generator, which linear tools in latent space know nothing of.

    Small classifiers learn all attributes of the evidence from the images made of its latents. Then, by their word in
    turn, since one alone is fooled in the end, for each attribute k the vector :math:`v_k` minimises, with logits
    :math:`\ell` and s = 1 where the attribute is absent, else -1,

    .. math:: \mathbb{E}_z \Bigl[\operatorname{softplus}\bigl(m - s\,\ell_k(G(z + s v_k))\bigr)
        + \lambda \sum_{j \ne k} KL\bigl(\sigma(\ell_j(G(z))) \,\|\, \sigma(\ell_j(G(z + s v_k)))\bigr)\Bigr]

    It begins with the difference of means.

    *Departs from the papers* in that the classifiers learn from generated images, in the margin, and in one vector for
    giving and taking.

    References:
        Jahanian et al. 2020, arXiv 1907.07171, equation 1; with a regressor of attributes and the others held: Zhuang
        et al. 2021, arXiv 2102.01187, equations 2 to 5.

    Args:
        others: Weight λ of what must stay.
        steps: Of the descent; every one looks at each attribute.
        batch: Latents in a step.
        passes: Of each classifier over the images.
        eyes: How many classifiers.
    """

    supervised = True
    wide = True

    def __init__(
        self, *, others: float = 1.0, steps: int = 150, batch: int = 64, passes: int = 6, eyes: int = 1
    ) -> None:
        if others < 0 or min(steps, batch, passes, eyes) < 1:
            raise UsageError(
                f"others {others} must be at least 0; steps {steps}, batch {batch}, passes {passes} and eyes {eyes}, 1."
            )
        self.others, self.steps, self.batch, self.passes, self.eyes = others, steps, batch, passes, eyes

    def find(self, evidence: DirectionData, names: Sequence[str] = ()) -> Directions:
        """One direction for each attribute; ``step`` is the length it learned, in deviations."""
        has = {name: evidence.having(name) for name in names}
        known = {**has, **{name: held for name, held in evidence.attributes.items() if name not in has}}
        means = [evidence.latents[held].mean(0) - evidence.latents[~held].mean(0) for held in has.values()]
        unit = in_deviations(torch.stack(means), evidence.latents)
        images, targets = _seen(evidence), torch.stack(list(known.values()), 1).float()

        def loss(logits: Tensor, taken: Tensor) -> Tensor:
            return binary_cross_entropy_with_logits(logits, targets[taken], reduction="none").mean(1)

        _, channels, height, width = images.shape
        eyes = [
            learned_network(
                images.__getitem__, torch.arange(len(images)), (channels, height, width), targets.shape[1], loss,
                samples=self.passes * len(images), noise=NOISE, seed=number,
            ).to(*placement(evidence.method))
            for number in range(self.eyes)
        ]  # fmt: skip
        vectors = self._descend(evidence, eyes, unit, torch.stack(list(has.values()), 1))
        lengths = vectors.norm(dim=1) / in_deviations(vectors, evidence.latents).norm(dim=1)
        facts = {
            name: {"with": int(held.sum()), "without": int((~held).sum()), "step": round(float(length), 4)}
            for (name, held), length in zip(has.items(), lengths, strict=True)
        }
        return Directions(in_deviations(vectors, evidence.latents), tuple(names), facts)

    def _descend(self, evidence: DirectionData, eyes: Sequence[nn.Module], unit: Tensor, has: Tensor) -> Tensor:
        """The vectors, from the first of the classifiers' attributes on.  # [k, latent]"""
        device, dtype = placement(evidence.method)
        latents = evidence.latents.to(device, dtype)
        numbers = generator(0, "learned directions")
        vectors = (FIRST * unit).to(device, dtype).requires_grad_()
        optimizer = torch.optim.Adam([vectors], lr=STRIDE * float(unit.norm(dim=1).mean()) / unit.shape[1] ** 0.5)
        rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        for step in range(self.steps):
            eye = eyes[step % len(eyes)]
            chosen = torch.randint(len(latents), (self.batch,), generator=numbers)
            with torch.no_grad():
                before = eye(_made(evidence.method, latents, chosen))
            loss = torch.zeros((), device=device)
            for place, vector in enumerate(vectors):
                sign = torch.where(has[chosen, place], -1.0, 1.0).to(before)
                after = eye(_made(evidence.method, latents, chosen, sign[:, None] * vector))
                apart = _divergences(before, after)
                rest = apart.sum(1) - apart[:, place]
                loss = loss + (softplus(MARGIN - sign * after[:, place]) + self.others * rest).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
        return vectors.detach().cpu()


def _made(method: Any, latents: Tensor, chosen: Tensor, move: Tensor | None = None) -> Tensor:
    """Images of some latents, moved; where labels matter, with the classes in turn.  # [n, C, H, W]"""
    classes = len(method.spec.classes)
    points = latents[chosen] if move is None else latents[chosen] + move
    images: Tensor = method.generate(points, (chosen % classes).to(points.device) if classes else None)
    return images


def _divergences(before: Tensor, after: Tensor) -> Tensor:
    """Of Bernoulli distributions given by logits.  # [n, attributes]"""
    chance = before.sigmoid()
    losses = [binary_cross_entropy_with_logits(logits, chance, reduction="none") for logits in (after, before)]
    return losses[0] - losses[1]


@torch.no_grad()
def _seen(evidence: DirectionData) -> Tensor:
    """The images made of the evidence's latents, in evaluation mode.  # [n, C, H, W] uint8"""
    method = evidence.method.eval()
    latents = evidence.latents.to(*placement(method))
    everyone = torch.arange(len(latents))
    return torch.cat([to_uint8(_made(method, latents, part)).cpu() for part in everyone.split(256)])
