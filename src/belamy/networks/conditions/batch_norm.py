"""Labels as the gains and offsets of batch normalisation."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.conditions import check_classes, check_labels
from belamy.networks.layers import BatchNorm
from belamy.networks.surgery import Handed, exchange, hidden_activations, widths
from belamy.networks.tracing import placeholder

_NAME = "batch-norm"


class GeneratorCondition(nn.Module):
    r"""Conditional batch normalisation: each class has its own gain and offset in every normalisation.

    .. math:: \gamma_y \frac{x-\mu}{\sqrt{\sigma^2+\epsilon}} + \beta_y

    Gains are 1 and offsets 0 at first; moving statistics are shared by the classes. A generator without batch
    normalisation gets one before each activation but the last.

    References:
        Dumoulin et al. 2016, arXiv 1610.07629, equation 5; de Vries et al. 2017, arXiv 1707.00683, section 3.

    Args:
        build: Makes a generator for a size of latents.
        latent: Size of the latents.
        classes: How many classes there are.

    Raises:
        UsageError: No classes, a generator with neither batch normalisation nor activations as layers, or a call
            without labels.
    """

    def __init__(self, build: Callable[[int], nn.Module], latent: int, classes: int) -> None:
        super().__init__()
        check_classes(classes, _NAME)
        network: Any = build(latent)
        labels = self.labels = Handed[Tensor]()
        norms = [part for part in network.modules() if isinstance(part, BatchNorm)]
        added = [] if norms else hidden_activations(network)
        if not norms and not added:
            raise UsageError(
                f"The generator has no batch normalisation, and no activations as layers before which the condition "
                f"'{_NAME}' could put one. Type --generator-condition embedding."
            )
        new: dict[nn.Module, nn.Module] = {norm: ConditionalBatchNorm(norm, classes, labels) for norm in norms}
        for activation, width in widths(network, added, placeholder((latent,))).items():
            new[activation] = nn.Sequential(ConditionalBatchNorm(BatchNorm(width), classes, labels), activation)
        self.network: Any = exchange(network, new)
        self.value_range = self.network.value_range

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` from latents ``[N, latent]`` and labels ``[N]``."""
        with self.labels.during(check_labels(labels, _NAME)):
            return self.network(latents)


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a gain and an offset for each class; for vectors and images alike.

    Args:
        norm: The normalisation that it takes the place of; its statistics go on, its gain and offset go.
        classes: How many classes there are.
        labels: Holds the labels ``[N]`` of the batch during a call.
    """

    def __init__(self, norm: BatchNorm, classes: int, labels: Handed[Tensor]) -> None:
        super().__init__()
        self.norm, self.labels = _without_affine(norm), labels
        self.gain = nn.Embedding.from_pretrained(torch.ones(classes, norm.num_features), freeze=False)
        self.bias = nn.Embedding.from_pretrained(torch.zeros(classes, norm.num_features), freeze=False)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised ``[N, features, …]``."""
        labels = self.labels.get()
        shape = (len(x), -1, *[1] * (x.dim() - 2))
        return torch.addcmul(self.bias(labels).view(shape), self.norm(x), self.gain(labels).view(shape))


def _without_affine(norm: BatchNorm) -> BatchNorm:
    """The normalisation with a gain of 1 and an offset of 0 that are neither learned nor stored."""
    gain, bias = torch.ones_like(norm.weight.detach()), torch.zeros_like(norm.bias.detach())
    del norm.weight, norm.bias
    norm.register_buffer("weight", gain, persistent=False)
    norm.register_buffer("bias", bias, persistent=False)
    return norm
