"""VQ-VAE: a step in float64 against its paper, FSQ against its own, dead codes, and the bound's sum over pictures."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.batch import Batch
from belamy.data.dataset import Dataset
from belamy.errors import UsageError
from belamy.methods.base import HasLikelihood, Reconstructs, Samples, Sampling
from belamy.methods.vq_vae import QUANTISERS, Method, Recipe
from belamy.modalities.fields import DataSpec
from belamy.networks.quantisers.finite_scalar import Quantiser as Grid
from belamy.networks.quantisers.vector import Quantiser as Book
from belamy.registry import Part
from belamy.seeds import SampleDraws

PRIOR = Part(name="gated-pixel-cnn", width=4, depth=2, first=3)
SMALL: dict[str, Any] = {
    "prior": PRIOR, "quantiser": Part(name="vector", codes=5, dimensions=3, commitment=0.4), "width": 6, "batch": 6,
    "likelihood": Part(name="bernoulli"), "binarisation": "threshold", "clip_norm": None, "first_stage": 0.0,
}  # fmt: skip


def model(shape: tuple[int, int, int] = (1, 8, 8), classes: tuple[str, ...] = (), **fields: Any) -> Method:
    torch.manual_seed(4)
    recipe = Recipe(**{**SMALL, **fields}, conditional=bool(classes))
    built = Method(recipe, DataSpec.pictures(shape, classes)).double().eval()
    for parameter in built.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return built


def test_a_step_of_both_players(stage: Callable[..., Any], check: Callable[..., None], noise: Dataset) -> None:
    """Van den Oord et al., equation 3; then minus the log-probability of the codes that the autoencoder has now."""
    found = stage(Recipe(**SMALL, train_samples=60), noise)
    method = found.method
    method.autoencoder.quantiser.book.data.normal_(generator=torch.Generator().manual_seed(0)).mul_(0.1)
    batch, _ = found.batch()
    white = batch >= 128 / 127.5 - 1
    network = method.autoencoder

    def coded() -> tuple[Tensor, Tensor, Tensor]:
        features = network.encoder(white.double() * 2 - 1)
        book = network.quantiser.book
        distance = (features.movedim(1, -1)[..., None, :] - book).square().sum(-1)
        codes = distance.argmin(-1)
        return features, book[codes].movedim(-1, 1), codes

    features, vectors, codes = coded()
    chance = torch.sigmoid(network.decoder(features + (vectors - features).detach()))
    terms = {
        "reconstruction": -torch.where(white, chance, 1 - chance).log().flatten(1).sum(1),
        "codebook": (features.detach() - vectors).square().flatten(1).mean(1),
        "commitment": 0.4 * (features - vectors.detach()).square().flatten(1).mean(1),
    }
    turns = found.turns()
    check(next(turns), "autoencoder", network, terms, {"reconstruction": 1 / white[0].numel()})
    before = codes
    law = next(turns)
    _, vectors, codes = coded()
    logits = method.law_of_codes(vectors.detach())
    nats = torch.nn.functional.cross_entropy(logits.movedim(-1, 1), codes, reduction="none").flatten(1).sum(1)
    check(law, "law", method.law_of_codes, {"nats": nats}, {"nats": 1 / 4})
    assert before.shape == codes.shape == (6, 2, 2) and list(turns) == []


def test_stages(stage: Callable[..., Any], noise: Dataset) -> None:
    found = stage(Recipe(**{**SMALL, "first_stage": 0.5}, train_samples=24), noise)
    assert [[turn.player for turn, _ in found.turns()] for _ in range(4)] == [["autoencoder"]] * 2 + [["law"]] * 2


def test_dead_codes_start_anew_among_features(stage: Callable[..., Any], noise: Dataset) -> None:
    for restart in (True, False):
        found = stage(Recipe(**SMALL, train_samples=600, patience=2, restart=restart), noise)
        book = found.method.autoencoder.quantiser.book
        book.data[1:] = 50 + torch.arange(4)[:, None]
        used = [turn.signals["used"] for _ in range(3) for turn, _ in found.turns() if turn.player == "autoencoder"]
        assert [float(each) for each in used[:2]] == [1.0, pytest.approx(0.2)]
        assert (book.detach().abs().max() < 10) == restart
        assert restart or found.method.idle.tolist() == [0, 3, 3, 3, 3]


def test_the_grid_is_that_of_the_paper() -> None:
    """Mentzer et al., appendix A.1, written out for one feature at a time."""
    levels = (8, 5, 2)
    grid = Grid(levels=levels).double()
    features = (3 * torch.randn(4, 3, 2, 5, generator=torch.Generator().manual_seed(0)).double()).requires_grad_()
    found = grid(features)
    for place, count in enumerate(levels):
        half = (count - 1) * 1.001 / 2
        offset = 0.0 if count % 2 else 0.5
        values = (
            torch.tanh(features[:, place] + torch.atanh(torch.tensor(offset / half, dtype=torch.float64))) * half
            - offset
        )
        torch.testing.assert_close(found.vectors[:, place], values.round() / (count // 2), rtol=1e-12, atol=1e-12)
        assert len(found.vectors[:, place].unique()) <= count
        wanted = torch.autograd.grad(values.sum() / (count // 2), features, retain_graph=True)[0]
        got = torch.autograd.grad(found.vectors[:, place].sum(), features, retain_graph=True)[0]
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(grid.vectors(found.codes).double(), found.vectors.detach(), rtol=0, atol=1e-6)
    every = torch.arange(80).view(80, 1, 1)
    assert grid.codes == 80 and len(grid.vectors(every).unique(dim=0)) == 80 and not found.terms
    assert grid(torch.zeros(1, 3, 1, 1).double()).vectors.flatten().tolist() == [0, 0, 0]


@torch.no_grad()
def test_the_bound_is_no_more_than_a_probability() -> None:
    """Over all pictures of one code's size and all codes, p(x | c) p(c) sums to 1; the bound takes one code of each."""
    method = model((1, 4, 4), likelihood=Part(name="bernoulli"))
    corner = torch.tensor(list(product((0, 1), repeat=8))).view(-1, 1, 2, 4)
    white = torch.cat([corner, torch.zeros_like(corner)], 2)
    batch = Batch.of(white.double() * 2 - 1, None, torch.arange(len(white)))
    told = method.log_prob(batch, SampleDraws(0, range(len(white))))
    codes = method.codes_of(white)
    vectors = method.autoencoder.quantiser.vectors(codes)
    chance = torch.sigmoid(method.autoencoder.decoder(vectors))
    given = torch.where(white > 0, chance, 1 - chance).flatten(1).prod(1)
    of_code = method.law_of_codes(vectors).softmax(-1)[:, 0, 0].gather(1, codes[:, :, 0])[:, 0]
    torch.testing.assert_close(told.exp(), given * of_code, rtol=1e-9, atol=1e-15)
    assert isinstance(method, HasLikelihood) and method.likelihood == "bound"
    assert isinstance(method, Samples) and isinstance(method, Reconstructs)


