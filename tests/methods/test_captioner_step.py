"""A captioner's step by hand from its paper, the search for the likeliest caption against enumeration, and measures."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import open_data
from belamy.data.captions import with_captions
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.evaluation.captions import captioned
from belamy.methods.base import WrittenCaptions
from belamy.methods.beam_search import beam_search
from belamy.methods.captioner import CAPTIONERS, Method, Recipe
from belamy.modalities.text import END, PADDING, UNKNOWN, vocabulary_of
from belamy.networks.spatial_attention import Captioner
from belamy.registry import Part
from belamy.seeds import SampleDraws

DOUBLE = torch.float64


def told(count: int = 24) -> Dataset:
    """Noise of 8x8 pixels with captions of two to four words."""
    pixels = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
    texts = [f"a {'very ' * (number % 3)}round ball" for number in range(count)]
    return with_captions(Dataset("told", Memory(pixels)), texts, unit="words")


def small(name: str = "spatial-attention", **fields: Any) -> Recipe:
    network = Part(name=name, channels=16, width=6, embedding=5, dropout=0.0)
    return Recipe.tiny().changed(**{"network": network, "batch": 4, "train_samples": 80, **fields})


def method(name: str = "spatial-attention") -> Any:
    torch.manual_seed(3)
    return Method(small(name), told().spec).double().eval()


def gru_by_hand(weights: tuple[Tensor, ...], x: Tensor, h: Tensor) -> Tensor:
    """Cho et al. 2014 as PyTorch has it."""
    of_input, of_state, input_bias, state_bias = weights
    i_r, i_u, i_n = (of_input @ x + input_bias).chunk(3)
    h_r, h_u, h_n = (of_state @ h + state_bias).chunk(3)
    r, u = torch.sigmoid(i_r + h_r), torch.sigmoid(i_u + h_u)
    return (1 - u) * torch.tanh(i_n + r * h_n) + u * h


def attention_by_hand(net: Any, a: Tensor, h: Tensor) -> Tensor:
    e = torch.stack([
        net.energy.weight[0] @ torch.tanh(net.key.weight @ a_i + net.key.bias + net.query.weight @ h + net.query.bias)
        + net.energy.bias[0] for a_i in a
    ])  # fmt: skip
    return e.exp() / e.exp().sum()


def lu_by_hand(net: Any, pictures: Tensor, before: Tensor) -> tuple[Tensor, ...]:
    """Lu et al., equations 6 to 8, a picture and a word at a time: what is sought depends on the word before."""
    logits, attention, mentioned = [], [], []
    for picture, tokens in zip(pictures, before, strict=True):
        v = net.features(picture[None])[0]  # [P, D]
        whole = h = torch.tanh(net.whole.weight @ v.mean(0) + net.whole.bias)
        mentioned.append(net.mentioned.weight @ v.T.flatten() + net.mentioned.bias)
        for token in tokens:
            h = gru_by_hand(net.gru.all_weights[0], torch.cat([net.embedding.weight[token], whole]), h)
            alpha = attention_by_hand(net, v, h)
            c = (alpha[:, None] * v).sum(0)
            logits.append(net.out(h + net.of_seen.weight @ c + net.of_seen.bias) + mentioned[-1])
            attention.append(alpha)
    shape = before.shape
    told = torch.stack(logits).unflatten(0, shape), torch.stack(attention).unflatten(0, shape)
    return *told, torch.stack(mentioned)


def xu_by_hand(net: Any, pictures: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Xu et al., equations 4 to 7 and 13, a picture and a word at a time."""
    logits, attention = [], []
    for picture, tokens in zip(pictures, before, strict=True):
        a = net.features(picture[None])[0]  # [P, D]
        h = torch.tanh(net.first.weight @ a.mean(0) + net.first.bias)
        for token in tokens:
            y, alpha = net.embedding.weight[token], attention_by_hand(net, a, h)
            z = torch.sigmoid(net.gate.weight @ h + net.gate.bias) * (alpha[:, None] * a).sum(0)
            cell = net.gru
            h = gru_by_hand((cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh), torch.cat([y, z]), h)
            seen = net.of_seen.weight @ z + net.of_seen.bias
            logits.append(net.out(torch.tanh(y + net.of_state.weight @ h + net.of_state.bias + seen)))
            attention.append(alpha)
    shape = before.shape
    return torch.stack(logits).unflatten(0, shape), torch.stack(attention).unflatten(0, shape)


