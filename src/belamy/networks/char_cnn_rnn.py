"""Texts by convolutions over their symbols and a recurrent network over what these find."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from belamy.modalities.text import PADDING
from belamy.networks.captioned import Said
from belamy.networks.sizes import check_positive

_KERNEL, _POOLED, _FEWEST = 4, 3, 4


class TextEncoder(nn.Module):
    """Char-CNN-RNN: convolutions over symbols, each with a rectifier and the largest of three places, then a GRU.

    What stands for the whole is a dense layer of the mean of its states. Padding counts nowhere. Convolutions pool as
    long as at least four places of the longest text remain, which those of few words soon have no more.

    *Departs from the paper*: a GRU in place of a plain recurrent network or an LSTM; the widths are smaller.

    References:
        Reed et al. 2016, "Learning deep representations of fine-grained visual descriptions", arXiv 1605.05395, section
        4; the convolutions: Zhang et al. 2015, arXiv 1509.01626.

    Args:
        length: Symbols of the longest text.
        vocabulary: How many symbols there are.
        width: Numbers of a vector.
        channels: Of each convolution.
        depth: Convolutions.

    Raises:
        UsageError: An option below 1.

    Example:
        >>> said = TextEncoder(40, 9, width=8, channels=8)(torch.tensor([[4, 3, 1] + 37 * [0]]))
        >>> said.vectors.shape, said.present.sum().item(), said.whole.shape
        (torch.Size([1, 5, 8]), 1, torch.Size([1, 8]))
    """

    modality = "text"

    def __init__(self, length: int, vocabulary: int, *, width: int = 128, channels: int = 64, depth: int = 3) -> None:
        super().__init__()
        for value, what in ((width, "width"), (channels, "channels"), (depth, "depth")):
            check_positive(value, what)
        self.width, self.pooled = width, []
        for _ in range(depth):
            shorter = -(-length // _POOLED)
            self.pooled.append(shorter >= _FEWEST)
            length = shorter if self.pooled[-1] else length
        self.embedding = nn.Embedding(vocabulary, channels)
        convolutions = [nn.Conv1d(channels, channels, _KERNEL) for _ in range(depth)]
        for convolution in convolutions:  # so that texts are told apart from the beginning
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        self.convolutions = nn.ModuleList(convolutions)
        self.rnn = nn.GRU(channels, channels, batch_first=True)
        self.out = nn.Linear(channels, width)

    def forward(self, symbols: Tensor) -> Said:
        """What texts say; the vectors are of the places that are left.  # long [N, length]"""
        present = (symbols != PADDING).to(self.out.weight)[:, None]
        maps = self.embedding(symbols).transpose(1, 2) * present  # [N, channels, T]
        for convolution, pooled in zip(self.convolutions, self.pooled, strict=True):
            maps = F.relu(convolution(F.pad(maps, (1, 2)))) * present
            if pooled:
                maps, present = (F.max_pool1d(each, _POOLED, ceil_mode=True) for each in (maps, present))
        states = self.rnn(maps.transpose(1, 2))[0]
        mean = (states * present.transpose(1, 2)).sum(1) / present.sum(2)
        vectors: Tensor = self.out(states)
        return Said(vectors, present[:, 0] > 0, self.out(mean))
