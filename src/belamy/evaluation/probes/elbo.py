"""The evidence lower bound of held-out images."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, pi, prod
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.errors import UsageError
from belamy.evaluation import intervals
from belamy.evaluation.features import Extractor
from belamy.evaluation.probes import evaluating, held_out
from belamy.evaluation.statistics import Interval
from belamy.methods.base import BaseMethod, Evaluates, to_range
from belamy.sampling.draw import placement
from belamy.seeds import Draws, SampleDraws, derive

LIKELIHOODS = {"binary-cross-entropy": (0.0, 0.0), "squared-error": (0.5 * log(pi), 8.0)}
"""By reconstruction loss, which is minus the logarithm of a density of each pixel up to a constant: that constant, and
the bits that a pixel of 256 levels has more than one on [0, 1]. A squared error is a normal density of variance 1/2."""


@runtime_checkable
class Variational(Protocol):
    """Encodes an image as a normal distribution of its code, whose prior is standard normal, and decodes codes."""

    encoder: Any
    decoder: Any
    reconstruction: Any
    recipe: Any


class Probe:
    r"""Lower bounds on the log-likelihood of held-out images, whatever the weight that the terms had in training.

    .. math:: \log p(x) \ge \mathbb{E}_q \log\tfrac1K \sum_{k=1}^K \frac{p(x|z_k)\,p(z_k)}{q(z_k|x)}
        \ge \mathbb{E}_q \log p(x|z) - KL(q \,\|\, p), \qquad z_k \sim q(z|x)

    - ``elbo``: the last, in nats for each image; higher is better.
    - ``elbo-kl``: its second term, nats of the code.
    - ``elbo-bits``: minus the bound in bits for each of an image's values.
    - ``elbo-K``: the tighter bound by K importance-weighted codes, in nats, e.g. ``elbo-16``.

    With binary cross-entropy each intensity is a probability of white, so the bound is that of images with random
    black and white pixels; with squared error it is a density of pixels on [0, 1], and bits are those of 256 levels.
    The two do not compare. Intervals are for other images of the same kind.

    References:
        Kingma & Welling 2013, arXiv 1312.6114, equation 3; Burda et al. 2015, arXiv 1509.00519, equation 8; bits of
        continuous densities: Theis et al. 2015, arXiv 1511.01844, section 3.1.

    Args:
        count: Held-out images, at most.
        weighted: K, codes of each image; 1 leaves the tighter bound out.

    Raises:
        UsageError: A method without such a bound, or data that hold no images out.
    """

    needs_extractor = False

    def __init__(self, *, count: int = 1000, weighted: int = 16) -> None:
        if weighted < 1:
            raise UsageError(f"elbo.weighted is {weighted}, but each image needs at least 1 code.")
        self.count, self.weighted = count, weighted

    def measure(
        self, method: BaseMethod, data: Dataset, extractor: Extractor | None, seed: int = 0
    ) -> dict[str, Interval]:
        model = checked(method, data)
        device, dtype = placement(method)
        parts, first = [], 0
        with evaluating(method):
            for images in held_out(data, self.count):
                draw = SampleDraws(derive(seed, "elbo"), range(first, first + len(images)))
                parts.append(self.bounds(model, to_range(images, (0.0, 1.0)).to(device, dtype), draw))
                first += len(images)
        likelihood, kl, tighter = (torch.cat(part) for part in zip(*parts, strict=True))
        bound, values = likelihood - kl, prod(data.shape)
        levels = LIKELIHOODS[model.recipe.reconstruction.name][1]
        found = {"elbo": bound, "elbo-kl": kl, "elbo-bits": levels - bound / (values * log(2))}
        if self.weighted > 1:
            found[f"elbo-{self.weighted}"] = tighter
        return {name: intervals.mean(numbers) for name, numbers in found.items()}

    def bounds(self, model: Variational, images: Tensor, draw: SampleDraws) -> tuple[Tensor, Tensor, Tensor]:
        """Mean log-likelihood, divergence of the code and tighter bound of images in [0, 1].  # [n] float64 each"""
        mean, log_variance = (each.double() for each in model.encoder(images))  # [n, latent]
        deviation = (0.5 * log_variance).exp()
        constant = LIKELIHOODS[model.recipe.reconstruction.name][0]
        likelihoods, weights = [], []
        for number in range(self.weighted):
            noise = draw.normal(f"code {number}", *mean.shape).to(mean)
            code = mean + deviation * noise
            error = model.reconstruction(model.decoder(code.to(images.dtype)), images).double()
            likelihood = -images[0].numel() * (error + constant)
            ratio = 0.5 * (noise.square() - code.square() + log_variance).sum(1)  # log p(z) - log q(z|x)
            likelihoods.append(likelihood.cpu())
            weights.append((likelihood + ratio).cpu())
        kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)
        tighter = torch.stack(weights).logsumexp(0) - log(self.weighted)
        return torch.stack(likelihoods).mean(0), kl.cpu(), tighter


def checked(method: BaseMethod, data: Dataset) -> Variational:
    """The method as one with a bound.

    Raises:
        UsageError: It has none, or none that is known.
    """
    if not isinstance(method, Evaluates) or not isinstance(method, Variational) or "kl" not in terms(method, data):
        raise UsageError(
            "This run's method has no evidence lower bound: it does not encode images as distributions. Judge a "
            "variational autoencoder, or leave elbo out."
        )
    model: Any = method
    if model.recipe.reconstruction.name not in LIKELIHOODS:
        raise UsageError(
            f"The reconstruction loss '{model.recipe.reconstruction.name}' is no likelihood that is known here, so "
            f"there is no bound. Known: {', '.join(LIKELIHOODS)}."
        )
    return model


def terms(method: Any, data: Dataset) -> Mapping[str, Tensor]:
    """What the method measures of two held-out images."""
    device, dtype = placement(method)
    with evaluating(method):
        batch = data.batch(data.indices("test")[:2], device, dtype)
        measured: Mapping[str, Tensor] = method.evaluate(batch, Draws(0, 0, device=device, dtype=dtype))
    return measured
