"""What every recipe promises; the table holds the documents' counts of weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy import recipes
from belamy.data import open_data
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.base import METHODS, OPTIMIZERS, BaseMethod, BaseRecipe
from belamy.modalities.fields import Field
from belamy.modalities.text import SPECIAL
from belamy.networks.summary import summarize
from belamy.registry import Part
from belamy.runs.run import method_name
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer, with_sides
from belamy.training.trainer import Trainer

GREY, COLOUR, SOLID = (1, 28, 28), (3, 32, 32), (1, 64, 64, 64)
SHAPES = {
    "shapes:side=64": SOLID,
    "mnist": GREY, "fashion-mnist": GREY, "cifar10": COLOUR, "portraits": (3, 16, 16), "avatars-32": COLOUR,
    "stacked-mnist": (3, 28, 28), "dead-leaves": COLOUR, "avatars-64": (3, 64, 64),
}  # fmt: skip
# The one-table parameter check of the documents: total and trainable, batch normalisation counted as Keras does.
COUNTS: dict[str, dict[str, tuple[int, int]]] = {
    "classifier-mnist": {"classifier": (101_770, 101_770)},
    "vae-mnist": {"encoder": (494_244, 494_244), "decoder": (56_385, 56_385)},
    "dcgan-frog": {"generator": (6_264_579, 6_264_579), "discriminator": (790_913, 790_913)},
    "dcgan-32": {"generator": (1_651_843, 1_651_843), "discriminator": (42_817, 42_817)},
    "dcgan-64": {"generator": (3_578_624, 3_576_704), "discriminator": (2_767_360, 2_765_568)},
    "dcgan-mnist": {"generator": (2_330_944, 2_305_472), "discriminator": (212_865, 212_865)},
    "dcgan-geron": {"generator": (840_705, 840_321), "discriminator": (212_865, 212_865)},
    "dcgan-geron-selu": {"generator": (840_705, 840_321), "discriminator": (212_865, 212_865)},
    "dense-fashion": {"generator": (136_634, 136_634), "discriminator": (132_951, 132_951)},
    "dcgan-cifar": {"generator": (4_516_739, 4_514_819), "discriminator": (4_312_193, 4_310_401)},
    "resnet-cifar": {"generator": (1_205_891, 1_204_099), "discriminator": (1_089_537, 1_088_001)},
    "lsgan-cifar": {"generator": (1_205_891, 1_204_099), "discriminator": (1_089_537, 1_088_001)},
    "wgan-cifar": {"generator": (340_803, 339_907), "discriminator": (272_897, 272_897)},
    "wgan-gp-cifar": {"generator": (1_205_891, 1_204_099), "discriminator": (1_086_465, 1_086_465)},
    "pix2pix-edges": {"generator": (41_843_331, 41_834_499), "discriminator": (2_771_393, 2_769_601)},
    "gan-3d": {"generator": (17_571_585, 17_569_665), "discriminator": (11_050_753, 11_048_833)},
    "wavegan": {"generator": (19_065_345, 19_065_345), "discriminator": (17_427_969, 17_427_969)},
    "specgan": {
        "generator": (19_065_345, 19_065_345), "discriminator": (17_427_969, 17_427_969), "representation": (256, 0)
    },
    "segan": {"generator": (65_768_065, 65_768_065), "discriminator": (26_335_681, 26_331_713)},
    "ragan-cifar": {"generator": (1_148_547, 1_146_755), "discriminator": (1_089_537, 1_088_001)},
    "cyclegan-256": {
        "generator": (11_378_179, 11_378_179), "inverse": (11_378_179, 11_378_179),
        "discriminator": (2_764_737, 2_764_737), "inverse_discriminator": (2_764_737, 2_764_737),
    },
    "cut-256": {
        "generator": (11_378_179, 11_378_179), "discriminator": (2_764_737, 2_764_737), "heads": (560_384, 560_384)
    },
    "fastcut-256": {
        "generator": (11_378_179, 11_378_179), "discriminator": (2_764_737, 2_764_737), "heads": (560_384, 560_384)
    },
    "text-gan-words": {"generator": (11_033_600, 11_033_600), "discriminator": (8_934_913, 8_934_913)},
    "text-gan-characters": {"generator": (10_032_224, 10_032_224), "discriminator": (7_935_489, 7_935_489)},
    "text-ragan-characters": {"generator": (1_033_568, 1_033_568), "discriminator": (509_313, 509_313)},
    "text-to-image-64": {"generator": (19_374_976, 19_366_528), "discriminator": (3_229_761, 3_226_945)},
    "text-to-image-64-ragan": {"generator": (19_374_976, 19_366_528), "discriminator": (3_229_761, 3_226_945)},
    "text-to-image-64-wgan-gp": {"generator": (19_374_976, 19_366_528), "discriminator": (3_224_129, 3_224_129)},
    "progan-cifar": {"generator": (1_296_920, 1_296_908), "discriminator": (1_298_702, 1_298_689)},
}  # fmt: skip
OURS = {
    *("digits", "pictures", "autoencoder-mnist", "cgan-mnist", "acgan-mnist", "infogan-mnist"),
    *("sngan-cifar", "sagan-cifar", "r3gan-32", "ebgan-mnist", "began-mnist", "stacked-mnist"),
    *("vae-digits", "vae-avatars", "dfc-vae-avatars", "gan-avatars", "dense-table"),
    *("r3gan-64", "r3gan-cifar", "r3gan-ffhq-64", "r3gan-128", "r3gan-ffhq-256", "r3gan-imagenet-32"),
    *("r3gan-imagenet-64", "fastgan-64", "fastgan-256", "projected-64"),
    *("progan-1024", "stylegan-1024", "stylegan-64"),
    *("stylegan2-ada", "stylegan2-ada-cifar", "stylegan2-ada-64"),
    *("fast-style", "adain-style", "char-lm-transformer", "wavegan-small", "specgan-small"),
    *("gansynth", "gansynth-small", "sounds", "pitched-notes"),
    *("segan-small", "speech-enhancer", "restorer", "declipper", "wavenet", "wavenet-small"),
    *("wavenet-vocoder", "wavenet-vocoder-small", "waveglow", "waveglow-small", "vocoder-small"),
    *("musegan", "musegan-small", "musegan-accompaniment", "music-transformer", "music-n-grams", "bar-vae"),
    *("pairs", "pix2pix-hd-global", "pix2pix-hd-enhancer", "pix2pix-hd-small", "spade-256", "spade-small"),
    *("cyclegan-small", "cut-small", "discogan"),
    *("srresnet", "srgan", "esrgan", "real-esrgan", "srresnet-small", "esrgan-small"),
    *("colourisation-256", "colourisation-small", "colourisation-guided-256", "colourisation-guided-small"),
    "colourisation-adversarial-small",
    *("partial-conv-512", "partial-conv-small", "lama-256", "lama-small", "context-encoder-128"),
    *("context-encoder-small", "vid2vid-256", "vid2vid-small", "next-frame-small"),
    *("pixel-cnn", "gated-pixel-cnn", "conditional-pixel-cnn", "pixel-cnn-pp", "made-mnist"),
    *("real-nvp-mnist", "nice-mnist", "glow-mnist", "maf-mnist", "maf-points", "iaf-points", "spline-points"),
    *("rbm-mnist", "deep-belief-mnist", "pixel-rnn", "pixel-transformer"),
    *("vae-nats", "iwae-mnist", "iaf-vae-mnist", "two-level-vae-mnist", "vq-vae-mnist", "fsq-mnist"),
    *("vae-gan-mnist", "adversarial-autoencoder-mnist", "ali-mnist"),
    *("edm-mnist", "ddpm-mnist", "v-mnist", "flow-mnist", "dit-mnist", "edm-avatars", "few-steps-mnist"),
    *("latent-avatars", "text-avatars", "latent-256", "gan-cls-avatars", "gan-cls-avatars-32"),
    *("df-gan-avatars", "stackgan-avatars", "stackgan-256"),
    *("captioner-avatars", "captioner-films"),
}
"""Recipes whose sizes no document fixes."""
HEAVY = {
    *("dcgan-frog", "sngan-cifar", "wgan-cifar", "gan-3d", "dcgan-64", "pix2pix-edges", "wavegan", "segan", "specgan"),
    *("wavenet", "wavenet-vocoder", "waveglow", "musegan"),
    *("pix2pix-hd-global", "pix2pix-hd-enhancer", "context-encoder-128", "text-gan-words", "text-gan-characters"),
    *("text-to-image-64", "text-to-image-64-ragan", "text-to-image-64-wgan-gp"),
}
"""Recipes whose step takes seconds."""
CLOSED = {"dit-mnist", "latent-256", "waveglow", "waveglow-small", "restorer", "declipper"}
"""Recipes whose last layer begins at zero, and blocks too or the rate: most weights move from the third step on."""
GIANTS = {
    *(name for name in OURS if name.startswith("r3gan-") and name not in ("r3gan-32", "r3gan-64")),
    *("progan-1024", "stylegan-1024", "stylegan2-ada-64", "stylegan2-ada-cifar", "fastgan-256"),
    *("cyclegan-256", "cut-256", "fastcut-256", "discogan", "spade-256", "partial-conv-512", "lama-256"),
    *("srresnet", "srgan", "esrgan", "real-esrgan", "colourisation-256", "vid2vid-256"),
    *("colourisation-guided-256", "latent-256", "stackgan-256", "gansynth"),
}
"""Recipes for GPUs; their networks are built as they are elsewhere, and take steps at these widths and 32 pixels."""
WIDTHS = {"width": 16, "growth": 2, "base": 256, "widest": 32, "style": 32}


def made_up(recipe: BaseRecipe) -> Dataset:
    """Random images of the shape and number of classes of the recipe's data, with a second side if it has one."""
    if recipe.other is not None:
        return made_up(recipe.changed(other=None)).changed(sides={"other": made_up(recipe.changed(other=None))})
    if recipe.data == "customers":
        return open_data("customers:count=40", labels="plan")
    if recipe.data == "outlines":
        return open_data("outlines:count=8", size=256, channels=3)
    if recipe.data.startswith("streets"):
        return open_data("streets:count=8", size=recipe.size)
    if recipe.data.startswith("moving-scenes"):
        return open_data("moving-scenes:count=8", length=recipe.length)
    if recipe.data.startswith("moving-shapes"):
        return open_data(f"{recipe.data},count=8", length=recipe.length)
    if recipe.data == "captioned-films":
        return open_data("captioned-films:count=40")
    if recipe.data == "wordnet-phrases":
        length = recipe.length or 12
        known = int((re.search(r"vocabulary=(\d+)", recipe.modality or "") or ["", "9"])[1])
        symbols = (*SPECIAL, *map(str, range(known - len(SPECIAL))))
        return Dataset("noise", Memory(torch.randint(1, known, (40, length))), field=Field("text", (length,), symbols))
    if recipe.data.endswith(":captions=true"):
        return open_data(recipe.data)
    if recipe.data == "points":
        return open_data("points:count=40")
    if recipe.data.partition(":")[0] in ("drums", "notes"):
        return open_data(f"{recipe.data.partition(':')[0]}:count=8", length=recipe.length)
    if recipe.data == "progressions":
        return open_data("progressions:count=40", length=recipe.length, modality=recipe.modality)
    shape = SHAPES[recipe.data]
    if isinstance(recipe.size, int):
        shape = (shape[0], recipe.size, recipe.size)
    pixels = torch.randint(0, 256, (40, *shape), dtype=torch.uint8)
    if shape == SOLID:
        return Dataset("noise", Memory(pixels), field=Field("volume", shape))
    if recipe.only is not None:
        return Dataset("noise", Memory(pixels))
    return Dataset("noise", Memory(pixels), labels=torch.arange(40) % 10, classes=[*"0123456789"])


