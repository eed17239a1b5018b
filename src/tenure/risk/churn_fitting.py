"""Fitting churn on everybody, kind by kind, with its gates.

Contracts: both learnt models are trained on the oldest snapshots, chosen and calibrated on a later one, and judged on
the newest; the one that is kept is then refitted with the newer snapshots. Silence: the purchase model's probability of
an order is the answer to beat. A learnt model takes its place only where its squared error on the newest ninety days is
smaller beyond chance and it ranks no worse; both stand in the figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.features.columns import numbers
from tenure.risk.calibration import judged, profit_curve
from tenure.risk.churn_features import MEASURES, View, features
from tenure.risk.churn_kinds import CONTRACT, SILENCE, Rows, labelled
from tenure.risk.churn_levels import Levels
from tenure.risk.churn_models import LOGISTIC
from tenure.risk.churn_reasons import group_weights
from tenure.risk.encoding import Column
from tenure.risk.guards import LeakError
from tenure.risk.learning import Compared, Fold, Predictor, compared, guarded, predictor
from tenure.stats import metrics
from tenure.stats.record import Fit, Gate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from tenure.scorecard.model import Context

#: The purchase model, read from the table.
BASELINE = "p-active"
LABELS = 100
#: Customers whose reasons are stored; for more, the riskiest.
MOST_REASONS = 50_000
_CHUNK = 100_000


def fitted(table: pa.Table, context: Context, kind: str, now: np.ndarray) -> Fit | None:
    """Return the fit of one kind of leaving; None when nobody belongs to it, now or on any origin."""
    known = labelled(table, kind)
    members = int((now == kind).sum())
    if not members and not known:
        return None
    gates = _gates(table, context, known, members)
    work = _Work(table, context, kind, known)
    if not all(gate.passed for gate in gates if gate.name in ("buyers", "days")):
        return work.nothing("too-little-data", gates, members)
    learnable = all(gate.passed for gate in gates) and len(known) > 1
    if not learnable:
        return work.baseline_only(gates, members)
    try:
        return work.learnt(gates, members, now)
    except LeakError as leak:
        # The screen says which figure knows the future; nothing is predicted with it.
        return work.baseline_only(gates, members, leak=leak)


def risk_of(table: pa.Table, fit: Fit, kind: str, origin: int, rows: np.ndarray) -> np.ndarray:
    """Return the probability of leaving of some customers, seen from an origin."""
    if fit.model == BASELINE:
        return baseline(table, origin)[rows]
    made = Predictor.from_dict(fit.params["explain"])
    parts = [rows[n : n + _CHUNK] for n in range(0, len(rows), _CHUNK)]
    return np.concatenate(
        [made.probability(features(View(table, origin, p), contract=kind == CONTRACT)) for p in parts]
    )


def baseline(table: pa.Table, origin: int) -> np.ndarray:
    """Return 1 - P(an order within ninety days) by the purchase model; ``nan`` where it says nothing."""
    name = "p_active_90" if origin == 0 else f"_p_active@{origin}"
    return 1.0 - numbers(table, name)


def _gates(table: pa.Table, context: Context, known: list[Rows], members: int) -> tuple[Gate, ...]:
    left = sum(int(one.left.sum()) for one in known)
    stayed = sum(int((~one.left).sum()) for one in known)
    view = View(table, 0)
    ages = np.fmax(view.at("age"), view.at("contract_age"))
    days = float(np.nanmax(ages)) if np.isfinite(ages).any() else 0.0
    options = context.options
    return (
        Gate("buyers", options.buyers, members),
        Gate("days", options.days, days),
        Gate("left", LABELS, left),
        Gate("stayed", LABELS, stayed),
    )


class _Work:
    """The fitting of one kind."""

    def __init__(self, table: pa.Table, context: Context, kind: str, known: list[Rows]) -> None:
        self.table, self.context, self.kind, self.known = table, context, kind, known
        self.seed = context.options.seed

    def nothing(self, verdict: str, gates: tuple[Gate, ...], members: int, **figures: Any) -> Fit:
        """Return a fit that predicts nothing and says why."""
        return Fit(self.part, "", verdict, gates, figures=figures, customers=members, seed=self.seed)

    @property
    def part(self) -> str:
        """What the fit is called."""
        return f"churn-{self.kind}"

    def _has_baseline(self) -> bool:
        return self.kind == SILENCE and bool(np.isfinite(baseline(self.table, 0)).any())

    def baseline_only(self, gates: tuple[Gate, ...], members: int, leak: LeakError | None = None) -> Fit:
        """Return the purchase model's answer, without reasons; nothing where there is none."""
        told: dict[str, Any] = {}
        if leak is not None:
            told["leak"] = {"text": leak.message.to_dict(), **_plain(leak.data)}
        if not self._has_baseline():
            return self.nothing("leak" if leak else "too-little-data", gates, members, **told)
        newest = self.known[-1] if self.known else None
        if newest is not None:
            said = baseline(self.table, newest.origin)[newest.rows]
            told["newest"] = _figures(newest.left, said)
        rate = float(newest.left.mean()) if newest is not None else float(np.nanmean(baseline(self.table, 0)))
        met = tuple(gate for gate in gates if gate.passed)  # what a learnt model lacks does not stop this one
        params = {"levels": Levels.around(rate).to_dict(), "reasons": [1.0, 0.0], "explain": None, "peers": {}}
        told["missing"] = [gate.name for gate in gates if not gate.passed]
        return Fit(self.part, BASELINE, "ok", met, params, told, customers=members, seed=self.seed)

    def learnt(self, gates: tuple[Gate, ...], members: int, now: np.ndarray) -> Fit:
        """Return the best model with its figures."""
        folds = [one.fold(self.table, self.kind, seed=self.seed) for one in self.known]
        single = {}
        for fold, _ in folds:
            single = guarded(fold)
        newest, customers = folds[-1]
        older = [fold for fold, _ in folds[:-1]]
        tried = compared(older[0], older[1] if len(older) > 1 else None, newest, self.seed)
        choice = self._chosen(tried, newest, customers)
        # Where the purchase model answers, a logistic regression beside it says what goes together with leaving.
        explain = self._refitted(LOGISTIC if choice["model"] == BASELINE else choice["model"], older, newest)
        stayed = customers[~newest.labels]
        explain.peers.update(self._peers_today(stayed))
        rate = float(newest.labels.mean())
        params = {
            "explain": explain.to_dict(),
            "levels": Levels.around(rate).to_dict(),
            "peers": self._peers(stayed),
            "reasons": [0.0, 1.0],
        }
        figures = {
            "models": tried.figures | choice["baseline"],
            "chosen": choice["model"],
            "why": choice["why"],
            "single_auc": single,
            "origins": [
                {"origin": one.origin, "customers": len(one.rows), "left": int(one.left.sum())} for one in self.known
            ],
            "profit": self._profit(newest, customers, choice["probability"]),
            "group_weights": group_weights(explain, newest.columns),
        }
        fit = Fit(self.part, choice["model"], "ok", gates, params, figures, self._inputs(newest), members, self.seed)
        self._limit_reasons(fit, now)
        return fit

    def _chosen(self, tried: Compared, newest: Fold, customers: np.ndarray) -> dict[str, Any]:
        """Return which model answers, on which ground, with the baseline's figures beside the learnt ones."""
        learnt = tried.probability[tried.chosen]
        if not self._has_baseline():
            why = "contract" if self.kind == CONTRACT else "no-baseline"
            return {"model": tried.chosen, "why": why, "baseline": {}, "probability": learnt}
        said = baseline(self.table, self.known[-1].origin)[customers]
        there = np.isfinite(said)
        shown = {BASELINE: _figures(newest.labels, said)}
        if there.sum() < LABELS or len(np.unique(newest.labels[there])) < 2:
            return {"model": tried.chosen, "why": "no-baseline", "baseline": shown, "probability": learnt}
        won = wins(newest.labels[there], learnt[there], said[there])
        if won and there.all():
            return {"model": tried.chosen, "why": "won", "baseline": shown, "probability": learnt}
        return {"model": BASELINE, "why": "not-beaten", "baseline": shown, "probability": np.where(there, said, learnt)}

    def _refitted(self, name: str, older: list[Fold], newest: Fold) -> Predictor:
        """Fit again with the newer snapshots, and calibrate on the newest."""
        train = older[0]
        for one in older[1:]:
            train = train.and_(one)
        return predictor(name, train, newest, self.seed)

    def _peers(self, rows: np.ndarray) -> dict[str, float | None]:
        """Return the median of each shown measure among those who stayed, as they were before they did."""
        view = View(self.table, self.known[-1].origin, rows)
        return {name: _median(how.value(view)) for name, how in MEASURES.items()} | self._peers_today(rows)

    def _peers_today(self, rows: np.ndarray) -> dict[str, float | None]:
        """Return the median ages of those who stayed, today: everybody has grown older since then."""
        view = View(self.table, 0, rows)
        return {name: _median(view.at(name)) for name in ("age", "contract_age")}

    def _profit(self, newest: Fold, customers: np.ndarray, probability: np.ndarray) -> dict[str, Any]:
        value = View(self.table, self.known[-1].origin, customers).year("amount")
        value = np.maximum(np.nan_to_num(value), 0.0)
        known = bool(value.any())
        curve = profit_curve(newest.labels, probability, value if known else np.ones(len(value)))
        return curve | {"in_money": known, "currency": self.context.currency}

    def _inputs(self, newest: Fold) -> dict[str, list[float]]:
        return {column.name: found for column in newest.columns if (found := _quantiles(column))}

    def _limit_reasons(self, fit: Fit, now: np.ndarray) -> None:
        """Store between which risks reasons are written, so that a big business does not store a million texts.

        The riskiest under contract; of the silent those nearest to staying, since the others are as good as gone.
        """
        rows = np.flatnonzero(now == self.kind)
        if len(rows) <= MOST_REASONS:
            return
        risk = risk_of(self.table, fit, self.kind, 0, rows)
        risk = np.sort(risk[risk >= fit.params["levels"]["medium"]])
        if len(risk) > MOST_REASONS:
            contract = self.kind == CONTRACT
            fit.params["reasons"] = [float(risk[-MOST_REASONS]), 1.0] if contract else [0.0, float(risk[MOST_REASONS])]


def wins(labels: np.ndarray, learnt: np.ndarray, said: np.ndarray) -> bool:
    """Return whether a learnt model beats another answer: smaller squared error beyond chance, ranking no worse."""
    gain = (said - labels) ** 2 - (learnt - labels) ** 2
    sure = float(gain.mean()) > 1.96 * float(gain.std()) / np.sqrt(len(gain))
    return sure and metrics.auc(labels, learnt) >= metrics.auc(labels, said)


def _figures(labels: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    there = np.isfinite(said)
    return judged(labels[there], said[there]) if there.any() else {}


def _median(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _quantiles(column: Column) -> list[float]:
    return [] if column.is_text else metrics.quantiles(column.values)


def _plain(data: Mapping[str, object]) -> dict[str, str]:
    return {name: str(one) for name, one in data.items()}