@pytest.mark.parametrize("quantiser", ["vector:codes=5,dimensions=3", "finite-scalar:levels=3x2"])
@torch.no_grad()
def test_codes_are_those_of_a_whole_pass_for_each(quantiser: str) -> None:
    method = model((2, 8, 12), ("a", "b"), quantiser=Part.parse(quantiser))
    latents, labels = method.latents(3, range(4)).double(), torch.tensor([0, 1, 1, 0])
    codes = torch.zeros(4, 2, 3, dtype=torch.long)
    for place in range(6):
        logits = method.law_of_codes(method.autoencoder.quantiser.vectors(codes).double(), labels).flatten(1, 2)
        reached = logits[:, place].softmax(-1).cumsum(-1)
        codes.view(4, -1)[:, place] = (reached <= latents[:, place, None]).sum(-1)
    drawn = method.generate(latents, labels)
    torch.testing.assert_close(drawn, method.drawn(codes), rtol=1e-9, atol=1e-9)
    assert len(codes.unique(dim=0)) > 1 and drawn.shape == (4, 2, 8, 12)
    cold = method.generate(latents, labels, sampling=Sampling(SampleDraws(0, range(4)), options={"temperature": 0.0}))
    assert torch.equal(cold[0], cold[3])


def test_wrong_quantisers() -> None:
    for part, says in {
        "vector:codes=0": "vector:codes is 0, but it must be at least 1",
        "vector:commitment=0": "vector:commitment is 0, but it must be above 0",
        "finite-scalar:levels=8x1": "each feature needs 2 levels or more",
        "finite-scalar:levels=256x257": "their product may be 65,536",
    }.items():
        with pytest.raises(UsageError, match=says):
            QUANTISERS.build(Part.parse(part))
    assert Book(codes=3, dimensions=2).book.abs().max() <= 1 / 3
    with pytest.raises(UsageError, match="4"):
        model((1, 10, 8))
