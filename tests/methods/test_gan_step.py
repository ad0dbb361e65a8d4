"""One step of adversarial training against the papers, for every variant that the recipe offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from belamy.methods.gan import ADVERSARIAL, Recipe
from belamy.registry import Part

SMALL = Part(name="digits", width=2, hidden=8)


def recipe(**fields: Any) -> Recipe:
    """A small GAN without batch normalisation in the discriminator; every number of it is float64."""
    return Recipe(generator=SMALL, discriminator=SMALL, latent=6, batch=6, samples=600).changed(**fields)


def chance(scores: Tensor) -> Tensor:
    """D: the probability that scores state."""
    return 1 / (1 + torch.exp(-scores))


def entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """-log of the softmax at the label, written out."""
    chances = torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True)
    return -torch.log(chances[torch.arange(len(labels)), labels])


def squared_slope(score: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Of the score at each image, one image at a time."""
    at = [image[None].clone().requires_grad_() for image in images.detach()]
    found = [torch.autograd.grad(score(one).sum(), one, create_graph=True)[0] for one in at]
    return torch.stack([(slope * slope).sum() for slope in found])


class TestAlternating:
    """Goodfellow et al. 2014, arXiv 1406.2661, algorithm 1, with the generator's loss of section 3."""

    def test_the_generator_plays_against_the_discriminator_that_has_just_learned(self, stage: Any, check: Any) -> None:
        made = stage(recipe())
        images, _ = made.batch()
        z = made.numbers().normal("latents", 6, 6)
        score, generator = made.method.discriminator, made.method.generator
        turns = made.turns()
        loss = -chance(score(images)).log() - (1 - chance(score(generator(z).detach()))).log()
        check(next(turns), "discriminator", score, {"adversarial": loss})
        before = score(images).detach()
        second = next(turns)
        assert (score(images) - before).abs().max() > 1e-9
        check(second, "generator", generator, {"adversarial": -chance(score(generator(z))).log()})
        assert next(turns, None) is None

    def test_fresh_latents_and_fakes_of_a_generator_in_inference_mode(self, stage: Any, check: Any) -> None:
        made = stage(recipe(fresh_latents=True, fakes="eval"))
        images, _ = made.batch()
        numbers = made.numbers()
        first, second = (numbers.normal("latents", 6, 6) for _ in range(2))
        score, generator = made.method.discriminator, made.method.generator
        fake = generator.eval()(first).detach()
        generator.train()
        turns = made.turns()
        loss = -chance(score(images)).log() - (1 - chance(score(fake))).log()
        check(next(turns), "discriminator", score, {"adversarial": loss})
        check(next(turns), "generator", generator, {"adversarial": -chance(score(generator(second))).log()})

    def test_real_images_may_be_shown_on_another_range(self, stage: Any, check: Any) -> None:
        made = stage(recipe(real_range="0..1"))
        images, _ = made.batch()
        fake = made.method.generator(made.numbers().normal("latents", 6, 6)).detach()
        score = made.method.discriminator
        loss = -chance(score((images + 1) / 2)).log() - (1 - chance(score(fake))).log()
        check(next(made.turns()), "discriminator", score, {"adversarial": loss})

    def test_several_generators_take_turns_in_the_batch(self, stage: Any, check: Any) -> None:
        made = stage(recipe(generators=2))
        images, _ = made.batch()
        z = made.numbers().normal("latents", 6, 6)
        chosen = torch.tensor([0.25, 0.75] * 3, dtype=torch.float64)[:, None]
        fake = made.method.generator(torch.cat([z, chosen], 1)).detach()
        score = made.method.discriminator
        loss = -chance(score(images)).log() - (1 - chance(score(fake))).log()
        check(next(made.turns()), "discriminator", score, {"adversarial": loss})


