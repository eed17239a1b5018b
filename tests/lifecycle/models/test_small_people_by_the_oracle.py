"""The whole history of every small customer, as a clerk would write it down day by day, equals the product's spans."""

from __future__ import annotations

import pytest
import yaml

from lifecycle.models.small_people import AS_OF, Case, cases, record, tables
from oracle.compare import assert_equal
from tenure.lifecycle.model_file import builtin, builtin_texts

CASES = [case for case in cases() if builtin()[case.model].subject == "customer"]
AHEAD = 400


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_small_customers_history_is_that_of_the_oracle(case: Case) -> None:
    mapping = yaml.safe_load(builtin_texts()[case.model])
    assert_equal(tables(case.facts), mapping, AS_OF, "UTC", record(case.facts), AHEAD)
