"""Customers with the same history are put together, and nothing is lost by it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.errors import FitError
from tenure.stats.cells import Cells, compress, distinct

HISTORY = st.tuples(
    st.integers(0, 4), st.sampled_from([0.5, 1 / 7, 3.0]), st.sampled_from([4.0, 5 / 7 + 3]), st.sampled_from("ab字")
)


@given(st.lists(HISTORY, min_size=1, max_size=60))
def test_every_customer_finds_its_own_history_and_cells_differ(rows: list[tuple[int, float, float, str]]) -> None:
    x, t, age, group = (np.array(column) for column in zip(*rows, strict=True))
    t = np.where(x > 0, t, 0.0)
    cells = compress(x, t, age, groups={"channel": group})
    assert (cells.frequency[cells.where] == x).all()
    assert (cells.recency[cells.where] == t).all()
    assert (cells.age[cells.where] == age).all()
    assert (cells.groups["channel"][cells.where] == group).all()
    counted = Counter(zip(x.tolist(), t.tolist(), age.tolist(), group.tolist(), strict=True))
    assert len(cells) == len(counted)
    assert sorted(cells.weight.tolist()) == sorted(counted.values())
    first, where = cells.births
    assert (cells.frequency[first][where] == cells.frequency).all()
    assert (cells.age[first][where] == cells.age).all()


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=200))
def test_times_that_are_all_different_stay_all_different(times: list[float]) -> None:
    cells = compress(np.ones(len(times)), times, np.array(times) + 1.0)
    assert len(cells) == len(set(times))
    assert (cells.recency[cells.where] == times).all()


def test_many_distinct_values_in_every_column_do_not_overflow_the_key() -> None:
    rng = np.random.default_rng(5)
    size = 3_000
    columns = {f"group {number}": rng.permutation(size) for number in range(6)}  # 3,000 to the power of 9
    x = np.ones(size)
    cells = compress(x, rng.random(size) + 1e-9, rng.random(size) + 1.0, groups=columns)
    assert len(cells) == size
    assert all((cells.groups[name][cells.where] == column).all() for name, column in columns.items())


def test_weights_and_gaps_are_added_up_within_a_cell() -> None:
    cells = compress([1, 1, 0], [2.0, 2.0, 0.0], [5.0, 5.0, 5.0], weight=[2.0, 3.0, 4.0], log_gaps=[0.5, 1.5, 0.0])
    assert cells.weight.tolist() == [4.0, 5.0]
    assert cells.log_gaps.tolist() == [0.0, pytest.approx((2 * 0.5 + 3 * 1.5) / 5)]
    assert cells.customers == 9.0


def test_rows_are_customers_again_in_the_order_they_came() -> None:
    cells = compress([2, 0, 2], [3.0, 0.0, 3.0], [5.0, 5.0, 5.0], groups={"channel": ["web", "shop", "web"]})
    rows = cells.rows()
    assert rows.frequency.tolist() == [2.0, 0.0, 2.0]
    assert rows.weight.tolist() == [1.0, 1.0, 1.0]
    assert rows.groups["channel"].tolist() == ["web", "shop", "web"]


def test_cells_of_weight_zero_are_left_out() -> None:
    cells = compress([0, 1, 2], [0, 1, 2], [3, 3, 3])
    kept = cells.reweighted([0, 2, 1])
    assert kept.frequency.tolist() == [1.0, 2.0]
    assert isinstance(kept, Cells)


@pytest.mark.parametrize(
    ("x", "t", "age", "weight", "says"),
    [
        ([], [], [], None, "No customers"),
        ([1.5], [1.0], [2.0], None, "1.5 is not a whole number"),
        ([float("nan")], [1.0], [2.0], None, "not a whole number"),
        ([1], [-1.0], [2.0], None, "before the first"),
        ([0, 1], [0, 3.0], [2.0, 2.0], None, "Row 1: the last purchase (3) is after the day of the data (2)"),
        ([1], [1.0], [float("inf")], None, "not a valid customer age"),
        ([1], [0.0], [2.0], None, "Merge purchases made on the same day"),
        ([0], [1.0], [2.0], None, "no repeat purchase"),
        ([0], [0.0], [2.0], [0.0], "at least one customer"),
    ],
)
def test_an_impossible_history_is_refused_by_its_row(
    x: list[float], t: list[float], age: list[float], weight: list[float] | None, says: str
) -> None:
    with pytest.raises(FitError) as told:
        compress(x, t, age, weight)
    assert says in told.value.say("en")


def test_both_zeros_are_one_value() -> None:
    first, which = distinct(np.array([0.0, -0.0, 1.0, 0.0]))
    assert len(first) == 2 and which.tolist() == [0, 0, 1, 0]
