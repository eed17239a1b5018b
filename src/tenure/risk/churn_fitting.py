"""Fitting churn on everybody, one kind of leaving after the other: a contract that ends, and silence.

A customer is under ``contract`` on a snapshot while a contract of theirs runs; everybody else who has ever bought may
fall into ``silence``, which means that no order comes in the ninety days after the snapshot.

Contracts: both learnt models are trained on the oldest snapshots, chosen and calibrated on a later one, and judged on
the newest; the one that is kept is then refitted with the newer snapshots. Silence: the purchase model's probability of
an order is the answer to beat. A learnt model takes its place only where its squared error on the newest ninety days is
smaller beyond chance and it ranks no worse; both stand in the figures.

Levels of risk go by odds against the ordinary customer of the same business and kind. A fixed share would call
everybody safe where two in a hundred leave in ninety days, and everybody lost where sixty do.

============== ===== ====== =====
rate of leaving   2 %   27 %  60 %
medium from       3 %   36 %  69 %
high from         6 %   53 %  82 %
============== ===== ====== =====
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tenure.features.catalogue import column_of
from tenure.features.columns import numbers
from tenure.features.windows import SNAPSHOTS
from tenure.risk.calibration import judged, profit_curve
from tenure.risk.churn_features import MEASURES, View, features
from tenure.risk.churn_reasons import group_weights
from tenure.risk.encoding import LeakError
from tenure.risk.learning import LOGISTIC, Fold, ModelComparison, Predictor, compare, guarded, predictor
from tenure.stats import metrics
from tenure.stats.record import Fit, Gate

if TYPE_CHECKING:
    import pyarrow as pa

    from tenure.scorecard.model import Context

#: Kinds of leaving: a contract ends; without a contract, orders stop.
CONTRACT, NO_ORDER = KINDS = "contract", "silence"
LOW, MEDIUM, HIGH = "low", "medium", "high"
#: Levels begin at so many times the ordinary odds.
MEDIUM_ODDS, HIGH_ODDS = 1.5, 3.0
#: Rows learnt from at each snapshot: more add seconds and no accuracy.
MOST_ROWS = 20_000
#: The purchase model, read from the table.
BASELINE = "p-active"
LABELS = 100
#: Customers whose reasons are stored; for more, the riskiest.
MOST_REASONS = 50_000
_CHUNK = 100_000


@dataclass(frozen=True)
class LabelledRows:
    """The customers of one kind on one snapshot, of whom it is known whether they left."""

    origin: int  # the snapshot, 1 to SNAPSHOTS
    rows: np.ndarray  # which customers of the table
    left: np.ndarray  # whether they left in the days after the snapshot

    def fold(self, table: pa.Table, kind: str, seed: int) -> tuple[Fold, np.ndarray]:
        """Return at most :data:`MOST_ROWS` of the rows with their features, and which customers they are."""
        rows, left = self.rows, self.left
        if len(rows) > MOST_ROWS:
            sample = np.sort(np.random.default_rng(seed + self.origin).choice(len(rows), MOST_ROWS, replace=False))
            rows, left = rows[sample], left[sample]
        return Fold(features(View(table, self.origin, rows), contract=kind == CONTRACT), left), rows


def kinds_of(table: pa.Table, origin: int = 0) -> np.ndarray:
    """Return each customer's kind on a snapshot as objects; None for who never bought and has no contract."""
    kinds = np.full(len(table), None, dtype=object)
    view = View(table, origin)
    kinds[np.isfinite(view.at("silence"))] = NO_ORDER
    kinds[view.at("contract") > 0] = CONTRACT
    return kinds


def labelled(table: pa.Table, kind: str) -> list[LabelledRows]:
    """Return the rows of a kind with their labels, the oldest snapshot first; empty snapshots are left out."""
    snapshots = []
    for origin in range(SNAPSHOTS, 0, -1):
        if kind == CONTRACT:
            churned = numbers(table, column_of("churned", origin))
            rows = np.flatnonzero(np.isfinite(churned))
            left = churned[rows] > 0
        else:
            rows = np.flatnonzero(kinds_of(table, origin) == NO_ORDER)
            # What happened after this snapshot is what is read on the next one: a label, never a feature.
            left = View(table, origin - 1).at("orders")[rows] == 0
        if len(rows):
            snapshots.append(LabelledRows(origin, rows, left))
    return snapshots


