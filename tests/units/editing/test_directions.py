"""Directions in latent spaces whose answers are known, and what leaks along them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from belamy.data.dataset import Attribute, Dataset, Memory
from belamy.editing.attribute_predictors import ClassifierPredictor, MeasurePredictor, measured
from belamy.editing.directions import DIRECTIONS, DirectionData, Directions, in_deviations, leading
from belamy.editing.directions.linear_normal import logistic
from belamy.editing.evidence import from_data, from_draws
from belamy.editing.leakage import leakage
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, DataSpec
from belamy.registry import Part
from belamy.sampling.deeper import LayerLatents

LATENT = 4


class Linear(BaseMethod):
    """Images that are linear in their latents, and an encoder that is its inverse."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__(None, DataSpec.pictures((1, 4, 4)))
        self.generator = nn.Linear(LATENT, 16)
        with torch.no_grad():
            self.generator.weight.copy_(weight)
            self.generator.bias.zero_()

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        return torch.stack([torch.randn(LATENT, generator=torch.Generator().manual_seed(i + seed)) for i in indices])

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.generator(latents).view(-1, 1, 4, 4)

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.generator.weight.pinverse().T


def made(scales: Iterable[float] = (0.4, 0.2, 0.1, 0.05)) -> Linear:
    """Orthogonal pictures of falling strength."""
    basis = torch.linalg.qr(torch.randn(16, LATENT, generator=torch.Generator().manual_seed(3))).Q
    return Linear(basis * torch.tensor(list(scales)))


def evidence(count: int = 4000, mixed: float = 0.0) -> DirectionData:
    """Attribute a is the sign of the first latent, b that of the second, more or less mixed with the first."""
    latents = torch.randn(count, LATENT, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2, 1, 0.5])
    second = latents[:, 1] / 2 + mixed * latents[:, 0]
    return DirectionData(latents, {"a": latents[:, 0] > 0, "b": second > 0}, made())


def find(part: str, given: DirectionData, names: tuple[str, ...] = ()) -> Directions:
    return DIRECTIONS.build(Part.parse(part)).find(given, names)


def cosine(vector: Tensor, axis: int) -> float:
    return abs(float(vector[axis] / vector.norm()))


@pytest.mark.parametrize("part", ["mean-difference", "linear-normal", "mean-difference:within=true"])
def test_supervised_directions_are_axes_of_one_deviation(part: str) -> None:
    found = find(part, evidence(), ("a", "b"))
    assert found.names == ("a", "b") and found.vectors.dtype == torch.float32
    assert cosine(found["a"], 0) > 0.99 and cosine(found["b"], 1) > 0.99
    assert found["a"][0] > 0 and found["b"][1] > 0
    assert found.vectors.norm(dim=1).tolist() == pytest.approx([1, 2], rel=0.05)


def test_raw_difference_of_means_in_float64() -> None:
    given = evidence()
    latents, has = given.latents.double(), given.attributes["a"]
    expected = latents[has].sum(0) / has.sum() - latents[~has].sum(0) / (~has).sum()
    torch.testing.assert_close(
        find("mean-difference:raw=true", given, ("a",))["a"].double(), expected, atol=1e-6, rtol=0
    )
    # of a normal number, the means of the halves are 2 sqrt(2 / pi) apart
    assert float(expected[0]) == pytest.approx(2 * (2 / torch.pi) ** 0.5, rel=0.05)


def test_differences_within_the_other_attribute_part_what_goes_together() -> None:
    given = evidence(20_000, mixed=2.0)
    plain, within = (find(f"mean-difference:within={word}", given, ("a", "b"))["a"] for word in ("false", "true"))
    assert plain[1].abs() < 0.05  # a is the first latent alone
    assert within[1] < -0.3  # with b held, more of the first latent means less of the second


def test_orthogonalised_normals_leave_the_other_logit_alone() -> None:
    given = evidence(mixed=1.0)
    alone = find("linear-normal:others=false", given, ("a", "b"))
    apart = find("linear-normal", given, ("a", "b"))
    standard = given.latents.double().std(0)
    normal = logistic(given.latents.double() / standard, given.attributes["a"], 1e-3)[0]
    before, after = (float((found["b"].double() / standard) @ normal / normal.norm()) for found in (alone, apart))
    assert abs(before) > 0.3 and abs(after) < 0.05
    assert apart.facts["a"]["accuracy"] > 0.95


def test_logistic_regression_is_where_its_gradient_vanishes() -> None:
    features = torch.randn(500, 3, dtype=torch.float64)
    positive = (features[:, 0] + 0.5 * torch.randn(500, dtype=torch.float64)) > 0.7
    normal, offset = (part.clone().requires_grad_() for part in logistic(features, positive, 0.01))
    weight = torch.where(positive, 0.5 / positive.double().mean(), 0.5 / (~positive).double().mean())
    loss = nn.functional.binary_cross_entropy_with_logits(features @ normal + offset, positive.double(), weight)
    (loss + 0.005 * normal.square().sum()).backward()
    assert float(normal.grad.abs().max()) < 1e-8 and float(offset.grad.abs()) < 1e-8


