"""Deep Image Prior: one picture is restored by a network fitted to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from belamy.cli import main
from belamy.editing.deep_prior import FitProgress, PriorSettings, restore_picture
from belamy.errors import BelamyError, NotFinite, UsageError
from belamy.networks.deep_prior import Hourglass

THIN = {"maps": 8, "steps": 60}


def scene(height: int = 24, width: int = 32, channels: int = 3) -> np.ndarray:
    """A smooth ramp with a bright disc."""
    rows, columns = np.mgrid[:height, :width]
    disc = (rows - height / 2) ** 2 + (columns - width / 3) ** 2 < 36
    return np.stack([np.where(disc, 220, 40 + 4 * columns + 10 * number) for number in range(channels)], 2).astype(
        np.uint8
    )


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(((a.astype(float) - b) ** 2).mean() / 255**2))


class TestNetwork:
    def test_the_paper_has_its_layers(self) -> None:
        """2,217,831: what the published code prints for its network of denoising."""
        with torch.device("meta"):
            network = Hourglass(3, 512, 512)
        assert sum(parameter.numel() for parameter in network.parameters()) == 2_217_831

    @pytest.mark.parametrize("sides", [(16, 16), (17, 33), (64, 20)])
    def test_any_size(self, sides: tuple[int, int]) -> None:
        made = Hourglass(2, *sides, maps=4)(torch.rand(1, 32, *sides)).detach()
        assert made.shape == (1, 2, *sides) and float(made.min()) > 0 and float(made.max()) < 1


class TestFit:
    def test_noise_goes_and_is_stopped_by_what_is_held_out(self) -> None:
        clean = scene()
        numbers = np.random.default_rng(0)
        noisy = (clean + 25 * numbers.standard_normal(clean.shape)).round().clip(0, 255).astype(np.uint8)
        made = restore_picture(noisy, maps=8, steps=400, patience=40, average=0.15)
        assert made.pixels.shape == clean.shape
        assert psnr(made.pixels, clean) > psnr(noisy, clean) + 3
        assert made.stopped == "the held-out pixels"
        assert made.steps == made.best + 40 == len(made.errors)
        assert made.errors[made.best - 1] == min(made.errors)

    def test_the_seed_decides_and_nothing_else(self) -> None:
        torch.manual_seed(7)
        one = restore_picture(scene(), seed=3, **(THIN | {"steps": 5}))
        before = torch.rand(1)
        torch.manual_seed(8)
        again = restore_picture(scene(), seed=3, **(THIN | {"steps": 5}))
        assert (one.pixels == again.pixels).all()
        torch.manual_seed(7)
        assert torch.equal(before, torch.rand(1))
        assert (one.pixels != restore_picture(scene(), seed=4, **(THIN | {"steps": 5})).pixels).any()

    def test_known_pixels_stay_and_holes_are_filled(self) -> None:
        clean = scene()
        holes = np.zeros(clean.shape[:2], bool)
        holes[4:10, 20:28] = True
        torn = np.where(holes[..., None], 0, clean).astype(np.uint8)
        made = restore_picture(torn, "inpaint", mask=holes, maps=8, steps=100, average=0.1)
        assert (made.pixels[~holes] == clean[~holes]).all()
        assert psnr(made.pixels[holes], clean[holes]) > 10 + psnr(torn[holes], clean[holes])

    def test_what_is_transparent_is_a_hole(self) -> None:
        holes = np.zeros((24, 32), bool)
        holes[4:10, 20:28] = True
        see_through = np.dstack([scene(), np.where(holes, 0, 255).astype(np.uint8)])
        few = THIN | {"steps": 3}
        by_alpha, by_mask = (
            restore_picture(see_through, "inpaint", **few),
            restore_picture(scene(), "inpaint", mask=holes, **few),
        )
        assert (by_alpha.pixels == by_mask.pixels).all()

    def test_enlarged_it_is_what_was_given_when_reduced(self) -> None:
        small = scene(20, 16, 1)[..., 0]
        made = restore_picture(small, "enlarge", scale=2, maps=8, steps=100, average=0.1)
        assert made.pixels.shape == (40, 32)
        back = F.interpolate(
            torch.from_numpy(made.pixels)[None, None].float(), (20, 16), mode="bicubic", antialias=True
        )
        assert psnr(back[0, 0].numpy(), small) > 18

    def test_an_interruption_gives_the_best_so_far(self) -> None:
        def tell(fit: FitProgress) -> None:
            assert fit.steps == 60 and fit.left >= 0 and fit.error is not None
            assert fit.picture.shape == (1, 3, 24, 32)
            if fit.step == 7:
                raise KeyboardInterrupt

        made = restore_picture(scene(), progress=tell, **THIN)
        assert made.stopped == "interrupted" and made.steps == 7 and 1 <= made.best <= 7

    def test_without_held_out_pixels_it_goes_to_the_end(self) -> None:
        made = restore_picture(scene(), held_out=0.0, **(THIN | {"steps": 12}))
        assert (made.stopped, made.steps, made.best, made.errors) == ("the last step", 12, 12, [])

    def test_opacity_is_kept(self) -> None:
        given = np.dstack([scene(), np.full((24, 32), 90, np.uint8)])
        assert restore_picture(given, **(THIN | {"steps": 2})).pixels.shape == (24, 32, 4)

    def test_a_rate_that_leads_nowhere(self) -> None:
        with pytest.raises(NotFinite, match=r"the error is nan in step \d+; a smaller --lr may help"):
            restore_picture(scene(), **(THIN | {"lr": 1e30}))


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        (scene(), {"task": "sharpen"}, "There is no task 'sharpen': it must be denoise, inpaint, enlarge"),
        (scene(), {"task": "inpaint"}, "The picture is whole, so nothing can be filled. Give --mask"),
        (scene(), {"task": "inpaint", "mask": np.ones((5, 5), bool)}, "The mask is 5x5, but the picture is 32x24"),
        (scene(), {"mask": np.ones((24, 32), bool)}, "the task is denoise. Type --task inpaint"),
        (
            scene(),
            {"task": "enlarge", "scale": 9},
            "The scale is 9, but a picture is enlarged by a whole number from 2 to 8",
        ),
        (scene(), {"scale": 4}, "A scale is that of enlarging, but the task is denoise. Type --task enlarge"),
        (scene(), {"settings": "best"}, "There are no settings 'best' of restoring"),
        (scene(), {"steps": 0}, "steps = 0 is not allowed"),
        (scene(), {"width": 3}, "Restoring has no setting 'width'"),
        (scene(8, 8), {}, "The picture has 8x8 pixels, but each side must be at least 16"),
        (scene() / 255, {}, r"an array must be uint8 \[H, W\]"),
        ("none.png", {}, "There is no picture none.png"),
        (np.zeros((1500, 1500), np.uint8), {"task": "enlarge"}, "6000x6000 pixels would be made, but 1,000,000 are"),
    ],
)
def test_what_cannot_be_restored(given: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(BelamyError, match=said):
        restore_picture(given, **options)


def test_of_several_frames_none_is_chosen(tmp_path: Path) -> None:
    first, second = (Image.fromarray(scene()).rotate(turn) for turn in (0, 90))
    first.save(tmp_path / "turning.gif", save_all=True, append_images=[second])
    with pytest.raises(BelamyError, match=r"turning\.gif has several frames, and one picture is restored\. Save one"):
        restore_picture(tmp_path / "turning.gif")


def test_settings_are_frozen_and_checked() -> None:
    assert PriorSettings().changed(maps=128).maps == 128
    with pytest.raises(UsageError, match="maps = 0 is not allowed"):
        PriorSettings().changed(maps=0)


class TestVerb:
    def test_it_writes_a_picture_and_tells(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Image.fromarray(scene()).save(tmp_path / "a.png")
        out = tmp_path / "b.png"
        words = ["restore", str(tmp_path / "a.png"), "--out", str(out), "--steps", "3", "--maps", "4", "--no-progress"]
        assert main(words) == 0
        assert "32x24 pixels, the mean at step" in capsys.readouterr().out
        with Image.open(out) as image:
            assert image.size == (32, 24)
        assert main(words) == 2
        assert "is there already" in capsys.readouterr().err

    def test_a_mask_for_nothing(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["restore", "a.png", "--mask", "b.png", "--out", str(tmp_path / "c.png")]) == 2
        assert "Type --task inpaint" in capsys.readouterr().err
