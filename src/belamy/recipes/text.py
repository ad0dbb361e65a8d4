"""Language models of short phrases."""

from belamy.methods import char_lm
from belamy.registry import Part


def char_lm_transformer() -> char_lm.Recipe:
    """Language model of English phrases by characters: a small causal transformer."""
    return char_lm.Recipe(
        data="wordnet-phrases",
        network=Part(name="causal-transformer", width=128, depth=3, heads=4, dropout=0.0),
        optimizer=Part(name="adam", lr=3e-3, beta1=0.9, beta2=0.98),
        schedule=Part(name="cosine", warmup=0.02),
        batch=32,
        train_samples=270_000,
    )
