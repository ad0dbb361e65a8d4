"""W and W+ as latents, truncation and the exchange of layers, against the network's own styles."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.methods import gan
from belamy.modalities.fields import DataSpec
from belamy.registry import Part
from belamy.sampling.points import images_at
from belamy.sampling.styles import StyleLatents, Truncated, exchanged, in_space, styles_of, truncated
from belamy.sampling.walk import way


def method(classes: tuple[str, ...] = (), generator: str = "stylegan2") -> Any:
    small: dict[str, Any] = {"base": 16, "widest": 4, "style": 6, "mapping": 2} if generator == "stylegan2" else {}
    recipe = gan.Recipe(
        generator=Part(name=generator, **small),
        discriminator=Part(name="digits", width=2, hidden=8),
        latent=4,
        generator_condition=Part(name="embedding", size=2),
    )
    made = gan.Method(recipe, DataSpec.pictures((1, 8, 8), classes)).eval()
    if generator == "stylegan2":
        with torch.no_grad():
            made.generator.network.mapping.mean.normal_()
    return made


@pytest.mark.parametrize("space", ["w", "w+"])
@pytest.mark.parametrize("classes", [(), ("a", "b", "c")])
def test_its_images_are_the_methods_own(space: Any, classes: tuple[str, ...]) -> None:
    own = method(classes)
    held = StyleLatents(own, space)
    labels = torch.arange(5) % 3 if classes else None
    with torch.no_grad():
        wanted = own.generate(own.latents(3, range(5)), labels)
        latents = held.latents(3, range(5))
        torch.testing.assert_close(held.generate(latents), wanted)
    assert latents.shape == (5, 6 if space == "w" else 6 * 4)
    torch.testing.assert_close(images_at(held, latents), wanted)


def test_numbers_are_as_large_as_normal_ones_and_zero_is_the_mean_style() -> None:
    own = method()
    held = StyleLatents(own)
    drawn = held.latents(0, range(512))
    assert drawn.square().mean() == pytest.approx(1.0, rel=1e-4)
    with torch.no_grad():
        mean = own.synthesize(own.mean_style.expand(1, 4, -1))
        torch.testing.assert_close(held.generate(torch.zeros(1, 6)), mean)


def test_the_way_between_styles_is_straight() -> None:
    held = StyleLatents(method())
    a, b = held.latents(0, [0, 1])
    half = way(held, "prior")(a[None], b[None], torch.tensor([[0.5]]))
    torch.testing.assert_close(half[0], (a + b) / 2)


def test_layers_of_w_plus_are_the_layers() -> None:
    own = method()
    held = StyleLatents(own, "w+")
    latents = torch.randn(2, 24)
    styles = held.styles(latents)
    other = latents.clone()
    other[:, 6:12] += 1
    changed = (held.styles(other) - styles).abs().amax((0, 2)) > 0
    assert changed.tolist() == [False, True, False, False]


def test_truncation_is_the_way_to_the_mean() -> None:
    own = method(("a", "b"))
    z, labels = own.latents(0, range(3)), torch.tensor([0, 1, 0])
    with torch.no_grad():
        styles, mean = own.styles(z, labels), own.mean_style
        wanted = mean + 0.3 * (styles - mean)
        torch.testing.assert_close(truncated(own, styles, 0.3), wanted)
        part = truncated(own, styles, 0.3, layers=1)
        torch.testing.assert_close(part[:, :1], wanted[:, :1])
        torch.testing.assert_close(part[:, 1:], styles[:, 1:])
        torch.testing.assert_close(Truncated(own, 0.3).generate(z, labels), own.synthesize(wanted))
        torch.testing.assert_close(Truncated(own, 1.0).generate(z, labels), own.generate(z, labels))
        same = Truncated(own, 0.0).generate(z, labels)
    torch.testing.assert_close(same[1:], same[:1].expand(2, -1, -1, -1))


def test_exchanged_layers_are_those_of_the_other() -> None:
    a, b = torch.zeros(2, 4, 3), torch.ones(2, 4, 3)
    made = exchanged(a, b, range(1, 3))
    assert made[0, :, 0].tolist() == [0, 1, 1, 0] and not a.any()


def test_styles_of_seeds_are_those_of_their_first_images() -> None:
    own: Any = method(("a", "b"))
    found: Tensor = styles_of(own, (7, 8))
    for row, seed in enumerate((7, 8)):
        with torch.no_grad():
            wanted = own.styles(own.latents(seed, [0]), torch.tensor([row % 2]))
        torch.testing.assert_close(found[row : row + 1], wanted)


def test_a_method_without_styles_is_refused_unless_z_is_asked_for() -> None:
    plain = method(generator="digits")
    assert in_space(plain, "z") is plain
    for space in ("w", "w+"):
        with pytest.raises(UsageError, match=r"has no styles: .*--space"):
            in_space(plain, space)  # type: ignore[arg-type]
