"""Captions told to diffusion models: attention by hand, null text, what is refused, captions of faces."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from belamy.data import open_data
from belamy.data.attribute_captions import BEGINNINGS, EYES, HAIR, MOUTHS, SKIN, attribute_captions
from belamy.data.captions import with_captions
from belamy.data.dataset import Attribute, Dataset, Memory
from belamy.errors import UsageError
from belamy.methods import diffusion, latent_diffusion
from belamy.modalities.text import END, PADDING, strings, vocabulary_of
from belamy.networks.captioned import CrossAttention, Said
from belamy.networks.diffusion_u_net import Denoiser
from belamy.networks.text_transformer import TextEncoder
from belamy.registry import Part
from belamy.sampling.draw import draw, symbols_of
from belamy.seeds import SampleDraws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

DOUBLE = torch.float64
ENCODER = Part(name="text-transformer", width=8, depth=1, heads=2)
NETWORKS = {
    "u-net": Part(name="diffusion-u-net", width=8, multipliers=(1,), patch=2),
    "transformer": Part(name="diffusion-transformer", width=8, depth=1, heads=2, patch=2),
}


def squares(count: int = 40) -> Dataset:
    """Squares of two shades, with captions that say which, and classes that say nothing."""
    dark = torch.arange(count) % 2 == 0
    pixels = torch.where(dark[:, None, None, None], 40, 200).to(torch.uint8).expand(count, 3, 8, 8).contiguous()
    texts = [f"a {'dark' if each else 'light'} square" for each in dark.tolist()]
    data = Dataset("squares", Memory(pixels), labels=torch.arange(count) % 3, classes=[*"abc"])
    return with_captions(data, texts, unit="words")


def stirred(text: str = "cross-attention", network: str = "u-net", **fields: Any) -> Any:
    """A model of pixels that is told captions, its weights no longer zero anywhere."""
    recipe = diffusion.Recipe.tiny().changed(text=text, text_encoder=ENCODER, network=NETWORKS[network], **fields)
    torch.manual_seed(1)
    method = diffusion.Method(recipe, squares().spec).double().eval()
    for parameter in method.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return method


def test_attention_by_hand() -> None:
    """Rombach et al., section 3.3: each place asks, symbols answer, padding does not."""
    torch.manual_seed(0)
    layer = CrossAttention(8, 6).double()
    x, vectors = torch.randn(2, 5, 8, dtype=DOUBLE), torch.randn(2, 4, 6, dtype=DOUBLE)
    present = torch.tensor([[True, True, False, False], [True, True, True, True]])
    said = Said(vectors, present, vectors[:, 0])
    torch.testing.assert_close(layer(x, said), x)  # closed at first
    for parameter in layer.parameters():
        parameter.data = torch.randn_like(parameter)
    asked, (keys, values) = layer.asked(layer.norm(x)), layer.read(vectors).chunk(2, 2)
    found = torch.zeros(2, 5, 8, dtype=DOUBLE)
    for row, count in enumerate((2, 4)):
        for head in range(4):
            own = slice(2 * head, 2 * head + 2)
            scores = asked[row, :, own] @ keys[row, :count, own].T / math.sqrt(2)
            found[row, :, own] = scores.softmax(1) @ values[row, :count, own]
    torch.testing.assert_close(layer(x, said), x + layer.out(found))


def test_a_text_is_the_mean_of_its_symbols_and_padding_counts_nowhere() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(6, 9, width=8, depth=2).double().eval()
    short, long = (torch.tensor([[4, 5, 3, END, *[PADDING] * more]]) for more in (0, 2))
    one, other = encoder(short), encoder(long)
    torch.testing.assert_close(one.vectors, other.vectors[:, :4])
    torch.testing.assert_close(one.whole, one.vectors.mean(1))
    torch.testing.assert_close(one.whole, other.whole)
    assert other.present.tolist() == [[True] * 4 + [False] * 2]
    assert not torch.allclose(encoder(torch.tensor([[5, 4, 3, END]])).whole, one.whole)  # order counts


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("text", ["cross-attention", "modulation"])
def test_guidance_leads_away_from_the_empty_caption(text: str, network: str) -> None:
    method = stirred(text, network)
    symbols, x = symbols_of(method, "a dark square", 2), torch.randn(2, 3, 8, 8, dtype=DOUBLE)
    sigma, empty = torch.ones((), dtype=DOUBLE), torch.tensor([[END] + [PADDING] * (symbols.shape[1] - 1)] * 2)
    level = sigma.expand(2)
    with torch.no_grad():
        told, untold = method.network(x, level, symbols), method.network(x, level, empty)
        torch.testing.assert_close(method.network(x, level), untold)
        assert (told - untold).abs().max() > 1e-6
        bounds = {"guidance_above": 0.0, "guidance_below": 1e6}
        guided = method.guided(symbols, {"guidance": 2.5, **bounds})(x, sigma)
        torch.testing.assert_close(guided, untold + 2.5 * (told - untold))
        heedless = method.guided(torch.tensor([0, 1]), {"guidance": 2.5, **bounds})(x, sigma)
        torch.testing.assert_close(heedless, untold)  # it learned with captions: classes say nothing to it


def test_captions_are_hidden_in_a_share_of_training() -> None:
    method = stirred()
    told = symbols_of(method, "a dark square", 3)
    hidden = method.hidden(told, torch.tensor([True, False, True]))
    assert hidden[1].tolist() == told[1].tolist() and hidden[0].tolist() == [END] + [PADDING] * (told.shape[1] - 1)
    assert method.classes == 0 and diffusion.Method(diffusion.Recipe.tiny(), squares().spec).classes == 3


def test_texts_that_would_not_be_heard_are_refused() -> None:
    """A recipe without conditions learned from no caption, whatever its text says."""
    deaf = diffusion.Recipe.tiny().changed(text="cross-attention", conditional=False)
    with pytest.raises(UsageError, match="--conditional, or --text none"):
        diffusion.Method(deaf, squares().spec)


def test_a_step_with_captions_by_hand(stage: Callable[..., Any], check: Callable[..., None]) -> None:
    recipe = diffusion.Recipe.tiny().changed(
        text="cross-attention", text_encoder=ENCODER, network=NETWORKS["u-net"], label_dropout=0.5
    )
    on = stage(recipe, squares())
    images, _ = on.batch()
    numbers, network, count = on.numbers(), on.method.network, 8
    sigma = (1.2 * numbers.normal("level", count) - 1.2).exp()[:, None, None, None]
    symbols = on.data.extra["caption"].store.read(on.batches.indices(0))
    symbols = torch.where((numbers.uniform("hidden", count) < 0.5)[:, None], network.inner.empty, symbols)
    clean = images - network.centre
    noisy, spread = clean + sigma * numbers.normal("noise", count, 3, 8, 8), network.sigma_data
    wide = (sigma**2 + spread**2).sqrt()
    said = network.inner.encoder(symbols)
    answer = network.inner.network(noisy / wide, sigma.flatten().log() / 4, None, said)
    wanted = (clean - spread**2 / wide**2 * noisy) * wide / (sigma * spread)
    check(next(on.turns()), "model", network, {"denoising": (answer - wanted).square().flatten(1).mean(1)})


def test_latent_diffusion_with_captions_goes_on_after_a_kill(goes_on: Callable[..., None]) -> None:
    def trainer() -> Any:
        data = squares()
        recipe = latent_diffusion.Recipe.tiny().changed(text_encoder=ENCODER, perceptual_weight=0.0)
        return make_trainer(recipe, data.spec, data, Options(device="cpu", progress=False), World())

    one = trainer()
    goes_on(one, trainer(), 2, 4)
    batch = one.dataset.batch(torch.arange(3))
    shown = one.method.eval().show(batch, SampleDraws(0, range(3)))
    assert list(shown) == ["picture", "reconstruction", "sample"]
    drawn = [draw(one.method, 3, text=text, options={"guidance": 3.0}) for text in ("a dark square", "a light square")]
    each = draw(one.method, 3, text=["a dark square", "a light square", "a dark square"], options={"guidance": 3.0})
    assert torch.equal(each[::2], drawn[0][::2]) and torch.equal(each[1], drawn[1][1])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "a huge dark cat",
            r"No caption that this run learned from has 'huge', 'cat'\. Its words are: a dark light sq",
        ),
        ("  ", r"The text is empty\. Say what is to be drawn"),
        ("a dark dark dark dark square", "The text has 6 words, but those of captions .* are at most 3"),
        (["a dark square"], "There are 1 texts for 2 samples"),
    ],
)
def test_texts_that_are_refused(text: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        draw(stirred(), 2, text=text)


def test_runs_without_captions_know_no_text() -> None:
    plain = diffusion.Method(diffusion.Recipe.tiny(), squares().spec)
    with pytest.raises(UsageError, match=r"learned without captions, .* Choose a class by --label, or leave --text"):
        draw(plain, 1, text="a dark square")
    with pytest.raises(UsageError, match="a run knows one of the two"):
        draw(stirred(), 1, text="a dark square", labels="a")


def faces_of(**values: list[str]) -> dict[str, Attribute]:
    kinds = {name: sorted(set(column)) for name, column in values.items()}
    return {name: Attribute(tuple(kinds[name]), torch.tensor([kinds[name].index(each) for each in column]))
            for name, column in values.items()}  # fmt: skip


def test_faces_are_told_by_their_attributes() -> None:
    """Each caption names each attribute once, in one of its words; the same each time, in several phrasings."""
    data = open_data("avatars-32:captions=true")
    field = data.extra["caption"].field
    captions = strings(data.extra["caption"].store.read(torch.arange(400)), field)
    known = {name: [each.values[code] for code in each.codes[:400].tolist()] for name, each in data.attributes.items()}
    for number, caption in enumerate(captions):
        own = {name: column[number] for name, column in known.items()}
        assert any(caption.startswith(each) for each in BEGINNINGS)
        long = "long" if own["long_hair"] == "yes" else "short"
        assert f"{long} {HAIR[own['hair_color']]} hair" in caption and f"{SKIN[own['skin']]} skin" in caption
        assert (" bun" in caption) == (own["bun"] == "yes") and ("beard" in caption) == (own["beard"] == "yes")
        assert any(words in caption for words in MOUTHS[own["mouth"]])
        assert any(words in caption for words in EYES[own["eyes"]])
    assert len(set(captions)) > 390 and len({caption.split(" with ")[0] for caption in captions}) == 4
    assert vocabulary_of(field.classes).words and max(map(len, field.classes)) < 15
    again = open_data("avatars:captions=true")
    assert strings(again.extra["caption"].store.read(torch.arange(400)), again.extra["caption"].field) == captions
    plain = open_data("avatars-32")
    assert "caption" not in plain.extra and torch.equal(plain.splits["test"], data.splits["test"])


def test_captions_of_other_faces() -> None:
    both = attribute_captions(faces_of(smile=["yes", "no"], glasses=["yes", "no"], hat=["no", "no"]))
    assert ("smil" in both[0]) and "glasses" in both[0] and "hat" not in both[0] + both[1]
    assert "glasses" not in both[1] and any(each in both[1] for each in MOUTHS["sad"])
    drawn = open_data("portraits:count=30,captions=true")
    told = strings(drawn.extra["caption"].store.read(torch.arange(30)), drawn.extra["caption"].field)
    assert all("hair" in each and "skin" in each for each in told)
    small = open_data("avatars-16:captions=true").extra["caption"].field
    assert small.modality == "text" and " glasses" in small.classes


def test_a_network_that_takes_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Denoiser, "takes_text", False)
    with pytest.raises(UsageError, match=r"'diffusion-u-net' takes no captions\. Type --text none"):
        stirred()
