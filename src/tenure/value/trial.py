"""A trial on an orders file: models fitted on a first period, compared with what happened in a second one.

The command ``tenure value ORDERS --calibrate-to DATE --until DATE`` prints parameters and likelihoods as papers do, and
how many orders each model predicted. There is no gate and no selection: it is the laboratory, not the scorecard.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.clock import day_number
from tenure.errors import FactsError
from tenure.facts.blocks import block_of
from tenure.facts.streams import Stream
from tenure.features.purchases import OrderDays, Summary
from tenure.value.spending import expected_spend, fit_spend
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    import pyarrow as pa

    from tenure.stats.cells import Cells
    from tenure.stats.fitted import Fitted
    from tenure.value.spending import Spend

UNITS = {"day": 1, "week": 7}
#: Models of a trial unless others are named; ``all`` names every one.
MODELS = ("nbd", "bg-nbd", "mbg-nbd", "pareto-nbd", "mbg-cnbd-2")


@dataclass(frozen=True)
class Trial:
    """A calibration period, and what came after it."""

    ids: list[str]  # customers who had bought by the end of the calibration
    summary: Summary  # of these customers, in days
    after: np.ndarray  # their purchase days after it
    calibrate_to: date  # last days of both periods; equal when nothing is held out
    until: date
    unit: str  # ``week`` or ``day``
    names: tuple[str, ...]  # the models

    @property
    def held_out(self) -> int:
        return (self.until - self.calibrate_to).days

    @cached_property
    def cells(self) -> Cells:
        """The customers in the unit of time, equal ones put together."""
        from tenure.stats.cells import compress

        days, known = UNITS[self.unit], self.summary
        logs = known.log_gaps - known.frequency * np.log(days)
        return compress(known.frequency, known.recency / days, known.age / days, log_gaps=logs)

    @cached_property
    def fits(self) -> dict[str, Fitted]:
        from tenure.stats import purchases

        return {name: purchases.fit(name, self.cells) for name in self.names}

    @cached_property
    def spend(self) -> Spend:
        return fit_spend(self.summary)

    @cached_property
    def spends(self) -> np.ndarray:
        """Spend expected of everybody's next purchase."""
        return expected_spend(self.spend, self.summary)

    def expected(self, name: str) -> np.ndarray:
        """Return the purchase days that a model expects of each customer in the period held out."""
        return self.fits[name].expected(self.held_out / UNITS[self.unit], self.cells)[self.cells.where]

    def customer(self, customer: str, horizon: float) -> dict[str, Any]:
        if customer not in self.ids:
            message = mark("Customer %(customer)r bought nothing up to %(day)s. Ids look like %(example)s.")
            raise FactsError(message, customer=customer, day=self.calibrate_to, example=self.ids[0])
        place = self.ids.index(customer)
        known, days = self.summary, UNITS[self.unit]
        alone = self.cells.take(self.cells.where[[place]])
        return {
            "customer_id": customer,
            "frequency": int(known.frequency[place]),
            "recency": float(known.recency[place] / days),
            "age": float(known.age[place] / days),
            "horizon": horizon,
            "expected_spend": float(self.spends[place]),
            "actual": float(self.after[place]) if self.held_out else None,
            "models": {
                name: {
                    "expected": float(fit.expected(horizon, alone)[0]),
                    "p_alive": float(fit.p_alive(alone)[0]),
                    "p_active": float(fit.p_active(horizon, alone)[0]),
                }
                for name, fit in self.fits.items()
            },
        }

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON; the keys are those of ``tenure value --json``."""
        known = self.summary
        holdout: dict[str, float] = {}
        if self.held_out:
            predicted = {name: float(self.expected(name).sum()) for name in self.names}
            holdout = {"actual": int(self.after.sum()), **predicted}
        return {
            "calibrate_to": self.calibrate_to,
            "until": self.until,
            "unit": self.unit,
            "customers": len(self.ids),
            "repeaters": int((known.frequency > 0).sum()),
            "repeat_orders": int(known.frequency.sum()),
            "cells": len(self.cells),
            "models": {name: _model(fit) for name, fit in self.fits.items()},
            "spend": asdict(self.spend),
            "holdout": holdout,
            "backtest": self._backtest(),
        }

    def _backtest(self) -> dict[str, dict[str, float]]:
        """Return the figures of every model, and of going on at the average rate, in the period held out."""
        from tenure.stats import metrics

        if not self.held_out:
            return {}
        rate = self.summary.frequency / np.maximum(self.summary.age, 1.0) * self.held_out
        predictions = {**{name: self.expected(name) for name in self.names}, "rate-times-time": rate}
        figures = ("bias", "mae", "rel_mae", "rmse", "corr")
        return {
            name: {
                **{figure: float(getattr(metrics, figure)(self.after, expected)) for figure in figures},
                "auc": metrics.auc(self.after > 0, expected),
            }
            for name, expected in predictions.items()
        }


def _model(fit: Fitted) -> dict[str, Any]:
    return {
        "params": {name: float(value) for name, value in fit.params.items()},
        "standard_errors": fit.standard_errors,
        "log_likelihood": float(fit.log_likelihood),
        "aic": fit.aic,
        "bic": fit.bic,
        "verdict": fit.verdict,
        "fallback": None if fit.fallback is None else _model(fit.fallback),
    }


def trial(
    orders: pa.Table, calibrate_to: date, until: date, *, unit: str = "week", models: Iterable[str] = MODELS, tz: str
) -> Trial:
    """Prepare a trial; models are fitted when they are asked for."""
    if unit not in UNITS:
        raise FactsError(mark("Unit %(unit)r: write week or day."), unit=unit)
    if until < calibrate_to:
        message = mark("The period held out ends on %(until)s, before the calibration ends on %(day)s. Swap them.")
        raise FactsError(message, until=until, day=calibrate_to)
    block = block_of({Stream("orders"): orders}, tz=tz, last_day=day_number(until))
    bought = OrderDays(block)
    then = bought.at(day_number(calibrate_to))
    who = np.flatnonzero(then.bought)
    if not len(who):
        message = mark("Nobody bought anything up to %(day)s. Choose a later day for --calibrate-to.")
        raise FactsError(message, day=calibrate_to)
    after, _ = bought.between(day_number(calibrate_to), day_number(until))
    ids = block.ids.take(who).to_pylist()
    return Trial(ids, then.only(who), after[who], calibrate_to, until, unit, _names(models))


def _names(models: Iterable[str]) -> tuple[str, ...]:
    from tenure.stats import purchases

    names = tuple(dict.fromkeys(models))
    if names == ("all",):
        return tuple(purchases.MODELS)
    for name in names:
        if name not in purchases.MODELS and name not in purchases.PLAIN:
            message = mark("There is no purchase model %(name)r. There are: %(names)s.")
            raise FactsError(message, name=name, names=", ".join(purchases.MODELS))
    return names
