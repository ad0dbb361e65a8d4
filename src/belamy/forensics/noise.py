"""What any detector must catch, as generators like any other: Bernoulli pixels and adversarial images."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.errors import UsageError
from belamy.evaluation.candidate import RUN, Candidate, Drawn
from belamy.evaluation.features.classifier import weights_digest
from belamy.methods.base import BaseMethod, DataSpec
from belamy.seeds import SampleDraws, generator

EPSILON = 0.1


class Bernoulli(BaseMethod):
    """Every value is 1 with one probability and 0 otherwise, whatever its place.

    It shares the mean with the data, and with digits much of the histogram, but nothing that can be seen.

    References:
        Valle, Cai, Doshi 2018, arXiv 1807.04919 (a control; the probability is the mean pixel, 0.13).

    Args:
        shape: (channels, height, width) of the images.
        probability: Of a 1, from 0 to 1.

    Raises:
        UsageError: The probability is out of range.

    Example:
        >>> from belamy.sampling.draw import draw
        >>> draw(Bernoulli((1, 2, 2), 1.0), 1).flatten().tolist()
        [255, 255, 255, 255]
    """

    def __init__(self, shape: tuple[int, ...], probability: float) -> None:
        if not 0 <= probability <= 1:
            raise UsageError(f"The probability is {probability:g}, but it must be from 0 to 1. Give the mean pixel.")
        super().__init__(None, DataSpec.pictures(shape))
        self.probability = nn.Parameter(torch.tensor(probability), requires_grad=False)

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        numbers = list(indices)
        return SampleDraws(seed, numbers).uniform("bernoulli", len(numbers), *self.spec.shape).flatten(1)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return (latents < self.probability).to(latents.dtype).unflatten(1, self.spec.shape) * 2 - 1


class FastGradientSign(BaseMethod):
    """Images that a classifier is led astray by: each of a set, moved by one step against its label.

    The images come in an order that the seed decides, and again from the beginning when all have come.

    Args:
        classifier: Logits ``[n, K]`` of images in [-1, 1].
        images: What is changed, uint8.  # [N, C, H, W]
        labels: Their classes.  # [N] long
        epsilon: Size of the step, of images in [0, 1].
        clip: Keep the images in [0, 1]; TequilaGAN's table was made without.

    Raises:
        UsageError: No images, labels of another number, or a step that is not positive.
    """

    def __init__(
        self, classifier: nn.Module, images: Tensor, labels: Tensor, *, epsilon: float = EPSILON, clip: bool = True
    ) -> None:
        if not len(images) or len(images) != len(labels):
            raise UsageError(f"{len(images)} images have {len(labels)} labels, but each image must have one.")
        if not epsilon > 0:
            raise UsageError(f"epsilon is {epsilon:g}, but it must be above 0.")
        channels, height, width = images.shape[1:]
        super().__init__(None, DataSpec.pictures((channels, height, width)))
        self.classifier, self.epsilon, self.clip = classifier, epsilon, clip
        self.register_buffer("images", images)
        self.register_buffer("labels", labels)

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        order = torch.randperm(len(self.get_buffer("images")), generator=generator(seed, "adversarial"))
        return torch.stack([order[index % len(order)] for index in indices]).unsqueeze(1)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        chosen = latents.long().squeeze(1)
        values = self.get_buffer("images")[chosen].to(latents.dtype) / 255
        moved = fast_gradient_sign(self.classifier, values, self.get_buffer("labels")[chosen], self.epsilon, self.clip)
        return moved * 2 - 1


def fast_gradient_sign(
    classifier: Callable[[Tensor], Tensor], values: Tensor, labels: Tensor, epsilon: float = EPSILON, clip: bool = True
) -> Tensor:
    r"""Images moved by one step of ±ε in each pixel, so that the loss of their labels grows.

    .. math:: x + \epsilon\,\mathrm{sign}\bigl(\nabla_x L(x, y)\bigr)

    with L the cross-entropy; a pixel that the loss does not depend on stays.

    References:
        Goodfellow, Shlens, Szegedy 2015, arXiv 1412.6572, section 4.

    Args:
        classifier: Logits ``[n, K]`` of images in [-1, 1].
        values: ``[n, C, H, W]`` in [0, 1].
        labels: Classes ``[n]``.
        epsilon: Size of the step.
        clip: Bring what left [0, 1] back to its ends.
    """
    with torch.enable_grad():
        shown = values.detach().requires_grad_()
        loss = cross_entropy(classifier(shown * 2 - 1), labels, reduction="sum")
        (slope,) = torch.autograd.grad(loss, shown)
    moved = values + epsilon * slope.sign()
    return moved.clamp(0, 1) if clip else moved


def candidate(method: Bernoulli | FastGradientSign, name: str, count: int, seed: int = 0) -> Candidate:
    """Noise as a suspect like any other; values outside [0, 1] come to its ends, as they would in a file."""
    return Candidate(
        name=name, shape=method.spec.shape, count=count, seed=seed, labels="none", classes=(), quantisation="float",
        format=RUN, resize="none", averaged=None, fingerprint=weights_digest(method.state_dict()),
        source=Drawn(method, count, seed, heeds=False),
    )  # fmt: skip
