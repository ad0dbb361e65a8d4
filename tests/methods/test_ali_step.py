"""One step of ALI and BiGAN in float64 against their papers, and the discriminator of pairs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.methods.ali import Recipe
from belamy.networks.dense import Discriminator
from belamy.networks.joint import JointDiscriminator
from belamy.registry import Part

NARROW = {"width": 2, "hidden": 8}


def recipe(**fields: Any) -> Recipe:
    networks = {"encoder": Part(name="vae-digits", **NARROW), "generator": Part(name="digits", **NARROW)}
    judge = {"discriminator": Part(name="digits", **NARROW), "joint_width": 6, "joint_dropout": 0.0}
    return Recipe(**networks).changed(**{**judge, "latent": 3, "batch": 5, "train_samples": 60, **fields})


def chance(scores: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-scores))


class Pairs:
    """Both kinds of pairs of a step, written from the paper."""

    def __init__(self, made: Any, certain: bool = False) -> None:
        self.method, numbers = made.method, made.numbers()
        self.x = made.batch()[0]
        self.certain, self.noise = certain, None if certain else numbers.normal("code", 5, 3)
        self.z = numbers.normal("latents", 5, 3)

    def encoded(self) -> Tensor:
        told = self.method.encoder((self.x + 1) / 2)
        return told if self.certain else told[0] + told[1].exp() ** 0.5 * self.noise

    def scores(self) -> tuple[Tensor, Tensor]:
        judge = self.method.discriminator
        return judge(self.x, self.encoded()), judge(self.method.generator(self.z), self.z)


class TestDumoulin:
    """Dumoulin et al. 2016, arXiv 1606.00704, algorithm 1; Donahue et al. 2016, arXiv 1605.09782, section 3."""

    @pytest.mark.parametrize("certain", [False, True])
    def test_the_game_of_pairs(self, stage: Any, check: Any, certain: bool) -> None:
        """A stochastic encoder makes it ALI, a certain one BiGAN; both players learn from the swapped labels."""
        other = {"encoder": Part(name="autoencoder-mnist", form="dense")} if certain else {}
        made = stage(recipe(**other))
        paper, turns, method = Pairs(made, certain), made.turns(), made.method
        data, prior = (chance(score) for score in paper.scores())
        check(next(turns), "discriminator", method.discriminator, {"adversarial": -data.log() - (1 - prior).log()})
        played = next(turns)
        data, prior = (chance(score) for score in paper.scores())  # of the discriminator that has just learned
        terms = {"adversarial": -(1 - data).log() - prior.log()}
        check(played, "encoder", method.encoder, terms)
        check(next(turns), "generator", method.generator, terms)
        assert next(turns, None) is None

    def test_both_learn_from_one_game_of_pairs(self, stage: Any, check: Any) -> None:
        made = stage(recipe(adversarial="relativistic-pairing"))
        paper, turns, method = Pairs(made), made.turns(), made.method
        data, prior = paper.scores()
        check(next(turns), "discriminator", method.discriminator, {"adversarial": -chance(data - prior).log()})
        played = next(turns)
        data, prior = paper.scores()
        terms = {"adversarial": -chance(prior - data).log()}
        check(played, "encoder", method.encoder, terms)
        check(next(turns), "generator", method.generator, terms)

    def test_slopes_at_images_and_codes(self, stage: Any, check: Any) -> None:
        made = stage(recipe(slope_weight=0.5, slope_every=4))
        paper, turns, method = Pairs(made), made.turns(), made.method
        pairs = [(paper.x, paper.encoded()), (method.generator(paper.z), paper.z)]
        found = []
        for pair in pairs:
            at = [each.detach().clone().requires_grad_() for each in pair]
            slopes = torch.autograd.grad(method.discriminator(*at).sum(), at, create_graph=True)
            found.append(0.5 * sum((slope**2).flatten(1).sum(1) for slope in slopes))
        data, prior = (chance(score) for score in paper.scores())
        terms = {"adversarial": -data.log() - (1 - prior).log(), "r1": found[0], "r2": found[1]}
        check(next(turns), "discriminator", method.discriminator, terms, {"r1": 2.0, "r2": 2.0})


class TestLi:
    """Li et al. 2017, arXiv 1709.01215, section 3: the reconstruction bounds the entropy of an image given its code."""

    def test_the_reconstruction_teaches_both(self, stage: Any, check: Any) -> None:
        made = stage(recipe(cycle=7.0, reconstruction="absolute-error"))
        paper, turns, method = Pairs(made), made.turns(), made.method
        next(turns)
        played = next(turns)
        data, prior = (chance(score) for score in paper.scores())
        again = method.generator(paper.encoded())
        terms = {
            "adversarial": -(1 - data).log() - prior.log(),
            "cycle": (again - paper.x).abs().flatten(1).mean(1) / 2,
        }
        check(played, "encoder", method.encoder, terms, {"cycle": 7.0})
        check(next(turns), "generator", method.generator, terms, {"cycle": 7.0})


class TestJointDiscriminator:
    @pytest.fixture
    def judge(self) -> JointDiscriminator:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            return JointDiscriminator(Discriminator((4,), width=5), (4,), 3, 6, 0.5).double().eval()

    def test_the_score_is_a_sum_of_three(self, judge: JointDiscriminator) -> None:
        x, z = torch.randn(7, 4).double(), torch.randn(7, 3).double()
        of_x, features = judge.images.scores_and_features(x)
        told = judge.codes(z)
        a, b = judge.image_map(features), judge.code_map(told)
        of_both = judge.joint(torch.cat([a, b, a * b], 1))[:, 0]
        torch.testing.assert_close(judge(x, z), of_x + judge.codes_head(told)[:, 0] + of_both)

    def test_which_code_belongs_to_which_image_can_be_told(self, judge: JointDiscriminator) -> None:
        """Were it a sum of scores of each, swapping the codes of two pairs would not change the sum of both."""
        x, z = torch.randn(2, 4).double(), torch.randn(2, 3).double()
        assert abs(float((judge(x, z).sum() - judge(x, z.flip(0)).sum()).detach())) > 1e-4

    def test_dropout_is_in_training_alone(self, judge: JointDiscriminator) -> None:
        x, z = torch.randn(2, 4).double(), torch.randn(2, 3).double()
        assert torch.equal(judge(x, z), judge(x, z))
        judge.train()
        assert not torch.equal(judge(x, z), judge(x, z))
        assert sum(isinstance(layer, nn.Dropout) for layer in judge.modules()) == 2
