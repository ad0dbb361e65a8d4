"""The networks of the recurrent conditional GAN: one LSTM layer and a linear output, at every step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.networks.conditions import check_labels, indicators
from belamy.networks.sizes import check_positive


class StepLSTM(nn.Module):
    """One LSTM layer, then a linear layer, at every step; the class, where there are any, joins each step's input.

    Forget gates start at 1, as TensorFlow's do; all else as PyTorch's layers do.

    References:
        Hochreiter & Schmidhuber 1997, Neural Computation 9(8); Esteban et al. 2017, arXiv 1706.02633, section 3.

    Args:
        incoming: Numbers at each step.
        hidden: Size of the LSTM's state.
        outgoing: Numbers that come out at each step.
        classes: How many classes there are, 0 for none.

    Raises:
        UsageError: A size below 1, or a call without labels where there are classes.

    Example:
        >>> StepLSTM(5, 100, 1)(torch.zeros(2, 30, 5)).shape
        torch.Size([2, 30, 1])
    """

    def __init__(self, incoming: int, hidden: int, outgoing: int, classes: int = 0) -> None:
        super().__init__()
        check_positive(hidden, "hidden")
        self.classes = classes
        self.lstm = nn.LSTM(incoming + classes, hidden, batch_first=True)
        self.head = nn.Linear(hidden, outgoing)
        forget = slice(hidden, 2 * hidden)  # PyTorch orders the gates input, forget, cell, output and adds two offsets
        with torch.no_grad():
            offsets = dict(self.lstm.named_parameters())
            offsets["bias_ih_l0"][forget] = 1.0
            offsets["bias_hh_l0"][forget] = 0.0

    def forward(self, steps: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[N, T, outgoing]`` of ``[N, T, incoming]`` and labels ``[N]``."""
        if self.classes:
            told = indicators(check_labels(labels, "rcgan"), self.classes, steps)  # [N, K]
            steps = torch.cat([steps, told[:, None].expand(-1, steps.shape[1], -1)], 2)
        states, _ = self.lstm(steps)
        made: Tensor = self.head(states)
        return made


class SeriesGenerator(nn.Module):
    """A new latent at every step → LSTM → tanh: series ``[T, C]``; 42,901 parameters at one channel, no classes.

    Args:
        latent: Numbers drawn at each step.
        shape: (steps, channels) of the series.
        classes: How many classes there are, 0 for none.
        hidden: Size of the LSTM's state.
    """

    def __init__(self, latent: int, shape: tuple[int, ...], classes: int = 0, hidden: int = 100) -> None:
        super().__init__()
        self.steps, self.latent = shape[0], latent
        self.network = StepLSTM(latent, hidden, shape[1], classes)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Series ``[N, T, C]`` in [-1, 1] from latents ``[N, T * latent]``."""
        return torch.tanh(self.network(latents.view(-1, self.steps, self.latent), labels))


class StepDiscriminator(nn.Module):
    """Series → LSTM → a logit at every step: real so far, or not; 41,301 parameters at one channel, no classes.

    Args:
        shape: (steps, channels) of the series.
        classes: How many classes there are, 0 for none.
        hidden: Size of the LSTM's state.
    """

    def __init__(self, shape: tuple[int, ...], classes: int = 0, hidden: int = 100) -> None:
        super().__init__()
        self.network = StepLSTM(shape[1], hidden, 1, classes)

    def forward(self, series: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits ``[N, T]`` of series ``[N, T, C]``."""
        return self.network(series, labels).squeeze(2)