class TestCriticSteps:
    """Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1: fresh data and latents for each of the critic's steps."""

    def test_wasserstein_with_clipped_weights(self, stage: Any, check: Any) -> None:
        made = stage(recipe(critic_steps=2, adversarial="wasserstein", penalties=("weight-clipping:limit=0.02",)))
        numbers = made.numbers()
        score, generator = made.method.discriminator, made.method.generator
        turns = made.turns()
        for number in range(2):
            images, _ = made.batch()
            z = numbers.normal("latents", 6, 6)
            played = next(turns)
            if number:
                assert max(float(weight.detach().abs().max()) for weight in score.parameters()) <= 0.02
            check(played, "discriminator", score, {"adversarial": score(generator(z)) - score(images)})
        check(next(turns), "generator", generator, {"adversarial": -score(generator(z))})
        assert next(turns, None) is None

    @pytest.mark.parametrize(("step", "wanted"), [(0, 7), (24, 7), (25, 2), (499, 2), (500, 7), (501, 2), (1000, 7)])
    def test_the_warm_up_of_the_published_code(self, stage: Any, step: int, wanted: int) -> None:
        made = stage(recipe(critic_steps=2, warmup_critic_steps=7))
        made.engine.clock.step = step
        assert [turn.player for turn, _ in made.turns()] == ["discriminator"] * wanted + ["generator"]


def test_simultaneous_turns_see_the_same_players(stage: Any, check: Any) -> None:
    """Mescheder et al. 2017, arXiv 1705.10461, section 2.2: both gradients are of the game as it stands."""
    made = stage(recipe(turns="simultaneous"))
    images, _ = made.batch()
    z = made.numbers().normal("latents", 6, 6)
    score, generator = made.method.discriminator, made.method.generator
    fake = score(generator(z))
    turns = made.turns()
    loss = -chance(score(images)).log() - (1 - chance(fake)).log()
    check(next(turns), "discriminator", score, {"adversarial": loss})
    check(next(turns), "generator", generator, {"adversarial": -chance(fake).log()})


def test_separate_turns_are_two_updates(stage: Any, check: Any) -> None:
    """The loop of the book's chapter 3: real images, then generated ones, then the generator."""
    made = stage(recipe(turns="separate"))
    images, _ = made.batch()
    z = made.numbers().normal("latents", 6, 6)
    score, generator = made.method.discriminator, made.method.generator
    turns = made.turns()
    check(next(turns), "discriminator", score, {"adversarial-real": -chance(score(images)).log()})
    played = next(turns)
    check(played, "discriminator", score, {"adversarial-fake": -(1 - chance(score(generator(z).detach()))).log()})
    played = next(turns)
    check(played, "generator", generator, {"adversarial": -chance(score(generator(z))).log()})


def log_d(x: Tensor) -> Tensor:
    return -chance(x).log()


def pairs(f: Callable[[Tensor], Tensor]) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    return lambda r, s: f(r - s), lambda r, s: f(s - r)


def averages(f: Callable[[Tensor], Tensor]) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    return (
        lambda r, s: f(r - s.mean()) + f(r.mean() - s),
        lambda r, s: f(s - r.mean()) + f(s.mean() - r),
    )


# of real and of generated scores: what the discriminator minimises, and what the generator does
GAMES: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    # Goodfellow et al. 2014, arXiv 1406.2661, equation 1 and section 3
    "non-saturating": (lambda r, s: log_d(r) - (1 - chance(s)).log(), lambda r, s: log_d(s)),
    "minimax": (lambda r, s: log_d(r) - (1 - chance(s)).log(), lambda r, s: (1 - chance(s)).log()),
    # Mao et al. 2017, arXiv 1611.04076, equations 2 and 9
    "least-squares": (lambda r, s: (r - 1) ** 2 / 2 + s**2 / 2, lambda r, s: (s - 1) ** 2 / 2),
    "least-squares:a=-1,b=1,c=0": (lambda r, s: (r - 1) ** 2 / 2 + (s + 1) ** 2 / 2, lambda r, s: s**2 / 2),
    # Miyato et al. 2018, arXiv 1802.05957, equations 16 and 17; Lim & Ye 2017, arXiv 1705.02894
    "hinge": (lambda r, s: (1 - r).clamp(min=0) + (1 + s).clamp(min=0), lambda r, s: -s),
    "geometric": (lambda r, s: (1 - r).clamp(min=0) + (1 + s).clamp(min=0), lambda r, s: -s),
    # Arjovsky et al. 2017, arXiv 1701.07875, equation 2
    "wasserstein": (lambda r, s: s - r, lambda r, s: -s),
    # Zhao et al. 2016, arXiv 1609.03126, equations 1 and 2, with E = -s
    "energy-based:margin=0.1": (lambda r, s: -r + (0.1 + s).clamp(min=0), lambda r, s: -s),
    # Berthelot et al. 2017, arXiv 1703.10717, section 3.4; k is 0 at first
    "boundary-equilibrium": (lambda r, s: -r, lambda r, s: -s),
    # Jolicoeur-Martineau 2018, arXiv 1807.00734, equations 3 and 4, 11 to 14
    "relativistic-standard": pairs(log_d),
    "relativistic-pairing": pairs(log_d),
    "relativistic-pairing:base=hinge": pairs(lambda x: (1 - x).clamp(min=0)),
    "relativistic-average": averages(log_d),
    "relativistic-average:base=least-squares": averages(lambda x: (x - 1) ** 2),
}


