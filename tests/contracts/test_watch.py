"""Every sign of the watch: it sees its failure, not a healthy run, and its remedies can be typed."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

import belamy
from belamy.cli import main
from belamy.cli.recipe_form import read
from belamy.methods import (
    base,
    classifier,
    cut,
    cyclegan,
    diffusion,
    flow,
    gan,
    inpainting,
    iwae,
    latent_diffusion,
    pix2pix,
    text_gan,
    text_to_image,
    vae,
    vq_vae,
)
from belamy.methods.base import METHODS, BaseMethod, BaseRecipe
from belamy.modalities import MODALITIES
from belamy.modalities.fields import DataSpec, Field
from belamy.registry import Part
from belamy.runs.report.page import command
from belamy.runs.run import RECIPE_TYPES, Run
from belamy.training.watch.diagnosis import SIGNS, examine, facts, treatment
from belamy.training.watch.finding import SEVERITIES, Finding, Remedy, ranked
from belamy.training.watch.history import RunHistory

SAMPLES, LOOKS, ROWS = 32_000, 30, 300
RECIPE = gan.Recipe(generator=Part(name="digits"), discriminator=Part(name="digits"), samples=SAMPLES, batch=32)
CONDITIONAL = RECIPE.changed(
    generator_condition=Part(name="embedding"), discriminator_condition=Part(name="projection"), auxiliary=0.3
)
PAIRED = pix2pix.Recipe(train_samples=SAMPLES, batch=32)
CYCLE = cyclegan.Recipe(train_samples=SAMPLES, batch=32, identity_weight=0.0, adversarial=Part(name="non-saturating"))
CONTRAST = cut.Recipe(train_samples=SAMPLES, batch=32, adversarial=Part(name="non-saturating"))
FILLING = inpainting.Recipe(train_samples=SAMPLES, batch=32, adversarial_weight=1.0, judged="made")
CODED = vq_vae.Recipe(train_samples=SAMPLES, batch=32, restart=False)
FLOW = flow.Recipe(train_samples=SAMPLES, batch=32, ema_half_life=8000)
BOUNDED = iwae.Recipe(train_samples=SAMPLES, batch=32)
TEXTS = text_gan.Recipe(train_samples=SAMPLES, batch=32)
TEXT_TO_IMAGE = text_to_image.Recipe(train_samples=SAMPLES, batch=32, mismatch=0.0)
TRANSLATORS = {"paired": PAIRED, "cycle": CYCLE, "contrast": CONTRAST, "filling": FILLING}
Change = Callable[[dict[str, Any], float], None]


def rising(progress: float, low: float, high: float, half: float = 0.08) -> float:
    """From low to high, half of the way at a share of the run."""
    return low + (high - low) * (1 - 0.5 ** (progress / half))


def translated(progress: float, noise: np.random.Generator) -> dict[str, Any]:
    """What the watch saw of translations that went well, with and without pairs."""
    return {
        "variety": rising(progress, 0.3, 0.9),
        "spots": 0.02,
        "seam": 1.6 + 0.2 * float(noise.normal()),
        "seam_inside": float(noise.integers(1, 16)),
        "change": rising(progress, 0.2, 1.1),
        "likeness": rising(progress, 0.3, 0.9),
        "shift": 0.7 - rising(progress, 0.0, 0.6),
        "negative": 3.0,
        "way": rising(progress, 0.1, 0.7),
        "sides_apart": 40.0,
        "jump": 3.0 - rising(progress, 0.0, 1.8),
        "classes_given": noise.multinomial(32, [0.8, 0.2]).tolist(),
        "classes_made": noise.multinomial(32, [0.75, 0.25]).tolist(),
        "classes_kept": 0.9,
        "classes_limit": 0.97,
        "classes_there": [0.2, 0.8],
    }


def healthy_look(progress: float, number: int) -> dict[str, Any]:
    """What the watch saw of a small GAN of digits that went well."""
    noise = np.random.default_rng(number)
    shown = {"mean": -0.7, "sd": 0.6, "low": -1.0, "high": 1.0, "between": 0.4}
    return {
        "finite": 1.0,
        "weights": {"generator": 0.24, "discriminator": 0.06 + 0.01 * progress},
        "moved": {"generator": 0.007, "discriminator": 0.025},
        "translation": translated(progress, noise),
        "reach": {"game": 2.0, "share": 0.1},
        "activations": 1.5 + 6 * progress,
        "loudest": "generator.layers.5",
        "diversity": rising(progress, 0.3, 0.87, 0.2),
        "precision": rising(progress, 0.0, 0.6, 0.25),
        "coverage": rising(progress, 0.05, 0.97),
        "nearest": 1.1,
        "copies": 0.01,
        "detail": 1.3 - rising(progress, 0.0, 0.3),
        "pattern": 1.1 + 10 * 0.5 ** (progress / 0.03),
        "classes": noise.multinomial(32, np.full(10, 0.1)).tolist(),
        "fidelity": rising(progress, 0.2, 0.9),
        "fidelity_limit": 0.96,
        "label_effect": 0.7,
        "batch": {"classes": float(noise.integers(8, 11)), "expected": 9.6},
        "auc": 1 - rising(progress, 0.0, 0.25, 0.3),
        "auc_held": 0.5 + noise.normal() * 0.07,
        "gradient": 0.17 + 0.4 * 0.5 ** (progress / 0.05),
        "push": 0.5,
        "comb": 0.8,
        "silent": 0.0,
        "clipped": 0.02,
        "floor": 20 - rising(progress, 0.0, 15.0),
        "heard": 1 - rising(progress, 0.0, 0.25, 0.3),
        "levelled": 0.95 - rising(progress, 0.0, 0.25, 0.3),
        "scores": {"real": {"mean": 0.2, "sd": 0.3}, "fake": {"mean": -0.2, "sd": 0.25}},
        "shown": {
            "real": {**shown, "saturated": 0.83},
            "fake": {**shown, "saturated": rising(progress, 0.0, 0.83, 0.3)},
        },
    }


def healthy_row(progress: float, number: int) -> dict[str, Any]:
    """A row of losses and gradient norms of the same run."""
    noise = np.random.default_rng(10_000 + number).normal(size=6)
    return {
        "losses": {
            "discriminator.adversarial": rising(progress, 0.5, 1.25, 0.05) + 0.06 * noise[0],
            "discriminator.real": 0.2 + 0.2 * noise[1],
            "discriminator.fake": -0.2 + 0.15 * noise[2],
            "generator.adversarial": 0.9 + 0.08 * noise[3],
        },
        "gradient_norms": {"discriminator": 1.6 + 0.3 * noise[4], "generator": 0.4 + 0.03 * noise[5]},
    }


def history(
    recipe: BaseRecipe = RECIPE, look: Change | None = None, row: Change | None = None, **more: Any
) -> RunHistory:
    """A healthy run with its looks or its rows changed; a change gets the numbers and the progress."""
    rows = []
    for number in range(1, ROWS + 1):
        progress = number / ROWS
        made = healthy_row(progress, number)
        if row:
            row(made, progress)
        rows.append({"samples": round(SAMPLES * progress), "step": number, **made})
        if number % (ROWS // LOOKS) == 0:
            seen = healthy_look(progress, number)
            if look:
                look(seen, progress)
            rows.append({"samples": round(SAMPLES * progress), "step": number, "watch": seen})
    return RunHistory(recipe, rows, train=60_000, **more)


def put(**values: Any) -> Change:
    """Numbers in place of the healthy ones; functions get the progress."""

    def change(seen: dict[str, Any], progress: float) -> None:
        for name, value in values.items():
            *path, last = name.split("__")
            inner = seen
            for key in path:
                inner = inner[key]
            inner[last] = value(progress) if callable(value) else value

    return change


def evaluations(losses: list[float]) -> RunHistory:
    """A run of a method that measures itself on held-out data."""
    rows = [{"samples": 1000 * number, "evaluation": {"loss": loss}} for number, loss in enumerate(losses, start=1)]
    return RunHistory(classifier.Recipe(), rows)


def denoised(errors: list[float], spread: float = 1.0, **fields: Any) -> RunHistory:
    """A diffusion run whose errors at three levels of noise fell to these, in those of the best linear guess."""
    rows = [
        {
            "samples": SAMPLES * number // 8,
            "evaluation": {
                "loss": 0.3, "spread": spread,
                **{f"error-at-{level}": 1 - (1 - error) * number / 8
                   for level, error in zip(("0.1", "1", "10"), errors, strict=True)},
            },
        }
        for number in range(1, 9)
    ]  # fmt: skip
    return RunHistory(diffusion.Recipe(train_samples=SAMPLES, sigma_data=0.5, **fields), rows)


def of_latents(**fields: Any) -> RunHistory:
    """Seven eighths of such a run of latents."""
    rows = denoised([1.0, 1.0, 1.0]).rows
    return RunHistory(latent_diffusion.Recipe(train_samples=SAMPLES, **fields), rows).until(SAMPLES * 7 // 8)


def flowing(**changes: Any) -> RunHistory:
    """A flow that went well, with what looks saw of it changed, by dotted name, or a row's nats (``nats``)."""
    nats = changes.pop("nats", lambda progress: 2500 - rising(progress, 0.0, 1300))

    def look(seen: dict[str, Any], progress: float) -> None:
        seen["held"], seen["live"] = {"loss": nats(progress) + 15}, {"loss": nats(progress) + 20}
        seen["inverted"] = {"data": 2e-6, "latents": 3e-5, "stretch": rising(progress, 0.5, 3.5)}
        put(**changes)(seen, progress)

    return history(FLOW, look, lambda made, progress: made.update(losses={"model.nats": nats(progress)}))