class Levels(NamedTuple):
    rate: float  # the rate at which customers left in the newest ninety days that are known
    medium: float  # probabilities from which the levels begin
    high: float

    @classmethod
    def around(cls, rate: float) -> Levels:
        rate = min(max(rate, 0.001), 0.999)
        odds = rate / (1 - rate)
        return cls(rate, *(times * odds / (1 + times * odds) for times in (MEDIUM_ODDS, HIGH_ODDS)))

    def of(self, risk: np.ndarray) -> np.ndarray:
        return np.array((LOW, MEDIUM, HIGH), object)[np.searchsorted((self.medium, self.high), risk, side="right")]


def fitted(table: pa.Table, context: Context, kind: str, now: np.ndarray) -> Fit | None:
    """Return the fit of one kind of leaving; None when nobody belongs to it, now or on any snapshot."""
    known = labelled(table, kind)
    members = np.flatnonzero(now == kind)
    if not len(members) and not known:
        return None
    left = sum(int(snapshot.left.sum()) for snapshot in known)
    rows = sum(len(snapshot.rows) for snapshot in known)
    view, options = View(table, 0), context.options
    ages = np.fmax(view.at("age"), view.at("contract_age"))
    gates = (
        Gate("buyers", options.buyers, len(members)),
        Gate("days", options.days, float(np.nanmax(ages)) if np.isfinite(ages).any() else 0.0),
        Gate("left", LABELS, left),
        Gate("stayed", LABELS, rows - left),
    )
    fitting = _Fitting(table, context, kind, known, members, gates)
    if not all(gate.passed for gate in gates[:2]):
        return fitting.without_model("too-little-data")
    if not all(gate.passed for gate in gates) or len(known) < 2:
        return fitting.baseline_only()
    try:
        return fitting.learnt()
    except LeakError as leak:
        # The screen says which feature knows the future; nothing is predicted with it.
        return fitting.baseline_only(leak)


def risk_of(table: pa.Table, fit: Fit, kind: str, origin: int, rows: np.ndarray) -> np.ndarray:
    if fit.model == BASELINE:
        return baseline(table, origin)[rows]
    explain = Predictor.from_dict(fit.params["explain"])
    views = (View(table, origin, rows[n : n + _CHUNK]) for n in range(0, len(rows), _CHUNK))
    return np.concatenate([explain.probability(features(view, contract=kind == CONTRACT)) for view in views])


def baseline(table: pa.Table, origin: int) -> np.ndarray:
    """Return 1 - P(an order within ninety days) by the purchase model; ``nan`` where it says nothing."""
    return 1.0 - numbers(table, f"_p_active@{origin}" if origin else "p_active_90")


