"""Where and in which precision to compute."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from belamy.errors import UsageError

PRECISIONS = ("auto", "float32", "bfloat16", "float64")


def choose_device(name: str) -> torch.device:
    """The device of a name; ``auto`` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        UsageError: The device does not exist here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"There is no device '{name}'. Choose --device auto, cpu, cuda, cuda:1 or mps.") from None
    missing = {
        "cuda": not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count(),
        "mps": not torch.backends.mps.is_available(),
        "cpu": False,
    }
    if missing.get(device.type, True):
        raise UsageError(f"The device '{name}' is not available to this PyTorch. Type --device auto or --device cpu.")
    return device


def choose_precision(name: str, device: torch.device) -> tuple[torch.dtype, torch.dtype | None]:
    """The type of weights and the type of automatic mixed precision, None for no mixing.

    ``auto`` mixes in bfloat16 on CUDA devices that compute in it, and nowhere else: processors without such units are
    several times slower with it.

    Raises:
        UsageError: An unknown precision, or float64 on a device without it.
    """
    if name not in PRECISIONS:
        raise UsageError(f"The precision is '{name}'. Choose one of {', '.join(PRECISIONS)}.")
    if name == "float64":
        if device.type == "mps":
            raise UsageError("MPS does not compute in float64. Type --device cpu, or --precision float32.")
        return torch.float64, None
    gains = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.float32, torch.bfloat16 if name == "bfloat16" or (name == "auto" and gains) else None


def free_memory(device: torch.device) -> int:
    """Bytes that a device has left; of a CPU those that the system can give, half of its memory where it is silent."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2 if hasattr(os, "sysconf") else 1 << 31
