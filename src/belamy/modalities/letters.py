"""Texts in pictures: letters that the font within Pillow has."""

import re
import unicodedata

MISSING = "?"
"""Stands for a letter that the font has not."""
_OTHERS = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
                         "đ": "d", "Đ": "D", "ı": "i", "–": "-", "—": "-", "−": "-", "\t": " "})  # fmt: skip
_UNKNOWN = re.compile(r"[^\n -~«»‹›‘’“”©™°±·]")


def drawable(text: str) -> str:
    """The text in letters that can be drawn: accents go, other scripts become question marks.

    Example:
        >>> drawable("“Où est Łódź?” – שלום")
        '“Ou est Lodz?” - ????'
    """
    parts = unicodedata.normalize("NFKD", text.translate(_OTHERS))
    return _UNKNOWN.sub(MISSING, "".join(part for part in parts if not unicodedata.combining(part)))


def lacking(text: str) -> bool:
    """Whether letters of the text cannot be drawn.

    Example:
        >>> lacking("Où?"), lacking("שלום")
        (False, True)
    """
    return drawable(text).count(MISSING) > text.count(MISSING)
