"""Recorded drum hits of the kits of a drum machine, in folders as benchmarks/wavegan.py takes them.

Kits say of each instrument what it is called, and which recordings it plays. Kept are six classes by these names, and
each recording once. A quarter of the kits, which follow from the seed, is held out whole; kits that share a recording
are held out together.

    apt-get download hydrogen-drumkits hydrogen-drumkits-effects hydrogen-data
    for each in *.deb; do dpkg-deb -x $each UNPACKED; done
    python benchmarks/hits.py UNPACKED OUT [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

KINDS = {
    "clap": r"\bclap",
    "snare": r"\bsnare\b(?!.*roll)",
    "kick": r"\bkick\b|\bbass ?drum",
    "tom": r"\btom|\bfloor\b",
    "hat": r"\bhat\b|\bo?hh\b|hi-hat|hi hat",
    "cymbal": r"\bcrash|\bride\b|\bcymbal|\bchina\b|\bsplash\b",
}
"""Classes by what an instrument's name holds; bells of cymbals and whatever else is in a kit are left out."""


def recordings(kit: Path) -> dict[Path, str]:
    """Classes of a kit's recordings."""
    found: dict[Path, str] = {}
    for instrument in ElementTree.parse(kit).getroot().iter():
        named = {part.tag.rpartition("}")[2]: (part.text or "").lower() for part in instrument}
        name = named.get("name", "")
        kind = next((kind for kind, words in KINDS.items() if re.search(words, name)), None)
        if not instrument.tag.endswith("instrument") or kind is None or "bell" in name:
            continue
        files = (part.text for part in instrument.iter() if part.tag.endswith("filename"))
        found.update({kit.parent / file: kind for file in files if file})
    return {path: kind for path, kind in found.items() if path.is_file()}


def main() -> None:
    """Lay the hits out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("unpacked", type=Path, help="what the packages hold")
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    first: dict[bytes, str] = {}
    families: dict[str, list[tuple[Path, str]]] = {}
    for kit in sorted(chosen.unpacked.rglob("drumkit.xml")):
        found = {path.read_bytes(): (path, kind) for path, kind in recordings(kit).items()}
        family = next((first[content] for content in found if content in first), kit.parent.name)
        if new := [each for content, each in found.items() if content not in first]:
            families.setdefault(family, []).extend(new)
        first.update(dict.fromkeys(found, family))
    held_out = random.Random(chosen.seed).sample(sorted(families), len(families) // 4)
    counts: Counter[str] = Counter()
    for family, hits in families.items():
        split = "test" if family in held_out else "train"
        for path, kind in hits:
            folder = chosen.out / split / kind
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / f"{path.parent.name}-{path.name}")
            counts[f"{split} {kind}"] += 1
    Console().print(f"{len(families)} families of kits, held out: {', '.join(sorted(held_out))}")
    Console().print(dict(sorted(counts.items())))


if __name__ == "__main__":
    main()
