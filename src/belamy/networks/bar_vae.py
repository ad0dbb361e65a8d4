"""Encoder and decoder of two bars of music or a few more, to go from one to another between codes."""

from __future__ import annotations

from torch import Tensor, nn

from belamy.networks.layers import dense
from belamy.networks.musegan import BarGenerator, bars_of, critic_layers
from belamy.networks.sizes import check_positive


class Encoder(nn.Module):
    """Rolls → MuseGAN's critic up to its features → mean and log-variance.

    References:
        The idea of codes of two bars: Roberts et al. 2018, "A hierarchical latent vector model", arXiv 1803.05428; its
        networks are recurrent.

    Args:
        shape: (voices, steps, columns) of the rolls.
        latent: Size of the code.
        width: Features of the first layers.
        bar: Steps of a bar.

    Raises:
        UsageError: Steps that are no whole bars.
    """

    modality = "music"
    native_shape = (4, 32, 48)
    native_latent = 32
    value_range = (0.0, 1.0)

    def __init__(self, shape: tuple[int, ...], latent: int, *, width: int = 32, bar: int = 16) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(width, "bar-vae.width")
        self.bars = bars_of(shape, bar)
        self.layers = critic_layers(shape[0], self.bars, bar, shape[2], width)
        self.mean, self.log_variance = dense(8 * width, latent), dense(8 * width, latent)

    def forward(self, rolls: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance ``[N, latent]`` of the code of rolls ``[N, voices, steps, columns]`` in [0, 1]."""
        hidden = self.layers((2 * rolls - 1).unflatten(2, (self.bars, -1)))
        return self.mean(hidden), self.log_variance(hidden)


class Decoder(nn.Module):
    """Code → a latent for each bar → MuseGAN's bar generator for all voices.

    Args:
        latent: Size of the code.
        shape: (voices, steps, columns) of the rolls.
        width: Features of the bar generator's last layer but one; a bar's latent has eight times as many numbers.
        bar: Steps of a bar.

    Raises:
        UsageError: Steps that are no whole bars.
    """

    modality = "music"
    native_shape = (4, 32, 48)
    native_latent = 32
    value_range = (0.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, ...], *, width: int = 32, bar: int = 16) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(width, "bar-vae.width")
        self.bars = bars_of(shape, bar)
        self.of_bars = nn.Sequential(dense(latent, self.bars * 8 * width), nn.ReLU())
        self.player = BarGenerator(8 * width, shape[0], bar, shape[2], width)

    def forward(self, codes: Tensor) -> Tensor:
        """Rolls ``[N, voices, steps, columns]`` in [0, 1] from codes ``[N, latent]``."""
        bars: Tensor = self.player(self.of_bars(codes).unflatten(1, (self.bars, -1)).flatten(0, 1))
        return bars.add(1).div(2).unflatten(0, (len(codes), self.bars)).transpose(1, 2).flatten(2, 3)
