"""The published numbers of CDNOW, from its raw transactions.

Fader, Hardie and Lee (2005), Marketing Science 24(2), and the walk-through of the R package BTYD;
what has not been published was computed by other packages or by quadrature. Times in weeks.
"""

from __future__ import annotations

import numpy as np
import pytest

from stats.cdnow import cdnow
from tenure.stats import metrics, purchases
from tenure.stats.cells import compress
from tenure.stats.fitted import Fitted

BG = {"r": 0.2425945, "alpha": 4.4136019, "a": 0.7929199, "b": 2.4258881}
PUBLISHED = {
    "nbd": ({"r": 0.384766, "alpha": 12.072023}, -9763.65761),
    "bg-nbd": (BG, -9582.42921),
    "mbg-nbd": ({"r": 0.524843, "alpha": 6.183085, "a": 0.891359, "b": 1.614002}, -9582.13572),
}
STARTS: list[dict[str, float]] = [
    {"r": 0.5, "alpha": 5.0, "a": 0.5, "b": 2.0},
    {"r": 3.0, "alpha": 1.0, "a": 3.0, "b": 1.0},
    {"r": 0.05, "alpha": 40.0, "a": 0.05, "b": 20.0},
]


def published() -> Fitted:
    return Fitted(purchases.model("bg-nbd"), BG)


def test_the_raw_transactions_give_the_published_counts() -> None:
    shop = cdnow()
    assert (len(shop.age), (shop.frequency > 0).sum(), shop.frequency.sum(), shop.later.sum()) == (
        2357,
        946,
        2457,
        1882,
    )
    assert (shop.later == 0).mean() == pytest.approx(0.7098, abs=5e-5)
    assert (shop.age.min(), shop.age.max()) == (pytest.approx(27.0), pytest.approx(38.857, abs=1e-3))
    row = shop.customer.index("1516")
    assert (shop.frequency[row], shop.recency[row], shop.age[row]) == (26, pytest.approx(216 / 7), 31)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_parameters_and_likelihood_are_reached_from_each_start(name: str, start: dict[str, float]) -> None:
    params, likelihood = PUBLISHED[name]
    fitted = purchases.fit(name, cdnow().cells, start=start)
    assert fitted.params == pytest.approx(params, rel=5e-4)
    assert fitted.log_likelihood == pytest.approx(likelihood, abs=1e-3)
    assert fitted.verdict == "ok"


def test_three_own_starts_end_at_one_point() -> None:
    one, three = (purchases.fit("bg-nbd", cdnow().cells, starts=starts) for starts in (1, 3))
    assert three.params == pytest.approx(one.params, rel=1e-6)


def test_standard_errors_are_those_of_the_curvature() -> None:
    errors = purchases.fit("bg-nbd", cdnow().cells).standard_errors
    assert errors == pytest.approx({"r": 0.012557, "alpha": 0.378224, "a": 0.185734, "b": 0.705414}, rel=1e-3)


def test_the_unit_of_time_only_changes_the_unit_of_alpha() -> None:
    shop = cdnow()
    days = compress(shop.frequency, shop.recency * 7, shop.age * 7)
    weekly, daily = purchases.fit("bg-nbd", shop.cells), purchases.fit("bg-nbd", days)
    scaled = {**weekly.params, "alpha": weekly.params["alpha"] * 7}
    assert daily.params == pytest.approx(scaled, rel=1e-6)
    assert daily.expected(52 * 7, days)[days.where] == pytest.approx(
        weekly.expected(52, shop.cells)[shop.cells.where], rel=1e-6
    )


def test_customer_1516_and_a_new_one_are_as_published() -> None:
    customer = compress([26], [30.857143], [31.0])
    assert published().expected(52, customer)[0] == pytest.approx(25.75659, rel=1e-3)
    assert published().p_alive(customer)[0] == pytest.approx(0.9688523, rel=1e-3)
    assert published().new_expected(52) == pytest.approx(1.444004, rel=1e-3)
    fitted = purchases.fit("bg-nbd", cdnow().cells)
    assert fitted.expected(52, customer)[0] == pytest.approx(25.7573, abs=1e-4)
    assert fitted.p_alive(customer)[0] == pytest.approx(0.968854, abs=1e-6)
    assert fitted.new_expected(52) == pytest.approx(1.444012, abs=1e-6)
    other = compress([2], [30.43], [38.86])
    assert fitted.expected(39, other)[0] == pytest.approx(1.22591, abs=2e-5)
    assert fitted.p_alive(other)[0] == pytest.approx(0.72661, abs=1e-5)


def test_who_bought_more_and_stopped_is_expected_to_buy_less() -> None:
    silent = compress([10, 15, 20, 25], [20.0] * 4, [39.0] * 4)
    told = [0.3474606, 0.04283391, 0.004158973, 0.0003583685]
    assert published().expected(52, silent) == pytest.approx(told, rel=1e-3)


def by_frequency(values: np.ndarray) -> list[float]:
    group = np.minimum(cdnow().frequency, 7).astype(int)
    return (np.bincount(group, values) / np.bincount(group)).tolist()


def test_expectations_by_frequency_are_as_published() -> None:
    shop = cdnow()
    expected = purchases.fit("bg-nbd", shop.cells).expected(39, shop.cells)[shop.cells.where]
    actual = [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359]
    told = [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157]
    assert by_frequency(shop.later) == pytest.approx(actual, abs=2e-3)
    assert by_frequency(expected) == pytest.approx(told, abs=2e-3)


HOLDOUT = {
    "bg-nbd": (1653.4, 0.7855, 1.6080, 0.6256),
    "mbg-nbd": (1576.7, 0.7648, 1.6072, 0.6273),
    "nbd": (2929.8, 1.0410, 1.8595, 0.5834),
}


@pytest.mark.parametrize("name", HOLDOUT)
def test_the_holdout_is_forecast_as_well_as_by_others(name: str) -> None:
    shop = cdnow()
    expected = purchases.fit(name, shop.cells).expected(39, shop.cells)[shop.cells.where]
    total, mae, rmse, corr = HOLDOUT[name]
    assert expected.sum() == pytest.approx(total, abs=0.06)
    assert metrics.mae(shop.later, expected) == pytest.approx(mae, abs=6e-5)
    assert metrics.rmse(shop.later, expected) == pytest.approx(rmse, abs=6e-5)
    assert metrics.corr(shop.later, expected) == pytest.approx(corr, abs=6e-5)


def test_the_shop_as_a_whole_is_tracked_to_week_78() -> None:
    fitted = purchases.fit("bg-nbd", cdnow().cells)
    assert fitted.new_expected(cdnow().age + 39).sum() == pytest.approx(4160.6, abs=0.1)


def test_customers_of_cdnow_are_not_regular_whatever_is_known_of_their_gaps() -> None:
    shop = cdnow()
    for cells in (shop.cells, compress(shop.frequency, shop.recency, shop.age, log_gaps=shop.log_gaps)):
        likelihood = [purchases.fit(name, cells).log_likelihood for name in ("mbg-nbd", "mbg-cnbd-2", "mbg-cnbd-3")]
        assert likelihood == sorted(likelihood, reverse=True)
