"""Weights divided by their largest singular value."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from belamy.networks.sizes import check_positive
from belamy.networks.surgery import weighted_layers
from belamy.networks.weights import outputs_axis

_ITERATIONS_AT_FIRST = 15


class Weights:
    r"""Spectral normalisation: each weight, as a matrix from inputs to outputs, has spectral norm 1.

    .. math:: \bar W = W / \sigma(W), \qquad \sigma(W) = u^\top W v

    with u and v from power iteration, which goes on by ``iterations`` each time that the layer is used in training. A
    weight that is 0 at first has no direction, so it is drawn from a standard normal distribution.

    *Departs from the paper* in keeping u alone: v and σ are computed from it whenever the weight is, so that averaged
    weights are normalised by their own singular value too.

    References:
        Miyato et al. 2018, arXiv 1802.05957, equation 8 and algorithm 1; for generators: Zhang et al. 2018,
        arXiv 1805.08318, section 4.1.

    Args:
        iterations: Steps of power iteration.
    """

    def __init__(self, *, iterations: int = 1) -> None:
        self.iterations = check_positive(iterations, "spectral.iterations")

    @torch.no_grad()
    def apply(self, network: nn.Module) -> None:
        """Normalise every dense and convolutional layer."""
        for layer in weighted_layers(network):
            if not layer.weight.any():
                layer.weight.normal_()
            parametrize.register_parametrization(
                layer, "weight", _Spectral(layer.weight.detach(), outputs_axis(layer), self.iterations)
            )


class _Spectral(nn.Module):
    """Divides a weight by the estimate of its largest singular value."""

    u: Tensor

    def __init__(self, weight: Tensor, axis: int, iterations: int) -> None:
        super().__init__()
        self.axis, self.iterations = axis, iterations
        matrix = weight.movedim(axis, 0).flatten(1)
        self.register_buffer("u", F.normalize(torch.randn_like(matrix[:, 0]), dim=0))
        self.u, _ = self._iterate(matrix, _ITERATIONS_AT_FIRST)

    def forward(self, weight: Tensor) -> Tensor:
        """``weight`` over its spectral norm."""
        matrix = weight.movedim(self.axis, 0).flatten(1)
        u, v = self._iterate(matrix.detach(), self.iterations)
        if self.training:
            with torch.no_grad():
                self.u.copy_(u)
        return weight / torch.dot(u, matrix @ v)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        u = self.u
        for _ in range(steps):
            v = F.normalize(matrix.T @ u, dim=0)
            u = F.normalize(matrix @ v, dim=0)
        return u, v
