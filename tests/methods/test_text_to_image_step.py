"""Steps of text-conditional GANs by hand from their papers, derangements of captions, counts, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from belamy.data.captions import with_captions, with_several_captions
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods import text_to_image
from belamy.methods.derangement import deranged
from belamy.methods.text_to_image import CAPTIONED_DISCRIMINATORS, CAPTIONED_GENERATORS, Recipe
from belamy.modalities.text import END, PADDING, SPECIAL, strings
from belamy.networks.bag_of_words import TextEncoder
from belamy.registry import Part
from belamy.sampling.draw import draw, symbols_of
from belamy.seeds import Draws

DOUBLE = torch.float64
WORDS = ("red", "green", "blue", "dark", "light", "plain", "round", "thin")


def coloured(count: int = 40) -> Dataset:
    """Noise of 8x8 pixels with captions of two words."""
    pixels = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    texts = [f"a {WORDS[number % 8]} {WORDS[number // 8 % 8]} square" for number in range(count)]
    return with_captions(Dataset("coloured", Memory(pixels)), texts, unit="words")


def recipe(**fields: Any) -> Recipe:
    given = {"interpolation": 0.0, "penalties": (), "batch": 8, "train_samples": 80}
    return Recipe.tiny().changed(**{**given, **fields})


class Hand:
    """A step's batch, numbers and networks, and what they come to."""

    def __init__(self, stage: Callable[..., Any], **fields: Any) -> None:
        self.on = stage(recipe(**fields), coloured())
        self.method, self.numbers = self.on.method, self.on.numbers()
        self.judges = self.method.players["discriminator"].module

    def take(self) -> tuple[Tensor, Tensor]:
        """The next batch: pictures and symbols."""
        batch = next(self.on.batches)
        return batch.images.double(), batch["caption"]

    def made(self, captions: Tensor) -> Tensor:
        with torch.no_grad():
            return self.method.generator(self.numbers.normal("latents", 8, 8), self.said(captions))

    def said(self, captions: Tensor) -> Tensor:
        encoder = self.method.text_encoder
        whole = encoder(captions).whole
        return whole if list(encoder.parameters()) else whole * encoder.width**0.5  # numbers of about 1

    def wrong(self, images: Tensor, captions: Tensor) -> Tensor:
        order, wrong = deranged(images, captions, self.numbers)
        assert bool(wrong.all())
        return order


