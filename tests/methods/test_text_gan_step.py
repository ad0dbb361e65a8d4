"""A text GAN's step in float64 against the papers, in symbols as rows; and what it writes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from belamy import recipes
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.base import Samples, Sampling
from belamy.methods.text_gan import Method, Recipe, ended
from belamy.modalities import modality
from belamy.modalities.fields import DataSpec, Field
from belamy.modalities.text import END, PADDING, SPECIAL, UNKNOWN
from belamy.networks.text_resnet import Discriminator, Generator
from belamy.registry import Part
from belamy.sampling.draw import draw
from belamy.seeds import SampleDraws
from belamy.training.watch.observe import Watch

LENGTH, LATENT, BATCH = 6, 5, 4
SYMBOLS = (*SPECIAL, *"abcd")
SMALL = Part(name="text-resnet", features=3)
FIELD = Field("text", (LENGTH,), SYMBOLS)


@pytest.fixture
def phrases() -> Dataset:
    """Twelve texts of letters, some shorter, some cropped."""
    raw = torch.randint(3, 7, (12, LENGTH), generator=torch.Generator().manual_seed(2))
    raw[::3, 3], raw[::3, 4:] = END, PADDING
    return Dataset("phrases", Memory(raw), field=FIELD)


def small(**fields: Any) -> Recipe:
    settings = {"batch": BATCH, "latent": LATENT, "train_samples": 400, "generator": SMALL, "discriminator": SMALL}
    return Recipe.parse({**settings, **fields})


def weights(module: Any) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each layer, in order."""
    parameters = list(module.parameters())
    return list(zip(parameters[::2], parameters[1::2], strict=True))


