"""What estimates of a kind of data are usually measured by beside their references."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.pairs import Pair, measure
from belamy.evaluation.pairs._structure import WINDOW
from belamy.evaluation.pairs.dnsmos import RATE, packaged
from belamy.modalities.fields import Field

MEASURES = {
    "image": ("l1:data_range=2", "psnr:data_range=2", "ssim:data_range=2", "perceptual:data_range=2,low=-1"),
    "audio": ("snr", "si-sdr"),
}
"""Of values as networks see them."""
OF_SOUND = ("segmental-snr:clamp=true,rate={rate}", "lsd:rate={rate}")
"""Of sounds of a known rate beside these."""
OF_SPEECH = {"pesq": "pesq:rate={rate},band={band}", "stoi": "stoi:rate={rate}"}
"""Of speech, by what they are called; each takes about a tenth of a second for a second of sound. DNSMOS comes to them
where both its packages are installed."""
_PACKAGES = {"pesq": "pesq", "stoi": "pystoi"}
_COLOURS = 4
"""Channels of colours and opacity."""


class UsualMeasures:
    """Makes the measures for what fields hold; each is made once.

    Args:
        speech: Those of speech, too, where sounds are of one channel and of a rate that they are defined for, and their
            packages are installed; ``left_out`` says of the others why not.

    Small pictures have no structural similarity, and those whose channels are no colours no perceptual distance. Of a
    film each is the mean over its frames.

    Example:
        >>> list(UsualMeasures().of(Field("image", (3, 8, 8))))
        ['l1', 'psnr', 'perceptual']
    """

    def __init__(self, speech: bool = False) -> None:
        self.speech = speech
        self.left_out: dict[str, str] = {}
        self._made: dict[str, Pair] = {}

    def of(self, field: Field) -> dict[str, Pair]:
        """By name; none for kinds without measures of pairs."""
        if field.modality == "video":
            frame = self.of(Field("image", field.shape[1:]))
            return {name: _OverFrames(compared) for name, compared in frame.items()}
        found = {}
        for text in (*MEASURES.get(field.modality, ()), *self._at_rate(field)):
            name = text.partition(":")[0]
            small, strange = field.modality == "image" and min(field.shape[1:]) < WINDOW, field.shape[0] > _COLOURS
            if (name == "ssim" and small) or (name == "perceptual" and strange):
                continue
            found[name] = self._built(text)
        return found

    def _built(self, text: str) -> Pair:
        if text not in self._made:
            self._made[text] = measure(text)
        return self._made[text]

    def _at_rate(self, field: Field) -> Iterator[str]:
        """What depends on the rate of sounds."""
        if field.modality != "audio" or field.rate is None:
            return
        rate = round(field.rate)
        yield from (text.format(rate=rate) for text in OF_SOUND)
        for name, text in OF_SPEECH.items() if self.speech else ():
            whole = text.format(rate=rate, band="narrow" if rate == 8000 else "wide")
            try:
                self._built(whole)
            except UsageError as error:
                self.left_out[name] = str(error)
                continue
            if field.shape[0] > 1:
                self.left_out[name] = f"it knows one channel, and these sounds have {field.shape[0]}"
            elif find_spec(_PACKAGES[name]) is None:
                self.left_out[name] = "its package is not installed. Type: pip install 'belamy[audio]'"
            else:
                yield whole
        if self.speech and (rate, field.shape[0]) == (RATE, 1) and packaged() and find_spec("onnxruntime"):
            yield f"dnsmos:rate={rate}"


class _OverFrames:
    """The mean of a measure over the frames of each film."""

    def __init__(self, compared: Pair) -> None:
        self.compared, self.higher_is_better = compared, compared.higher_is_better

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        """``[N]`` of films ``[N, T, C, H, W]``."""
        each = self.compared(reference.flatten(0, 1), estimate.flatten(0, 1))
        return each.view(len(reference), -1).mean(1)