def narrowed(name: str) -> BaseRecipe:
    """A recipe in its last stage, with thin networks and small pictures if it is a giant."""
    recipe = recipes.get(name)
    if 0 < getattr(recipe, "first_stage", 0) < 1:  # both players learn in the second
        recipe = recipe.changed(first_stage=0.0)
    if hasattr(recipe, "adversarial_start"):
        recipe = recipe.changed(adversarial_start=0.0)
    if name not in GIANTS:
        return recipe
    thin = {}
    for field in {"generator", "discriminator", "network", "upscaler"} & type(recipe).model_fields.keys():
        part: Part = getattr(recipe, field)
        options = {key: min(value, WIDTHS[key]) if key in WIDTHS else value for key, value in part.options.items()}
        thin[field] = Part(name=part.name, **options)
    if name == "vid2vid-256":
        thin |= {"composer_width": 4, "composer_blocks": 2, "film_discriminator": thin["discriminator"], "length": 4}
    if name == "gansynth":
        return recipe.changed(**thin, length=4096, representation=Part(name="instantaneous-frequency", window=512))
    return recipe.changed(**thin, size=32)


def trainer(recipe: BaseRecipe) -> Trainer:
    data = with_sides(recipe, made_up(recipe))
    spec = data.spec
    return make_trainer(recipe, spec, data, Options(device="cpu", progress=False), World())


