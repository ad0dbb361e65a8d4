"""Customers that never were: a table of mixed columns, by formula."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from belamy.data.dataset import Dataset
from belamy.data.delimited import CellTable
from belamy.data.load_options import LoadOptions
from belamy.data.table_set import table_set
from belamy.ranges import Within

PLANS, SHARES = ("basic", "plus", "pro"), (0.6, 0.3, 0.1)
START, DAYS = date(2020, 1, 1), 1800


class Source:
    """Rows of a category, two whole numbers, a number with missing cells and a date, which depend on each other.

    The plan decides how old customers are, what they earn and how often they come; the income is missing for one in
    twelve; who joined earlier has come more often. ``--labels plan`` makes the plan the label.

    Args:
        count: How many.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("customers:count=50", labels="plan").classes
        ('basic', 'plus', 'pro')
    """

    def __init__(self, *, count: int = 4000) -> None:
        self.count = Within(20, 10**6).check("customers.count", count)

    def open(self, options: LoadOptions) -> Dataset:
        """The rows, drawn by seed 0."""
        source = np.random.default_rng(0)
        plan = source.choice(3, self.count, p=SHARES)
        age = np.clip(np.round(source.normal(28 + 11 * plan, 6)), 18, 90).astype(int)
        income = np.round(source.lognormal(7.4 + 0.35 * plan + 0.006 * (age - 30), 0.25), 2)
        unknown = source.random(self.count) < 1 / 12
        days = np.floor(DAYS * source.beta(1.3, 1.0, self.count)).astype(int)
        visits = source.poisson((DAYS - days) / 120 * (1 + plan))
        columns = (
            [PLANS[each] for each in plan], [str(each) for each in age],
            ["" if gone else f"{each:.2f}" for each, gone in zip(income, unknown, strict=True)],
            [str(each) for each in visits], [str(START + timedelta(days=int(each))) for each in days],
        )  # fmt: skip
        rows = [f"customer {number:,}" for number in range(1, self.count + 1)]
        table = CellTable("customers", ("plan", "age", "income", "visits", "joined"), columns, rows)
        return table_set("customers", [table], options, licence="CC0: computed here")