NETWORKS = pytest.mark.parametrize(
    ("name", "by_hand"), [("show-attend-tell", xu_by_hand), ("spatial-attention", lu_by_hand)]
)


@NETWORKS
def test_a_step_by_hand(
    name: str, by_hand: Callable[..., Any], stage: Callable[..., Any], check: Callable[..., None]
) -> None:
    """Xu et al., equation 14: the nats of the words, and for each place the square of what attention lacks of 1 over
    the words; and the nats of whether each word is in the caption, known ones alone."""
    on = stage(small(name, attention=0.7, mentioned=0.3), told())
    batch, net = next(on.batches), on.method.network
    images, captions = batch.images.double(), batch["caption"]
    lengths = (captions != PADDING).sum(1)
    assert len(set(lengths.tolist())) > 1  # so that padding would show
    played = next(on.turns())
    before = torch.cat([torch.full((4, 1), END), captions[:, :-1]], 1)
    logits, attention, *mentioned = by_hand(net, images, before)
    logits[..., PADDING] = -torch.inf
    chances = logits.log_softmax(2).gather(2, captions[..., None])[..., 0]
    nats = torch.stack([-row[:length].sum() for row, length in zip(chances, lengths, strict=True)])
    lacking = torch.stack([(1 - row[:length].sum(0)).square().sum()
                           for row, length in zip(attention, lengths, strict=True)])  # fmt: skip
    length = captions.shape[1]
    terms, weights = {"nats": nats, "attention": lacking}, {"nats": 1 / length, "attention": 0.7 / length}
    for each in mentioned:
        words = range(UNKNOWN, each.shape[1])
        there = torch.tensor([[word in row for word in words] for row in captions.tolist()])
        chance = torch.sigmoid(each[:, UNKNOWN:])
        terms["mentioned"] = -torch.where(there, chance, 1 - chance).log().sum(1)
        weights["mentioned"] = 0.3 / length
    check(played, "captioner", net, terms, weights)


@pytest.mark.parametrize("name", ["show-attend-tell", "spatial-attention"])
def test_word_by_word_is_the_same_as_at_once(name: str) -> None:
    on = method(name)
    images, tokens = torch.rand(3, 3, 8, 8, dtype=DOUBLE) * 2 - 1, torch.randint(1, 6, (3, 4))
    logits, attention, *_ = on.network(images, tokens)
    seen = on.network.look(images)
    state = on.network.begin(seen)
    for place in range(4):
        found, weights, state = on.network.step(seen, tokens[:, place], state)
        torch.testing.assert_close(found, logits[:, place])
        torch.testing.assert_close(weights, attention[:, place])
    torch.testing.assert_close(attention.sum(2), torch.ones(3, 4, dtype=DOUBLE))


