"""Are GANs created equal? Six adversarial losses on MNIST, five seeds each, with the budget of ``digits``.

Only the loss differs: networks, R1 penalty, optimisers and schedule are those of ``digits``. It takes about 150 minutes
of one core; started again it goes on, and several processes may share the folder.

    python benchmarks/compare.py FOLDER [--workers 1] [--seeds 5] [--samples 300000]
"""

from __future__ import annotations

import argparse
import sys

from belamy.cli import main as belamy

LOSSES = ("non-saturating", "minimax", "least-squares", "wasserstein", "hinge", "relativistic-pairing")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=300_000)
    options = parser.parse_args()
    variants = [f"{loss}=digits:adversarial={loss}" for loss in LOSSES]
    return belamy(
        ["compare", *variants, "--seeds", str(options.seeds), "--samples", str(options.samples),
         "--workers", str(options.workers), "--out", options.folder, "--device", "cpu"]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
