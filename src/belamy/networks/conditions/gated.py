"""Labels as the offsets of gated activations."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.conditions import check_classes, check_labels
from belamy.networks.surgery import Handed, exchange, hidden_activations, widths
from belamy.networks.tracing import placeholder

_NAME = "gated"


class GeneratorCondition(nn.Module):
    r"""A gate in place of every activation but the last, with offsets for each class.

    .. math:: \tanh(x + b_y)\,\sigma(x + c_y)

    Offsets are :math:`N(0, 1/K)` at first, for K classes: those of a linear layer from the one-hot label.

    *Departs from the paper*, where a convolution gives two maps, one for either factor: here both see the same one, so
    that any generator can be gated.

    References:
        van den Oord et al. 2016, arXiv 1606.05328, equation 4; in a generator: Jones & Bonafilia 2017, GANGogh.

    Args:
        build: Makes a generator for a size of latents.
        latent: Size of the latents.
        classes: How many classes there are.

    Raises:
        UsageError: No classes, a generator whose activations are not layers, or a call without labels.
    """

    def __init__(self, build: Callable[[int], nn.Module], latent: int, classes: int) -> None:
        super().__init__()
        check_classes(classes, _NAME)
        network: Any = build(latent)
        labels = self.labels = Handed[Tensor]()
        activations = hidden_activations(network)
        if not activations:
            raise UsageError(
                f"The generator has no activations as layers before its last layer that the condition '{_NAME}' could "
                f"replace. Type --generator-condition embedding."
            )
        new: dict[nn.Module, nn.Module] = {
            activation: Gate(width, classes, labels)
            for activation, width in widths(network, activations, placeholder((latent,))).items()
        }
        self.network: Any = exchange(network, new)
        self.value_range = self.network.value_range

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images ``[N, C, H, W]`` from latents ``[N, latent]`` and labels ``[N]``."""
        with self.labels.during(check_labels(labels, _NAME)):
            return self.network(latents)


class Gate(nn.Module):
    """The gated activation with an offset for each class in either factor; for vectors and images alike.

    Args:
        features: Size of the second axis.
        classes: How many classes there are.
        labels: Holds the labels ``[N]`` of the batch during a call.
    """

    def __init__(self, features: int, classes: int, labels: Handed[Tensor]) -> None:
        super().__init__()
        self.labels = labels
        self.value, self.gate = nn.Embedding(classes, features), nn.Embedding(classes, features)
        for offsets in (self.value, self.gate):
            nn.init.normal_(offsets.weight, 0.0, classes**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x`` ``[N, features, …]``."""
        labels = self.labels.get()
        shape = (len(x), -1, *[1] * (x.dim() - 2))
        return torch.tanh(x + self.value(labels).view(shape)) * torch.sigmoid(x + self.gate(labels).view(shape))