def built(recipe: BaseRecipe) -> BaseMethod:
    spec = with_sides(recipe, made_up(recipe)).spec
    method: BaseMethod = METHODS.build(Part(name=method_name(recipe)), recipe=recipe, spec=spec)
    return method


def unmoved(engine: Trainer, before: Mapping[str, Tensor]) -> list[str]:
    """The players of whose weights half or more are as they were before."""
    found = []
    for player, parameters in engine.parameters.items():
        if getattr(engine.method, "level", 0):  # of a network that grows, the blocks in use
            parameters = list(engine.optimizers[player].torch.state)
        own = {id(parameter) for parameter in parameters}
        now = {key: value for key, value in engine.method.named_parameters() if id(value) in own}
        moved = [key for key, value in now.items() if not torch.equal(before[key], value)]
        if len(moved) <= len(now) / 2:
            found.append(player)
    return found


def test_every_recipe_of_the_documents_has_its_counts() -> None:
    assert set(recipes.names()) == COUNTS.keys() | OURS


@pytest.mark.parametrize("name", recipes.names())
class TestRecipe:
    def test_it_survives_json(self, name: str) -> None:
        recipe = recipes.get(name)
        assert type(recipe).parse(json.loads(json.dumps(recipe.model_dump(mode="json")))) == recipe
        assert method_name(recipe).replace("-", "_") in type(recipe).__module__

    def test_it_says_what_it_is_and_has_two_spellings(self, name: str) -> None:
        assert recipes.get(name.replace("-", "_")) == recipes.get(name)
        assert recipes.entries()[name].description.endswith(".")


