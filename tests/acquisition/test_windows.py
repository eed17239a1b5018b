"""Windows and decision time by hand; everything about first contact on the clickstream against pandas."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from acquisition.met import LAST, by_hand
from tenure.acquisition.contacts import Contacts, Period
from tenure.acquisition.decision import decision_time
from tenure.acquisition.funnel import funnel
from tenure.acquisition.windows import closing, count, of_customer
from tenure.errors import TenureError
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import builtin_texts, models_of
from tenure.practices.samples import SAMPLES
from tenure.refreshing.run import refresh
from tenure.scorecard.model import Options
from tenure.scorecard.options import options_of, save_options

if TYPE_CHECKING:
    from pathlib import Path


WHOLE = Period(date(2000, 1, 1), date(2100, 1, 1))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return by_hand(tmp_path_factory.mktemp("met"))


def contacts_of(lake: Lake, day: date = LAST, **options: Any) -> Contacts:
    return Contacts.of(lake.connect(), day, Options(**options), lake.settings.tz)


def test_attention_runs_from_the_contact_and_decision_from_the_first_sign_of_consideration(shop: Lake) -> None:
    contacts = contacts_of(shop)
    bob, eva, fay = (of_customer(contacts, who) for who in ("bob", "eva", "fay"))
    assert bob and eva and fay
    assert (bob["attention_closes_on"], bob["decision_closes_on"]) == (date(2024, 4, 1), date(2024, 5, 31))
    assert (eva["attention_closes_on"], eva["decision_closes_on"]) == (date(2024, 12, 20), date(2025, 2, 19))
    assert (eva["attention_left"], eva["decision_left"], eva["step"]) == (-11, 50, "intent")
    # Fay has given no sign of consideration yet, so no decision has begun.
    assert (fay["attention_closes_on"], fay["decision_closes_on"], fay["decision_left"]) == (
        date(2024, 4, 19),
        None,
        None,
    )
    assert of_customer(contacts, "ann") is None
    assert of_customer(contacts, "cat") is None


def test_both_windows_follow_the_shops_own_days(shop: Lake) -> None:
    contacts = contacts_of(shop, attention_days=7, decision_days=120, decision_from="first-contact")
    fay = of_customer(contacts, "fay")
    assert fay
    assert (fay["attention_closes_on"], fay["decision_closes_on"]) == (date(2024, 3, 27), date(2024, 7, 18))


def test_the_list_holds_whose_window_closes_in_the_days_and_what_happened_last(shop: Lake) -> None:
    on = date(2024, 3, 30)
    contacts = contacts_of(shop, on)
    bob, dan = closing(contacts)  # this week, the day itself included
    assert (bob["customer_id"], bob["window"], bob["closes_on"]) == ("bob", "attention", date(2024, 4, 1))
    assert (bob["touched_on"], bob["touched_by"], bob["step"], bob["days_left"]) == (
        date(2024, 3, 2),
        "enquiry",
        "trust",
        2,
    )
    assert (dan["customer_id"], dan["closes_on"]) == ("dan", date(2024, 4, 3))
    assert [row["customer_id"] for row in closing(contacts, date(2024, 4, 4), date(2024, 4, 30))] == ["fay"]
    assert closing(contacts, date(2024, 4, 2), date(2024, 4, 2)) == []
    assert count(contacts, on, on + timedelta(days=6)) == {"people": 2, "attention": 2, "decision": 0}
    assert count(contacts, on, date(2024, 5, 31)) == {"people": 3, "attention": 3, "decision": 1}
    # Dan had not ordered by then; seen from the last day he has, and is on no list.
    assert "dan" not in {row["customer_id"] for row in closing(contacts_of(shop), date(2024, 4, 1), date(2024, 4, 30))}


def test_decision_time_counts_the_undecided_as_watched(shop: Lake) -> None:
    """Six people: orders after 0, 11 and 150 days; three wait. By hand 5/6, 2/3 and 4/9 are left after each order."""
    body = decision_time(contacts_of(shop), WHOLE)
    everybody = body["all"]
    assert (everybody["people"], everybody["converted"], everybody["waiting"]) == (6, 3, 3)
    quartiles = [everybody[name] for name in ("lower_quartile", "median_days", "upper_quartile")]
    assert quartiles == [11, 150, None]
    months = {row["value"]: (row["people"], row["converted"]) for row in body["groups"]["month"]}
    assert months == {"2024-03": (5, 3), "2024-11": (1, 0)}
    assert {row["value"] for row in body["groups"]["channel"]} == {"web", "app", "phone"}


def test_decision_time_is_that_of_a_period(shop: Lake) -> None:
    november = decision_time(contacts_of(shop), Period.read("2024-11"))
    assert (november["all"]["people"], november["all"]["converted"]) == (1, 0)
    assert [row["value"] for row in november["groups"]["channel"]] == ["web"]


def test_windows_out_of_bounds_are_refused_by_name(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    with pytest.raises(TenureError, match="attention_days must be between 1 and 365"):
        save_options(lake, attention_days=0)
    with pytest.raises(TenureError, match="decision_from must be one of"):
        save_options(lake, decision_from="whenever")
    save_options(lake, attention_days=14, decision_from="first-contact")
    assert (options_of(lake).attention_days, options_of(lake).decision_from) == (14, "first-contact")


def test_a_shop_without_contacts_has_no_funnel_and_no_windows(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    (tmp_path / "orders.csv").write_text("customer_id,at,amount\nann,2024-01-05,10\nann,2024-02-05,10\n", "utf-8")
    import_files(lake, [tmp_path / "orders.csv"])
    refresh(lake, LAST)
    contacts = contacts_of(lake)
    assert contacts.edges() is None
    body = funnel(contacts, Period.read("2024"))
    assert (body["people"], body["state"], body["without_contact"]) == (0, "empty", 1)
    assert closing(contacts) == []
    assert decision_time(contacts, WHOLE)["all"]["people"] == 0


@pytest.fixture(scope="module")
def clickstream(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, pd.DataFrame]:
    """Return the sample's lake, and its events as pandas reads them."""
    folder, sample = tmp_path_factory.mktemp("clickstream"), SAMPLES["clickstream"]
    lake = Lake.create(folder / "lake", tz=sample.tz)
    files = sample.files(folder)
    for file in files:
        import_files(lake, [file.path], as_=file.as_, mapping=file.mapping)
    refresh(lake, sample.as_of, models=["first-contact-funnel"])
    events = pd.read_csv(next(file.path for file in files if file.as_ == "interactions"), parse_dates=["timestamp"])
    return lake, events.assign(day=events["timestamp"].dt.normalize())


