r"""Spatial attention: a recurrent network writes a caption, and looks at the picture once it has read the word before.

.. math::
    h_t = \mathrm{GRU}([E y_{t-1}, v^g], h_{t-1}), \quad
    z_{ti} = w_h^\top \tanh(W_v v_i + W_g h_t), \quad \alpha_t = \mathrm{softmax}(z_t)

    c_t = \sum_i \alpha_{ti} v_i, \quad m = W_m v, \qquad p(y_t \mid y_{<t}, v) \propto \exp(W_p(h_t + W_c c_t) + m)

where :math:`v_i` is what is seen at place *i*, *v* all of them, and :math:`v^g` a function of their mean. Show, attend
and tell looks before it has read that word. Since no state depends on what was looked at, all words of known captions
are computed at once.

:math:`\sigma(m)` tells which words the caption has, in whatever order, from all places, each with its own weights, and
is learned as that too. Means over places, and words whose order is left to chance, teach what is small slowly.

References:
    Lu et al. 2017, "Knowing when to look", arXiv 1612.01887, section 2.2, equations 6 to 8. Wu et al. 2016, "What value
    do explicit high level concepts have in vision to language problems?", arXiv 1506.01144, section 3.1 (words of a
    caption as labels of its picture).
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool3d

from belamy.networks.places import Features, Places, check_sizes
from belamy.networks.sizes import check_positive

REGIONS = (4, 8, 8)
"""Frames, rows and columns from which it is told what is mentioned, at most."""


class SeenWhole(NamedTuple):
    """What is seen of pictures.

    Args:
        places: Features of each place.  # [N, P, channels]
        keys: What attention compares with.  # [N, P, keys]
        whole: The picture as a whole, in [-1, 1].  # [N, width]
        mentioned: Logits of the symbols that a caption has.  # [N, V]
    """

    places: Tensor
    keys: Tensor
    whole: Tensor
    mentioned: Tensor


class Captioner(nn.Module):
    """Logits of the words of captions, and where they look at.

    *Departs from the paper*: a GRU in place of an LSTM; features as in show-attend-tell in place of ResNet's, with a
    learned vector that says where a place is; the logits *m*, which are told from at most 4 by 8 by 8 regions.

    Args:
        shape: (channels, height, width) of pictures, or (frames, channels, height, width) of films.
        vocabulary: How many symbols there are.
        features: ``learned``, by three convolutions at a quarter of the size, or ``efficientnet``, frozen, at an eighth
            of at least 64 pixels.
        channels: Numbers that are seen at a place, a multiple of 16.
        width: Numbers that the recurrent network remembers.
        embedding: Numbers that stand for a word.
        keys: Numbers by which a place is compared with what is sought.
        dropout: Probability at which numbers of words and before outputs are zeroed in training.

    Raises:
        UsageError: A number is out of range.

    Example:
        >>> network = Captioner((3, 32, 32), 9, width=16, channels=16)
        >>> logits, attention, mentioned = network(torch.zeros(2, 3, 32, 32), torch.ones(2, 5, dtype=torch.long))
        >>> logits.shape, attention.shape, mentioned.shape, network.grid
        (torch.Size([2, 5, 9]), torch.Size([2, 5, 64]), torch.Size([2, 9]), (1, 8, 8))
    """

    modality = ("image", "video")
    native_shape = (3, 32, 32)

    def __init__(
        self,
        shape: tuple[int, ...],
        vocabulary: int,
        *,
        features: Features = "learned",
        channels: int = 64,
        width: int = 128,
        embedding: int = 64,
        keys: int = 32,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        check_sizes(width, embedding, dropout)
        check_positive(keys, "keys")
        self.features = Places(shape, channels, features)
        self.grid = self.features.grid
        frames, rows, columns = map(min, self.grid, REGIONS)
        self.regions = (frames, rows, columns)
        self.whole = nn.Linear(channels, width)
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.gru = nn.GRU(embedding + width, width, batch_first=True)
        self.key, self.query, self.energy = nn.Linear(channels, keys), nn.Linear(width, keys), nn.Linear(keys, 1)
        self.of_seen, self.out = nn.Linear(channels, width), nn.Linear(width, vocabulary)
        self.mentioned = nn.Linear(channels * prod(self.regions), vocabulary)
        self.dropout = nn.Dropout(dropout)

    def look(self, pictures: Tensor) -> SeenWhole:
        """What is seen, in [-1, 1].  # [N, *shape]"""
        places = self.features(pictures)
        whole = self.whole(places.mean(1)).tanh()
        return SeenWhole(places, self.key(places), whole, self.mentioned(self.dropout(self._regions(places))))

    def evidence(self, seen: SeenWhole, symbols: Tensor) -> Tensor:
        """How much more each region adds to the logit *m* of a symbol than to that of symbols on average, at least 0.

        References:
            Zhou et al. 2016, "Learning deep features for discriminative localization", arXiv 1512.04150, equation 2.

        Args:
            seen: What ``look`` gives.
            symbols: Of captions.  # long [N, L], to [N, L, *regions]
        """
        found = self._regions(seen.places).unflatten(1, (-1, *self.regions))
        weight = self.mentioned.weight.unflatten(1, (-1, *self.regions))
        added = torch.einsum("nctrs,vctrs->nvtrs", found, weight)
        more = (added - added.mean(1, keepdim=True)).clamp(min=0)
        return more[torch.arange(len(symbols))[:, None], symbols]

    def _regions(self, places: Tensor) -> Tensor:
        """The mean of the places of each region.  # [N, P, channels] to [N, channels · regions]"""
        return adaptive_avg_pool3d(places.transpose(1, 2).unflatten(2, self.grid), self.regions).flatten(1)

    def begin(self, seen: SeenWhole) -> Tensor:
        """The state before a caption: the whole.  # [N, width]"""
        return seen.whole

    def step(self, seen: SeenWhole, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of what follows a symbol, the attention, and the new state.

        Args:
            seen: What ``look`` gives.
            tokens: The symbol before.  # long [N]
            state: What ``begin`` or the step before gives.  # [N, width]
        """
        logits, attention, states = self._write(seen, tokens[:, None], state)
        return logits[:, 0], attention[:, 0], states[:, 0]

    def forward(self, pictures: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of what follows each symbol, where was looked at for it, and logits of the symbols that there are.

        Args:
            pictures: In [-1, 1].  # [N, *shape]
            tokens: Symbols.  # long [N, L], to [N, L, V], [N, L, P] and [N, V]
        """
        seen = self.look(pictures)
        return *self._write(seen, tokens, self.begin(seen))[:2], seen.mentioned

    def _write(self, seen: SeenWhole, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, attention and states after each symbol.  # [N, L, V], [N, L, P], [N, L, width]"""
        words = self.dropout(self.embedding(tokens))
        whole = seen.whole[:, None].expand(-1, tokens.shape[1], -1)
        states = self.gru(torch.cat([words, whole], 2), state[None])[0]
        energies = self.energy((seen.keys[:, None] + self.query(states)[:, :, None]).tanh())[..., 0]
        attention = energies.softmax(2)
        found = self.of_seen(torch.bmm(attention, seen.places))
        logits = self.out(self.dropout(states + found)) + seen.mentioned[:, None]
        return logits, attention, states