def drawn_by_texts(**changes: Callable[[float], float]) -> RunHistory:
    """A text-conditional GAN that went well, with what looks saw of texts and latents changed."""

    def look(seen: dict[str, Any], progress: float) -> None:
        well = {"fits": rising(progress, 0.5, 0.7), "by_text": rising(progress, 0.0, 0.4), "by_latent": 0.07}
        seen["text"] = {**well, "fits_limit": 0.9, **{name: change(progress) for name, change in changes.items()}}

    return history(TEXT_TO_IMAGE, look)


def of_classifier(loss: Callable[[float], float], noise: float = 0.02) -> RunHistory:
    """A run of a method that names its objective, which takes a course."""
    source = np.random.default_rng(0)
    rows = [
        {
            "samples": round(SAMPLES * number / ROWS),
            "losses": {"classifier.cross-entropy": loss(number / ROWS) + noise * source.normal()},
            "gradient_norms": {"classifier": 1.0},
            "watch": {
                "activations": 1e-4 * 10 ** (5 * number / ROWS), "loudest": "x", "weights": {"classifier": number},
            },
        }
        for number in range(1, ROWS + 1)
    ]  # fmt: skip
    return RunHistory(classifier.Recipe(train_samples=SAMPLES), rows)


def circle(progress: float) -> float:
    """Scores that come back every 20 rows."""
    return float(np.sin(2 * np.pi * progress * ROWS / 20))