@dataclass
class _Fitting:
    table: pa.Table
    context: Context
    kind: str
    known: list[LabelledRows]
    members: np.ndarray  # customers who are of this kind today
    gates: tuple[Gate, ...]

    def _fit(self, model: str, verdict: str, **about: Any) -> Fit:
        seed, customers = self.context.options.seed, len(self.members)
        return Fit(f"churn-{self.kind}", model, verdict, customers=customers, seed=seed, **about)

    def without_model(self, verdict: str, **figures: Any) -> Fit:
        return self._fit("", verdict, gates=self.gates, figures=figures)

    def _has_baseline(self) -> bool:
        return self.kind == NO_ORDER and bool(np.isfinite(baseline(self.table, 0)).any())

    def baseline_only(self, leak: LeakError | None = None) -> Fit:
        """Return the purchase model's answer, without reasons; nothing where there is none."""
        figures: dict[str, Any] = {}
        if leak is not None:
            data = {name: str(value) for name, value in leak.data.items()}
            figures["leak"] = {"text": leak.message.to_dict(), **data}
        if not self._has_baseline():
            return self.without_model("leak" if leak else "too-little-data", **figures)
        rate = float(np.nanmean(baseline(self.table, 0)))
        if self.known:
            newest = self.known[-1]
            figures["newest"] = _figures(newest.left, baseline(self.table, newest.origin)[newest.rows])
            rate = float(newest.left.mean())
        params = {"levels": Levels.around(rate)._asdict(), "reasons": [1.0, 0.0], "explain": None, "peers": {}}
        figures["missing"] = [gate.name for gate in self.gates if not gate.passed]
        met = tuple(gate for gate in self.gates if gate.passed)  # what a learnt model lacks does not stop this one
        return self._fit(BASELINE, "ok", gates=met, params=params, figures=figures)

    def learnt(self) -> Fit:
        seed = self.context.options.seed
        *older, (newest, customers) = [snapshot.fold(self.table, self.kind, seed) for snapshot in self.known]
        train = [fold for fold, _ in older]
        single = [guarded(fold) for fold in (*train, newest)][-1]
        tried = compare(train[0], train[1] if len(train) > 1 else None, newest, seed)
        model, why, probability = self._choose(tried, newest, customers)
        # Where the purchase model answers, a logistic regression beside it says what goes together with leaving.
        # It is fitted again with the newer snapshots, and calibrated on the newest.
        explain, _loss = predictor(LOGISTIC if model == BASELINE else model, reduce(Fold.and_, train), newest, seed)
        stayed = customers[~newest.labels]
        # Ages are those of today: everybody has grown older since the snapshot.
        today, then = View(self.table, 0, stayed), View(self.table, self.known[-1].origin, stayed)
        ages = {name: _median(today.at(name)) for name in ("age", "contract_age")}
        explain.peers.update(ages)
        params = {
            "explain": explain.to_dict(),
            "levels": Levels.around(float(newest.labels.mean()))._asdict(),
            "peers": {name: _median(then.feature(name)) for name in MEASURES} | ages,
            "reasons": [0.0, 1.0],
        }
        figures = {
            "models": tried.figures,
            "chosen": model,
            "why": why,
            "single_auc": single,
            "origins": [
                {"origin": snapshot.origin, "customers": len(snapshot.rows), "left": int(snapshot.left.sum())}
                for snapshot in self.known
            ],
            "profit": self._profit(newest, customers, probability),
            "group_weights": group_weights(explain, newest.columns),
        }
        numeric = {column.name: column.values for column in newest.columns if not column.is_text}
        inputs = {name: steps for name, values in numeric.items() if (steps := metrics.quantiles(values))}
        fit = self._fit(model, "ok", gates=self.gates, params=params, figures=figures, inputs=inputs)
        self._limit_reasons(fit)
        return fit

    def _choose(self, tried: ModelComparison, newest: Fold, customers: np.ndarray) -> tuple[str, str, np.ndarray]:
        """Return the model that answers, why, and its probabilities of the newest rows."""
        learnt = tried.probability[tried.chosen]
        if not self._has_baseline():
            return tried.chosen, "contract" if self.kind == CONTRACT else "no-baseline", learnt
        active = baseline(self.table, self.known[-1].origin)[customers]
        known = np.isfinite(active)
        tried.figures[BASELINE] = _figures(newest.labels, active)
        if known.sum() < LABELS or len(np.unique(newest.labels[known])) < 2:
            return tried.chosen, "no-baseline", learnt
        if known.all() and wins(newest.labels, learnt, active):
            return tried.chosen, "won", learnt
        return BASELINE, "not-beaten", np.where(known, active, learnt)

    def _profit(self, newest: Fold, customers: np.ndarray, probability: np.ndarray) -> dict[str, Any]:
        value = np.nan_to_num(View(self.table, self.known[-1].origin, customers).total("amount")).clip(0.0)
        in_money = bool(value.any())
        curve = profit_curve(newest.labels, probability, value if in_money else np.ones(len(value)))
        return curve | {"in_money": in_money, "currency": self.context.currency}

    def _limit_reasons(self, fit: Fit) -> None:
        """Store between which risks reasons are written, so that a big business does not store a million texts.

        The riskiest under contract; of the silent those nearest to staying, since the others are as good as gone.
        """
        if len(self.members) <= MOST_REASONS:
            return
        risk = risk_of(self.table, fit, self.kind, 0, self.members)
        risk = np.sort(risk[risk >= fit.params["levels"]["medium"]])
        if len(risk) > MOST_REASONS:
            contract = self.kind == CONTRACT
            fit.params["reasons"] = [float(risk[-MOST_REASONS]), 1.0] if contract else [0.0, float(risk[MOST_REASONS])]


def wins(labels: np.ndarray, learnt: np.ndarray, other: np.ndarray) -> bool:
    """Return whether a learnt model beats another answer: smaller squared error beyond chance, ranking no worse."""
    gain = (other - labels) ** 2 - (learnt - labels) ** 2
    sure = float(gain.mean()) > 1.96 * float(gain.std()) / np.sqrt(len(gain))
    return sure and metrics.auc(labels, learnt) >= metrics.auc(labels, other)


def _figures(labels: np.ndarray, probability: np.ndarray) -> dict[str, Any]:
    known = np.isfinite(probability)
    return judged(labels[known], probability[known]) if known.any() else {}


def _median(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
