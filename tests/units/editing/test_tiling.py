"""Large pictures in tiles: what is made is what the whole makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from belamy.api.tiling import RAMP, Plan, in_tiles, mirrored, plan
from belamy.errors import UsageError
from belamy.methods.colourisation import COLOURISERS
from belamy.methods.construction import adapted
from belamy.methods.pix2pix import TRANSLATORS, dropout_streams
from belamy.methods.super_resolution import UPSCALERS
from belamy.networks.sight import FieldOfView, sight
from belamy.registry import Part
from belamy.seeds import SampleDraws

DRAWS = SampleDraws(5, [3])


def translator(text: str, norm: str) -> Callable[[Tensor], Tensor]:
    made = adapted(TRANSLATORS.build(Part.parse(text), shape=(3, 32, 32), outputs=3), Part.parse(norm), ()).eval()
    for value in made.buffers():  # statistics of a batch as a trained network has them
        value.copy_(torch.rand_like(value) + 0.5 if value.is_floating_point() else value)
    return lambda x: made(x, dropout_streams(DRAWS))


def upscaler(text: str) -> Callable[[Tensor], Tensor]:
    return UPSCALERS.build(Part.parse(text), shape=(3, 16, 16), scale=2).eval()


def tiled(work: Callable[[Tensor], Tensor], raw: Tensor, seen: FieldOfView, chosen: Plan) -> Tensor:
    return in_tiles(work, lambda cut: cut[None], lambda values: values, raw, seen, chosen)


@pytest.mark.parametrize(
    "make",
    [
        lambda: translator("u-net:width=2,depth=2", "native"),
        lambda: translator("u-net:width=2,depth=2", "instance"),
        lambda: translator("u-net:width=2,depth=2,dropped=2", "instance"),
        lambda: translator("u-net:width=2,depth=2", "layer"),
        lambda: translator("resnet-translator:width=2,blocks=1", "native"),
        lambda: translator("resnet-translator:width=2,blocks=1,dropout=0.5", "instance:affine=False"),
        lambda: translator("resnet-translator:width=2,blocks=1,halvings=1,resampling=filtered", "instance"),
        lambda: upscaler("srresnet:width=2,blocks=1,base=bicubic"),
        lambda: COLOURISERS.build(Part.parse("zhang:width=2,halvings=2"), shape=(3, 16, 16), bins=3).eval(),
    ],
)
def test_tiles_make_what_the_whole_makes(make: Callable[[], Callable[[Tensor], Tensor]]) -> None:
    work = make()
    seen = sight(work, torch.zeros(1, 3, 32, 32))
    assert seen.reach is not None
    raw = torch.randn(3, 120, 200) * torch.linspace(0.2, 1, 200)  # darker on the left: tiles differ in what they hold
    with torch.no_grad():
        whole = work(raw[None])[0]
    least = 2 * (seen.reach + 2 * RAMP) + 40
    made = tiled(work, raw, seen, plan(seen, least, None, 0))
    assert made.shape == whole.shape
    torch.testing.assert_close(made, whole, rtol=0, atol=1e-5)


def test_neighbours_fade_into_each_other_where_the_overlap_is_small() -> None:
    """With an overlap of 4 for a network that moves pixels by 6: weights are a line, and 1 in sum."""
    seen = FieldOfView(6, 1, Fraction(1), False, 1.0)
    chosen = plan(seen, 40, 4, 0)
    assert chosen == Plan(40, 4, 4, False)
    calls: list[float] = []

    def work(values: Tensor) -> Tensor:
        calls.append(1.0)
        return torch.full_like(values, float(len(calls)))

    made = tiled(work, torch.zeros(1, 10, 60), seen, chosen)
    assert len(calls) == 2  # cores of 30 and 30
    assert made[0, 0, :26].unique().tolist() == [1.0] and made[0, 0, 34:].unique().tolist() == [2.0]
    torch.testing.assert_close(made[0, 3, 26:34], 1 + (torch.arange(8) + 0.5) / 8)
    flat = tiled(lambda values: torch.ones_like(values), torch.zeros(1, 90, 101), seen, chosen)
    torch.testing.assert_close(flat, torch.ones_like(flat), rtol=0, atol=1e-6)


def test_memory_decides_the_side() -> None:
    seen = FieldOfView(20, 4, Fraction(1), False, 100.0)
    assert plan(seen, None, None, 2 * 100 * 300**2) == Plan(300, 28, 8, True)
    with pytest.raises(UsageError, match=r"sees 20 pixels around each place, so tiles that overlap by 28 pixels have "
                                         r"sides of at least 72, but memory allows tiles of 50"):  # fmt: skip
        plan(seen, None, None, 2 * 100 * 50**2)
    with pytest.raises(UsageError, match=r"but tiles are 64\. Give a smaller --overlap"):
        plan(seen, 64, None, 0)
    with pytest.raises(UsageError, match="looks at the whole picture at once, so it makes none in tiles"):
        plan(replace(seen, reach=None), 64, None, 0)


@pytest.mark.parametrize("shape", [(3, 5, 7), (5, 7), (1, 1, 3), (2, 8, 8)])
def test_pictures_are_mirrored_to_the_stride(shape: tuple[int, ...]) -> None:
    raw = torch.arange(torch.Size(shape).numel()).view(shape)
    wide = mirrored(raw, 8)
    assert wide.shape == (*shape[:-2], 8, 8) and torch.equal(wide[..., : shape[-2], : shape[-1]], raw)
    if shape == (3, 5, 7):
        by_torch = torch.nn.functional.pad(raw.float(), (0, 1, 0, 3), mode="reflect")
        torch.testing.assert_close(wide.float(), by_torch)
    assert mirrored(raw, 1) is raw
