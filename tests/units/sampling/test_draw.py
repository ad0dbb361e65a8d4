"""From a seed to pixels."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.methods import gan
from belamy.methods.base import BaseMethod, BaseRecipe, DataSpec, normal_latents
from belamy.registry import Part
from belamy.sampling.draw import draw


class Painter(BaseMethod):
    """Images whose grey is the latent plus a tenth of the label; in training mode all are black."""

    def __init__(self, classes: tuple[str, ...] = ()) -> None:
        super().__init__(BaseRecipe(), DataSpec.pictures((1, 2, 2), classes))
        self.layer = nn.Linear(1, 1)
        self.seen: list[int] = []

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        return normal_latents(seed, indices, 1).clamp(-1, 1)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        self.seen.append(len(latents))
        grey = latents / 2 if labels is None else labels[:, None] / 10
        return (grey if not self.training else torch.full_like(grey, -1)).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


@pytest.mark.parametrize("batch", [1, 7, 64, 1000])
def test_image_i_depends_on_the_seed_and_i_alone(batch: int) -> None:
    method = Painter()
    whole = draw(method, 71, seed=4)
    assert torch.equal(draw(method, 71, seed=4, batch=batch), whole)
    assert torch.equal(draw(method, 10, seed=4, start=61, batch=batch), whole[61:])
    assert max(method.seen[1:]) <= max(batch, 64)
    assert not torch.equal(draw(method, 71, seed=5), whole)
    assert len(torch.unique(whole)) > 30


def test_they_are_bytes_drawn_in_evaluation_mode() -> None:
    method = Painter().train()
    images = draw(method, 5)
    assert images.dtype == torch.uint8 and images.shape == (5, 1, 2, 2)
    assert images.any()
    assert method.training
    assert not draw(method.eval(), 1).requires_grad and not method.training


def test_labels_go_round_or_are_chosen() -> None:
    method = Painter(("a", "b", "c"))

    def shown(**options: object) -> list[int]:
        return [round((float(image[0, 0, 0]) - 128) / 12.75) for image in draw(method, 5, **options)]

    assert shown() == [0, 1, 2, 0, 1]
    assert shown(start=1, batch=2) == [1, 2, 0, 1, 2]
    assert shown(labels=2) == [2] * 5
    assert shown(labels=[2, 2, 0, 1, 0], batch=3) == [2, 2, 0, 1, 0]


@pytest.mark.parametrize(
    ("classes", "options", "said"),
    [
        ((), {"count": 0}, "count = 0 and batch = 64"),
        ((), {"count": 2, "batch": 0}, "count = 2 and batch = 0"),
        ((), {"count": 2, "labels": 1}, "trained without labels"),
        (("a", "b"), {"count": 2, "labels": 2}, r"2 class numbers in 0\.\.1"),
        (("a", "b"), {"count": 2, "labels": -1}, r"2 class numbers in 0\.\.1"),
        (("a", "b"), {"count": 2, "labels": [0]}, "2 class numbers"),
        (("a", "b"), {"count": 2, "labels": []}, "2 class numbers"),
    ],
)
def test_a_wrong_number_is_one_clear_message(classes: tuple[str, ...], options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        draw(Painter(classes), **options)


def test_latents_are_functions_of_seed_and_index() -> None:
    whole = normal_latents(3, range(20), 6)
    assert whole.shape == (20, 6)
    assert torch.equal(normal_latents(3, [17, 2], 6), whole[[17, 2]])
    assert not torch.equal(normal_latents(4, range(20), 6), whole)


def test_latents_are_standard_normal() -> None:
    normal = normal_latents(0, range(500), 40)
    assert abs(float(normal.mean())) < 0.03 and abs(float(normal.std()) - 1) < 0.03


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_training_and_sampling_draw_from_the_same_law(prior: str) -> None:
    """The book's code trains on N(0, 1) and samples from U(-1, 1)."""
    from belamy.seeds import Draws

    dense = Part(name="dense-fashion")
    recipe = gan.Recipe(prior=prior, generator=dense, discriminator=dense, latent=64)
    method = gan.Method(recipe, DataSpec.pictures((1, 8, 8)))
    trained, sampled = method.noise(200, Draws(0, 0)), method.latents(0, range(200))
    assert abs(float(trained.std() - sampled.std())) < 0.03
    assert (float(trained.abs().max()) <= 1) == (float(sampled.abs().max()) <= 1) == (prior == "uniform")