STOPPED = ({"event": "not-finite", "samples": 9000, "reason": "the loss 'discriminator.adversarial' is nan"},)
BROKEN: dict[str, Callable[[], RunHistory]] = {
    "checkerboard": lambda: history(look=put(pattern=15.0)),
    "clipping": lambda: history(look=put(modality="audio", clipped=0.7)),
    "comb": lambda: history(look=put(modality="audio", comb=18.0)),
    "copied-ratios": lambda: history(
        CONTRAST, look=put(translation__classes_made=[7, 25], translation__classes_kept=0.3)
    ),
    "data-scale": lambda: denoised([0.3, 0.4, 0.5], spread=2.44),
    "dead-codes": lambda: history(
        CODED, row=lambda made, progress: made["losses"].update({"autoencoder.used": 0.05 + 0.05 * progress})
    ),
    "discriminator-diverges": lambda: history(
        row=lambda made, _: made["losses"].update({"discriminator.adversarial": 30.0})
    ),
    "discriminator-memorises": lambda: history(look=put(auc_held=lambda progress: rising(progress, 0.5, 0.95))),
    "discriminator-too-weak": lambda: history(look=put(auc=0.52, coverage=0.06, precision=0.02, diversity=0.6)),
    "discriminator-wins": lambda: history(
        look=put(auc=1.0, precision=0.01, coverage=0.1),
        row=lambda made, _: made["losses"].update({"discriminator.adversarial": 0.01}),
    ),
    "droplets": lambda: history(PAIRED, look=put(translation__spots=0.9)),
    "exploding-gradients": lambda: history(
        row=lambda made, progress: made["gradient_norms"].update({"discriminator": 2.0 * np.exp(8 * progress)})
    ),
    "exploding-jacobian": lambda: flowing(inverted__stretch=lambda progress: 12 * progress),
    "frozen-generator": lambda: history(look=put(moved__generator=0.0)),
    "impossible-likelihood": lambda: flowing(nats=lambda progress: 1500 - 3000 * progress),
    "input-copied": lambda: history(CYCLE, look=put(translation__change=0.01, translation__way=0.01)),
    "latent-ignored": lambda: drawn_by_texts(by_latent=lambda _: 0.0),
    "length-collapse": lambda: history(TEXTS, look=put(modality="text", length=0.1)),
    "label-ignored": lambda: history(CONDITIONAL, look=put(fidelity=0.1, label_effect=0.02)),
    "level-only": lambda: history(look=put(modality="audio", heard=0.97, levelled=0.53)),
    "mask-shadow": lambda: history(FILLING, look=put(translation__jump=3.0)),
    "memorisation": lambda: history(look=put(copies=lambda progress: rising(progress, 0.0, 0.9), nearest=0.2)),
    "mode-collapse": lambda: history(look=put(diversity=lambda progress: 0.6 * 0.5 ** (progress / 0.1), coverage=0.1)),
    "mode-drop": lambda: history(look=put(classes=[16, 16, 0, 0, 0, 0, 0, 0, 0, 0], coverage=0.3, precision=0.7)),
    "noise-floor": lambda: history(look=put(modality="audio", floor=12.0, hiss=0.5)),
    "not-finite": lambda: history(look=put(activations=lambda progress: 1.5 * 10 ** (5 * progress))),
    "not-invertible": lambda: flowing(inverted__data=lambda progress: 1e-6 * 10 ** (6 * progress)),
    "not-learning": lambda: history(look=put(coverage=0.02)),
    "one-output": lambda: history(PAIRED, look=put(translation__variety=0.001)),
    "oscillation": lambda: history(
        look=put(coverage=0.3),
        row=lambda made, progress: made["losses"].update({"discriminator.real": circle(progress)}),
    ),
    "overfitting": lambda: evaluations([1.0, 0.5, 0.4, 0.5, 0.6, 0.7, 0.8]),
    "posterior-collapse": lambda: history(
        BOUNDED, row=lambda made, progress: made["losses"].update({"model.active": 0.5**(10 * progress)})
    ),
    "repetition": lambda: history(TEXTS, look=put(modality="text", repeats=0.7, repeats_data=0.04)),
    "rising-loss": lambda: of_classifier(lambda progress: abs(2.3 - 5 * progress) + 1),
    "saturated": lambda: history(look=put(shown__fake__saturated=0.95, shown__real__saturated=0.1)),
    "seams": lambda: history(PAIRED, look=put(translation__seam=6.0, translation__seam_inside=16.0)),
    "silence": lambda: history(look=put(modality="audio", silent=0.9)),
    "slow-average": lambda: flowing(held__loss=2400.0),
    "soft-rows": lambda: history(TEXTS, look=put(modality="text", certainty=0.4, auc=1.0)),
    "text-ignored": lambda: drawn_by_texts(fits=lambda _: 0.5, by_text=lambda _: 0.0),
    "unheard-discriminator": lambda: history(PAIRED, look=put(reach__game=0.0, reach__share=0.0)),
    "unlearned-noise": lambda: denoised([0.3, 0.5, 1.01]),
    "unshuffled": lambda: history(look=put(batch__classes=1.0)),
    "unstable-steps": lambda: history(look=put(moved__generator=0.08)),
    "unsteady-discriminator": lambda: history(
        row=lambda made, progress: made["losses"].update(
            {"discriminator.adversarial": 1.0 + 0.3 * progress**4 * (-1) ** round(progress * ROWS)}
        )
    ),
    "washed-out": lambda: history(look=put(detail=0.05)),
    "wrong-colours": lambda: history(CYCLE, look=put(translation__likeness=-0.8, translation__negative=0.9)),
    "wrong-range": lambda: history(RECIPE.changed(real_range="0..1"), look=put(shown__real__low=0.0)),
}  # fmt: skip
WARN_ONLY = {"not-learning", "soft-rows", "unsteady-discriminator"}


def test_every_sign_has_a_broken_run() -> None:
    assert set(BROKEN) == set(SIGNS.names())


@pytest.mark.parametrize("name", SIGNS.names())
def test_a_sign_sees_its_failure(name: str) -> None:
    found = {finding.sign: finding for finding in examine(BROKEN[name]())}
    assert name in found
    assert found[name].severity == ("warning" if name in WARN_ONLY else "severe")
    first = [finding.sign for finding in found.values() if finding.severity == found[name].severity]
    assert name in first[:2], f"hidden behind {first}"