def convolved(x: Tensor, layer: tuple[Tensor, Tensor]) -> Tensor:
    """Tap by tap.  # [n, in, T] to [n, out, T]"""
    taps, bias = layer
    pieces = F.pad(x, (taps.shape[2] // 2,) * 2).unfold(2, taps.shape[2], 1)
    return torch.einsum("nitk,oik->not", pieces, taps) + bias[:, None]


def residual(x: Tensor, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Five blocks, each of which adds to what it was given."""
    for first, second in zip(layers[::2], layers[1::2], strict=True):
        x = x + 0.3 * convolved(convolved(x.clamp_min(0), first).clamp_min(0), second)
    return x


def judged(module: Any, rows: Tensor) -> Tensor:
    """Scores of rows.  # [n, length, vocabulary] to [n]"""
    first, *blocks, (head, offset) = weights(module)
    assert len(blocks) == 10
    return residual(convolved(rows.transpose(1, 2), first), blocks).flatten(1) @ head[0] + offset


def written(module: Any, latents: Tensor) -> Tensor:
    """Rows of probabilities.  # [n, latent] to [n, length, vocabulary]"""
    (first, offset), *blocks, last = weights(module)
    scores = convolved(residual((latents @ first.T + offset).view(len(latents), -1, LENGTH), blocks), last)
    return scores.transpose(1, 2).exp() / scores.transpose(1, 2).exp().sum(2, keepdim=True)


def test_a_step_of_the_wasserstein_game(stage: Any, check: Any, phrases: Dataset) -> None:
    """Gulrajani et al. 2017, algorithm 1, on rows of zeros and a one against a softmax."""
    game = {"adversarial": "wasserstein", "penalties": ("gradient-penalty",), "views": ()}
    made = stage(small(**game, critic_steps=2), phrases)
    numbers, critic, generator = made.numbers(), made.method.discriminator, made.method.generator
    turns = made.turns()
    for _ in range(2):
        batch = next(made.batches)
        real = torch.zeros(BATCH, LENGTH, len(SYMBOLS), dtype=torch.float64)
        for text, row in zip(phrases.store.read(batch.indices).tolist(), real, strict=True):
            for place, symbol in enumerate(text):
                row[place, symbol] = 1
        fake = written(generator, numbers.normal("latents", BATCH, LATENT)).detach()
        played = next(turns)
        share = numbers.uniform("gradient-penalty", BATCH, 1, 1)
        between = ((1 - share) * real + share * fake).requires_grad_()
        (slope,) = torch.autograd.grad(judged(critic, between).sum(), between, create_graph=True)
        terms = {
            "adversarial": judged(critic, fake) - judged(critic, real),
            "gradient-penalty": ((slope.square().flatten(1).sum(1) + 1e-12).sqrt() - 1) ** 2,
        }
        check(played, "discriminator", critic, terms, {"gradient-penalty": 10.0})
    played = next(turns)
    fake = written(generator, numbers.normal("latents", BATCH, LATENT))
    check(played, "generator", generator, {"adversarial": -judged(critic, fake)})
    assert next(turns, None) is None


def test_a_step_of_the_relativistic_game(stage: Any, check: Any, phrases: Dataset) -> None:
    """Jolicoeur-Martineau 2018, RaSGAN: one step of each, on the same texts."""
    game = {"adversarial": "relativistic-average", "penalties": (), "views": ()}
    made = stage(small(**game, fresh_latents=False), phrases)
    critic, generator = made.method.discriminator, made.method.generator
    real = F.one_hot(phrases.store.read(next(made.batches).indices).long(), len(SYMBOLS)).double()
    z = made.numbers().normal("latents", BATCH, LATENT)
    turns = made.turns()

    def told(first: Tensor, second: Tensor) -> Tensor:
        """How little the first are taken for more real than the second on average, and the other way round."""
        return F.softplus(second.mean() - first) + F.softplus(second - first.mean())

    played = next(turns)
    check(
        played, "discriminator", critic,
        {"adversarial": told(judged(critic, real), judged(critic, written(generator, z).detach()))},
    )  # fmt: skip
    played = next(turns)
    check(
        played, "generator", generator,
        {"adversarial": told(judged(critic, written(generator, z)), judged(critic, real).detach())},
    )  # fmt: skip


@pytest.mark.parametrize("view", ["straight-through", "gumbel-softmax:hard=true"])
def test_views_show_the_discriminator_symbols(stage: Any, phrases: Dataset, view: str) -> None:
    """Real texts stay what they are; of generated ones each row has a one, and the generator gets a gradient."""
    made = stage(small(views=(Part.parse(view),)), phrases)
    method, numbers = made.method, made.numbers()
    batch = next(made.batches)
    real = method.real(batch)
    assert torch.equal(method.see(real, None, numbers).images, real)
    rows = method.generator(numbers.normal("latents", BATCH, LATENT))
    seen = method.see(rows, None, numbers).images
    assert torch.equal(seen.round(), F.one_hot(seen.argmax(2), len(SYMBOLS)))
    torch.testing.assert_close(seen, seen.round(), rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad((seen * torch.randn_like(seen)).sum(), next(method.generator.parameters()))
    assert gradient.any()


@pytest.mark.parametrize("side", [Generator, Discriminator])
@pytest.mark.parametrize("drawn", ["gaussian", "lecun"])
def test_first_weights(side: Any, drawn: str) -> None:
    """The book's are small whatever comes in; the others keep the spread of what comes in."""
    sizes = (20, (LENGTH, 30)) if side is Generator else ((LENGTH, 30),)
    for layer in side(*sizes, features=64, init=drawn).modules():
        if isinstance(layer, torch.nn.Conv1d):
            wanted = 0.02 if drawn == "gaussian" else layer.weight[0].numel() ** -0.5
            assert float(layer.weight.std().detach()) == pytest.approx(wanted, rel=0.1)


@pytest.fixture
def method() -> Method:
    torch.manual_seed(4)
    made = Method(small(), DataSpec({"text": FIELD})).double().eval()
    for parameter in made.generator.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return made


def test_a_text_as_rows_is_read_back(method: Method, phrases: Dataset) -> None:
    batch = phrases.batch(torch.arange(12), dtype=torch.float64)
    rows = method.real(batch)
    assert rows.dtype == torch.float64 and torch.equal(rows.sum(2), torch.ones(12, LENGTH, dtype=torch.float64))
    assert torch.equal(modality("text").to_raw(rows, FIELD), phrases.store.read(torch.arange(12)))


def test_it_writes_the_likeliest_symbols_or_draws(method: Method) -> None:
    assert isinstance(method, Samples)
    latents = method.latents(0, range(6))
    rows = method.generator(latents.double())
    torch.testing.assert_close(rows.sum(2), torch.ones(6, LENGTH, dtype=torch.float64))
    rows[..., UNKNOWN] = 0
    rows /= rows.sum(2, keepdim=True)
    assert torch.equal(method.generate(latents.double()), ended(rows.argmax(2)))
    count = 4000
    sampling = Sampling(SampleDraws(1, range(count)), options={"temperature": 1.0})
    drawn = method.generate(latents[:1].double().expand(count, -1), sampling=sampling)
    share = torch.bincount(drawn[:, 0], minlength=len(SYMBOLS)).double() / count
    assert ((share - rows[0, 0]).abs() <= 5 * (rows[0, 0] * (1 - rows[0, 0]) / count).sqrt() + 1e-12).all()
    cold = Sampling(SampleDraws(1, range(6)), options={"temperature": 1e-4})
    assert torch.equal(method.generate(latents.double(), sampling=cold), ended(rows.argmax(2)))
    likely = F.one_hot(torch.tensor(UNKNOWN), len(SYMBOLS)).double() + 0.01
    with method.generator.register_forward_hook(
        lambda _, __, made: (made + likely) / (made + likely).sum(2, keepdim=True)
    ):
        for chosen in (None, Sampling(SampleDraws(1, range(6)), options={"temperature": 1.0})):
            assert not (method.generate(latents.double(), sampling=chosen) == UNKNOWN).any()
    whole = draw(method, 5, seed=3, options={"temperature": 1.0})
    assert torch.equal(whole[3:], draw(method, 2, seed=3, start=3, options={"temperature": 1.0}))
    with pytest.raises(UsageError, match="at once"):
        draw(method, 1, steps=3)


@pytest.mark.parametrize("views", [(), (Part(name="straight-through"),), (Part(name="instance-noise"),)])
def test_the_watch_looks_at_what_the_critic_is_shown(stage: Any, phrases: Dataset, views: tuple[Part, ...]) -> None:
    made = stage(small(views=views), phrases)
    row = Watch(made.engine).look()
    method = made.method.eval()
    rows = method.generator(method.latents(made.recipe.seed + 1, range(16)).double())
    certain = 1.0 if views == (Part(name="straight-through"),) else float(rows.amax(2).mean().detach())
    assert row["certainty"] == pytest.approx(certain, abs=1e-4)
    texts = ended(rows.argmax(2))
    lengths = [float(((each > END).sum(1)).double().mean()) for each in (texts, phrases.store.read(torch.arange(12)))]
    assert row["length"] == pytest.approx(lengths[0] / lengths[1], rel=0.2) and 0 <= row["repeats"] <= 1
    assert row["modality"] == "text" and 0 <= row["auc"] <= 1 and row["gradient"] > 0
    if certain != 1:
        score = float(judged(method.discriminator, rows).mean().detach())
        assert row["scores"]["fake"]["mean"] == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": (Part(name="diff-augment"),)}, "'diff-augment' is not for texts"),
        ({"views": (Part(name="gumbel-softmax", temperature=0.0),)}, "temperature is 0"),
        ({"generator": Part(name="text-resnet", features=0)}, "text-resnet.features is 0"),
        ({"generator": Part(name="text-resnet", init="nope")}, "init is 'nope'"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Method(small(**options), DataSpec({"text": FIELD}))


def test_settings_of_the_book() -> None:
    words, letters, relative = (
        recipes.get(name) for name in ("text-gan-words", "text-gan-characters", "text-ragan-characters")
    )
    for recipe in (words, letters):
        assert (recipe.critic_steps, recipe.batch, recipe.latent, recipe.length) == (10, 64, 128, 32)
        assert recipe.train_samples == 10**6 * 10 * 64 and recipe.penalties == (Part(name="gradient-penalty"),)
        assert recipe.adversarial.name == "wasserstein" and not recipe.views and not recipe.ema_half_life
        assert recipe.generator_optimizer.options == {
            "lr": 1e-4,
            "beta1": 0.5,
            "beta2": 0.9,
            "eps": 1e-7,
            "keras": True,
        }
    assert (relative.critic_steps, relative.fresh_latents, relative.adversarial.name) == (
        1,
        False,
        "relativistic-average",
    )
    assert relative.generator_optimizer.options["beta2"] == 0.999
