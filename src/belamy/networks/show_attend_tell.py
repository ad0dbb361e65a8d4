r"""Show, attend and tell: a recurrent network that writes a caption, and looks at places of a picture for each word.

.. math::
    e_{ti} = v^\top \tanh(W_a a_i + W_h h_{t-1}), \quad \alpha_t = \mathrm{softmax}(e_t), \quad
    \hat z_t = \sigma(f_\beta(h_{t-1})) \sum_i \alpha_{ti} a_i

    h_t = \mathrm{GRU}([E y_{t-1}, \hat z_t], h_{t-1}), \qquad
    p(y_t \mid y_{<t}, a) \propto \exp(L_o(E y_{t-1} + L_h h_t + L_z \hat z_t))

where :math:`a_i` is what is seen at place *i*.

References:
    Xu et al. 2015, "Show, attend and tell", arXiv 1502.03044, section 3.1.2, equations 4 to 7, section 4.2 (soft
    attention) and 4.2.1 (the gate).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from belamy.networks.places import Features, Places, check_sizes


class SeenPlaces(NamedTuple):
    """What is seen at the places of pictures.

    Args:
        places: Features of each.  # [N, P, channels]
        keys: What attention compares with.  # [N, P, width]
    """

    places: Tensor
    keys: Tensor


class Captioner(nn.Module):
    """Logits of the words of captions, and where they look at.

    Films are seen by convolutions over time too, and attention goes to places of all frames.

    *Departs from the paper*: a GRU in place of an LSTM; features that are learned along, or the embedded
    EfficientNet-lite0's, in place of VGG's; each place has a learned vector added that says where it is, since these
    features see less far; the output's first layer has a tanh.

    Args:
        shape: (channels, height, width) of pictures, or (frames, channels, height, width) of films.
        vocabulary: How many symbols there are.
        features: ``learned``, by three convolutions at a quarter of the size, or ``efficientnet``, frozen, at an eighth
            of at least 64 pixels.
        channels: Numbers that are seen at a place, a multiple of 16.
        width: Numbers that the recurrent network remembers.
        embedding: Numbers that stand for a word.
        dropout: Probability at which numbers of words and before the output are zeroed in training.

    Raises:
        UsageError: A number is out of range.

    Example:
        >>> network = Captioner((3, 32, 32), 9, width=16, channels=16)
        >>> logits, attention = network(torch.zeros(2, 3, 32, 32), torch.ones(2, 5, dtype=torch.long))
        >>> logits.shape, attention.shape, network.grid
        (torch.Size([2, 5, 9]), torch.Size([2, 5, 64]), (1, 8, 8))
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
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        check_sizes(width, embedding, dropout)
        self.features = Places(shape, channels, features)
        self.grid = self.features.grid
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.first = nn.Linear(channels, width)
        self.key, self.query, self.energy = nn.Linear(channels, width), nn.Linear(width, width), nn.Linear(width, 1)
        self.gate = nn.Linear(width, channels)
        self.gru = nn.GRUCell(embedding + channels, width)
        self.of_state, self.of_seen = nn.Linear(width, embedding), nn.Linear(channels, embedding)
        self.out = nn.Linear(embedding, vocabulary)
        self.dropout = nn.Dropout(dropout)

    def look(self, pictures: Tensor) -> SeenPlaces:
        """What is seen, in [-1, 1].  # [N, *shape]"""
        places = self.features(pictures)
        return SeenPlaces(places, self.key(places))

    def begin(self, seen: SeenPlaces) -> Tensor:
        """The state before a caption.  # [N, width]"""
        return self.first(seen.places.mean(1)).tanh()

    def step(self, seen: SeenPlaces, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of what follows a symbol, the attention, and the new state.

        Args:
            seen: What ``look`` gives.
            tokens: The symbol before.  # long [N]
            state: What ``begin`` or the step before gives.  # [N, width]
        """
        words = self.dropout(self.embedding(tokens))
        found, attention, state = self._advance(seen, words, state)
        return self._logits(words, state, found), attention, state

    def forward(self, pictures: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of what follows each symbol, and where was looked at for it.

        Args:
            pictures: In [-1, 1].  # [N, *shape]
            tokens: Symbols.  # long [N, L], to [N, L, V] and [N, L, P]
        """
        seen = self.look(pictures)
        state, words = self.begin(seen), self.dropout(self.embedding(tokens))
        states, contexts, weights = [], [], []
        for place in range(tokens.shape[1]):
            found, attention, state = self._advance(seen, words[:, place], state)
            states.append(state)
            contexts.append(found)
            weights.append(attention)
        return self._logits(words, torch.stack(states, 1), torch.stack(contexts, 1)), torch.stack(weights, 1)

    def _advance(self, seen: SeenPlaces, words: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is found by looking, where was looked at, and the new state."""
        energies = self.energy((seen.keys + self.query(state)[:, None]).tanh())[:, :, 0]
        attention = energies.softmax(1)
        found = self.gate(state).sigmoid() * torch.bmm(attention[:, None], seen.places)[:, 0]
        return found, attention, self.gru(torch.cat([words, found], 1), state)

    def _logits(self, words: Tensor, state: Tensor, found: Tensor) -> Tensor:
        logits: Tensor = self.out(self.dropout((words + self.of_state(state) + self.of_seen(found)).tanh()))
        return logits