@pytest.mark.parametrize("name", SIGNS.names())
def test_a_finding_is_whole(name: str) -> None:
    finding = SIGNS.build(Part(name=name))(BROKEN[name]())
    assert 0 < len(finding.title) <= 24
    assert finding.says.endswith(".") and finding.cause.endswith(".")
    assert finding.evidence and all(len(each.points) > 1 for each in finding.evidence)
    assert finding.remedies
    assert finding.facts()["severity"] in SEVERITIES


@pytest.mark.parametrize("name", SIGNS.names())
def test_remedies_are_what_they_are_typed_as(name: str) -> None:
    broken = BROKEN[name]()
    for remedy in SIGNS.build(Part(name=name))(broken).remedies:
        typed, _ = read(broken.recipe, list(remedy.words), "belamy train")
        assert broken.recipe.changed(**typed) == broken.recipe.changed(**remedy.changes)
        assert not remedy.changes or broken.recipe.changed(**remedy.changes) != broken.recipe


@pytest.mark.parametrize("name", SIGNS.names())
def test_options_are_limits_with_defaults(name: str) -> None:
    assert all(option.default is not inspect.Parameter.empty for option in SIGNS.options(name).values())


@pytest.mark.parametrize("name", SIGNS.names())
def test_a_sign_declares_what_there_is(name: str) -> None:
    sign = SIGNS.load(name)
    assert all(hasattr(base, capability) for capability in sign.capabilities)
    assert set(sign.modalities) <= set(MODALITIES.names())
    asked = {each.partition(".")[2].split(".")[0] for each in map(str, sign.needs) if " losses." in f" {each}"}
    assert asked <= {*sign.players, ""}, "it judges the losses of a player that it does not declare"


@pytest.mark.parametrize("name", SIGNS.names())
def test_remedies_name_only_what_a_recipe_has(name: str) -> None:
    sign, broken = SIGNS.build(Part(name=name)), BROKEN[name]()
    for method in METHODS.names():
        recipe = RECIPE_TYPES.load(method).tiny()  # type: ignore[attr-defined]
        finding = sign(replace(broken, recipe=recipe))
        for remedy in finding.remedies if finding else ():
            assert set(remedy.changes) <= set(type(recipe).model_fields), method


def test_signs_of_pictures_and_of_adversaries_leave_others_in_peace() -> None:
    row = healthy_look(0.9, 1) | {"modality": "audio", "pattern": 99.0, "detail": 0.0, "auc": 1.0, "gradient": 0.0}
    del row["coverage"]
    rows = [{"samples": 1000 * number, "watch": row} for number in range(1, 33)]
    assert not [finding for finding in examine(RunHistory(RECIPE, rows)) if finding.severity != "note"]