def test_gan_cls_int_by_hand(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Reed et al., algorithm 1: log s_r + (log(1 - s_w) + log(1 - s_f)) / 2, then log s_f, with equation 5."""
    hand = Hand(stage, interpolation=0.7)
    judge, turns = hand.method.discriminator, hand.on.turns()
    images, captions = hand.take()
    made = hand.made(captions)
    order, text = hand.wrong(images, captions), hand.said(captions)
    real, fake = judge(images, text), judge(made, text)
    wrong = judge(images, text[order])
    terms = {"adversarial": softplus(-real) + softplus(fake), "mismatch": softplus(-real) + softplus(wrong)}
    played = next(turns)
    check(played, "discriminator", hand.judges, terms, {"adversarial": 0.5, "mismatch": 0.5})
    s_r, s_w, s_f = (torch.sigmoid(each).detach() for each in (real, wrong, fake))
    paper = -(s_r.log() + ((1 - s_w).log() + (1 - s_f).log()) / 2).mean()
    torch.testing.assert_close(played[0].total().detach(), paper)

    played = next(turns)  # the discriminator has learned
    generator, z = hand.method.generator, hand.numbers.normal("latents", 8, 8)
    with torch.no_grad():
        text = hand.said(captions)
    between = 0.5 * text + 0.5 * text[hand.wrong(images, captions)]
    terms = {
        "adversarial": softplus(-judge(generator(z, text), text)),
        "interpolation": softplus(-judge(generator(z, between), between)),
    }
    check(played, "generator", generator, terms, {"interpolation": 0.7})


def test_relativistic_averages_by_hand(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Jolicoeur-Martineau 2018: both ways; wrong captions are compared as generated pictures are."""
    hand = Hand(stage, adversarial=Part(name="relativistic-average"), mismatch=0.25)
    judge, turns = hand.method.discriminator, hand.on.turns()

    def compared(real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-(real - fake.mean())) + softplus(fake - real.mean())

    images, captions = hand.take()
    made = hand.made(captions)
    order, text = hand.wrong(images, captions), hand.said(captions)
    real = judge(images, text)
    terms = {"adversarial": compared(real, judge(made, text)), "mismatch": compared(real, judge(images, text[order]))}
    check(next(turns), "discriminator", hand.judges, terms, {"adversarial": 0.75, "mismatch": 0.25})
    played = next(turns)
    with torch.no_grad():
        text = hand.said(captions)
        real = judge(images, text)
    generator = hand.method.generator
    fake = judge(generator(hand.numbers.normal("latents", 8, 8), text), text)
    check(played, "generator", generator, {"adversarial": compared(fake, real)})


def test_wasserstein_with_a_penalty_by_hand(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Gulrajani et al. 2017: pictures are interpolated, texts stay; the generator has a batch of its own."""
    hand = Hand(
        stage, adversarial=Part(name="wasserstein"), penalties=(Part(name="gradient-penalty"),), mismatch=0.0,
        discriminator_norm=Part(name="none"), critic_steps=2, fresh_batch=True, text_encoder=Part(name="bag-of-words"),
    )  # fmt: skip
    judge, turns = hand.method.discriminator, hand.on.turns()
    for _ in range(2):
        played = next(turns)
        images, captions = hand.take()
        made, text = hand.made(captions), hand.said(captions)
        u = hand.numbers.uniform("gradient-penalty", 8, 1, 1, 1)
        between = (images + u * (made - images)).requires_grad_()
        gradient = torch.autograd.grad(judge(between, text).sum(), between, create_graph=True)[0]
        terms = {
            "adversarial": judge(made, text) - judge(images, text),
            "gradient-penalty": ((gradient.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square(),
        }
        check(played, "discriminator", hand.judges, terms, {"gradient-penalty": 10.0})
    played = next(turns)
    _, captions = hand.take()
    text, generator = hand.said(captions), hand.method.generator
    z = hand.numbers.normal("latents", 8, 8)
    check(played, "generator", generator, {"adversarial": -judge(generator(z, text), text)})


def test_df_gan_by_hand(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Tao et al. 2020: hinge with wrong captions, and k (|grad_x D(x, e)| + |grad_e D(x, e)|)^p, k 2 and p 6."""
    network = Part(name="df-gan", width=2)
    hand = Hand(
        stage, adversarial=Part(name="hinge"), penalties=(Part(name="matching-aware"),), generator=network,
        discriminator=network, text_encoder=Part(name="bag-of-words", width=12),
    )  # fmt: skip
    judge = hand.method.discriminator
    for parameter in hand.judges.parameters():
        parameter.data *= 2
    images, captions = hand.take()
    made, text = hand.made(captions), hand.said(captions)
    real, fake = judge(images, text), judge(made, text)
    wrong = judge(images, text[hand.wrong(images, captions)])
    at = images.clone().requires_grad_(), text.clone().requires_grad_()
    by_picture, by_text = torch.autograd.grad(judge(*at).sum(), at, create_graph=True)
    norms = [(each.flatten(1).square().sum(1) + 1e-12).sqrt() for each in (by_picture, by_text)]
    terms = {
        "adversarial": (1 - real).relu() + (1 + fake).relu(),
        "mismatch": (1 - real).relu() + (1 + wrong).relu(),
        "matching-aware": (norms[0] + norms[1]) ** 6,
    }
    assert float(norms[1].detach().min()) > 1e-6
    weights = {"adversarial": 0.5, "mismatch": 0.5, "matching-aware": 2.0}
    turns = hand.on.turns()
    played = next(turns)
    check(played, "discriminator", hand.judges, terms, weights)
    paper = (1 - real).relu() + (1 + fake).relu() / 2 + (1 + wrong).relu() / 2 + 2 * terms["matching-aware"]
    torch.testing.assert_close(played[0].total().detach(), paper.mean().detach())


@pytest.mark.parametrize("seed", range(40))
def test_captions_are_deranged(seed: int) -> None:
    """A permutation that gives no picture its own caption, nor another caption of it, nor the same of another."""
    source = torch.Generator().manual_seed(seed)
    count = 12
    pictures, captions = (torch.randint(0, kinds, (count, 1), generator=source) for kinds in (9, 10))
    order, wrong = deranged(pictures.float()[:, :, None, None], captions, Draws(seed, 0))
    assert sorted(order.tolist()) == list(range(count))
    same = (pictures == pictures.T) | (captions == captions.T)
    for _ in range(count):  # alike by way of others
        same |= (same.float() @ same.float()) > 0
    assert wrong.tolist() == [not same[row, other] for row, other in enumerate(order.tolist())]
    if int(same.sum(1).max()) <= count // 2:
        assert bool(wrong.all())


def test_all_derangements_of_different_captions_are_cycles_equally_likely() -> None:
    pictures, captions = torch.arange(4.0)[:, None, None, None], torch.arange(4)[:, None]
    found = [tuple(deranged(pictures, captions, Draws(seed, 0))[0].tolist()) for seed in range(600)]
    counts = {each: found.count(each) for each in set(found)}
    assert len(counts) == 6 and min(counts.values()) > 70


def test_another_caption_of_a_picture_is_never_wrong_for_it() -> None:
    """Pictures that share one of their captions are alike, whichever were drawn; the others are as they were."""
    images = torch.arange(6.0)[:, None, None, None]
    said = torch.tensor([[1, 2], [3, 2], [4, 4], [5, 6], [7, 7], [8, 9]])[:, :, None]
    wrongs = set()
    for step in range(60):
        order, wrong = deranged(images, said, Draws(0, step))
        assert bool(wrong.all()) and sorted(order.tolist()) == list(range(6))
        wrongs |= set(enumerate(order.tolist()))
    every = {(one, other) for one in range(6) for other in range(6) if one != other}
    assert every - wrongs == {(0, 1), (1, 0)}
    drawn = {pair for step in range(60) for pair in enumerate(deranged(images, said[:, 0], Draws(0, step))[0].tolist())}
    assert (0, 1) in drawn  # by the drawn captions alone they would differ


def test_steps_know_all_captions(stage: Callable[..., Any]) -> None:
    """Two pictures, with captions of which they share the second: none of these is a wrong caption, so none counts."""
    pixels = torch.randint(0, 256, (8, 3, 8, 8), dtype=torch.uint8)
    texts = [[f"a {word} square", "a square"] for word in WORDS]
    data = with_several_captions(Dataset("shared", Memory(pixels)), texts, unit="words")
    on = stage(recipe(text_encoder=Part(name="bag-of-words"), interpolation=1.0), data)
    for turn, _ in on.turns():
        other = "mismatch" if turn.player == "discriminator" else "interpolation"
        torch.testing.assert_close(turn.terms[other], turn.terms["adversarial"])


def test_where_all_is_alike_nothing_is_wrong(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    """Five of eight have one caption: some have none that is wrong, and a generated picture stands in."""
    captions = torch.tensor([[3], [3], [3], [3], [3], [4], [5], [6]])
    order, wrong = deranged(torch.arange(8.0)[:, None, None, None], captions, Draws(0, 0))
    assert int(wrong.sum()) == 6 and bool((captions[order] != captions).all(1)[wrong].all())
    pixels = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8)
    data = with_captions(Dataset("alike", Memory(pixels)), ["a red square"] * 16, unit="words")
    on = stage(recipe(text_encoder=Part(name="bag-of-words")), data)
    turn = next(on.turns())[0]
    torch.testing.assert_close(turn.terms["mismatch"], turn.terms["adversarial"])


def test_first_weights_of_the_judge() -> None:
    """The paper's N(0, 0.02^2), or 1/n for n incoming numbers in every layer; another name is refused."""
    given = {"shape": (3, 32, 32), "text": 300}
    for init, expected in (("gaussian", lambda _: 0.02), ("lecun", lambda incoming: incoming**-0.5)):
        judge = CAPTIONED_DISCRIMINATORS.build(Part(name="gan-cls", width=16, told=64, init=init), **given)
        for layer in (judge.look[0], judge.look[2], judge.match[0], judge.score):
            assert abs(float(layer.weight.detach().std()) / expected(layer.weight[0].numel()) - 1) < 0.1
    assert abs(float(judge.told.weight.detach().std()) * 300**0.5 - 1) < 0.05
    for wrong in ({"init": "xavier"}, {"projection": -3}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            CAPTIONED_DISCRIMINATORS.build(Part(name="gan-cls", **wrong), **given)


def test_inner_product_of_pictures_and_texts() -> None:
    """With ``projection`` the score gains W maps . V text / sqrt(p), and features are as before."""
    part = Part(name="gan-cls", width=4, told=8, projection=6)
    judge = CAPTIONED_DISCRIMINATORS.build(part, shape=(3, 16, 16), text=5)
    pictures, texts = torch.randn(3, 3, 16, 16), torch.randn(3, 5)
    scores, features = judge.scores_and_features(pictures, texts)
    picture, text = (judge.compared[name].weight for name in ("picture", "text"))
    inner = ((judge.look(pictures).flatten(1) @ picture.T) * (texts @ text.T)).sum(1) / 6**0.5
    torch.testing.assert_close(scores, judge.score(features).squeeze(1) + inner)
    assert bool((inner != 0).all())


def test_df_gan_without_bounds() -> None:
    """The same pictures as with the tangent, before it."""
    given = {"latent": 4, "shape": (3, 8, 8), "text": 5}
    bounded, free = (
        CAPTIONED_GENERATORS.build(Part(name="df-gan", width=2, bounded=each), **given) for each in (True, False)
    )
    free.load_state_dict(bounded.state_dict())
    latents, texts = torch.randn(3, 4), torch.randn(3, 5)
    torch.testing.assert_close(bounded(latents, texts), free(latents, texts).tanh())


def test_counts_of_the_book() -> None:
    def counted(network: Any) -> tuple[int, int]:
        own = sum(each.numel() for each in network.parameters())
        return own + sum(each.numel() for each in network.buffers()), own

    given = {"latent": 128, "shape": (3, 64, 64), "text": 1024}
    with torch.device("meta"):
        wide, narrow = (CAPTIONED_GENERATORS.build(Part(name="gan-cls", width=each), **given) for each in (128, 64))
        judge = CAPTIONED_DISCRIMINATORS.build(Part(name="gan-cls"), **given)
    assert counted(wide) == (19_374_976, 19_366_528)
    assert counted(narrow) == (5_997_056, 5_992_832)
    assert counted(judge) == (3_229_761, 3_226_945)


def test_a_bag_of_words_has_no_order_and_no_symbols() -> None:
    """The same words cut into words or into letters are the same bag; other words are nearly orthogonal."""
    words = with_captions(coloured(), [f"a {word} square" for word in WORDS] * 5, unit="words")
    letters = with_captions(coloured(), [f"square {word} A" for word in WORDS] * 5)
    bags = []
    for data in (words, letters):
        field = data.extra["caption"].field
        encoder = TextEncoder(field.shape[0], len(field.classes), field.classes)
        bags.append(encoder(data.batch(torch.arange(8))["caption"]).whole)
    torch.testing.assert_close(bags[0], bags[1])
    torch.testing.assert_close(bags[0].norm(dim=1), torch.ones(8))
    alike = bags[0] @ bags[0].T
    assert float((alike - torch.eye(8) / 3 - 2 / 3).abs().max()) < 0.1  # two words of three
    empty = TextEncoder(3, 3, SPECIAL, width=4)(torch.tensor([[END, PADDING, PADDING]]))
    assert not bool(empty.whole.any()) and empty.present.tolist() == [[True, False, False]]


def test_samples_are_of_the_text_or_of_captions_of_the_data(stage: Callable[..., Any]) -> None:
    method = stage(recipe(), coloured()).method.eval()
    text = "a red green square"
    asked = draw(method, 3, text=text)
    latents = method.latents(0, range(3)).double()
    wanted = method.generate(latents, symbols_of(method, text, 3))
    torch.testing.assert_close(asked.double(), ((wanted + 1) * 127.5), rtol=0, atol=0.51)
    assert set(strings(method.kept, method.caption)) <= {f"a {one} {other} square" for one in WORDS for other in WORDS}
    captions = method.kept[(latents[:, -1] * 1024).long()]
    torch.testing.assert_close(method.generate(latents), method.generate(latents, captions))
    torch.testing.assert_close(method.generate(latents, torch.tensor([0, 1, 0])), method.generate(latents))
    assert not torch.equal(captions[0], captions[1])


def test_what_has_no_place_is_refused() -> None:
    spec = coloured().spec
    for name, says in (("path-length", "joins the generator's loss"), ("self-supervised", "needs feature maps")):
        with pytest.raises(UsageError, match=says):
            text_to_image.Method(recipe(penalties=(Part(name=name),)), spec)
    with pytest.raises(UsageError, match=r"r1\.weight is -1"):
        text_to_image.Method(recipe(penalties=(Part(name="r1", weight=-1.0),)), spec)
    with pytest.raises(UsageError, match="multiples of 4 of at least 8"):
        CAPTIONED_GENERATORS.build(Part(name="gan-cls"), latent=4, shape=(3, 10, 8), text=5)