@pytest.mark.parametrize("name", COUNTS)
def test_the_counts_of_the_documents(name: str, undrawn: None) -> None:
    """By parameters and buffers, and as the tables that ``belamy inspect`` shows count them."""
    method = built(recipes.get(name))
    found = {}
    for network, module in method.networks().items():
        trainable = sum(parameter.numel() for parameter in module.parameters())
        buffers = [buffer for buffer in module.buffers() if buffer.is_floating_point()]
        found[network] = (trainable + sum(buffer.numel() for buffer in buffers), trainable)
    assert found == COUNTS[name]
    tables = {network: summarize(module, *method.inputs()[network]) for network, module in method.networks().items()}
    assert {network: (table.total, table.trainable) for network, table in tables.items()} == COUNTS[name]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in HEAVY else name for name in recipes.names()]
)
def test_it_trains_on_made_up_data(name: str) -> None:
    engine = trainer(narrowed(name).changed(batch=4))
    before = {key: value.detach().clone() for key, value in engine.method.named_parameters()}
    while players := unmoved(engine, before):
        assert engine.clock.step < 2 + (name in CLOSED), players  # a schedule may start from a rate of 0
        engine.step()
    engine.check_finite()


def test_the_vae_as_a_whole() -> None:
    method = built(recipes.get("vae-mnist"))
    assert sum(parameter.numel() for parameter in method.parameters()) == 550_629


