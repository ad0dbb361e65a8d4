"""Architectures: one file each, ``nn.Module`` only; no loss, no file, no optimiser.

A file holds any of the classes below. Arguments before the ``*`` of a constructor are given by the data and the run,
the keyword-only ones are the user's options; ``native_shape`` is the published size. Labels enter through the parts in
`belamy.networks.conditions`, around any network.

Shapes are (channels, height, width) of pictures; a network for another kind of data says so by ``modality``, e.g.
"audio". Every network adapts to other channel counts and to any height and width its strides divide; other sizes raise
a `UsageError` that names the nearest sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from belamy.registry import Module

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor


class Generator(Module, Protocol):
    """What a class ``Generator(latent, shape, *, …)`` must have.

    One whose last layer is linear says so by ``bounded = False``: its images leave ``value_range``, and samples are
    clipped.
    """

    native_shape: tuple[int, ...]
    value_range: tuple[float, float]

    def forward(self, latents: Tensor) -> Tensor:
        """Images in ``value_range``.  # [N, latent] to [N, C, H, W]"""
        ...


class Discriminator(Module, Protocol):
    """What a class ``Discriminator(shape, *, …)`` must have."""

    native_shape: tuple[int, ...]

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and the features behind them, from one pass.  # [N, C, H, W] to [N] and [N, F]"""
        ...

    def forward(self, images: Tensor) -> Tensor:
        """Scores: logits, never a sigmoid.  # [N, C, H, W] to [N]"""
        ...


class Encoder(Module, Protocol):
    """What a class ``Encoder(shape, latent, *, …)`` must have."""

    native_shape: tuple[int, ...]

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Codes, or their means and log-variances.  # [N, C, H, W] to [N, latent]"""
        ...


class Decoder(Module, Protocol):
    """What a class ``Decoder(latent, shape, *, …)`` must have."""

    native_shape: tuple[int, ...]

    def forward(self, codes: Tensor) -> Tensor:
        """Images in [0, 1].  # [N, latent] to [N, C, H, W]"""
        ...


class Classifier(Module, Protocol):
    """What a class ``Classifier(shape, classes, *, …)`` must have."""

    native_shape: tuple[int, ...]

    def forward(self, images: Tensor) -> Tensor:
        """Logits.  # [N, C, H, W] to [N, classes]"""
        ...


class Stylist(Module, Protocol):
    """What a class ``Stylist(shape, *, …)`` must have."""

    native_shape: tuple[int, ...]
    receptive_field: int

    def forward(self, images: Tensor) -> Tensor:
        """Images in [-1, 1] of the same size.  # [N, C, H, W]"""
        ...


