"""Captions of faces made of their attributes, the same for the same face, phrased in several ways, and read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import torch

from belamy.data.dataset import Attribute
from belamy.seeds import generator

HAIR = {
    **dict.fromkeys(("2c1b18", "28150a"), "black"),
    **dict.fromkeys(("724133", "603015", "603a14", "611c17", "612616"), "brown"),
    "a55728": "red", **dict.fromkeys(("b58143", "83623b", "a78961"), "golden"),
    **dict.fromkeys(("d6b370", "cab188"), "blond"),
}  # fmt: skip
SKIN = {
    **dict.fromkeys(("5c3829", "8d5524"), "dark"), **dict.fromkeys(("a36b4f", "a26d3d", "b68655"), "brown"),
    **dict.fromkeys(("b98e6a", "cb9e6e"), "tanned"), **dict.fromkeys(("c68e7a", "e0b687"), "rosy"),
    **dict.fromkeys(("f1c3a5", "eac393", "f5cfa0", "ffdbac"), "fair"),
}  # fmt: skip
"""The colours of the drawn faces in words."""
EYES = {
    "bow": ("lowered eyes", "bowed eyes"), "happy": ("happy eyes", "merry eyes"), "humble": ("humble eyes", "shy eyes"),
    "wide": ("wide eyes", "open eyes"), "wink": ("a wink", "a winking eye"),
}  # fmt: skip
MOUTHS = {
    "agape": ("an open mouth", "a gaping mouth"), "angry": ("an angry mouth", "a scowl"),
    "laugh": ("a laughing mouth", "a laugh"), "sad": ("a sad mouth", "a frown"),
    "smile": ("a smiling mouth", "a smile"),
}  # fmt: skip
WORN = {
    "beard": ("a beard", "a full beard"), "glasses": ("glasses", "a pair of glasses"), "hat": ("a hat", "a cap"),
    "accessories": ("jewellery", "earrings"),
}  # fmt: skip
"""What a face has or has not; of what it has not nothing is said."""
BEGINNINGS = ("a face with", "a person with", "a portrait of someone with", "a drawing of a head with")


_READ = {
    "hair length": re.compile(r"\b(long|short)(?: \w+)? hair\b"),
    "hair colour": re.compile(rf"\b({'|'.join(sorted(set(HAIR.values())))}) hair\b"),
    "skin": re.compile(rf"\b({'|'.join(sorted(set(SKIN.values())))}) skin\b"),
}
_BUN = re.compile(r"\b(?:in|and) a bun\b")


def attribute_captions(attributes: Mapping[str, Attribute], telling: int = 0) -> list[str]:
    """A sentence about each face, which names its hair, skin, eyes, mouth and what it wears in a random order.

    The phrasing of face i depends on i and the telling alone.

    Args:
        attributes: Those of the drawn faces, as many as there are.
        telling: Another number gives other phrasings of the same.

    Example:
        >>> from belamy.data.dataset import Attribute
        >>> codes = torch.tensor([1])
        >>> attribute_captions({"smile": Attribute(("no", "yes"), codes), "hat": Attribute(("no", "yes"), codes)})
        ['a face with a cap and a smiling mouth']
    """
    count = len(next(iter(attributes.values())).codes)
    columns = {name: [known.values[code] for code in known.codes.tolist()] for name, known in attributes.items()}
    path = ("caption", telling) if telling else ("caption",)
    return [_sentence({name: column[face] for name, column in columns.items()}, (*path, face)) for face in range(count)]


def _sentence(known: Mapping[str, str], path: tuple[str | int, ...]) -> str:
    numbers = iter(torch.rand(32, generator=generator(0, *path)).tolist())

    def one_of(words: Sequence[str]) -> str:
        return words[int(next(numbers) * len(words))]

    beginning, parts = one_of(BEGINNINGS), [one_of(words) for words in _parts(known)]
    order = sorted(range(len(parts)), key=[next(numbers) for _ in parts].__getitem__)
    told = [parts[place] for place in order]
    return f"{beginning} {' and '.join(filter(None, (', '.join(told[:-1]), told[-1])))}" if told else "a face"


def _parts(known: Mapping[str, str]) -> list[tuple[str, ...]]:
    """What is said of a face, each in several words that mean the same."""
    found: list[tuple[str, ...]] = []
    if "hair_color" in known:
        hair = f"{'long' if known.get('long_hair') == 'yes' else 'short'} {HAIR[known['hair_color']]} hair"
        bun = known.get("bun") == "yes"
        found.append((f"{hair} in a bun", f"{hair} and a bun") if bun else (hair,))
    if "skin" in known:
        found.append((f"{SKIN[known['skin']]} skin",))
    if "mouth" in known:
        found.append(MOUTHS[known["mouth"]])
    elif "smile" in known:
        found.append(MOUTHS["smile" if known["smile"] == "yes" else "sad"])
    if "eyes" in known:
        found.append(EYES[known["eyes"]])
    return found + [words for name, words in WORN.items() if known.get(name) == "yes"]


def named_attributes(caption: str) -> dict[str, str]:
    """What a caption of a face says, by attribute; of what it does not speak of there is nothing.

    Of what is said twice in two ways both are told, which is then no value of the attribute.

    Args:
        caption: As :func:`attribute_captions` makes them, or a captioner writes them.

    Example:
        >>> named_attributes("a face with short red hair, a cap and a laugh")
        {'hair length': 'short', 'hair colour': 'red', 'mouth': 'laugh', 'hat': 'yes'}
    """
    said: dict[str, set[str]] = {}
    for name, value in _values_in(caption):
        said.setdefault(name, set()).add(value)
    return {name: " and ".join(sorted(values)) for name, values in said.items()}


def _values_in(caption: str) -> Iterator[tuple[str, str]]:
    """Attributes and their values, each time that one is named."""
    for name, pattern in _READ.items():
        yield from ((name, value) for value in pattern.findall(caption))
    if _BUN.search(caption):
        yield "bun", "yes"
    words = {("mouth", value): each for value, each in MOUTHS.items()}
    words |= {("eyes", value): each for value, each in EYES.items()}
    words |= {(name, "yes"): each for name, each in WORN.items()}
    for told, phrases in words.items():
        if any(re.search(rf"\b{phrase}\b", caption) for phrase in phrases):
            yield told
