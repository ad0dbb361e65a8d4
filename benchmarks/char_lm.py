"""Language models of short phrases, measured: bits per character on held-out phrases, within a budget of CPU time.

python benchmarks/char_lm.py [causal-transformer | gru | n-grams] … [--samples N] [--out DIR]

Each network is trained from scratch on the phrases of WordNet on one thread; the n-grams are counted on the same
training phrases. Bits are all bits of the held-out phrases over all their characters, the end of each phrase being one.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

import belamy
from belamy.api.likelihood import Likelihoods, score
from belamy.data import open_data
from belamy.evaluation.kneser_ney import nats_by_ngrams
from belamy.modalities.text import PADDING

RECIPES = {"gru": "char-lm", "causal-transformer": "char-lm-transformer"}
"""Recipes by the network that they have."""
ORDERS = (3, 4, 5, 6, 8, 10)
PREFIXES = ("he was", "a ", "the old")


def trained(name: str, folder: Path, samples: int | None) -> tuple[float, Likelihoods, list[str]]:
    """CPU seconds of training with everything that belongs to a run, the likelihoods, and some texts."""
    before = time.process_time()
    fields: dict[str, Any] = {} if samples is None else {"train_samples": samples}
    run = belamy.train(RECIPES[name], out=folder / name, device="cpu", snapshots=8, progress=False, **fields)
    seconds = time.process_time() - before
    texts = [belamy.continue_text(run, prefix, count=2, temperature=0.7)[1] for prefix in PREFIXES]
    return seconds, score(run, "test", baseline=False), [*texts, *belamy.continue_text(run, "", count=3)]


def counted(order: int) -> tuple[float, float]:
    """CPU seconds of counting and telling, and bits per character, of n-grams."""
    data = open_data("wordnet-phrases")
    test = data.store.read(data.indices("test"))
    before = time.process_time()
    nats = nats_by_ngrams(data, test, order)
    assert nats is not None  # the set is small
    return time.process_time() - before, float(nats.sum()) / int((test != PADDING).sum()) / math.log(2)


def main() -> None:
    """Train, count, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", default=[*RECIPES, "n-grams"], choices=[*RECIPES, "n-grams"])
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--samples", type=int, default=None)
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = Table("model", "bits per character", "CPU seconds", title="held-out phrases of WordNet")
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.models:
            if name == "n-grams":
                for order in ORDERS:
                    seconds, bits = counted(order)
                    table.add_row(f"Kneser-Ney, n-grams of up to {order}", f"{bits:.3f}", f"{seconds:.1f}")
                continue
            seconds, found, texts = trained(name, given.out or Path(scratch), given.samples)
            table.add_row(name, f"{found.bits_per_unit:.3f}", f"{seconds:.0f}")
            Console().print(*texts, sep="\n")
    Console().print(table)


if __name__ == "__main__":
    main()