def test_the_clickstream_is_counted_as_pandas_counts_it(clickstream: tuple[Lake, pd.DataFrame]) -> None:
    lake, events = clickstream
    last = SAMPLES["clickstream"].as_of
    first = events.groupby("user_id")["day"].min()
    days = events.drop_duplicates(["user_id", "day"]).sort_values("day").groupby("user_id")["day"]
    cart = events[events["event"].isin(["add_to_cart", "cart"])].groupby("user_id")["day"].min()
    people = pd.DataFrame({"first": first, "second": days.apply(_second), "cart": cart})
    people["trust"] = people[["second", "cart"]].min(axis=1)  # whoever fills a cart has passed trust
    for month in ("2024-01", "2024-02", "2024-03", "2024-04"):
        met = people[people["first"].dt.strftime("%Y-%m") == month]
        closed = met[met["first"] + pd.Timedelta(days=90) <= pd.Timestamp(last)]
        body = funnel(contacts_of(lake, last), Period.read(month))
        reached = [
            int((met[name] - met["first"] <= pd.Timedelta(days=90)).sum()) for name in ("first", "trust", "cart")
        ]
        assert [step["reached"] for step in body["steps"]] == [*reached, 0]
        assert (body["people"], body["closed"]) == (len(met), len(closed))
        in_time = met[met["cart"] - met["first"] <= pd.Timedelta(days=90)]
        assert body["steps"][2]["median_days"] == (in_time["cart"] - in_time["trust"]).dt.days.median()


def test_the_windows_of_the_clickstream_are_those_of_pandas(clickstream: tuple[Lake, pd.DataFrame]) -> None:
    lake, events = clickstream
    last = SAMPLES["clickstream"].as_of
    week = [last + timedelta(days=ahead) for ahead in range(7)]
    first = events.groupby("user_id")["day"].min()
    cart = events[events["event"].isin(["add_to_cart", "cart"])].groupby("user_id")["day"].min()
    second = events.drop_duplicates(["user_id", "day"]).sort_values("day").groupby("user_id")["day"].apply(_second)
    trust = pd.concat([cart, second], axis=1).min(axis=1).reindex(first.index)
    attention = set(first.index[(first + pd.Timedelta(days=30)).dt.date.isin(week)])
    decision = set(trust.index[(trust + pd.Timedelta(days=90)).dt.date.isin(week)])
    rows = closing(contacts_of(lake, last))
    assert {row["customer_id"] for row in rows} == attention | decision
    assert count(contacts_of(lake, last), week[0], week[-1]) == {
        "people": len(attention | decision), "attention": len(attention), "decision": len(decision),
    }  # fmt: skip
    touched = events.groupby("user_id")["day"].max().dt.date
    assert all(row["touched_on"] == touched[row["customer_id"]] for row in rows)


def test_a_shop_that_calls_its_orders_otherwise_changes_the_rule_of_the_last_step(
    clickstream: tuple[Lake, pd.DataFrame],
) -> None:
    lake, events = clickstream
    last = SAMPLES["clickstream"].as_of
    own = builtin_texts()["first-contact-funnel"].replace(
        "has(order | start | renewal)", "has(order | purchase | start | renewal)"
    )
    (lake.path / "models").mkdir(exist_ok=True)
    (lake.path / "models" / "first-contact-funnel.yaml").write_text(own, encoding="utf-8")
    refresh(lake, last, models=models_of(lake, ["first-contact-funnel"]))
    first = events.groupby("user_id")["day"].min()
    bought = events[events["event"] == "purchase"].groupby("user_id")["day"].min()
    wait = (bought - first).dt.days
    march = first[first.dt.strftime("%Y-%m") == "2024-03"].index
    body = funnel(contacts_of(lake, last), Period.read("2024-03"))
    assert body["steps"][3]["reached"] == int((wait[march] <= 90).sum()) > 50
    everybody = decision_time(contacts_of(lake, last), WHOLE)["all"]
    assert (everybody["converted"], everybody["waiting"]) == (int(wait.notna().sum()), int(wait.isna().sum()))
    buyers = set(bought.index)
    assert not buyers & {row["customer_id"] for row in closing(contacts_of(lake, last))}


def _second(days: pd.Series) -> Any:
    return days.iloc[1] if len(days) > 1 else pd.NaT
