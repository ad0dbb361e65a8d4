"""Voices of sounds by the speaker encoder that the package carries, and those that are enrolled by name."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from belamy.errors import UsageError
from belamy.networks.speaker_encoder import RATE, WIDTH, SpeakerEncoder


class Listener:
    """Tells voices; gradients flow to the sounds, while nothing of the encoder learns or is saved.

    Args:
        rate: Samples in a second of the sounds; None where the data do not say.

    Raises:
        UsageError: Another than 16,000.
    """

    def __init__(self, rate: float | None) -> None:
        if rate not in (None, RATE):
            raise UsageError(
                f"The sounds have {rate:,.0f} samples a second, but the speaker encoder hears {RATE:,}. Type --rate "
                f"{RATE}."
            )
        self._encoder: SpeakerEncoder | None = None

    def __call__(self, sounds: Tensor) -> Tensor:
        """Voices, of length 1, of sounds in [-1, 1].  # [N, C, T] to [N, 256]"""
        if self._encoder is None:
            self._encoder = SpeakerEncoder.pretrained().train()  # it drops nothing out; cuDNN wants it for gradients
        return self._encoder.to(sounds).voices(sounds.mean(1))


class VoiceBank(nn.Module):
    """Voices of several recordings of each speaker.

    Args:
        speakers: How many.
        recordings: Of each.
    """

    voices: Tensor

    def __init__(self, speakers: int, recordings: int) -> None:
        super().__init__()
        self.register_buffer("voices", torch.zeros(speakers, recordings, WIDTH))

    def remember(self, number: int, heard: Tensor) -> None:
        """Keep those of one speaker, again from the first where there are too few.  # [n, 256]"""
        self.voices[number] = heard[torch.arange(self.voices.shape[1]) % len(heard)]

    def forward(self, numbers: Tensor, chance: Tensor | None = None) -> Tensor:
        """The voice of each speaker, the mean over recordings, or of one of them by chance.  # long [n] to [n, 256]

        Args:
            numbers: Of the speakers.
            chance: From 0 up to 1.  # [n]
        """
        own = self.voices[numbers]  # [n, recordings, 256]
        if chance is None:
            return normalize(own.mean(1), dim=1)
        return own[torch.arange(len(own), device=own.device), (chance * own.shape[1]).long()]


class EnrolledVoices(nn.Module):
    """The voices of speakers: of each the mean over recordings, of length 1, which is the centroid of GE2E.

    References:
        Wan et al. 2018, arXiv 1710.10467, equation 1.

    Args:
        speakers: How many.
    """

    voices: Tensor

    def __init__(self, speakers: int) -> None:
        super().__init__()
        self.register_buffer("voices", torch.zeros(speakers, WIDTH))

    def enrol(self, number: int, heard: Tensor) -> None:
        """Remember one by voices of recordings, of which there is at least one.  # [n, 256]"""
        self.voices[number] = normalize(heard.mean(0), dim=0)

    def forward(self, numbers: Tensor) -> Tensor:
        """The voices of such speakers.  # long [n] to [n, 256]"""
        return self.voices[numbers]

    def likest(self, heard: Tensor, without: Tensor | None = None) -> Tensor:
        """The speakers whose voices are likest.  # [n, 256] to long [n]

        Args:
            heard: Voices.
            without: Of each, a speaker who is not asked for.  # long [n]
        """
        likeness = heard @ self.voices.T
        if without is not None:
            likeness = likeness.scatter(1, without[:, None], -torch.inf)
        return likeness.argmax(1)
