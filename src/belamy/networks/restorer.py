"""Spoilt sounds restored from what rules make of them: a network says where each of them is to be believed."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from belamy.networks.sizes import check_positive
from belamy.networks.vocos import FrameBlock
from belamy.networks.wavegan import STRIDE, StridedConv1d, UpsamplingConv1d

_TAPS, _LAYERS = 9, 3
_UNIT = STRIDE**_LAYERS
_SILENT = 1e-4


class Enhancer(nn.Module):
    r"""Weights of what K rules guess, and a rest of its own, for each sample that is damaged; all others stay.

    .. math:: \hat y_t = \sum_{k=1}^{K} \Bigl(\tfrac1K + w_{k,t}\Bigr)\,g_{k,t} + s\,r_t

    where g are the guesses and s is the level of what is heard, by which all that the network sees is divided. Damaged
    is what the first rule would change. A damaged sample that is not 0 was cut off, and stays at least as far from 0.
    At the start w and r are 0: the mean of the guesses.

    w and r come from convolutions of stride 4, blocks over 4 ms at 16,000 samples a second that see some 100 ms, and
    the way back. It sees what comes after as well: it restores recordings, not streams.

    The design is ours. That a learned mixture of guesses, each of which may be wrong elsewhere, is better than any of
    them: Wolpert 1992, "Stacked generalization", Neural Networks 5(2); the blocks: Siuzdak 2023, "Vocos", arXiv
    2306.00814.

    Args:
        shape: (channels, samples) of a clip; any number of samples passes.
        guesses: How many rules guess.
        width: Features of the first layer; they double from layer to layer.
        depth: Blocks.

    Raises:
        UsageError: A number below 1.

    Example:
        >>> network = Enhancer((1, 1000), 2, width=4, depth=1)
        >>> network(torch.zeros(3, 1, 1000), torch.zeros(3, 2, 1, 1000)).shape
        torch.Size([3, 1, 1000])
    """

    modality = "audio"
    native_shape = (1, 16384)
    latent_shape: tuple[int, ...] = ()
    takes_guesses = True

    def __init__(self, shape: tuple[int, ...], guesses: int, *, width: int = 16, depth: int = 4) -> None:
        super().__init__()
        check_positive(width, "restorer.width")
        check_positive(depth, "restorer.depth")
        seen = guesses + 2
        features = [seen, *(width * 2**number for number in range(_LAYERS))]
        self.down = nn.ModuleList(StridedConv1d(*pair, _TAPS) for pair in pairwise(features))
        self.blocks = nn.ModuleList(FrameBlock(features[-1], 2 * features[-1], 1 / depth) for _ in range(depth))
        outward = [width, *features[1:-1]]
        self.up = nn.ModuleList(
            UpsamplingConv1d(2 * features[number + 1], outward[number], taps=_TAPS)
            for number in reversed(range(_LAYERS))
        )
        self.last = nn.Conv1d(width + seen, guesses + 1, _TAPS, padding=_TAPS // 2)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, sounds: Tensor, guesses: Tensor) -> Tensor:
        """Restored sounds ``[N, C, T]``, each channel by itself.

        Args:
            sounds: What is heard.  # [N, C, T]
            guesses: What each rule makes of it.  # [N, K, C, T]
        """
        heard = sounds.flatten(0, 1)[:, None]
        guessed = guesses.transpose(1, 2).flatten(0, 1)
        damaged = guessed[:, :1] != heard
        level = heard.square().mean(2, keepdim=True).sqrt() + _SILENT
        weights, rest = self.weights(torch.cat([heard / level, guessed / level, damaged.to(heard)], 1))
        made = ((1 / guesses.shape[1] + weights) * guessed).sum(1, keepdim=True) + level * rest
        sign = heard.sign()
        made = torch.where(sign * made < sign * heard, heard, made)
        return torch.where(damaged, made, heard).view(sounds.shape)

    def weights(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """What is added to the weights of the guesses, and the rest.  # [N, K + 2, T] to [N, K, T] and [N, 1, T]"""
        samples = seen.shape[2]
        x = seen = pad(seen, (0, -samples % _UNIT))
        skips = []
        for layer in self.down:
            x = gelu(layer(x))
            skips.append(x)
        x = x.mT
        for block in self.blocks:
            x = block(x)
        x = x.mT
        for layer, skip in zip(self.up, reversed(skips), strict=True):
            x = gelu(layer(torch.cat([x, skip], 1)))
        found = self.last(torch.cat([x, seen], 1))[..., :samples]
        return found[:, :-1], found[:, -1:]