@pytest.mark.parametrize("name", GAMES)
def test_every_loss_in_play(stage: Any, check: Any, name: str) -> None:
    made = stage(recipe(adversarial=name))
    images, _ = made.batch()
    z = made.numbers().normal("latents", 6, 6)
    score, generator = made.method.discriminator, made.method.generator
    for_discriminator, for_generator = GAMES[name]
    turns = made.turns()
    loss = for_discriminator(score(images), score(generator(z).detach()))
    check(next(turns), "discriminator", score, {"adversarial": loss})
    played = next(turns)
    loss = for_generator(score(images).detach(), score(generator(z)))
    check(played, "generator", generator, {"adversarial": loss})


def test_no_loss_is_left_out() -> None:
    assert {name.partition(":")[0] for name in GAMES} == set(ADVERSARIAL.names())


def test_the_control_of_a_boundary_equilibrium(stage: Any) -> None:
    """Berthelot et al. 2017, arXiv 1703.10717, section 3.4: k rises by λ(γ E(x) - E(G(z))), within [0, 1]."""
    made = stage(recipe(adversarial="boundary-equilibrium:gamma=0.7,rate=0.3"))
    loss, k = made.method.objective.adversarial, torch.zeros(())
    for _ in range(3):
        with torch.no_grad():
            images, _ = made.batch()
            z = made.numbers(made.engine.clock.step).normal("latents", 6, 6)
            energies = [-made.method.discriminator(x).mean() for x in (images, made.method.generator(z))]
        balance = 0.7 * energies[0] - energies[1]
        turns = list(made.turns())
        k = (k + 0.3 * balance).clamp(0, 1)
        torch.testing.assert_close(loss.k, k.to(loss.k.dtype), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(turns[1][0].signals["convergence"].double(), energies[0] + balance.abs())


class TestConditional:
    """Odena et al. 2016, arXiv 1610.09585, section 3: L_S + L_C, with real images' classes for the discriminator."""

    FIELDS: ClassVar = {"generator_condition": "embedding", "discriminator_condition": "projection", "auxiliary": 0.3}

    @pytest.mark.parametrize("turns", ["alternating", "simultaneous"])
    def test_class_scores_weigh_what_the_recipe_says(self, stage: Any, check: Any, turns: str) -> None:
        made = stage(recipe(**self.FIELDS, turns=turns))
        images, labels = made.batch()
        z = made.numbers().normal("latents", 6, 6)
        critic, generator = made.method.discriminator, made.method.generator
        played = made.turns()
        seen, other = critic.judge(images, labels), critic.judge(generator(z, labels).detach(), labels)
        terms = {
            "adversarial": -chance(seen.scores).log() - (1 - chance(other.scores)).log(),
            "class": entropy(seen.classes, labels),
        }
        check(next(played), "discriminator", critic, terms, {"class": 0.3})
        second = next(played)
        seen = critic.judge(generator(z, labels), labels)
        terms = {"adversarial": -chance(seen.scores).log(), "class": entropy(seen.classes, labels)}
        check(second, "generator", generator, terms, {"class": 0.3})

    def test_and_in_separate_turns(self, stage: Any, check: Any) -> None:
        made = stage(recipe(**self.FIELDS, turns="separate"))
        images, labels = made.batch()
        seen = made.method.discriminator.judge(images, labels)
        terms = {"adversarial-real": -chance(seen.scores).log(), "class": entropy(seen.classes, labels)}
        check(next(made.turns()), "discriminator", made.method.discriminator, terms, {"class": 0.3})

    def test_class_scores_are_linear_in_the_features(self, stage: Any) -> None:
        made = stage(recipe(**self.FIELDS))
        images, labels = made.batch()
        critic = made.method.discriminator
        seen = critic.judge(images, labels)
        wanted = seen.features @ critic.class_scores.weight.T + critic.class_scores.bias
        torch.testing.assert_close(seen.classes, wanted)

    def test_without_labels_there_are_no_class_scores(self, stage: Any, noise: Any) -> None:
        noise.labels, noise.classes = None, []
        made = stage(recipe(**self.FIELDS), noise)
        assert all(turn.terms.keys() == {"adversarial"} for turn, _ in made.turns())


class TestPenalties:
    def test_r1_and_r2_come_every_other_step_and_count_twice(self, stage: Any, check: Any) -> None:
        """Mescheder et al. 2018, arXiv 1801.04406, equation 9; lazily: Karras et al. 2020, arXiv 1912.04958, 3.1."""
        made = stage(recipe(penalties=("r1:weight=3,every=2", "r2:weight=0.5")))
        score, generator = made.method.discriminator, made.method.generator
        for step in range(2):
            images, _ = made.batch()
            fake = generator(made.numbers(step).normal("latents", 6, 6)).detach()
            terms = {
                "adversarial": -chance(score(images)).log() - (1 - chance(score(fake))).log(),
                "r1": squared_slope(score, images) / 2,
                "r2": squared_slope(score, fake) / 2,
            }
            if step:
                del terms["r1"]
            turns = made.turns()
            check(next(turns), "discriminator", score, terms, {"r1": 6.0, "r2": 0.5})
            assert next(turns)[0].terms.keys() == {"adversarial"}
            list(turns)

    def test_the_gradient_penalty_between_real_and_generated_images(self, stage: Any, check: Any) -> None:
        """Gulrajani et al. 2017, arXiv 1704.00028, equation 3 and algorithm 1."""
        made = stage(recipe(adversarial="wasserstein", penalties=("gradient-penalty",), fresh_latents=True))
        images, _ = made.batch()
        numbers = made.numbers()
        score, generator = made.method.discriminator, made.method.generator
        fake = generator(numbers.normal("latents", 6, 6)).detach()
        share = numbers.uniform("gradient-penalty", 6, 1, 1, 1)
        between = (1 - share) * images + share * fake
        terms = {
            "adversarial": score(fake) - score(images),
            "gradient-penalty": (squared_slope(score, between).sqrt() - 1) ** 2,
        }
        check(next(made.turns()), "discriminator", score, terms, {"gradient-penalty": 10.0})

    def test_feature_matching_is_the_generators(self, stage: Any, check: Any) -> None:
        """Salimans et al. 2016, arXiv 1606.03498, section 3.1."""
        made = stage(recipe(penalties=("feature-matching:weight=0.7",)))
        images, _ = made.batch()
        z = made.numbers().normal("latents", 6, 6)
        critic, generator = made.method.discriminator, made.method.generator
        turns = made.turns()
        assert next(turns)[0].terms.keys() == {"adversarial"}
        played = next(turns)
        fake = critic.judge(generator(z))
        apart = critic.judge(images).features.detach().mean(0) - fake.features.mean(0)
        terms = {"adversarial": -chance(fake.scores).log(), "feature-matching": (apart**2).sum().expand(6)}
        check(played, "generator", generator, terms, {"feature-matching": 0.7})

    def test_mutual_information_is_both_players_gain(self, stage: Any, check: Any) -> None:
        """Chen et al. 2016, arXiv 1606.03657, equation 5: the generator and Q raise E log Q(c | x)."""
        prior = "coded:categories=3,continuous=1"
        made = stage(recipe(prior=prior, penalties=("mutual-information:weight=0.4,hidden=5",)))
        images, _ = made.batch()
        z = made.method.prior.sample(6, made.numbers(), "latents")
        critic, generator = made.method.discriminator, made.method.generator
        q = critic.penalties["mutual-information"].q

        def surprise(features: Tensor) -> Tensor:
            told = q(features)
            spread = (8 * torch.tanh(told[:, 4] / 8)).exp()
            number = torch.distributions.Normal(told[:, 3], spread.sqrt()).log_prob(z[:, 5])
            return entropy(told[:, :3], z[:, 2:5].argmax(1)) - number

        turns = made.turns()
        fake = critic.judge(generator(z).detach())
        terms = {
            "adversarial": -chance(critic(images)).log() - (1 - chance(fake.scores)).log(),
            "mutual-information": surprise(fake.features),
        }
        check(next(turns), "discriminator", critic, terms, {"mutual-information": 0.4})
        played = next(turns)
        fake = critic.judge(generator(z))
        terms = {"adversarial": -chance(fake.scores).log(), "mutual-information": surprise(fake.features)}
        check(played, "generator", generator, terms, {"mutual-information": 0.4})


class TestTricks:
    def test_soft_labels(self, stage: Any, check: Any) -> None:
        """Salimans et al. 2016, arXiv 1606.03498, section 3.4: the real label is 0.9, the generated one stays 0."""
        made = stage(recipe(targets=("smoothing:amount=0.1",)))
        images, _ = made.batch()
        score = made.method.discriminator
        fake = made.method.generator(made.numbers().normal("latents", 6, 6)).detach()
        told = chance(score(images))
        loss = -0.9 * told.log() - 0.1 * (1 - told).log() - (1 - chance(score(fake))).log()
        check(next(made.turns()), "discriminator", score, {"adversarial": loss})

    def test_soft_labels_of_pairs(self, stage: Any, check: Any) -> None:
        """The pair is told right with probability (1 + 0.9 - 0) / 2."""
        made = stage(recipe(adversarial="relativistic-pairing", targets=("smoothing:amount=0.1",)))
        images, _ = made.batch()
        score = made.method.discriminator
        apart = score(images) - score(made.method.generator(made.numbers().normal("latents", 6, 6)).detach())
        loss = -0.95 * chance(apart).log() - 0.05 * chance(-apart).log()
        check(next(made.turns()), "discriminator", score, {"adversarial": loss})

    def test_the_generator_learns_from_the_best_alone(self, stage: Any, check: Any) -> None:
        """Sinha et al. 2020, arXiv 2002.06224, algorithm 1: at half of the way to the floor ¼, half of 6 samples."""
        made = stage(recipe(weightings=("top-k:floor=0.25,until=1",)))
        made.engine.clock.samples = 300
        made.batch()
        z = made.numbers().normal("latents", 6, 6)
        score, generator = made.method.discriminator, made.method.generator
        turns = made.turns()
        next(turns)
        played = next(turns)
        scores = score(generator(z))
        kept = (scores[:, None] < scores).sum(1) < 3
        check(played, "generator", generator, {"adversarial": -chance(scores).log() * kept.double() * 2})

    def test_noise_on_what_the_discriminator_sees(self, stage: Any, check: Any) -> None:
        """Sønderby et al. 2016, arXiv 1610.04490: real and generated images with noise of their own."""
        made = stage(recipe(views=("instance-noise:sigma=0.2,until=0.8",)))
        made.engine.clock.samples = 240
        images, _ = made.batch()
        numbers = made.numbers()
        score, generator = made.method.discriminator, made.method.generator
        fake = generator(numbers.normal("latents", 6, 6)).detach()
        noises = [0.1 * numbers.normal("instance-noise", 6, 1, 8, 8) for _ in range(3)]
        turns = made.turns()
        loss = -chance(score(images + noises[0])).log() - (1 - chance(score(fake + noises[1]))).log()
        check(next(turns), "discriminator", score, {"adversarial": loss})
        assert (score(fake + noises[2]) - score(fake)).abs().max() > 1e-6

    def test_replay_shows_earlier_images_to_the_discriminator_alone(self, stage: Any, check: Any) -> None:
        """Shrivastava et al. 2016, arXiv 1612.07828, section 2.3: half of the second batch are those of the first."""
        made = stage(recipe(replay=3))
        score, generator = made.method.discriminator, made.method.generator
        first = generator(made.numbers(0).normal("latents", 6, 6)).detach()
        made.batch()
        list(made.turns())
        images, _ = made.batch()
        z = made.numbers(1).normal("latents", 6, 6)
        shown = generator(z).detach()
        turns = made.turns()
        turn = next(turns)
        old = [(-(1 - chance(score(image[None]))).log()).item() for image in first[1::2]]
        terms = turn[0].terms["adversarial"] + chance(score(images)).log()
        fresh = -(1 - chance(score(shown))).log()
        torch.testing.assert_close(terms[::2].detach(), fresh[::2].detach(), rtol=1e-6, atol=1e-9)
        assert sorted(terms[1::2].tolist()) == pytest.approx(sorted(old), rel=1e-5)
        played = next(turns)
        check(played, "generator", generator, {"adversarial": -chance(score(generator(z))).log()})

    def test_the_generator_learns_several_times_on_the_same_real_images(self, stage: Any, check: Any) -> None:
        """The book's chapter 5, relativistic GAN: three steps, each with latents of its own."""
        made = stage(recipe(adversarial="relativistic-average", generator_steps=3, fresh_latents=True))
        images, _ = made.batch()
        numbers = made.numbers()
        numbers.normal("latents", 6, 6)
        score, generator = made.method.discriminator, made.method.generator
        turns = made.turns()
        next(turns)
        for _ in range(3):
            played = next(turns)
            r, s = score(images).detach(), score(generator(numbers.normal("latents", 6, 6)))
            loss = -chance(s - r.mean()).log() - (1 - chance(r - s.mean())).log()
            check(played, "generator", generator, {"adversarial": loss})
        assert next(turns, None) is None


class TestPatches:
    """Liu et al. 2021, arXiv 2101.04775, the losses of section 3.3: hinge for each patch, and the reconstruction."""

    SMALL: ClassVar = Part(name="fastgan", width=2, growth=2)

    def fields(self, **fields: Any) -> dict[str, Any]:
        return {"generator": self.SMALL, "discriminator": self.SMALL, "adversarial": "hinge", **fields}

    def test_each_patch_is_judged_by_itself(self, stage: Any, check: Any) -> None:
        made = stage(recipe(**self.fields()))
        images, _ = made.batch()
        critic, generator = made.method.discriminator, made.method.generator
        fake = generator(made.numbers().normal("latents", 6, 6))
        real_patches, fake_patches = (critic.judge(each).patches for each in (images, fake.detach()))
        loss = (1 - real_patches).clamp(min=0) + (1 + fake_patches).clamp(min=0)
        turns = made.turns()
        check(next(turns), "discriminator", critic, {"adversarial": loss.flatten()})
        check(next(turns), "generator", generator, {"adversarial": -critic.judge(fake).patches.flatten()})

    def test_the_discriminator_reconstructs_real_images(self, stage: Any, check: Any) -> None:
        """And the generator's turn knows nothing of it."""
        options = {"weight": 0.5, "width": 2, "distance": "absolute", "part": 1.0}
        made = stage(recipe(**self.fields(penalties=(Part(name="self-supervised", **options),))))
        images, _ = made.batch()
        critic, generator = made.method.discriminator, made.method.generator
        fake = generator(made.numbers().normal("latents", 6, 6))
        real_said = critic.judge(images)
        loss = (1 - real_said.patches).clamp(min=0) + (1 + critic.judge(fake.detach()).patches).clamp(min=0)
        decoders = critic.penalties["self-supervised"].reconstruction.decoders
        term = torch.zeros(6, dtype=torch.float64)
        for decoder, found in zip(decoders, real_said.maps, strict=True):
            painted = decoder(found)
            small = torch.nn.functional.adaptive_avg_pool2d(images, painted.shape[2:])
            term = term + (painted - small).abs().mean((1, 2, 3))
        turns = made.turns()
        terms = {"adversarial": loss.flatten(), "self-supervised": term}
        check(next(turns), "discriminator", critic, terms, {"self-supervised": 0.5})
        turn, gradients = next(turns)
        assert set(turn.terms) == {"adversarial"}
        assert len(gradients) == len(list(generator.parameters()))