@pytest.mark.parametrize(
    "healthy",
    [
        denoised([0.3, 0.5, 0.8]),
        denoised([0.6, 0.4, 0.3], spread=0.8),
        denoised([0.3, 0.4, 0.5], spread=2.44, parametrization="v"),
        denoised([0.9, 0.9, 1.0]).until(SAMPLES // 8),  # it has just begun
        of_latents(first_stage=0.85),  # so has its second stage
    ],
)
def test_denoisers_that_learn_are_healthy(healthy: RunHistory) -> None:
    assert not [found for found in examine(healthy) if found.severity != "note"]


def test_pictures_of_texts_that_fit_a_little_are_healthy() -> None:
    for share in np.linspace(0.05, 1, 20):
        found = examine(drawn_by_texts().until(share * SAMPLES))
        assert not {"text-ignored", "latent-ignored"} & {finding.sign for finding in found}, share


@pytest.mark.parametrize("sign", ["length-collapse", "text-ignored"])
def test_what_games_may_still_learn_is_a_warning_until_half_of_the_run(sign: str) -> None:
    severities = [
        next((found.severity for found in examine(BROKEN[sign]().until(share * SAMPLES)) if found.sign == sign), None)
        for share in (0.45, 0.55)
    ]
    assert severities == ["warning", "severe"]


@pytest.mark.parametrize(
    ("changes", "silent"),
    [
        ({"fits": lambda _: 0.5, "fits_limit": lambda _: 0.6}, "text-ignored"),  # the eye cannot tell
        ({"by_latent": lambda _: 0.0, "by_text": lambda _: 0.05}, "latent-ignored"),  # nothing changes anything
        ({"fits": lambda _: 0.51}, ""),
    ],
)
def test_what_cannot_be_told_of_texts_is_not_claimed(changes: dict[str, Any], silent: str) -> None:
    named = {finding.sign: finding for finding in examine(drawn_by_texts(**changes))}
    assert silent not in named
    assert silent or "wrong captions" in named["text-ignored"].cause


def test_a_flow_that_learns_is_healthy() -> None:
    for share in np.linspace(0.05, 1, 20):
        assert not [found for found in examine(flowing().until(share * SAMPLES)) if found.severity != "note"], share


def test_an_average_is_as_old_as_the_weights_that_were_as_bad() -> None:
    def lagging(share: float) -> RunHistory:
        def falling(progress: float) -> float:
            return 2500 - 1000 * progress

        return flowing(nats=falling, held__loss=lambda progress: falling(progress * (1 - share)) + 20)

    found = {finding.sign: finding for finding in examine(lagging(0.6))}
    assert found["slow-average"].severity == "severe" and "no better 60% of the run ago" in found["slow-average"].says
    assert "slow-average" not in {finding.sign for finding in examine(lagging(0.15))}


def test_unseen_data_far_likelier_than_learned_ones_are_told() -> None:
    found = {finding.sign: finding for finding in examine(flowing(live__loss=800.0))}
    assert found["impossible-likelihood"].severity == "severe" and "33% fewer" in found["impossible-likelihood"].says
    found = {finding.sign: finding for finding in examine(flowing(live__loss=1100.0))}
    assert found["impossible-likelihood"].severity == "note"
    averaged = examine(flowing(held__loss=800.0))
    assert "impossible-likelihood" not in {finding.sign for finding in averaged}, "averages may be far better"


def test_densities_of_vectors_may_be_as_high_as_they_like() -> None:
    thin = replace(flowing(nats=lambda progress: -9.0 * progress), spec=DataSpec({"vector": Field("vector", (2,))}))
    assert "impossible-likelihood" not in {finding.sign for finding in examine(thin)}


def test_looks_tell_of_noise_and_scale_before_the_first_evaluation() -> None:
    held = {"error-at-0.1": 0.3, "error-at-1": 0.5, "error-at-10": 1.01, "spread": 2.5}
    rows = [{"samples": 1000 * number, "watch": {"held": held}} for number in range(1, 20)]
    recipe = diffusion.Recipe(train_samples=SAMPLES, sigma_data=0.5)
    assert {"unlearned-noise", "data-scale"} <= {finding.sign for finding in examine(RunHistory(recipe, rows))}
    rows.append({"samples": 20_000, "evaluation": {name: 1.0 if name == "spread" else 0.5 for name in held}})
    assert not examine(RunHistory(recipe, rows))


def of_pairs(held: float) -> RunHistory:
    """A translator whose held-out distance is so many times that of training."""

    class Method(BaseMethod):
        def translate(self, source: Tensor, draws: Any) -> Tensor:
            return source

        def evaluate(self, batch: Any, draw: Any) -> dict[str, Tensor]:
            return {}

    rows = [{"samples": 1000 * number, "losses": {"generator.l1": 0.1 + 0.1 / number, "generator.adversarial": 3.0},
             "evaluation": {"l1": held * 0.1}} for number in range(1, 30)]  # fmt: skip
    made = RunHistory(BaseRecipe(train_samples=SAMPLES), rows)
    vars(made)["method"] = Method
    return made


def test_a_translator_that_learns_its_pairs_by_heart_overfits() -> None:
    found = {finding.sign: finding for finding in examine(of_pairs(2.2))}
    assert found["overfitting"].severity == "severe" and "2.1 times" in found["overfitting"].says
    assert not [finding for finding in examine(of_pairs(1.3)) if finding.severity != "note"]


def test_a_discriminator_that_wins_against_a_translator_is_a_warning() -> None:
    broken = BROKEN["discriminator-wins"]()
    vars(broken)["method"] = of_pairs(1.0).method
    assert {found.sign: found.severity for found in examine(broken)}["discriminator-wins"] == "warning"


def test_growing_numbers_of_a_method_whose_loss_falls_are_no_failure() -> None:
    thriving = of_classifier(lambda progress: 0.2 + 2.1 * 0.5 ** (progress / 0.1))
    assert not examine(thriving)
    assert "not-finite" in {finding.sign for finding in examine(of_classifier(lambda progress: 2.3 + progress))}


def test_a_loss_that_does_not_fall_is_told_whatever_samples_look_like() -> None:
    found = {finding.sign: finding for finding in examine(of_classifier(lambda progress: 2.3))}
    assert found["not-learning"].severity == "warning" and "began at 2.29" in found["not-learning"].says


@pytest.mark.parametrize(
    "recipe", [RECIPE, CONDITIONAL, *TRANSLATORS.values()], ids=["unconditional", "conditional", *TRANSLATORS]
)
def test_a_healthy_run_is_left_in_peace(recipe: BaseRecipe) -> None:
    whole = history(recipe)
    for share in np.linspace(0.05, 1, 20):
        found = examine(whole.until(share * SAMPLES))
        assert not [finding for finding in found if finding.severity != "note"], share


@pytest.mark.parametrize(("recipe", "name"), [(CODED, "autoencoder.used"), (BOUNDED, "model.active")])
def test_codes_that_are_taken_and_move_are_left_in_peace(recipe: BaseRecipe, name: str) -> None:
    whole = history(recipe, row=lambda made, progress: made["losses"].update({name: 0.3 + 0.3 * progress}))
    assert not [finding for finding in examine(whole) if finding.severity != "note"]


@pytest.mark.parametrize("method", METHODS.names())
def test_signs_bear_any_recipe_and_any_table(method: str) -> None:
    recipe = RECIPE_TYPES.load(method).tiny()  # type: ignore[attr-defined]
    tables: list[list[dict[str, Any]]] = [
        [],
        [{"samples": 4, "step": 1, "losses": {"model.loss": "NaN"}, "gradient_norms": {"model": "Infinity"}}],
        [{"samples": step, "losses": {"a.b": "NaN", "c": -1.0}, "gradient_norms": {"x": "NaN"}} for step in range(99)],
        [{"samples": 4 * step, "watch": {"finite": 0.0, "activations": "Infinity"}} for step in range(9)],
        [{"samples": 4 * step, "watch": healthy_look(step / 9, step)} for step in range(9)],
        [{"samples": 4, "watch": None, "evaluation": []}],
    ]  # fmt: skip
    for rows in tables:
        examine(RunHistory(recipe, rows, STOPPED))


def finished(recipe: BaseRecipe, folder: Path) -> Run:
    """A finished run of a few samples of labelled noise, or of what the recipe names if that is no noise."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)
    np.savez(folder / "noise.npz", images=pixels, labels=np.arange(64) % 10)
    data = recipe.data if isinstance(recipe, pix2pix.Recipe) else str(folder / "noise.npz")
    chosen = recipe.changed(data=data, samples=32, batch=8)
    return belamy.train(chosen, out=folder / "my run", progress=False, device="cpu", snapshots=1)


QUIET = ["--no-progress", "--device", "cpu", "--snapshots", "1"]
SMALL = {"generator": "digits:width=2,hidden=8", "discriminator": "digits:width=2,hidden=8", "latent": 4}
RUNS: dict[str, BaseRecipe] = {"gan": CONDITIONAL.changed(**SMALL, targets=("noise",)), "vae": vae.Recipe.tiny()}
RUNS |= {"pix2pix": pix2pix.Recipe.tiny(), "inpainting": inpainting.Recipe.tiny().changed(
    adversarial_weight=1.0, discriminator=Part(name="patch-gan", width=4, receptive_field=1), judged="made",
    perceptual_weight=0.0, style_weight=0.0,
)}  # fmt: skip
OF_TRANSLATORS = ("input-copied", "mask-shadow", "one-output", "seams", "unheard-discriminator", "wrong-colours")


@pytest.mark.parametrize("name", ["gan", *(pytest.param(name, marks=pytest.mark.slow) for name in [*RUNS][1:])])
def test_every_command_that_is_printed_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belamy.training.session.publish", lambda run: None)
    run = finished(RUNS[name], tmp_path)
    commands: dict[str, str] = {}  # two that differ in numbers alone are one kind
    for sign in BROKEN if name in ("gan", "vae") else OF_TRANSLATORS:
        broken = BROKEN[sign]()
        rows = [{**row, "samples": row["samples"] / 1000} for row in broken.rows]
        history = replace(broken, recipe=run.recipe, rows=rows, spec=run.spec, saved=run.samples_seen)
        for finding in facts(history):
            for line in (command(str(run.path), each["options"], each["anew"]) for each in finding["remedies"]):
                commands[re.sub(r"[\d.e-]+", "#", line)] = line
    assert len(commands) > 3
    for number, line in enumerate(filter(None, commands.values())):
        words = shlex.split(line)[1:]
        assert main([*words, "--out", str(tmp_path / f"{number}"), *QUIET]) == 0, line
        assert Run.open(tmp_path / f"{number}").samples_seen >= (1 if "--like" in words else 33), line


def treated(remedy: Remedy, saved: int | None) -> dict[str, Any]:
    told = treatment(
        RunHistory(CONDITIONAL, [], spec=DataSpec.pictures((3, 8, 8), ("a", "b")), saved=saved), "sign", remedy
    )
    assert told is not None
    return told


def test_what_goes_on_has_something_left_to_see() -> None:
    remedy = Remedy("slower", {"clip_norm": 1.0}, ("--clip-norm", "1.0"))
    assert treated(remedy, SAMPLES)["options"] == ["--clip-norm", "1.0", "--train-samples", f"{2 * SAMPLES}"]
    assert treated(remedy, SAMPLES // 4)["options"] == ["--clip-norm", "1.0"]
    assert not treated(remedy, SAMPLES)["anew"]
    longer = Remedy("longer", {"train_samples": 2 * SAMPLES}, ("--samples", f"{2 * SAMPLES}"))
    assert treated(longer, SAMPLES) == {**treated(longer, 0), "anew": False}


def test_what_cannot_go_on_begins_anew() -> None:
    remedy = Remedy("slower", {"clip_norm": 1.0}, ("--clip-norm", "1.0"))
    assert treated(remedy, None)["anew"], "nothing was saved"
    assert treated(Remedy("stop", {"train_samples": 100}, ("--samples", "100")), SAMPLES)["anew"]


def test_a_remedy_that_discards_a_network_says_so_and_begins_anew() -> None:
    told = treated(Remedy("another", {"generator": Part(name="resnet-cifar", features=8)}, ("--x",)), SAMPLES)
    assert told["anew"] and "it discards the generator, so all begins anew" in told["why"]
    assert "--train-samples" not in told["options"]


def test_networks_that_cannot_be_made_for_the_images_are_no_remedy() -> None:
    history = RunHistory(RECIPE, [], spec=DataSpec.pictures((1, 28, 28)), saved=SAMPLES)
    other = Remedy("another", {"generator": Part(name="resnet-cifar", features=8)}, ("--x",))
    assert treatment(history, "checkerboard", other) is None, "28 is no multiple of 8"


def test_below_its_limit_a_finding_is_a_note() -> None:
    found = {finding.sign: finding for finding in examine(history(look=put(pattern=4.7)))}
    assert "4.7 times" in found["checkerboard"].says and "(limit 8)" in found["checkerboard"].says
    assert found["checkerboard"].severity == "note"
    assert found["checkerboard"].facts()["cause"].startswith("No failure yet. If it becomes one: ")


def test_the_cause_of_a_pattern_is_what_the_networks_show() -> None:
    def told(**values: str) -> str:
        return SIGNS.build(Part(name="checkerboard"))(history(look=put(pattern=15.0, **values))).cause

    assert "divisible" not in told() + told(enlarging="generator.2") + told(enlarging="")
    assert told(enlarging="generator.2").startswith("generator.2 enlarges in strides.")
    assert "its kernel is not divisible by its stride" in told(uneven="generator.2 (kernel 3, stride 2)")
    assert "No layer of the generator enlarges" in told(enlarging="")


@pytest.mark.parametrize("name", SIGNS.names())
def test_a_method_without_a_discriminator_is_told_of_none(name: str) -> None:
    broken = replace(BROKEN[name](), recipe=vae.Recipe(train_samples=SAMPLES), events=())
    rows = [{**row, "losses": {}, "gradient_norms": {}} for row in broken.rows]
    for row in rows:
        for quantity in ("auc", "auc_held", "scores", "gradient", "moved", "shown", "loudest"):
            row.get("watch", {}).pop(quantity, None)
    for finding in examine(replace(broken, rows=rows)):
        words = [finding.says, finding.cause, *(remedy.why for remedy in finding.remedies)]
        assert not [each for each in words if "discriminator" in each or "generator" in each], finding.sign


def without_adversary(broken: RunHistory) -> RunHistory:
    """The same looks of a variational autoencoder."""
    rows = [{**row, "losses": {}, "gradient_norms": {}} for row in broken.rows]
    return replace(broken, recipe=vae.Recipe(train_samples=SAMPLES), rows=rows, events=())


@pytest.mark.parametrize("name", ["mode-drop", "mode-collapse"])
def test_without_an_adversary_what_samples_miss_is_a_warning_at_most(name: str) -> None:
    usual = history(look=put(diversity=0.2, coverage=0.1, precision=0.7))
    severities = [
        next(finding.severity for finding in examine(each) if finding.sign == name)
        for each in (usual, without_adversary(usual))
    ]
    assert severities == ["severe", "warning"]


def test_all_but_equal_samples_are_severe_without_an_adversary_too() -> None:
    found = examine(without_adversary(history(look=put(diversity=0.05, coverage=0.1))))
    assert "severe" in {finding.severity for finding in found if finding.sign == "mode-collapse"}


@pytest.mark.parametrize(("noise", "named"), [(0.0, True), (0.04, True), (0.15, False), (1 / 3, False)])
def test_a_density_of_bare_levels_is_named_before_its_nats_are_impossible(noise: float, named: bool) -> None:
    found = [finding for finding in examine(flowing(inverted__noise=noise)) if finding.sign == "impossible-likelihood"]
    assert [finding.severity for finding in found] == ["severe"] * named


def test_nan_that_came_is_named_with_its_player() -> None:
    found = examine(RunHistory(RECIPE, [], STOPPED))
    assert [finding.sign for finding in found] == ["not-finite"]
    assert "discriminator.adversarial" in found[0].says
    assert "discriminator_optimizer" in found[0].remedies[0].changes


@pytest.mark.parametrize(("loudest", "told"), [(30.0, False), (3000.0, True)])
def test_outputs_that_grow_from_nearly_nothing_are_told_once_they_are_loud(loudest: float, told: bool) -> None:
    found = examine(history(look=put(activations=lambda progress: 0.1 if progress < 0.1 else loudest)))
    assert ("not-finite" in {finding.sign for finding in found}) is told


@pytest.mark.parametrize("heard", [{"floor": 12.0, "hiss": 0.02}, {"floor": 1.0, "hiss": 0.5}])
def test_a_floor_that_is_no_noise_or_no_louder_is_none(heard: dict[str, float]) -> None:
    found = examine(history(look=put(modality="audio", **heard)))
    assert "severe" not in {finding.severity for finding in found if finding.sign == "noise-floor"}


def test_who_hears_the_level_alone_is_named_before_the_silence_that_follows() -> None:
    found = examine(history(look=put(modality="audio", heard=1.0, levelled=0.54, silent=1.0)))
    assert [finding.sign for finding in found if finding.severity == "severe"][:2] == ["level-only", "silence"]
    assert next(each for each in found if each.sign == "silence").strength > found[0].strength
    heard = examine(history(look=put(modality="audio", heard=1.0, levelled=0.8, silent=1.0)))
    assert heard[0].sign == "silence"


def test_rank_is_severity_then_causes_then_strength() -> None:
    def made(title: str, strength: float, specific: bool = False) -> Finding:
        return Finding(title, strength, "", "", specific=specific)

    given = [
        made("a", 0.7),
        made("b", 1.1),
        made("c", 3.0),
        made("d", 1.0, specific=True),
        made("e", 0.9, specific=True),
    ]
    assert [finding.title for finding in ranked(given)] == ["d", "c", "b", "e", "a"]


def told(sign: str, recipe: BaseRecipe, **values: Any) -> Finding | None:
    """What a sign says of a translator whose looks are healthy but for some numbers."""
    made: Finding | None = SIGNS.build(Part(name=sign))(history(recipe, look=put(**values)))
    return made


def test_a_translation_that_is_to_be_a_negative_has_no_wrong_colours() -> None:
    negative = told("wrong-colours", CYCLE, translation__likeness=-0.9, translation__negative=4.0)
    assert negative and negative.severity == "note"
    broken = told("wrong-colours", CYCLE, translation__likeness=-0.9, translation__negative=1.0)
    assert broken and broken.title == "colours inverted" and "identity_weight" in broken.remedies[0].changes
    shifted = told("wrong-colours", PAIRED, translation__shift=1.5)
    assert shifted and (shifted.title, shifted.severity) == ("colours shifted", "severe")


def test_sides_that_are_alike_may_be_copied() -> None:
    copied = {"translation__change": 0.001, "translation__way": 0.0}
    assert told("input-copied", CONTRAST, **copied, translation__sides_apart=1.2) is None
    unheard = told("input-copied", CONTRAST, **copied, reach__game=0.0)
    assert unheard and unheard.cause.startswith("No gradient of the discriminator reaches")


def test_a_discriminator_that_is_drowned_is_a_warning_and_one_that_is_cut_off_is_not() -> None:
    drowned = told("unheard-discriminator", PAIRED, reach__share=1e-6)
    assert drowned and drowned.severity == "warning" and "larger" in drowned.cause
    assert "reconstruction_weight" in drowned.remedies[0].changes
    cut_off = told("unheard-discriminator", PAIRED, reach__game=0.0, reach__share=0.0)
    assert cut_off and cut_off.severity == "severe" and "detach" in cut_off.remedies[0].why
    unweighed = told("unheard-discriminator", FILLING.changed(adversarial_weight=0.0), reach__share=0.0)
    assert unweighed and unweighed.severity == "warning" and unweighed.cause.endswith("is 0.")


def test_translations_that_begin_to_differ_are_no_failure() -> None:
    assert BROKEN["one-output"]().until(0.3 * SAMPLES).progress < 0.31
    early = history(PAIRED, look=put(translation__variety=lambda progress: 0.001 * np.exp(10 * progress)))
    found = {each.sign: each.severity for each in examine(early.until(0.35 * SAMPLES))}
    assert found["one-output"] == "note"


@pytest.mark.parametrize(("varieties", "severity"), [
    ([0.065, 0.068, 0.07, 0.126, 0.068, 0.075, 0.105], "note"),  # of a DiscoGAN that went on to learn
    ([0.065, 0.068, 0.07, 0.126, 0.068, 0.075, 0.07], "severe"),
    ([0.01, 0.03, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05], "severe"),
    ([0.4, 0.3, 0.2, 0.1, 0.05, 0.08, 0.1], "severe"),
])  # fmt: skip
def test_outputs_that_differ_little_are_a_failure_unless_they_differ_more_than_they_did(
    varieties: list[float], severity: str
) -> None:
    rows = [{"samples": SAMPLES * (0.2 + 0.05 * turn), "watch": {"translation": {"variety": each}}}
            for turn, each in enumerate(varieties)]  # fmt: skip
    found = SIGNS.build(Part(name="one-output"))(RunHistory(CYCLE, rows))
    assert found and found.severity == severity


def losing(losses: list[float], norms: list[float] | None = None, recipe: BaseRecipe = CONTRAST) -> RunHistory:
    """A run whose discriminator loses so much, with gradients of such norms."""
    rows = [{"samples": (turn + 1) * recipe.batch, "losses": {"discriminator.adversarial": loss},
             "gradient_norms": {"discriminator": norm}}
            for turn, (loss, norm) in enumerate(zip(losses, norms or losses, strict=True))]  # fmt: skip
    return RunHistory(recipe, rows)


def test_a_discriminator_of_translations_that_comes_down_to_a_constants_loss_has_not_diverged() -> None:
    sign = SIGNS.build(Part(name="discriminator-diverges"))
    steps = np.arange(48)
    falling = (1.4 + 6 * 0.95**steps).tolist()
    thrown = (4 + 1.5 * (-1.0) ** steps).tolist()
    back = falling + np.linspace(falling[-1], 6, 60).tolist()
    for losses, severity in ((falling, "note"), (thrown, "severe"), (back, "severe")):
        found = sign(losing(losses))
        assert found and found.severity == severity
    found = sign(losing(falling, recipe=RECIPE))
    assert found and found.severity == "severe", "whose samples are not patches of pictures that were given"


def test_a_discriminator_of_translations_that_tells_them_apart_does_not_explode() -> None:
    sign = SIGNS.build(Part(name="exploding-gradients"))
    norms = [0.1] * 80 + [30.0] * 40
    for recipe, loss, severity in ((CONTRAST, 0.7, "warning"), (CONTRAST, 3.0, "severe"), (RECIPE, 0.7, "severe")):
        found = sign(losing([1.39] * 80 + [loss] * 40, norms, recipe))
        assert found and found.severity == severity


@pytest.mark.parametrize(("quiet", "severity"), [(1, "severe"), (2, "note")])
def test_repetition_is_that_of_all_but_one_look(quiet: int, severity: str) -> None:
    """Of the last four looks so many are without."""
    run = history(TEXTS, look=put(modality="text", repeats=0.9, repeats_data=0.01))
    for look in [row["watch"] for row in run.rows if "watch" in row][-quiet:]:
        look["repeats"] = 0.0
    found = SIGNS.build(Part(name="repetition"))(run)
    assert found and found.severity == severity


def test_gradients_that_rise_in_the_first_steps_alone_do_not_explode() -> None:
    sign = SIGNS.build(Part(name="exploding-gradients"))
    for quiet, severity in ((40, "note"), (100, "severe")):
        found = sign(losing([1.39] * 160, [0.1] * quiet + [30.0] * (160 - quiet), RECIPE))
        assert found and found.severity == severity


def test_chance_is_that_of_classes_as_frequent_as_samples_are() -> None:
    few = {"fidelity": 0.5, "fidelity_limit": 0.95, "classes": [32, 32]}
    sign = SIGNS.build(Part(name="label-ignored"))
    ignored = sign(history(CONDITIONAL, look=put(**few, fidelity_chance=0.5)))
    assert ignored and ignored.severity == "severe" and "chance 50%" in ignored.says
    heard = sign(history(CONDITIONAL, look=put(**few, fidelity_chance=0.1)))
    assert heard and heard.severity == "note"
    assert sign(history(CONDITIONAL, look=put(**few, fidelity_chance=0.8))) is None, "hardly told from chance"


def test_classes_that_are_as_frequent_on_both_sides_cannot_be_copied() -> None:
    same = told("copied-ratios", CONTRAST, translation__classes_there=[0.75, 0.25], translation__classes_kept=0.3)
    assert same is None
    assert told("copied-ratios", CONTRAST, translation__classes_limit=0.5) is None
    kept = told("copied-ratios", CONTRAST)
    assert kept and kept.severity == "note"


def test_the_cause_of_a_seam_or_a_shadow_follows_from_the_numbers() -> None:
    inside, border = (
        told("seams", PAIRED, translation__seam=9.0, translation__seam_inside=place) for place in (16.0, 1.0)
    )
    assert inside and border and "parts" in inside.cause and "border" in border.cause
    judged = told("mask-shadow", FILLING, translation__jump=4.0)
    assert judged and judged.remedies[0].changes == {"judged": "composed"}
    alone = told("mask-shadow", FILLING.changed(adversarial_weight=0.0, hole_weight=0.0), translation__jump=4.0)
    assert alone and "do not count" in alone.cause and alone.remedies[0].changes == {"hole_weight": 6.0}


def test_networks_that_begin_to_learn_do_not_explode() -> None:
    for low, high, explodes in ((0.006, 3.0, False), (0.006, 30.0, True), (2.0, 6000.0, True)):
        grown = history(row=lambda made, progress, low=low, high=high: made["gradient_norms"].update(
            {"generator": low * (high / low) ** min(2 * progress, 1)}))  # fmt: skip
        severe = {finding.sign for finding in examine(grown) if finding.severity == "severe"}
        assert ("exploding-gradients" in severe) == explodes, (low, high)


def test_limits_can_be_changed() -> None:
    assert not [
        f for f in examine(BROKEN["checkerboard"](), {"checkerboard": {"factor": 1e9}}) if f.sign == "checkerboard"
    ]


def test_what_gets_better_is_not_severe() -> None:
    late = history(look=put(coverage=lambda progress: 0.05 + 0.9 * progress, diversity=0.3))
    assert all(finding.severity != "severe" for finding in examine(late.until(0.3 * SAMPLES)))