@pytest.mark.parametrize("name", ["factorisation", "jacobian", "principal", "principal:space=latents"])
def test_unsupervised_directions_of_a_linear_generator_are_its_singular_vectors(name: str) -> None:
    part = Part.parse(name)
    given = evidence()
    order = [1, 0, 2, 3] if name == "principal:space=latents" else [0, 1, 2, 3]
    if name == "principal":
        given = DirectionData(given.latents / torch.tensor([1.0, 2, 1, 0.5]), {}, given.method)
    found = DIRECTIONS.build(Part(name=part.name, count=3, **part.options)).find(given)
    assert len(found.names) == len(set(found.names)) == 3
    for vector, axis in zip(found.vectors, order, strict=False):
        assert cosine(vector, axis) > 0.98 or (name.endswith("latents") and axis in (0, 2))


def test_jacobian_speeds_and_factor_shares_are_the_singular_values() -> None:
    speeds = [fact["speed"] for fact in find("jacobian:count=4", evidence()).facts.values()]
    assert speeds == pytest.approx([0.4, 0.2, 0.1, 0.05], rel=1e-3)
    shares = [fact["share"] for fact in find("factorisation:count=4", evidence()).facts.values()]
    total = 0.4**2 + 0.2**2 + 0.1**2 + 0.05**2
    assert shares == pytest.approx([0.16 / total, 0.04 / total, 0.01 / total, 0.0025 / total], abs=1e-3)


def test_a_step_is_a_deviation_and_zero_is_refused() -> None:
    latents = evidence().latents
    steps = in_deviations(torch.tensor([[5.0, 0, 0, 0], [0, 0.1, 0, 0]]), latents)
    assert steps.norm(dim=1).tolist() == pytest.approx(latents.std(0)[:2].tolist(), rel=1e-5)
    with pytest.raises(UsageError, match="A direction is zero"):
        in_deviations(torch.zeros(1, LATENT), latents)


@pytest.mark.parametrize(
    ("part", "names", "says"),
    [
        ("mean-difference", ("c",), "no attribute 'c' among the evidence"),
        ("linear-normal", ("always",), "Of 50 images 50 have 'always'"),
        ("linear-normal:ridge=0", ("a",), "ridge is 0.0, but it must be above 0"),
        ("factorisation:count=5", (), "count is 5, but there are 1 to 4"),
        ("jacobian:count=5", (), "count is 5, but there are 1 to 4"),
        ("sideways", (), "no kind of direction 'sideways'"),
    ],
)
def test_wrong_uses(part: str, names: tuple[str, ...], says: str) -> None:
    given = evidence(50)
    attributes = {**given.attributes, "always": torch.ones(50, dtype=torch.bool)}
    with pytest.raises(UsageError) as error:
        find(part, DirectionData(given.latents, attributes, given.method), names)
    assert says in str(error.value)


def test_leading_eigenvectors_refuse_none() -> None:
    with pytest.raises(UsageError, match="count is 0"):
        leading(torch.eye(3), 0)