class LanguageModel(Module, Protocol):
    """What a class ``LanguageModel(length, vocabulary, *, …)`` must have."""

    modality: str

    def step(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Logits of what follows each symbol, after those that a state has seen, and the new state.  # [N, T]"""
        ...

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of what follows each symbol, which sees itself and those before it.  # [N, T] to [N, T, V]"""
        ...


class PixelModel(Module, Protocol):
    """What a class ``PixelModel(shape, classes, *, …)`` must have; pixels are numbered row by row.

    Of a sound, [C, T], the pixels are its samples.
    """

    features: int

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """Features of each pixel, a function of the pixels before it.  # [N, C, H, W] to [N, features, H, W]

        Args:
            values: Pictures in [-1, 1].
            labels: Their classes, of a network that was made for some.  # [N]
        """
        ...

    def start(self, count: int, labels: Tensor | None = None) -> Any:
        """The state before the first pixel of so many pictures, in evaluation."""
        ...

    def step(self, state: Any, place: int, before: Tensor | None = None) -> Tensor:
        """Features of the pixel at a place, the same as ``forward`` tells; the state is changed.  # [N, features]

        Args:
            state: Of the places before.
            place: The pixel's number.
            before: The pixel before it; None at the first.  # [N, C]
        """
        ...


class Denoiser(Module, Protocol):
    """What a class ``Denoiser(shape, classes, *, …)`` must have; with classes, label ``classes`` stands for none.

    One that can be told what a text says is ``Denoiser(shape, classes, text, attends, *, …)``, says so by
    ``takes_text = True``, and is called with a ``captioned.Said`` after the labels; ``text`` is the size of its
    vectors, and ``attends`` whether those of its symbols are looked at beside that of the whole.
    """

    native_shape: tuple[int, int, int]

    def forward(self, images: Tensor, level: Tensor, labels: Tensor | None = None) -> Tensor:
        """What a diffusion model is asked for, at a level of noise of each.  # [N, C, H, W], [N], [N]"""
        ...


class TextEncoder(Module, Protocol):
    """What a class ``TextEncoder(length, vocabulary, *, …)`` must have.

    One that reads the words themselves takes ``symbols``, those of the vocabulary by number, in the third place.
    """

    width: int
    """Numbers of a vector."""

    def forward(self, symbols: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors of the symbols of texts, which are no padding, and vectors of the wholes, as ``captioned.Said``.

        Args:
            symbols: Whole numbers.  # [N, L] to [N, L, width], bool [N, L], [N, width]
        """
        ...


class CaptionedGenerator(Module, Protocol):
    """What a class ``CaptionedGenerator(latent, shape, text, *, …)`` must have, for vectors of ``text`` numbers."""

    native_shape: tuple[int, int, int]

    def forward(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures about in [-1, 1].  # [N, latent], [N, text] to [N, C, H, W]"""
        ...


class CaptionedUpscaler(Module, Protocol):
    """What a class ``CaptionedUpscaler(shape, scale, text, *, …)`` must have; the shape is that of the small images."""

    native_shape: tuple[int, int, int]

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        """Images so many times as high and wide.  # [N, C, H, W], [N, text] to [N, C, scale H, scale W]"""
        ...


class CaptionedDiscriminator(Module, Protocol):
    """What a class ``CaptionedDiscriminator(shape, text, *, …)`` must have."""

    native_shape: tuple[int, int, int]

    def scores_and_features(self, images: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and the features behind them, from one pass.  # [N, C, H, W], [N, text] to [N] and [N, F]"""
        ...

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        """Scores of pictures with texts: logits, never a sigmoid.  # [N, C, H, W], [N, text] to [N]"""
        ...


class Captioner(Module, Protocol):
    """What a class ``Captioner(shape, vocabulary, *, …)`` must have, for pictures or films.

    What ``look`` gives is a named tuple of tensors, one row for each picture.
    """

    native_shape: tuple[int, ...]
    grid: tuple[int, int, int]
    """Frames, rows and columns of the places that it looks at."""

    def look(self, pictures: Tensor) -> Any:
        """What is seen of pictures in [-1, 1].  # [N, *shape]"""
        ...

    def begin(self, seen: Any) -> Tensor:
        """The state before a caption.  # [N, …]"""
        ...

    def step(self, seen: Any, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of what follows symbols, the attention to places, and the new state.  # long [N] to [N, V], [N, P]"""
        ...

    def forward(self, pictures: Tensor, tokens: Tensor) -> tuple[Tensor, ...]:
        """The same for each symbol of captions; and, of a network that tells it, logits of the symbols that a caption
        has at all.  # [N, *shape], long [N, L] to [N, L, V], [N, L, P] and [N, V]"""
        ...


class Flow(Module, Protocol):
    """What a class ``Flow(shape, classes, *, …)`` must have; an invertible network."""

    native_shape: tuple[int, int, int]

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Standard normal numbers and ln |det J|.  # [N, C, H, W] to [N, C H W], [N]"""
        ...

    def inverse(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures of standard normal numbers.  # [N, C H W] to [N, C, H, W]"""
        ...

    def begin(self, images: Tensor) -> None:
        """Set what is first set by a batch, if anything is.  # [N, C, H, W]"""
        ...


class SoundFlow(Module, Protocol):
    """What a class ``SoundFlow(shape, bands, hop, *, …)`` must have; an invertible network that is told spectrograms.

    The shape is (channels, samples) of sounds, of whose spectrograms a frame of ``bands`` numbers has ``hop`` samples.
    """

    native_shape: tuple[int, int]

    def forward(self, sounds: Tensor, spectrogram: Tensor) -> tuple[Tensor, Tensor]:
        """Noise and ln |det J|.  # [N, C, T], [N, bands, frames] to [N, C T], [N]"""
        ...

    def inverse(self, latents: Tensor, spectrogram: Tensor) -> Tensor:
        """Sounds of noise.  # [N, C T], [N, bands, frames] to [N, C, T]"""
        ...


class Vocoder(Module, Protocol):
    """What a class ``Vocoder(bands, frame, hop, *, …)`` must have, for spectrograms of such windows and steps."""

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Sounds, about in [-1, 1].  # [N, bands, frames] to [N, 1, frames hop]"""
        ...


class Translator(Module, Protocol):
    """What a class ``Translator(shape, outputs, *, …)`` must have."""

    native_shape: tuple[int, int, int]

    def forward(self, images: Tensor, streams: Sequence[torch.Generator] | None = None) -> Tensor:
        """Pictures in [-1, 1] of the same height and width.  # [N, C, H, W] to [N, outputs, H, W]

        Args:
            images: What is translated.
            streams: The random numbers of each sample, in evaluation.
        """
        ...


class Accompanist(Module, Protocol):
    """What a class ``Accompanist(latent, shape, *, …)`` must have; the shape is (voices, steps, columns) of pieces."""

    native_shape: tuple[int, int, int]
    native_latent: int
    value_range: tuple[float, float]

    def forward(self, latents: Tensor, given: Tensor) -> Tensor:
        """The other voices in ``value_range``.  # [N, latent], [N, 1, steps, columns] to [N, voices - 1, steps,
        columns]"""
        ...


class Enhancer(Module, Protocol):
    """What a class ``Enhancer(shape, *, …)`` must have; the shape is (channels, samples).

    One that mixes what so many rules make of sounds is ``Enhancer(shape, guesses, *, …)``, says so by ``takes_guesses =
    True``, and is called with guesses ``[N, K, C, T]`` in place of latents.
    """

    native_shape: tuple[int, ...]
    latent_shape: tuple[int, ...]
    """Of the latents of one sound; empty where the network takes none."""

    def forward(self, sounds: Tensor, latents: Tensor | None = None) -> Tensor:
        """Clean sounds of noisy ones; without latents these are 0.  # [N, C, T] and [N, *latent_shape] to [N, C, T]"""
        ...


class Upscaler(Module, Protocol):
    """What a class ``Upscaler(shape, scale, *, …)`` must have; the shape is that of the small images."""

    native_shape: tuple[int, int, int]

    def forward(self, images: Tensor) -> Tensor:
        """Images so many times as high and wide, of small ones in [-1, 1].  # [N, C, H, W]"""
        ...


class Colouriser(Module, Protocol):
    """What a class ``Colouriser(shape, bins, *, …)`` must have; the shape is that of lightness, (1, H, W).

    One that can be told colours is ``Colouriser(shape, bins, hints, palette, *, …)``, says so by ``takes_colours =
    True``, and is called with hints ``[N, 3, H, W]`` and palettes ``[N, palette]`` after the lightness.
    """

    native_shape: tuple[int, int, int]

    def forward(self, lightness: Tensor) -> Tensor:
        """Numbers of each place, such as logits of bins, at the size of the picture or below.

        Args:
            lightness: In [-1, 1].  # [N, 1, H, W] to [N, bins, h, w]
        """
        ...


class PatchScores(NamedTuple):
    """What a discriminator says of the patches of pictures at one scale.

    Args:
        scores: Logits.  # [N, 1, h, w]
        features: What each layer before the last answers, those next to the pixels first; () where none are asked for.
            # [N, C, h, w] each
    """

    scores: Tensor
    features: tuple[Tensor, ...] = ()


class PatchDiscriminator(Module, Protocol):
    """What a class ``PatchDiscriminator(shape, *, …)`` must have."""

    native_shape: tuple[int, int, int]

    def forward(self, images: Tensor) -> Tensor:
        """Scores of patches: logits, never a sigmoid.  # [N, C, H, W] to [N, 1, h, w]"""
        ...


@runtime_checkable
class JudgesAtScales(Protocol):
    """A discriminator of patches that judges at one scale or several, and shows the features behind its scores."""

    def scales(self, images: Tensor, features: bool = False) -> list[PatchScores]:
        """The scores at each scale by themselves, the finest first, with the features behind them if asked for."""
        ...


class Inpainter(Module, Protocol):
    """What a class ``Inpainter(shape, *, …)`` must have."""

    native_shape: tuple[int, int, int]

    def forward(self, images: Tensor, known: Tensor | None = None) -> Tensor:
        """Whole pictures of the same height and width.  # [N, C, H, W] to [N, C, H, W]

        Args:
            images: In [-1, 1]; in the holes anything, which must not matter.
            known: 1 where pixels are known, 0 in holes; None where all are.  # [N, 1, H, W]
        """
        ...
