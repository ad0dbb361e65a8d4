"""What estimates of a kind of data are usually measured by beside their references."""

from __future__ import annotations

from torch import Tensor

from belamy.evaluation.pairs import Pair, measure
from belamy.evaluation.pairs._structure import WINDOW
from belamy.modalities.fields import Field

MEASURES = {
    "image": ("l1:data_range=2", "psnr:data_range=2", "ssim:data_range=2", "perceptual:data_range=2,low=-1"),
    "audio": ("snr", "si-sdr"),
}
"""Of values as networks see them."""
_COLOURS = 4
"""Channels of colours and opacity."""


class UsualMeasures:
    """Makes the measures for what fields hold; each is made once.

    Small pictures have no structural similarity, and those whose channels are no colours no perceptual distance. Of a
    film each is the mean over its frames.

    Example:
        >>> list(UsualMeasures().of(Field("image", (3, 8, 8))))
        ['l1', 'psnr', 'perceptual']
    """

    def __init__(self) -> None:
        self._made: dict[str, Pair] = {}

    def of(self, field: Field) -> dict[str, Pair]:
        """By name; none for kinds without measures of pairs."""
        if field.modality == "video":
            frame = self.of(Field("image", field.shape[1:]))
            return {name: _OverFrames(compared) for name, compared in frame.items()}
        found = {}
        for text in MEASURES.get(field.modality, ()):
            name = text.partition(":")[0]
            small, strange = field.modality == "image" and min(field.shape[1:]) < WINDOW, field.shape[0] > _COLOURS
            if (name == "ssim" and small) or (name == "perceptual" and strange):
                continue
            if text not in self._made:
                self._made[text] = measure(text)
            found[name] = self._made[text]
        return found


class _OverFrames:
    """The mean of a measure over the frames of each film."""

    def __init__(self, compared: Pair) -> None:
        self.compared, self.higher_is_better = compared, compared.higher_is_better

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        """``[N]`` of films ``[N, T, C, H, W]``."""
        each = self.compared(reference.flatten(0, 1), estimate.flatten(0, 1))
        return each.view(len(reference), -1).mean(1)
