"""Many tests at once: the published example, and simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tenure.errors import TenureError
from tenure.stats.multiple import benjamini_hochberg


def test_the_example_of_the_paper_names_four_of_fifteen() -> None:
    # Benjamini & Hochberg 1995, section 3.2.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert (benjamini_hochberg(p) <= 0.05).sum() == 4


def test_who_was_not_tested_is_not_counted() -> None:
    found = benjamini_hochberg([0.01, np.nan, 0.04])
    np.testing.assert_allclose(found, [0.02, np.nan, 0.04])
    assert benjamini_hochberg([]).size == 0


def test_false_alarms_stay_below_the_level_on_simulated_truth() -> None:
    rng, false, named = np.random.default_rng(8), [], 0
    for _ in range(300):
        real = np.arange(200) < 40
        p = stats.norm.sf(rng.normal(3.0 * real, 1.0))
        called = benjamini_hochberg(p) <= 0.05
        false.append((called & ~real).sum() / max(called.sum(), 1))
        named += (called & real).sum()
    assert np.mean(false) < 0.05
    assert named / (300 * 40) > 0.5  # and it does find what is there


def test_a_value_that_is_no_probability_is_named() -> None:
    with pytest.raises(TenureError, match=r"1\.5"):
        benjamini_hochberg([0.2, 1.5])
