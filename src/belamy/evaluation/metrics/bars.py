"""What fills the bars of generated music, and how its voices fit together."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.intervals import mean
from belamy.evaluation.music_metric import BEAT, MusicMetric, chroma, in_bars, tonal_centroid
from belamy.evaluation.own import whole
from belamy.evaluation.statistics import Interval
from belamy.methods.base import Ratio
from belamy.modalities.score import onsets, pitches
from belamy.ranges import Within


class Metric(MusicMetric):
    """MuseGAN's measures of pieces, bar by bar.

    - ``empty-bars``: the share of the voices' bars in which nothing sounds;
    - ``used-pitch-classes``: how many pitch classes sound in a voice's bar;
    - ``qualified-notes``: the share of notes that are no fragments;
    - ``tonal-distance``: how far the harmonies of two voices are apart in a beat, on average over pairs.

    None of them is better low or high: they are to be those of real music.

    *Departs from the paper*: its notes qualify from three of 96 steps of a bar on, which are less than one of these;
    here it is a quaver. Tonal distances are of beats in which both voices sound.

    References:
        Dong et al. 2018, arXiv 1709.06298, section 5.1; the distance: Harte et al. 2006.

    Args:
        steps: Of the shortest note that qualifies.
    """

    def __init__(self, *, steps: int = 2) -> None:
        super().__init__()
        self.steps = Within(1, 64).check("bars.steps", steps)

    def measured(self, seed: int) -> dict[str, Interval]:
        """The four, without what cannot be told where nothing sounds."""
        codes = self.codes("fake")
        pitch = pitches(codes)
        of_bars = in_bars(pitch, self.bar)
        used = (chroma(of_bars) > 0).sum(-1).double()
        found = {
            "empty-bars": mean((of_bars == 0).all(-1).double().mean((1, 2))),
            "used-pitch-classes": mean(used.mean((1, 2))),
        }
        notes = onsets(codes).sum((1, 2)).double()
        if float(notes.sum()):
            share = mean(whole([Ratio(long_notes(codes, self.steps), notes)]))
            found["qualified-notes"] = Interval(share.value, max(share.low, 0.0), min(share.high, 1.0))
        apart, counted = tonal_distances(pitch)
        if float(counted.sum()):
            found["tonal-distance"] = mean(whole([Ratio(apart, counted)]))
        return found


def long_notes(codes: Tensor, steps: int) -> Tensor:
    """How many notes of pieces last so many steps or more.  # uint8 [n, voices, steps] to float64 [n]"""
    goes_on = ~onsets(codes) & (pitches(codes) > 0)
    count = onsets(codes)
    for later in range(1, steps):
        count = count & torch.nn.functional.pad(goes_on, (0, later))[..., later:]
    return count.sum((1, 2)).double()


def tonal_distances(pitch: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of the tonal distances of pairs of voices in beats in which both sound, and how many there are.

    Args:
        pitch: long ``[n, voices, steps]``, 0 at rests.

    Returns:
        float64 ``[n]`` each.
    """
    classes = chroma(in_bars(pitch, BEAT))  # [n, voices, beats, 12]
    centroids, sounds = tonal_centroid(classes), classes.sum(-1) > 0
    left, right = torch.triu_indices(pitch.shape[1], pitch.shape[1], 1)
    both = sounds[:, left] & sounds[:, right]
    apart = (centroids[:, left] - centroids[:, right]).norm(dim=-1) * both
    return apart.sum((1, 2)), both.sum((1, 2)).double()
