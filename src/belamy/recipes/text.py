"""Language models of short phrases."""

from belamy.methods import char_lm
from belamy.registry import Part


def char_lm_gru() -> char_lm.Recipe:
    """Language model of English phrases by characters: gated recurrent units."""
    return char_lm.Recipe(data="wordnet-phrases", network=Part(name="gru"))
