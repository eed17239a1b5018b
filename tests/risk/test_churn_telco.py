"""The telephone company of 7,043 customers: honest models reach an AUC of about .845; a better one is a leak."""

from __future__ import annotations

import pandas as pd
import pytest

from services import EXTERNAL_DATA
from tenure.risk.encoding import LeakError
from tenure.risk.snapshots import Learnt, snapshot

FILE = "telco/wa_churn.csv"
pytestmark = [pytest.mark.slow, pytest.mark.external_data(FILE)]
LOW, HIGH, ALARM = 0.835, 0.86, 0.87


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(EXTERNAL_DATA / FILE)


@pytest.fixture(scope="module")
def learnt(table: pd.DataFrame) -> Learnt:
    services = [
        str(name)
        for name in table.columns
        if str(name).startswith(("online", "device", "tech", "streaming", "internet"))
    ]
    money = ["monthly_charges", "total_charges"]
    return snapshot(table, "churn", groups={"services": services, "charges": money})


def test_both_models_reach_what_honest_models_reach_and_nothing_above(learnt: Learnt) -> None:
    for name, found in learnt.fit.figures["models"].items():
        assert found["auc"] < ALARM, f"{name} ranks too well to be true: something leaks"
        assert LOW <= found["auc"] <= HIGH, name
        assert len(found["aucs"]) == 10  # two times five folds
        assert found["lift"] > 2.7
        assert found["brier"] < 0.14
        assert max(abs(one["predicted"] - one["actual"]) for one in found["reliability"]) < 0.05
    assert learnt.auc == learnt.fit.figures["models"][learnt.fit.model]["auc"]


def test_the_riskiest_have_three_reasons_that_hold_for_them(learnt: Learnt, table: pd.DataFrame) -> None:
    top = table.iloc[learnt.left_out.argsort()[::-1][:200]]
    reasons = learnt.reasons(top)
    assert all(len(reason) == 3 for reason in reasons)
    assert all(len({one["group"] for one in reason}) == 3 for reason in reasons)
    first = [one for reason in reasons for one in reason if one["measure"] == "tenure"]
    assert len(first) > 100
    assert all(one["value"] < one["peers"] == 38 for one in first)  # months: they are newer than those who stayed
    contract = next(one for reason in reasons for one in reason if one["measure"] == "contract")
    assert contract["text"] == "contract: Month-to-month (also 43% of the customers who stayed)"
    assert all(one["association"] and one["weight"] >= 0 for reason in reasons for one in reason)


def test_a_leak_that_is_planted_in_it_is_refused(table: pd.DataFrame) -> None:
    left = table["churn"] == "Yes"
    with pytest.raises(LeakError, match="refund alone"):
        snapshot(table.assign(refund=left * 10.0 + table["monthly_charges"] / 100), "churn")
    with pytest.raises(LeakError, match="churn_score contains the name of the target"):
        snapshot(table.assign(churn_score=left * 1.0), "churn")
    copies = table[left].sample(3000, replace=True, random_state=1)
    with pytest.raises(LeakError, match="one class are duplicates"):
        snapshot(pd.concat([table, copies]), "churn")
