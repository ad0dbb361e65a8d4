"""Encoders of another form, or for another kind of data, are refused by name before anything is trained."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from belamy.errors import UsageError
from belamy.methods.base import METHODS
from belamy.methods.requirements import check_fields
from belamy.modalities.fields import DataSpec, Field
from belamy.registry import Part
from belamy.runs.run import RECIPE_TYPES

DIGITS = DataSpec({"image": Field("image", (1, 28, 28))})


def build(method: str, **parts: str) -> Any:
    """A method with other parts, as a command builds it."""
    recipe = RECIPE_TYPES.load(method).tiny().changed(**{field: Part(name=name) for field, name in parts.items()})
    check_fields(METHODS.load(method), method, recipe, DIGITS)
    return METHODS.build(Part(name=method), recipe=recipe, spec=DIGITS)


@pytest.mark.parametrize("method", ["vae", "vae-gan"])
def test_variances_are_needed(method: str) -> None:
    with pytest.raises(UsageError, match=r"'autoencoder-mnist' tells codes alone\. Type --encoder vae-digits"):
        build(method, encoder="autoencoder-mnist")


@pytest.mark.parametrize("encoder", ["vae-mnist", "vae-digits"])
def test_an_autoencoder_has_no_use_for_variances(encoder: str) -> None:
    with pytest.raises(UsageError, match=rf"'{encoder}' tells means and variances\. Type --encoder autoencoder-mnist"):
        build("autoencoder", encoder=encoder)


@pytest.mark.parametrize("encoder", ["autoencoder-mnist", "vae-digits"])
def test_an_adversarial_autoencoder_takes_both(encoder: str) -> None:
    images = torch.zeros(2, 1, 28, 28)
    assert build("adversarial-autoencoder", encoder=encoder).encode(images).shape == (2, 4)


@pytest.mark.parametrize("method", ["vae", "vae-gan", "autoencoder", "adversarial-autoencoder", "ali"])
def test_networks_are_for_one_kind_of_data(method: str) -> None:
    with pytest.raises(UsageError, match=r"the encoder 'autoencoder-words' for vectors and the .* have none in common"):
        build(method, encoder="autoencoder-words")


@pytest.mark.parametrize("discriminator", ["digits", "dcgan-mnist", "wavegan"])
def test_a_discriminator_of_codes_is_one_of_vectors(discriminator: str) -> None:
    with pytest.raises(UsageError, match=rf"'{discriminator}' cannot\. Type --discriminator dense\."):
        build("adversarial-autoencoder", discriminator=discriminator)