def test_the_search_finds_what_enumeration_finds() -> None:
    """With room for all beginnings the best of all texts by nats per symbol; with room for two, the best of the two
    best beginnings; with room for one, the likeliest symbol each time. Neither padding before the end nor what is
    unknown is ever written."""
    symbols, length, count = 5, 3, 24
    numbers = torch.Generator().manual_seed(9)
    table = 2 * torch.randn(count, length, symbols, symbols, generator=numbers, dtype=DOUBLE)
    table[..., UNKNOWN] += 3  # so that it would be chosen

    def step(tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        row, place = state.long().unbind(1)
        return table[row, place, tokens].clone(), torch.stack([row, (place + 1) % length], 1).double()

    def cost(row: int, text: tuple[int, ...]) -> float:
        before, nats = END, 0.0
        for place, symbol in enumerate(text):
            logits = table[row, place, before].clone()
            logits[PADDING] = -torch.inf
            nats, before = nats - float(logits.log_softmax(0)[symbol]), symbol
        return nats

    whole = [text for size in range(1, length + 1) for text in product((END, 3, 4), repeat=size)
             if END not in text[:-1] and (text[-1] == END or size == length)]  # fmt: skip
    beams = 3**length
    rows = torch.stack([torch.arange(count), torch.zeros(count)], 1)
    found = beam_search(step, rows.repeat_interleave(beams, 0), beams, length)
    greedy, two = beam_search(step, rows, 1, length), beam_search(step, rows.repeat_interleave(2, 0), 2, length)
    for row in range(count):
        best = min(whole, key=lambda text: cost(row, text) / len(text))
        assert found.symbols[row].tolist() == [*best, *[PADDING] * (length - len(best))]
        assert float(found.nats[row]) == pytest.approx(cost(row, best))
        begun: list[tuple[int, ...]] = [()]
        for _ in range(length):  # an ended text stays as it is
            grown = [each if each[-1:] == (END,) else (*each, symbol) for each in begun for symbol in (END, 3, 4)]
            begun = sorted(set(grown), key=lambda text: cost(row, text) / len(text))[:2]
        assert two.symbols[row].tolist() == [*begun[0], *[PADDING] * (length - len(begun[0]))]
        text, before = [], END
        while len(text) < length and (not text or before != END):
            before = max((END, 3, 4), key=lambda symbol: float(table[row, len(text), before, symbol]))
            text.append(before)
        assert greedy.symbols[row].tolist() == [*text, *[PADDING] * (length - len(text))]
        assert float(greedy.nats[row]) == pytest.approx(cost(row, tuple(text)))


@torch.no_grad()
def test_captions_their_nats_and_their_attention() -> None:
    on = method()
    images = torch.rand(5, 3, 8, 8, dtype=DOUBLE) * 2 - 1
    greedy, wide = on.caption(images), on.caption(images, beams=4)
    cold = on.caption(images, temperature=1e-4, draws=SampleDraws(0, range(5)))
    assert torch.equal(cold.symbols, greedy.symbols)
    for made in (greedy, wide, on.caption(images, temperature=1.5, draws=SampleDraws(1, range(5)))):
        torch.testing.assert_close(made.nats, on.losses(images, made.symbols)[0])
        assert made.attention.shape == (5, on.length, 1, 2, 2)
    sure = [(made.nats / (made.symbols != PADDING).sum(1)) for made in (wide, greedy)]
    assert float(sure[0].sum()) <= float(sure[1].sum()) + 1e-9
    hot = on.caption(images[3:], temperature=1.5, draws=SampleDraws(1, range(3, 5)))
    assert torch.equal(hot.symbols, on.caption(images, temperature=1.5, draws=SampleDraws(1, range(5))).symbols[3:])


@pytest.mark.parametrize("name", ["show-attend-tell", "spatial-attention"])
def test_films_and_features_of_photographs(name: str) -> None:
    def network(shape: tuple[int, ...], **options: Any) -> Any:
        return CAPTIONERS.build(Part(name=name, channels=16, width=4, **options), shape=shape, vocabulary=7)

    tokens = torch.ones(2, 3, dtype=torch.long)
    film = network((6, 1, 16, 12))
    logits, attention, *_ = film(torch.zeros(2, 6, 1, 16, 12), tokens)
    assert film.grid == (2, 4, 3) and logits.shape == (2, 3, 7) and attention.shape == (2, 3, 24)
    seen = network((4, 3, 16, 20), features="efficientnet")
    assert seen(torch.zeros(2, 4, 3, 16, 20), tokens)[1].shape == (2, 3, 4 * 8 * 10) and seen.grid == (4, 8, 10)
    assert not [each for each, _ in seen.named_parameters() if each.startswith("features.network.network")]
    moved = torch.rand(1, 6, 1, 16, 12)
    there = film.look(moved).places.mean(1)
    assert not torch.allclose(there, film.look(moved.flip(1)).places.mean(1))  # backwards is not the same


def test_words_are_told_from_eight_by_eight_regions_of_a_large_picture() -> None:
    net = Captioner((3, 64, 64), 5, channels=16, width=4).double().eval()
    seen = net.look(torch.rand(2, 3, 64, 64, dtype=DOUBLE) * 2 - 1)
    squares = seen.places.unflatten(1, (8, 2, 8, 2)).mean((2, 4))  # [N, 8, 8, channels]
    by_hand = torch.einsum("nrcd,wdrc->nw", squares, net.mentioned.weight.unflatten(1, (16, 8, 8)))
    torch.testing.assert_close(seen.mentioned, by_hand + net.mentioned.bias)


def test_evidence_is_what_a_place_adds_to_the_logit_of_a_word_beyond_the_mean_of_all() -> None:
    net = Captioner((3, 16, 12), 5, channels=16, width=4).double().eval()
    seen, symbols = net.look(torch.rand(2, 3, 16, 12, dtype=DOUBLE) * 2 - 1), torch.tensor([[3, 1, 4], [2, 2, 0]])
    evidence, weight = net.evidence(seen, symbols), net.mentioned.weight.unflatten(1, (16, 12))
    assert evidence.shape == (2, 3, 1, 4, 3)
    for row, place in product(range(2), range(12)):
        added = weight[:, :, place] @ seen.places[row, place]  # of each of the five words
        torch.testing.assert_close(
            evidence[row].flatten(1)[:, place], (added - added.mean())[symbols[row]].clamp(min=0)
        )


@pytest.mark.parametrize(
    ("options", "says"),
    [({"channels": 24}, "channels=24, but it must be a multiple of 16"), ({"dropout": 1.0}, "a dropout of 1.0"),
     ({"width": 0}, "width"), ({"keys": 0}, "keys")],
)  # fmt: skip
def test_what_no_captioner_can_be(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Captioner((3, 8, 8), 5, **options)


class Parrot(Method):
    """Says of each picture what is known of the one so many places after it."""

    def __init__(self, data: Dataset, held: Tensor, after: int) -> None:
        super().__init__(small(), data.spec)
        said = data.columns["caption"].store.read(held.roll(-after))
        self.answers = iter(WrittenCaptions(rows, torch.zeros(len(rows)), torch.zeros(1)) for rows in said.split(50))

    def caption(self, pictures: Tensor, **_: Any) -> WrittenCaptions:
        return next(self.answers)


def test_measures_of_captions() -> None:
    """Who says the truth names all attributes; who speaks of another picture names them as chance does."""
    faces = open_data("avatars-16:captions=true", offline=True)
    held = faces.held_out[:100]
    found = {}
    for after in (0, 1):
        parts = list(captioned(Parrot(faces, held, after), faces, held))
        found[after] = {name: float(torch.cat([part[name] for part in parts]).mean()) for name in parts[0]}
    true, wrong = found[0], found[1]
    assert true["word-for-word"] == 1 and wrong["word-for-word"] == 0
    assert true["attributes-right"] == true["all-attributes-right"] == true["bleu-4"] == true["bleu-2"] == 1
    assert 0.3 < true["bleu-4-real"] < 1 and wrong["bleu-4"] < true["bleu-4-real"]
    assert (
        wrong["attributes-right"] == pytest.approx(true["attributes-by-chance"], abs=1e-6) and wrong["skin-right"] < 0.6
    )
    assert {"hair-colour-right", "hair-length-right", "skin-right", "mouth-right", "hat-right"} <= true.keys()


def test_captions_of_others_are_measured_by_bleu_alone() -> None:
    data = told()
    held = torch.arange(6)
    parts = list(captioned(Parrot(data, held, 0), data, held))
    assert (
        set(parts[0]) == {"word-for-word", "bleu-2", "bleu-4"}
        and vocabulary_of(data.spec.fields["caption"].classes).words
    )