def bright_data() -> Dataset:
    images = torch.randint(0, 256, (60, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    third = torch.arange(60) % 3
    return Dataset("small", Memory(images), labels=third, classes=("x", "y", "z"),
                   attributes={"odd": Attribute(("no", "yes"), torch.arange(60) % 2),
                               "kind": Attribute(("p", "q", "r"), third)})  # fmt: skip


def test_evidence_from_data() -> None:
    data, method = bright_data(), made()
    found = from_data(method, data, ("odd", "kind=q", "y", "brightness"), most=40)
    chosen = data.indices("train")[:40]
    assert found.latents.shape == (40, LATENT)
    assert torch.equal(found.attributes["odd"], chosen % 2 == 1)
    assert torch.equal(found.attributes["kind=q"], found.attributes["y"])
    assert int(found.attributes["brightness"].sum()) == 20
    for name, says in {"kind": "'kind' is one of 3 things: type kind=p", "od": "Did you mean 'odd'"}.items():
        with pytest.raises(UsageError, match=says):
            from_data(method, data, (name,))


def test_evidence_from_draws() -> None:
    method = made()
    found = from_draws(method, [MeasurePredictor("brightness", 0.9)], 64, 7)
    assert torch.equal(found.latents, method.latents(7, range(64)))
    bright = method.generate(found.latents).mean((1, 2, 3))
    assert int(found.attributes["brightness"].sum()) == 32  # at their own median, not at that of the data
    assert bright[found.attributes["brightness"]].min() >= bright[~found.attributes["brightness"]].max() - 0.01
    chances = torch.eye(4)[torch.arange(64) % 3]
    kinds = from_draws(
        method, [ClassifierPredictor("kind", ("p", "q", "r", "s"), lambda images: chances)], 64, 7
    ).attributes
    assert {name: int(has.sum()) for name, has in kinds.items()} == {"kind=p": 22, "kind=q": 21, "kind=r": 21}


def mixed(count: int = 600) -> DirectionData:
    """Attribute a is a bright left half, b a bright right half; the first latent moves both, the second the right."""
    halves = torch.zeros(LATENT, 4, 4)
    halves[0], halves[1, :, 2:] = 0.5, 0.5
    halves[2:] = 0.05
    latents = torch.randn(count, LATENT, generator=torch.Generator().manual_seed(0))
    return DirectionData(
        latents,
        {"a": latents[:, 0] > 0, "b": latents[:, 0] + latents[:, 1] > 0},
        Linear(halves.flatten(1).T),
    )


def test_learned_directions_leave_the_other_half_as_it_is() -> None:
    given = mixed()
    others, alone = (
        find(f"learned:others={weight},steps=60,batch=32,passes=40", given, ("a",))["a"] for weight in (1, 0)
    )
    assert others[0] > 0 and alone[0] > 0
    left, right = (vector[0].item() / vector.norm().item() for vector in (others, alone))
    slips = [float((vector[0] + vector[1]) / vector[0]) for vector in (others, alone)]  # of b's logit, per step of a
    assert abs(slips[0]) < 0.5 * abs(slips[1])
    assert left > 0.5 and right > 0.5


def test_learned_directions_are_in_deviations_and_repeat() -> None:
    given = mixed(300)
    first, again = (find("learned:steps=5,passes=2", given, ("a", "b")) for _ in range(2))
    assert torch.equal(first.vectors, again.vectors)
    steps = in_deviations(first.vectors, given.latents)
    torch.testing.assert_close(first.vectors, steps)
    assert first.facts["a"]["step"] == pytest.approx(2, abs=0.3)  # where it begins, and five small moves
    assert first.facts["a"]["with"] == int(given.attributes["a"].sum())


@pytest.mark.parametrize("options", ["others=-1", "steps=0", "batch=0", "passes=0", "eyes=0"])
def test_impossible_options_of_learned_directions(options: str) -> None:
    with pytest.raises(UsageError, match="must be at least"):
        DIRECTIONS.build(Part.parse(f"learned:{options}"))


class Folded(BaseMethod):
    """Images that are linear in the absolute values of linear features of two latents."""

    def __init__(self) -> None:
        super().__init__(None, DataSpec.pictures((1, 2, 3)))
        self.generator = nn.Sequential(nn.Linear(2, 5), nn.PReLU(1, -1.0), nn.Linear(5, 6)).requires_grad_(False)

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        return torch.stack([torch.randn(2, generator=torch.Generator().manual_seed(i + seed)) for i in indices])

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.generator(latents).view(-1, 1, 2, 3)


def test_deeper_latents_are_the_features_and_make_the_same_images() -> None:
    method = Folded()
    deeper = LayerLatents(method, "1")
    features = deeper.latents(3, [4, 0])
    torch.testing.assert_close(features, method.generator[0](method.latents(3, [4, 0])).abs())
    torch.testing.assert_close(deeper.generate(features), method.generate(method.latents(3, [4, 0])))
    moved = deeper.generate(features + torch.eye(5)[2]) - deeper.generate(features)
    torch.testing.assert_close(moved.flatten(1), method.generator[2].weight[:, 2].expand(2, -1))
    torch.testing.assert_close(deeper.latents(3, [0]), features[1:])
    with pytest.raises(UsageError, match="no layer '3'"):
        LayerLatents(method, "3")


def test_leakage_of_known_changes() -> None:
    latents = torch.randn(400, 2, generator=torch.Generator().manual_seed(2))

    def render(points: Tensor) -> Tensor:
        """Brightness is the first latent, and the left column holds the second."""
        values = (128 + 20 * points[:, :1, None, None]).expand(-1, 1, 4, 4).clone()
        values[..., 0] = (128 + 20 * points[:, 1:, None]).expand(-1, 1, 4)
        return values.round().clamp(0, 255).to(torch.uint8)

    def left(images: Tensor) -> Tensor:
        chance = (images[:, 0, :, 0].double().mean(1) / 255 - 0.5).mul(20).sigmoid()
        return torch.stack([1 - chance, chance], 1)

    seen = [measured("brightness", render(latents)), ClassifierPredictor("left", ("dark", "light"), left)]
    walked = Directions(torch.eye(2), ("first", "second"))
    found = leakage(render, latents, walked, seen, (-2.0, 0.0, 2.0))
    assert torch.equal(found.kept[:, 1], torch.ones(2, 2, dtype=torch.float64))
    assert float(found.matrix[0, 1]) == pytest.approx(0, abs=1e-9) and float(found.matrix[1, 1]) > 0.9
    deviation = latents.mul(torch.tensor([0.75, 0.25])).sum(1).std()
    assert float(found.matrix[0, 0]) == pytest.approx(0.75 / float(deviation), rel=0.02)
    assert found.last[1, 2, 1] > 0.95 and found.last[1, 0, 1] < 0.05
    assert found.facts()["directions"] == ["first", "second"]


def test_a_measure_of_few_values_splits_below_the_commonest() -> None:
    looped = torch.zeros(4, 1, 6, 6, dtype=torch.uint8)
    looped[:3, 0, 1:4, 1:4] = 255
    looped[:3, 0, 2, 2] = 0
    assert measured("loops", looped).predict(looped).verdict.tolist() == [1, 1, 1, 0]
