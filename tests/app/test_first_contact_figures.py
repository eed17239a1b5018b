"""The figures of first contact: whom they count together, and what a trend draws of months without contacts."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING

from acquisition.met import by_hand
from tenure.acquisition.contacts import Contacts
from tenure.acquisition.funnel import funnel
from tenure_app.acquisition.figures import _trend

if TYPE_CHECKING:
    from pathlib import Path


def test_all_first_contacts_and_those_without_one_are_everybody(tmp_path: Path) -> None:
    """Also on a day after the latest first contact, when somebody else made a first order."""
    met = by_hand(tmp_path)
    contacts = Contacts.of_lake(met)
    body = funnel(contacts, contacts.whole_period())
    (everybody,) = met.connect().execute("SELECT count(*) FROM scorecard").fetchone() or (0,)
    assert body["people"] + body["without_contact"] == everybody
    assert contacts.whole_period().until == contacts.day


def test_months_without_a_first_contact_interrupt_the_line_of_the_trend() -> None:
    months = [{"since": date(2024, month, 1), "state": state, "steps": [_STEP if state == "finished" else _NONE] * 4}
              for month, state in ((1, "finished"), (2, "empty"), (3, "finished"), (4, "open"))]  # fmt: skip
    data = SimpleNamespace(
        trend={"months": months}, step="trust", step_name=str, step_labels=SimpleNamespace(families={})
    )
    chart = _trend(data)  # type: ignore[arg-type]
    assert chart is not None
    assert [day.month for day in chart.days] == [1, 2, 3]
    assert [line.values for line in chart.series] == [[50, None, 50]] * 3


_STEP = {"share": 0.5, "share_low": 0.4, "share_high": 0.6}
_NONE = dict.fromkeys(_STEP)
