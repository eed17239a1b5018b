"""`tn.clv`: what a notebook gets, and what it is told where there is too little."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import tenure as tn
from tenure.errors import FactsError, MappingError
from tenure.value.notebook import Lifetimes
from value.shops import day_after, shop


@pytest.fixture(scope="module")
def found() -> Lifetimes:
    orders = shop(800, seed=41).orders.select(["customer_id", "at", "amount"])
    return tn.clv(
        orders.rename_columns(["会员号", "at", "amount"]), as_of=day_after(730), columns={"customer_id": "会员号"}
    )


def test_three_kinds_of_frames_hold_the_same_numbers(found: Lifetimes) -> None:
    arrow, pandas, polars = found.to_arrow(), found.to_pandas(), found.to_polars()
    assert arrow.column_names == list(pandas.columns) == polars.columns
    assert [name for name in arrow.column_names if name.startswith("_")] == []
    total = sum(value for value in arrow.column("potential_value").to_pylist() if value is not None)
    assert pandas["potential_value"].sum() == pytest.approx(total) == polars["potential_value"].sum()
    assert str(pandas["next_order_on"].dtype).startswith("datetime64")


def test_models_stand_beside_both_plain_guesses(found: Lifetimes) -> None:
    rows = found.models.to_pylist()
    assert [row["model"] for row in rows][-2:] == ["rate-times-time", "last-period"]
    fitted = [row["aic"] for row in rows[:-2]]
    assert fitted == sorted(fitted)


def test_the_summary_says_model_reason_basis_and_totals(found: Lifetimes) -> None:
    told = found.summary
    assert (told["horizon_days"], told["basis"], told["missing"]) == (365, "sales", [])
    assert told["why"] in {"both", "likelihood", "backtest"}
    assert [total["days"] for total in told["totals"]] == [90, 365]
    assert told["potential_value"] == pytest.approx(found.to_pandas()["potential_value"].sum())


def test_a_longer_horizon_brings_more(found: Lifetimes) -> None:
    orders = shop(800, seed=41).orders
    longer = tn.clv(orders, as_of=day_after(730), horizon=730)
    assert longer.summary["expected_orders"] > found.summary["expected_orders"]


def test_too_little_is_said_and_only_facts_are_returned() -> None:
    orders = shop(60, seed=2).orders
    with pytest.warns(UserWarning, match="buyers 60 < 500"):
        frame = tn.clv(orders, as_of=day_after(730)).to_pandas()
    assert frame["potential_value"].isna().all()
    assert frame["frequency"].notna().any()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = tn.clv(orders, as_of=day_after(730)).summary
    assert [one["name"] for one in told["missing"]] == ["buyers", "repeaters"]


@pytest.mark.parametrize("horizon", [0, 5_000, True])
def test_a_horizon_that_is_none_is_refused(horizon: Any) -> None:
    with pytest.raises(FactsError, match="1 to 3650"):
        tn.clv(shop(10).orders, horizon=horizon)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MappingError, match="customer_id"):
        tn.clv(shop(10).orders.drop_columns(["customer_id"]))


def test_how_customers_are_cut_into_pieces_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    from tenure.value import notebook

    orders = {"orders": shop(150, seed=3).orders}
    whole = notebook.features_of(orders, day_after(730), "UTC")
    monkeypatch.setattr(notebook, "PIECE", 7)
    assert notebook.features_of(orders, day_after(730), "UTC").to_pylist() == whole.to_pylist()
