"""What would have seen the future is refused, with the column and the mend named."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from tenure.errors import FactsError, TenureError
from tenure.risk.encoding import LeakError
from tenure.risk.snapshots import snapshot


def _people(size: int = 1200, seed: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    calls, months = rng.poisson(2, size), rng.integers(1, 70, size)
    risk = 1 / (1 + np.exp(2.2 - 0.7 * calls + 0.03 * months))
    plan = rng.choice(["monthly", "yearly"], size)
    return {
        "calls": calls,
        "months": months,
        "fee": rng.normal(50, 10, size),
        "plan": plan,
        "gone": rng.random(size) < risk,
    }


def test_an_honest_table_is_learnt_from() -> None:
    learnt = snapshot(pa.table(_people()), "gone")
    assert 0.65 < learnt.auc < 0.9
    assert issubclass(LeakError, TenureError)


def test_a_planted_leak_is_refused_by_name() -> None:
    people = _people()
    people["last_bill"] = np.where(people["gone"], 0.0, people["fee"]) + np.random.default_rng(1).normal(0, 1, 1200)
    with pytest.raises(LeakError, match="last_bill alone separates leavers from stayers") as told:
        snapshot(pa.table(people), "gone")
    assert float(str(told.value.data["auc"])) > 0.98


def test_a_planted_leak_among_texts_is_refused_too() -> None:
    people = _people()
    people["desk"] = np.where(people["gone"], "win-back", "service")
    with pytest.raises(LeakError, match="desk alone"):
        snapshot(pa.table(people), "gone")


def test_a_column_that_is_known_only_for_leavers_is_refused() -> None:
    people = _people()
    exit_score = np.where(people["gone"], 3.0, np.nan)
    with pytest.raises(LeakError, match="exit_score alone"):
        snapshot(pa.table(people | {"exit_score": exit_score}), "gone")


def test_a_trusted_column_is_let_through() -> None:
    people = _people()
    people["last_bill"] = np.where(people["gone"], 0.0, people["fee"])
    assert snapshot(pa.table(people), "gone", trusted=["last_bill"]).auc > 0.98


@pytest.mark.parametrize("name", ["gone_reason", "gone_on", "was_gone"])
def test_a_column_with_the_targets_name_is_refused(name: str) -> None:
    people = _people()
    with pytest.raises(LeakError, match=f"{name} contains the name of the target gone"):
        snapshot(pa.table(people | {name: people["calls"]}), "gone")


def test_identifiers_are_refused_until_they_are_named_as_such() -> None:
    people = _people()
    ids = np.array([f"K{n:05d}" for n in range(1200)])
    for name in ("customer_id", "reference"):  # by its name, and by naming everybody
        with pytest.raises(LeakError, match=f"{name} identifies customers"):
            snapshot(pa.table(people | {name: ids}), "gone")
    with pytest.raises(LeakError, match="row identifies customers"):
        snapshot(pa.table(people | {"row": np.arange(1200)}), "gone")
    assert snapshot(pa.table(people | {"reference": ids}), "gone", identifiers=["reference"]).auc < 0.9


def test_features_dated_after_the_snapshot_are_refused() -> None:
    people = _people()
    days = np.datetime64("2024-05-01") - people["months"].astype("timedelta64[D]")
    table = pa.table(people | {"last_call_on": pa.array(days)})
    assert snapshot(table, "gone", as_of=date(2024, 5, 1)).auc > 0.65
    with pytest.raises(LeakError, match=r"last_call_on contains information from 2024-04-30, after .* 2024-03-01"):
        snapshot(table, "gone", as_of=date(2024, 3, 1))
    with pytest.raises(LeakError, match="calls contains information from 2024-06-01"):
        snapshot(pa.table(people), "gone", as_of=date(2024, 5, 1), known_on={"calls": date(2024, 6, 1)})
    with pytest.raises(FactsError, match=r"last_call_on contains dates\. Pass the snapshot date as as_of"):
        snapshot(table, "gone")


def test_copied_rows_are_refused() -> None:
    people = _people()
    left = np.flatnonzero(people["gone"])
    copies = np.random.default_rng(5).choice(left, 2 * (len(people["gone"]) - 2 * len(left)))
    rows = np.concatenate((np.arange(1200), copies))
    with pytest.raises(LeakError, match="one class are duplicates"):
        snapshot(pa.table({name: values[rows] for name, values in people.items()}), "gone")


def test_rows_mixed_from_neighbours_are_refused() -> None:
    people = _people()
    rng, left = np.random.default_rng(6), np.flatnonzero(people["gone"])
    one, two, part = rng.choice(left, 600), rng.choice(left, 600), rng.random(600)
    mixed = {
        name: np.concatenate((values, values[one] + part * (values[two] - values[one])))
        for name, values in people.items()
        if name in ("calls", "months", "fee")
    }
    table = pa.table(mixed | {"gone": np.concatenate((people["gone"], np.ones(600, dtype=bool)))})
    with pytest.raises(LeakError, match="resampled before splitting"):
        snapshot(table, "gone")


def test_a_customer_who_stands_twice_is_refused() -> None:
    people = _people()
    ids = np.array([f"K{n // 2}" for n in range(1200)])
    with pytest.raises(LeakError, match="appear more than once"):
        snapshot(pa.table(people | {"who": ids}), "gone", identifiers=["who"])


def test_what_cannot_be_learnt_is_said() -> None:
    people = _people()
    with pytest.raises(FactsError, match=r"no target column 'left'\. Columns: calls"):
        snapshot(pa.table(people), "left")
    with pytest.raises(FactsError, match="exactly two values"):
        snapshot(pa.table(people), "calls")
    with pytest.raises(FactsError, match="Training needs at least 100 of each"):
        snapshot(pa.table({name: values[:120] for name, values in people.items()}), "gone")
    learnt = snapshot(pa.table(people), "gone")
    with pytest.raises(FactsError, match="Column 'calls', which the model was fitted with"):
        learnt.probability(pa.table({"months": [1]}))
