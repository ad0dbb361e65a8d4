"""One step of the autoencoders and of the classifier against their papers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.perceptual import content
from belamy.methods import autoencoder, classifier, vae
from belamy.methods.autoencoder import RECONSTRUCTIONS
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.registry import Part

PIXELS = 28 * 28


def nats(output: Tensor, target: Tensor) -> Tensor:
    """The mean over pixels of the Bernoulli cross-entropy."""
    chances = Bernoulli(output.clamp(1e-7, 1 - 1e-7), validate_args=False)
    return -chances.log_prob(target).flatten(1).mean(1)


class TestVariational:
    """Kingma & Welling 2013, arXiv 1312.6114: equation 10 per pixel, z = μ + σ ε of section 2.4."""

    def recipe(self, **fields: Any) -> vae.Recipe:
        return vae.Recipe(latent=3, batch=5, samples=60).changed(**fields)

    @pytest.mark.parametrize("beta", [1.0, 0.25])
    def test_the_evidence_lower_bound(self, stage: Any, check: Any, pictures: Any, beta: float) -> None:
        made = stage(self.recipe(beta=beta), pictures)
        images, method = (made.batch()[0] + 1) / 2, made.method
        mean, log_variance = method.encoder(images)
        posterior = Normal(mean, log_variance.exp() ** 0.5)
        z = mean + posterior.stddev * made.numbers().normal("code", 5, 3)
        terms = {
            "reconstruction": nats(method.decoder(z), images),
            "kl": beta * kl_divergence(posterior, Normal(0.0, 1.0)).sum(1) / PIXELS,
        }
        turns = made.turns()
        check(next(turns), "model", method, terms)
        assert next(turns, None) is None

    def test_the_form_that_the_slides_print(self, stage: Any, check: Any, pictures: Any) -> None:
        made = stage(self.recipe(printed=True), pictures)
        images, method = (made.batch()[0] + 1) / 2, made.method
        mean, log_variance = method.encoder(images)
        z = mean + log_variance.exp() * made.numbers().normal("code", 5, 3)
        kl = -5e-4 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1) / 3
        check(next(made.turns()), "model", method, {"reconstruction": nats(method.decoder(z), images), "kl": kl})

    @pytest.mark.parametrize(
        ("name", "loss"),
        [
            ("squared-error", lambda y, x: ((y - x) ** 2).flatten(1).mean(1)),
            ("absolute-error", lambda y, x: (y - x).abs().flatten(1).mean(1)),
        ],
    )
    def test_other_likelihoods(self, stage: Any, check: Any, pictures: Any, name: str, loss: Any) -> None:
        made = stage(self.recipe(reconstruction=name, beta=0), pictures)
        images, method = (made.batch()[0] + 1) / 2, made.method
        mean, log_variance = method.encoder(images)
        z = mean + (log_variance.exp() ** 0.5) * made.numbers().normal("code", 5, 3)
        terms = {"reconstruction": loss(method.decoder(z), images), "kl": torch.zeros(5).double()}
        check(next(made.turns()), "model", method, terms)

    def test_features_join_the_pixels(self, stage: Any, check: Any, pictures: Any) -> None:
        """Hou et al. 2016, arXiv 1610.00291, equation 3, in four layers of the embedded network."""
        made = stage(self.recipe(reconstruction_weight=2.0, perceptual_weight=0.25), pictures)
        images, method = (made.batch()[0] + 1) / 2, made.method
        mean, log_variance = method.encoder(images)
        decoded = method.decoder(mean + (log_variance.exp() ** 0.5) * made.numbers().normal("code", 5, 3))
        network, layers = EfficientNetLite.pretrained().double(), ("stem", "b0", "b2", "b4")
        mine, wanted = (network.outputs(network.prepare(each), layers) for each in (decoded, images))
        terms = {
            "reconstruction": nats(decoded, images),
            "perceptual": torch.stack([content.relative(mine[name], wanted[name]) for name in layers]).mean(0),
            "kl": kl_divergence(Normal(mean, log_variance.exp() ** 0.5), Normal(0.0, 1.0)).sum(1) / PIXELS,
        }
        batch = next(made.batches).map(lambda values: images * 2 - 1)
        loss = made.method.evaluate(batch, made.numbers())["loss"]
        wanted_loss = 2 * terms["reconstruction"] + 0.25 * terms["perceptual"] + terms["kl"]
        torch.testing.assert_close(loss, wanted_loss)
        check(next(made.turns()), "model", method, terms, {"reconstruction": 2.0, "perceptual": 0.25})

    def test_what_says_nothing_of_reconstructions_is_refused(self, stage: Any, pictures: Any) -> None:
        with pytest.raises(UsageError, match=r"nothing would be learned\. Give --reconstruction-weight 1 or"):
            stage(self.recipe(reconstruction_weight=0.0), pictures)
        with pytest.raises(UsageError, match=r"EfficientNet-lite0 has no layer 'b77'\. Did you mean 'b7'"):
            stage(self.recipe(perceptual_weight=1.0, perceptual_layers=("b77",)), pictures)

    def test_what_is_evaluated_is_what_is_learned(self, stage: Any, pictures: Any) -> None:
        made = stage(self.recipe(), pictures)
        batch = next(made.batches)
        batch = batch.map(lambda values: values.double())
        found = made.method.evaluate(batch, made.numbers())
        terms = next(made.turns())[0].terms
        torch.testing.assert_close(found["loss"], terms["reconstruction"] + terms["kl"])


def test_a_pixel_that_is_surely_wrong_costs_what_it_does_in_keras() -> None:
    """Probabilities are clipped to [1e-7, 1 - 1e-7]."""
    loss = RECONSTRUCTIONS.build(Part(name="binary-cross-entropy"))
    output, target = torch.tensor([[0.0], [1.0], [1.0]]).double(), torch.tensor([[1.0], [0.0], [1.0]]).double()
    wanted = torch.tensor([16.11809565, 16.11809565, 1e-7]).double()
    torch.testing.assert_close(loss(output, target), wanted, rtol=1e-6, atol=1e-12)


class TestAutoencoder:
    """Hinton & Salakhutdinov 2006; sparse by an L1 penalty; denoising: Vincent et al. 2008, section 2.3."""

    def recipe(self, **fields: Any) -> autoencoder.Recipe:
        return autoencoder.Recipe(latent=4, batch=5, samples=60).changed(**fields)

    def test_it_gives_back_its_input(self, stage: Any, check: Any, pictures: Any) -> None:
        made = stage(self.recipe(), pictures)
        images = (made.batch()[0] + 1) / 2
        method = made.method
        check(
            next(made.turns()),
            "model",
            method,
            {"reconstruction": nats(method.decoder(method.encoder(images)), images)},
        )

    def test_a_sparse_and_denoising_one(self, stage: Any, check: Any, pictures: Any) -> None:
        made = stage(self.recipe(sparsity=0.3, noise=0.2), pictures)
        images = (made.batch()[0] + 1) / 2
        method = made.method
        broken = (images + 0.2 * made.numbers().normal("noise", 5, 1, 28, 28)).clip(0, 1)
        code = method.encoder(broken)
        terms = {"reconstruction": nats(method.decoder(code), images), "sparsity": code.abs().sum(1) / 4}
        check(next(made.turns()), "model", method, terms, {"sparsity": 0.3})


class TestClassifier:
    def test_it_minimises_the_surprise_at_the_labels(self, stage: Any, check: Any, pictures: Any) -> None:
        made = stage(classifier.Recipe(classifier=Part(name="classifier-mnist"), batch=5, samples=60), pictures)
        images, labels = made.batch()
        logits = made.method.classifier(images)
        chances = torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True)
        loss = -torch.log(chances[torch.arange(5), labels])
        played = next(made.turns())
        check(played, "classifier", made.method.classifier, {"cross-entropy": loss})
        right = [float(row.argmax() == label) for row, label in zip(chances, labels, strict=True)]
        assert played[0].signals["accuracy"].tolist() == right

    def test_the_books_test_images(self, stage: Any, pictures: Any) -> None:
        """(x - 255) · 2 - 1 in place of x / 127.5 - 1."""
        made = stage(classifier.Recipe(printed_test=True, batch=5, samples=60), pictures)
        images, labels = made.batch()
        logits = made.method.classifier((images * 127.5 + 127.5 - 255) * 2 - 1)
        batch = Batch.of(images, labels, torch.arange(5))
        wanted = -torch.log_softmax(logits, 1)[torch.arange(5), labels]
        torch.testing.assert_close(made.method.evaluate(batch, made.numbers())["loss"], wanted)
