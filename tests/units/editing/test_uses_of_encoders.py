"""Uses of encoders against an autoencoder whose codes and errors are known: projection onto a plane."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from belamy.data import to_float, to_uint8
from belamy.data.dataset import Dataset, Memory
from belamy.editing.anomaly import Detector, examine, fit, heated, squared_errors, usual
from belamy.editing.restoration import restore
from belamy.editing.retrieval import FILE, Index, index, sheet
from belamy.editing.segmentation import SegmentationResult, encoder_features, intersection_over_union, learn, overlaid
from belamy.errors import DataError, RunError, UsageError
from belamy.methods.base import BaseMethod, DataSpec

SIDE = 8


class Plane(BaseMethod):
    """Codes are coordinates on two orthonormal pictures, reconstructions the points of their plane."""

    def __init__(self) -> None:
        super().__init__(None, DataSpec.pictures((1, SIDE, SIDE)))
        basis = torch.linalg.qr(torch.randn(SIDE * SIDE, 2, generator=torch.Generator().manual_seed(1))).Q
        self.basis = nn.Parameter(basis)

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.basis

    def reconstruct(self, images: Tensor) -> Tensor:
        return (self.encode(images) @ self.basis.T).view_as(images)


class Generator(BaseMethod):
    """No encoder."""

    def __init__(self) -> None:
        super().__init__(None, DataSpec.pictures((1, SIDE, SIDE)))
        self.weight = nn.Parameter(torch.zeros(1))


def points(method: Plane, codes: Tensor) -> Tensor:
    """Pixels whose codes are, but for rounding, those given."""
    return to_uint8((codes.float() @ method.basis.T).view(-1, 1, SIDE, SIDE))


def cloud(count: int, seed: int) -> Tensor:
    """Codes with standard deviations 1.5 and 0.3."""
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed)) * torch.tensor([1.5, 0.3])


@pytest.fixture
def plane() -> Plane:
    return Plane()


def detector(method: BaseMethod, kind: str, count: int = 400) -> Detector:
    plane = Plane()
    return fit(method, points(plane, cloud(1000, 1)), points(plane, cloud(count, 2)), kind)  # type: ignore[arg-type]


def test_error_is_the_squared_distance_from_the_plane(plane: Plane) -> None:
    images = torch.randint(0, 256, (5, 1, SIDE, SIDE), dtype=torch.uint8)
    x, basis = to_float(images).flatten(1).double().numpy() / 2, plane.basis.detach().double().numpy()
    expected = (x**2).sum(1) - ((x @ basis) ** 2).sum(1)
    np.testing.assert_allclose(detector(plane, "error").scores(images) * SIDE**2, expected, rtol=1e-5)


def test_latent_is_mahalanobis_distance(plane: Plane) -> None:
    found = detector(plane, "latent").scores(points(plane, torch.tensor([[3.0, 0.0], [0.0, 0.6], [0.0, 0.0]])))
    torch.testing.assert_close(found, torch.tensor([4.0, 4.0, 0.0], dtype=torch.float64), atol=0.4, rtol=0.1)


def test_neighbours_see_a_hole_in_the_middle_that_one_cloud_does_not(plane: Plane) -> None:
    angles = torch.arange(500) * 2 * torch.pi / 500
    ring = points(plane, torch.stack([angles.cos(), angles.sin()], 1))
    middle, on = points(plane, torch.zeros(1, 2)), points(plane, torch.tensor([[0.0, 1.0]]))
    near, far = (fit(plane, ring, ring[::5], "neighbours").scores(each) for each in (on, middle))
    assert far > 20 * near
    near, far = (fit(plane, ring, ring[::5], "latent").scores(each) for each in (on, middle))
    assert far < near


def test_dimensions_that_no_normal_image_uses_decide_nothing(plane: Plane) -> None:
    line = points(plane, torch.stack([torch.linspace(-1, 1, 99), torch.zeros(99)], 1))

    class Flat(Plane):
        def encode(self, images: Tensor) -> Tensor:
            return torch.cat([super().encode(images)[:, :1], torch.ones(len(images), 1)], 1)

    assert fit(Flat(), line, line, "latent").scores(line).isfinite().all()


def test_normal_images_are_those_trained_on_or_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.arange(40, dtype=torch.uint8).view(40, 1, 1, 1).expand(-1, 1, 4, 4)
    data = Dataset("counted", Memory(images))
    assert torch.equal(usual(data), images[data.indices("train")])
    monkeypatch.setattr("belamy.editing.anomaly.MOST", 10)
    drawn = usual(data, seed=1)[:, 0, 0, 0]
    assert len(set(drawn.tolist())) == 10 and set(drawn.tolist()) <= set(data.indices("train").tolist())
    assert not torch.equal(drawn, usual(data, seed=2)[:, 0, 0, 0])


def test_the_stated_rate_holds_on_other_normal_images(plane: Plane) -> None:
    others = points(plane, cloud(2000, 3))
    far = points(plane, torch.tensor([[0.0, 4.0], [0.0, -4.0]]))
    for kind in ("neighbours", "latent"):
        report = examine(detector(plane, kind), far, others, 0.1)
        alarms = report.operating.false_alarms
        assert alarms.low <= 0.13 and abs(alarms.value - 0.1) < 0.04
        assert report.alarms == report.order and report.operating.hits.value == 1
        facts = report.facts()
        assert facts["suspects"][0]["anomalous"] and facts["false_positives"]["stated"] == 0.1


def test_heat_is_where_a_pixel_is_wrong(plane: Plane) -> None:
    image = points(plane, torch.zeros(1, 2))
    image[0, 0, 2, 5] = 255
    heat = detector(plane, "error").heat(image)[0]
    at = int(heat.argmax())
    assert abs(at // SIDE - 2) <= 1 and abs(at % SIDE - 5) <= 1
    shown = heated(image, heat[None])
    assert shown.shape == (1, 3, SIDE, SIDE) and shown.dtype == torch.uint8
    assert shown[0, 0, 2, 5] > shown[0, 2, 2, 5] and torch.equal(shown[0, 0, 7, 0], shown[0, 2, 7, 0])


def test_a_report_draws_the_most_unusual_first(plane: Plane) -> None:
    suspects = points(plane, torch.tensor([[0.0, 0.1], [0.0, 9.0], [0.0, 2.0]]))
    report = examine(detector(plane, "latent"), suspects, points(plane, cloud(50, 4)), 0.05, ("a", "b", "c"))
    assert [each["name"] for each in report.facts()["suspects"]] == ["b", "c", "a"]
    assert report.picture(2).pixels.ndim == 3


NINE = torch.zeros(9, 1, SIDE, SIDE, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: fit(Generator(), NINE, NINE, "error"), "reconstructs no images"),
        (lambda: fit(Generator(), NINE, NINE, "latent"), "no encoder"),
        (lambda: fit(Plane(), NINE[..., :4, :4], NINE), "9, 1, 4, 4"),
        (lambda: fit(Plane(), NINE[:1], NINE), "2 or more"),
        (lambda: detector(Plane(), "eror"), "Did you mean 'error'"),
        (lambda: detector(Plane(), "error", 10).threshold(0.01), "100 or more can"),
        (lambda: examine(detector(Plane(), "error"), NINE, NINE, 1.0), "between"),
        (lambda: restore(Generator(), NINE), "reconstructs no images"),
        (lambda: restore(Plane(), NINE, -1), "0..10"),
        (lambda: restore(Plane(), NINE.expand(-1, 3, -1, -1)), "(3, 8, 8)"),
        (lambda: encoder_features(Generator()), "no encoder"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(call, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=says.replace("(", r"\(").replace(")", r"\)")):
        call()


@pytest.mark.parametrize("metric", ["euclidean", "whitened", "cosine"])
def test_an_index_finds_what_is_nearest_and_is_kept(plane: Plane, tmp_path: Path, metric: str) -> None:
    codes = cloud(60, 5)
    data = Dataset("plane", Memory(points(plane, codes)), labels=(codes[:, 0] > 0).long(), classes=("left", "right"))
    made = index(plane, data, metric=metric)  # type: ignore[arg-type]
    assert torch.equal(made.indices, data.indices("train"))
    found = made.search(made.codes[:5], 3)
    assert torch.equal(found.indices[:, 0], made.indices[:5])
    moved = made.changed(made.codes).double()
    expected = torch.cdist(moved[:5], moved).topk(3, largest=False).values
    torch.testing.assert_close(found.distances, expected, atol=1e-6, rtol=1e-6)
    made.save(tmp_path / FILE)
    again = Index.load(tmp_path / FILE)
    assert again.metric == metric and again.data == data.fingerprint
    assert torch.equal(again.codes, made.codes) and torch.equal(again.indices, made.indices)
    laid_out = sheet(data.images(made.indices[:5]), data, found).image
    assert laid_out.width > 4 * 56 and laid_out.height > 5 * 56


def test_whitened_codes_count_alike_and_cosine_sees_directions() -> None:
    codes = torch.tensor([[100.0, 0.0], [-100.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    plain, even = (Index(codes, torch.arange(4), metric) for metric in ("euclidean", "whitened"))  # type: ignore[arg-type]
    query = torch.tensor([[60.0, 0.9]])
    assert plain.search(query, 1).indices.item() == 0 and even.search(query, 1).indices.item() == 2
    turned = Index(codes, torch.arange(4), "cosine")
    assert torch.allclose(turned.changed(query), turned.changed(query / 7))


def test_wrong_indices_are_refused(plane: Plane, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Type --size"):
        index(plane, Dataset("small", Memory(torch.zeros(9, 1, 4, 4, dtype=torch.uint8))))
    with pytest.raises(UsageError, match="3 numbers are sought among codes of 2"):
        Index(torch.randn(4, 2), torch.arange(4)).search(torch.randn(1, 3))
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(RunError, match="holds no index"):
        Index.load(tmp_path / FILE)


def test_restoration_projects_noise_away(plane: Plane) -> None:
    images = points(plane, cloud(30, 7))
    found = restore(plane, images, 0.2, seed=3)
    assert torch.equal(restore(plane, images[:4], 0.2, seed=3).seen, found.seen[:4])
    errors = (found.seen.double() - images.double()).square().flatten(1).mean(1)
    torch.testing.assert_close(found.before, 10 * (255**2 / errors).log10())
    left = (found.restored.double() - images.double()).square().flatten(1).mean(1)
    assert float((errors.mean() / left.mean()).log10()) == pytest.approx(1.5, abs=0.2)  # 2 of 64 directions keep theirs
    quiet = restore(plane, images)
    assert torch.equal(quiet.seen, images) and (quiet.after > 40).all()
    assert found.picture(3).pixels.shape[0] > quiet.picture(3).pixels.shape[0]


def test_squared_errors_are_of_the_unrounded(plane: Plane) -> None:
    images = torch.randint(0, 256, (3, 1, SIDE, SIDE), dtype=torch.uint8)
    far, made = squared_errors(plane, images)
    again = plane.reconstruct(to_float(images)).detach()
    torch.testing.assert_close(far, ((to_float(images) - again) / 2).square()[:, 0].double())
    assert torch.equal(made, to_uint8(again))


def test_a_head_learns_what_the_code_knows_and_a_pixel_does_not(plane: Plane) -> None:
    codes = cloud(40, 8)
    images = points(plane, codes)
    kind = (codes[:, 0] > 0).long()
    masks = kind[:, None, None].expand(-1, SIDE, SIDE)
    found = learn(encoder_features(plane), images[:30], masks[:30], 2, steps=100)
    assert (found.segment(images[30:]) == masks[30:]).double().mean() > 0.97
    with pytest.raises(UsageError, match="one for each"):
        learn(encoder_features(plane), images, masks[:3], 2)
    with pytest.raises(UsageError, match=r"must be in 0\.\.1"):
        learn(encoder_features(plane), images, masks + 1, 2)


def test_intersection_over_union() -> None:
    found = torch.tensor([[0, 1, 1, 2]])
    truth = torch.tensor([[0, 0, 1, 1]])
    torch.testing.assert_close(
        intersection_over_union(found, truth, 4)[:3], torch.tensor([1 / 2, 1 / 3, 0.0], dtype=torch.float64)
    )
    assert intersection_over_union(found, truth, 4)[3].isnan()


def test_of_many_images_some_pixels_of_each_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belamy.editing.segmentation.HELD", 640)
    numbers = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (40, 1, SIDE, SIDE), dtype=torch.uint8, generator=numbers)
    masks = (images[:, 0] > 127).long()
    seen: list[int] = []

    def values(part: Tensor) -> Tensor:
        seen.append(len(part))
        return part.float()

    found = learn(values, images, masks, 2, steps=60)
    assert sum(seen) == 40 and found.mean.shape == (1,)
    assert (found.segment(images) == masks).double().mean() > 0.97


def test_a_trial_tells_agreement_and_draws_it() -> None:
    masks = torch.zeros(6, 4, 4, dtype=torch.long)
    masks[:, :2] = 1
    found = masks.clone()
    found[:, 0] = 0
    trial = SegmentationResult(
        torch.full((6, 1, 4, 4), 200, dtype=torch.uint8), masks, found, ("ground", "sky", "sea"), [(0, 0, 0)] * 3
    )
    told = trial.agreement()
    assert set(told) == {"ground", "sky", "mean"}
    assert told["sky"] == (0.5, 0.5, 0.5) and told["ground"].value == pytest.approx(8 / 12)
    assert told["mean"].value == pytest.approx((0.5 + 8 / 12) / 2)
    tinted = overlaid(trial.images, masks, [(0, 0, 0), (255, 0, 0), (0, 0, 255)])
    assert (tinted[:, :, 2:] == 200).all() and tinted[0, :, 0, 0].tolist() == [230, 90, 90]
    assert trial.picture(2).image.height > 3 * 56
