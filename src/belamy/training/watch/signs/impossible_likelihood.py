"""A likelihood that cannot be: less than nothing is left to tell, or unseen data are far likelier than learned ones.

Densities of pictures to which no noise was added are no likelihood of pictures either.
"""

from __future__ import annotations

from belamy.training.watch.remedies import advice
from belamy.training.watch.sign import BaseSign, Finding, RunHistory

HELD = "loss"
LIVE = f"watch.live.{HELD}"
NOISE = "watch.inverted.noise"


class Sign(BaseSign):
    r"""Nats of levels, or of symbols, below 0; and held-out nats far below those of training.

    A probability is 1 at most, so its nats are 0 at least. So are, on average over the noise, those of a density of
    levels to which uniform noise of one level was added:

    .. math:: -E_u \ln p(x + u) \ge -\ln \int p(x + u)\,du \ge 0, \qquad u \sim U[0, 1)^d

    Without that noise a density of bare levels has no bound, long before its nats are below 0: so the noise itself is
    looked at where a method tells it.

    References:
        Theis, van den Oord & Bethge 2015, arXiv:1511.01844, section 3.1.

    Args:
        apart: Share by which held-out nats lie below those of training, from where it is severe.
        noise: Levels that the same picture must differ by from one draw of its noise to another.
        looks: Rows of training, the best of which is compared with.
        grace: Share of the run before which held-out nats are not compared: training falls from row to row.
    """

    title = "impossible likelihood"
    specific = True
    capabilities = ("HasLikelihood",)
    modalities = ("image", "text")
    apart: float = 0.2
    noise: float = 0.05
    looks: int = 5
    grace: float = 0.02

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        noise = history.late(NOISE, self.looks)
        if noise is not None and noise < self.noise:
            return self.found(
                history,
                2.0,
                f"The network sees the same picture {noise:.2f} levels apart from one draw of its noise to another "
                f"(limit {self.noise:g}; uniform noise of a level makes a third).",
                "A density of levels without noise has no bound: it can grow on the bare levels alone, and its nats "
                "are no likelihood of pictures.",
                ("levels apart", NOISE, self.noise),
                remedies=lambda _: (advice("see that noise of a whole level is added: --dequantisation uniform"),),
            )
        terms = [f"losses.{term}" for term in getattr(history.method, "nats_terms", ())]
        learned = {term: value for term in terms if (value := history.late(term, self.looks)) is not None}
        held = history.held_out(HELD, self.looks) if terms else None
        if not learned:
            return None
        least, where = min((value, term) for term, value in learned.items())
        if held is not None and held[1] < least:
            least, where = held[1], held[0]
        if least < 0:
            return self.found(
                history,
                2.0,
                f"The nats of a sample are {least:,.1f}, and none can be below 0.",
                "Densities of 8-bit pictures have no bound without noise of a whole level, and a stretch that is not "
                "counted makes any number: the noise or a part of the determinant is missing, or probabilities do not "
                "sum to 1.",
                ("nats", where, 0.0),
                remedies=lambda _: (advice("see that the noise is added and the whole determinant counted"),),
            )
        return self.beside(history, learned, held)

    def beside(self, history: RunHistory, learned: dict[str, float], held: tuple[str, float] | None) -> Finding | None:
        """What held-out nats say beside those of training, where these are a single number.

        Where averages are kept it is the weights as they are that both are told by: averages may be far better.
        """
        live = history.late(LIVE, self.looks)
        held = held if not history.names(LIVE) else (LIVE, live) if live is not None else None
        if held is None or len(learned) > 1 or not next(iter(learned)).endswith(".nats"):
            return None
        term, (name, test) = next(iter(learned)), held
        train = float(history.recent(term, self.looks).min())
        if train <= 0:
            return None
        return self.found(
            history,
            min((1 - test / train) / self.apart, 2.0),
            f"Held-out nats are {test:,.1f}, those of training {train:,.1f}: {1 - test / train:.0%} fewer (limit "
            f"{self.apart:.0%}).",
            "Unseen data cannot be so much likelier than what was learned: they are of another kind, or treated "
            "otherwise than in training.",
            ("held-out nats", name, None),
            ("nats of training", term, None),
            remedies=lambda _: (
                advice("see that training and held-out data are of one kind, and noise is added to both: belamy data"),
            ),
        )
