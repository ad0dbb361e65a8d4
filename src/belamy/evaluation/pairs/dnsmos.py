"""Ratings that listeners would give speech, foretold by a network that hears no reference."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from belamy.errors import DataError, MissingExtra, UsageError
from belamy.evaluation.pairs import speech

RATE, SAMPLES, HOP = 16_000, 144_160, 16_000
"""Of the network's windows of 9.01 s, one second apart."""
PLACES = ("signal", "background", "overall")
POLYNOMIALS = {
    "signal": (0.0052439, 1.22083953, -0.08397278),
    "background": (-0.39604546, 1.60915514, -0.13166888),
    "overall": (0.04602535, 1.11546468, -0.06766283),
}
"""From what the network says to the listeners' scale, the constant first."""


def packaged() -> Path | None:
    """Where the package ``speechmos`` holds the network; None where it is not installed. Nothing of it is run."""
    found = find_spec("speechmos")
    places = found.submodule_search_locations if found else None
    return Path(places[0]) / "dnsmos_models" / "sig_bak_ovr.onnx" if places else None


class Pair:
    r"""DNSMOS by the P.835 network ``sig_bak_ovr.onnx``: how good speech sounds without knowing how it was.

    Short sounds are repeated until they fill a window; of long ones windows a second apart are averaged. The reference
    is not heard.

    References:
        Reddy, Gopal & Cutler 2022, arXiv 2110.01763; windows and polynomials: package ``speechmos`` 0.0.1.1 (MIT),
        which also holds the network.

    Args:
        rate: Samples in a second: 16,000.
        file: The network, ``sig_bak_ovr.onnx``; empty for that of the package ``speechmos``.
        of: ``signal``, ``background`` or ``overall``.

    Raises:
        UsageError: Another rate, no such file, or sounds of more than one channel.
        MissingExtra: The package ``onnxruntime`` is not installed.
    """

    higher_is_better = True

    def __init__(
        self, *, rate: int, file: str = "", of: Literal["signal", "background", "overall"] = "overall"
    ) -> None:
        if rate != RATE:
            raise UsageError(
                f"dnsmos.rate is {rate:,}, but the network hears {RATE:,} samples a second. Resample first."
            )
        path = Path(file).expanduser() if file else packaged()
        if path is None or not path.is_file():
            raise UsageError(
                f"There is no {f'file {file}' if file else 'network of DNSMOS'}. It is sig_bak_ovr.onnx of the package "
                "speechmos. Type: pip install --no-deps speechmos, or dnsmos:rate=16000,file=FILE."
            )
        try:
            import onnxruntime
        except ImportError:
            raise MissingExtra("onnxruntime", "dnsmos", "DNSMOS") from None
        try:
            self.session: Any = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no class in common
            raise DataError(f"{path} is no network that onnxruntime can read: {error}.") from None
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        self.place, self.curve = PLACES.index(of), POLYNOMIALS[of]

    def __call__(self, reference: Tensor, estimate: Tensor) -> Tensor:
        _, estimate = speech(reference, estimate, "DNSMOS")
        return torch.stack([self._rating(sound) for sound in estimate])

    def _rating(self, sound: Tensor) -> Tensor:
        whole = sound.clamp(-1, 1)
        while len(whole) < SAMPLES:
            whole = torch.cat([whole, whole])
        said = []
        for window in whole.float().unfold(0, SAMPLES, HOP):
            raw = self.session.run(None, {"input_1": window[None].numpy()})[0][0]
            value = float(raw[self.place])
            said.append(sum(factor * value**power for power, factor in enumerate(self.curve)))
        return torch.tensor(said, dtype=torch.float64).mean()