def test_an_unknown_recipe_suggests() -> None:
    with pytest.raises(UsageError, match=r"There is no recipe 'dcgan-minst'\. Did you mean 'dcgan-mnist'"):
        recipes.get("dcgan-minst")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("dcgan-mnist", {"batch": 256, "train_samples": 50 * 60_000, "latent": 100, "turns": "simultaneous"}),
        ("dcgan-cifar", {"batch": 128, "latent": 100, "prior": Part(name="uniform"), "turns": "separate"}),
        ("dcgan-frog", {"batch": 20, "latent": 32, "only": "frog", "clip_value": 1.0, "train_samples": 10_000 * 20}),
        ("dense-fashion", {"batch": 32, "latent": 30, "train_samples": 50 * 60_000, "fresh_latents": True}),
        ("vae-mnist", {"batch": 16, "latent": 2, "train_samples": 600_000, "printed": False}),
        ("classifier-mnist", {"batch": 128, "train_samples": 600_000, "printed_test": False}),
        ("resnet-cifar", {"batch": 128, "latent": 128}),
        (
            "pix2pix-edges",
            {
                "batch": 64,
                "fresh_batch": True,
                "reconstruction_weight": 100.0,
                "adversarial": Part(name="non-saturating"),
            },
        ),
        ("gan-3d", {"batch": 100, "latent": 200, "rest_above": 0.8, "prior": Part(name="uniform")}),
        ("wgan-cifar", {"critic_steps": 5, "warmup_critic_steps": 100, "penalties": (Part(name="weight-clipping"),)}),
        (
            "wgan-gp-cifar",
            {"critic_steps": 5, "train_samples": 10**6 * 5 * 128, "penalties": (Part(name="gradient-penalty"),)},
        ),
        ("ragan-cifar", {"latent": 100, "generator_steps": 3, "adversarial": Part(name="relativistic-average")}),
    ],
)
def test_settings_of_the_documents(name: str, wanted: dict[str, Any]) -> None:
    recipe = recipes.get(name)
    assert {key: getattr(recipe, key) for key in wanted} == wanted


@pytest.mark.parametrize(
    "name", ["dcgan-cifar", "resnet-cifar", "lsgan-cifar", "wgan-gp-cifar", "ragan-cifar", "pix2pix-edges"]
)
def test_the_book_optimises_with_the_adam_of_keras(name: str) -> None:
    recipe = recipes.get(name)
    for part in (recipe.generator_optimizer, recipe.discriminator_optimizer):
        assert (part.name, part.options["eps"], part.options["keras"]) == ("adam", 1e-7, True)


def test_the_rates_of_the_3d_gan() -> None:
    recipe = recipes.get("gan-3d")
    assert recipe.generator_optimizer == Part(name="adam", lr=0.0025, beta1=0.5)
    assert recipe.discriminator_optimizer == Part(name="adam", lr=1e-5, beta1=0.5)


@pytest.mark.parametrize("name", ["wgan-cifar", "dcgan-frog", "dcgan-geron", "dense-fashion", "vae-mnist"])
def test_keras_of_2018_has_the_epsilon_of_rmsprop_outside_the_root(name: str) -> None:
    """And says so."""
    recipe = recipes.get(name)
    parts = [getattr(recipe, field) for field in type(recipe).model_fields if field.endswith("optimizer")]
    for part in parts:
        made = OPTIMIZERS.build(part, parameters=[nn.Parameter(torch.ones(1))])
        assert type(made.torch) is torch.optim.RMSprop and made.torch.defaults["eps"] == 1e-7
    entry = recipes.entries()[name]
    assert "ε outside the root" in (getattr(import_module(entry.module), entry.function).__doc__ or "")
