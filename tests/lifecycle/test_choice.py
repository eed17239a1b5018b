"""Three models for a business, one recommended with the reason; a refresh evaluates what is switched on."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from refreshes import stages_only as refresh
from services import DATA
from tenure.errors import LakeError, ModelError
from tenure.facts.businesses import BUSINESSES
from tenure.facts.frames import completed
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lifecycle.choice import DOMINANT_SHARE, choose, choose_first, evaluated_models, switch, switch_on
from tenure.lifecycle.model_file import builtin, builtin_texts
from tenure.practices.samples import SAMPLES
from tenure.refreshing.run import refresh as whole_refresh

if TYPE_CHECKING:
    from pathlib import Path

OWN = "id: own\nname: {zh: 自建, en: Own}\nstages:\n  - {id: all, when: has(order)}\n"


def cdnow(folder: Path) -> tuple[Lake, date]:
    """Make a lake of CDNOW's sample: orders of a music shop, and nothing else."""
    lake = Lake.create(folder / "cdnow", tz="UTC")
    lines = (DATA / "cdnow" / "CDNOW_sample.txt").read_text().split("\n")
    rows = [line.split() for line in lines if line.strip()]
    orders = pa.table({
        "fact_id": [f"o{number}" for number in range(len(rows))],
        "customer_id": [row[0] for row in rows],
        "at": [datetime.strptime(row[2], "%Y%m%d").replace(tzinfo=UTC) for row in rows],
        "order_id": [str(number) for number in range(len(rows))],
        "amount": [float(row[4]) for row in rows],
    })  # fmt: skip
    lake.append_facts("orders", completed("orders", orders))
    return lake, date(1998, 6, 30)


def clickstream(folder: Path) -> tuple[Lake, date]:
    """Make a lake of visitors who looked at things and put them into the cart, without orders."""
    sample, lake = SAMPLES["clickstream"], Lake.create(folder / "clickstream", tz="UTC")
    for file in sample.files(folder / "files"):
        import_files(lake, [file.path], as_=file.as_, mapping=file.mapping or None)
    return lake, sample.as_of


def subscriptions(folder: Path) -> tuple[Lake, date]:
    """Make a lake of subscribers: trials, contracts that are renewed or cancelled, monthly bills and usage."""
    lake, today = Lake.create(folder / "subscriptions", tz="UTC"), date(2026, 6, 30)
    tables: dict[str, list[dict[str, Any]]] = {"orders": [], "contracts": [], "interactions": []}

    def add(table: str, who: str, ago: int, **row: Any) -> None:
        at = datetime(today.year, today.month, today.day, 9, tzinfo=UTC) - timedelta(days=ago)
        tables[table].append({"fact_id": f"{table}{len(tables[table])}", "customer_id": who, "at": at, **row})

    for number in range(60):
        who, begun = f"s{number:02}", 20 + 11 * number
        ended = 40 if number % 5 == 4 else 0
        add("interactions", who, begun + 14, kind="trial")
        add("contracts", who, begun, contract_id=who, event="started")
        for ago in range(begun, ended, -30):
            add("orders", who, ago, order_id=f"{who}-{ago}", amount=30.0, status="sale")
            add("interactions", who, ago - 3 if ago > 3 else 0, kind="use")
        if ended and begun > ended:
            add("contracts", who, ended, contract_id=who, event="cancelled")
    for name, rows in tables.items():
        lake.append_facts(name, completed(name, pa.Table.from_pylist(rows)))
    return lake, today


SHOPS = [
    (cdnow, "retail", "retail-activity"),
    (cdnow, "ecommerce", "retail-activity"),
    (clickstream, "ecommerce", "awareness-3"),
    (subscriptions, "saas", ""),
]


@pytest.mark.parametrize(("make", "business", "expected"), SHOPS, ids=lambda value: getattr(value, "__name__", value))
def test_the_recommended_model_tells_customers_apart_and_says_how_well(
    make: Any, business: str, expected: str, tmp_path: Path
) -> None:
    lake, today = make(tmp_path)
    choice = choose(lake, business, as_of=today)
    best = choice.models[0]
    assert choice.recommended == (expected or choice.recommended) == best.model.id
    assert best.largest[1] <= DOMINANT_SHARE
    share = f"{100 * best.largest[1]:.1f}".rstrip("0").rstrip(".") + "%"
    assert share in choice.reasons[1].render("en")
    assert len(choice.models) == len({item.model.id for item in choice.models}) <= 3
    again = choose(lake, business, as_of=today)
    assert [item.model.id for item in again.models] == [item.model.id for item in choice.models]
    assert again.reasons == choice.reasons
    assert all(reason.render("zh_Hans") != reason.render("en") for reason in choice.reasons)


def test_counts_of_a_dry_run_are_those_of_the_refresh(tmp_path: Path) -> None:
    lake, today = subscriptions(tmp_path)
    before = choose(lake, "saas", as_of=today)
    whole_refresh(lake, as_of=today)
    after = choose(lake, "saas", as_of=today)
    assert [item.model.id for item in before.models] == [item.model.id for item in after.models]
    for dry, counted in zip(before.models, after.models, strict=True):
        assert {place: n for place, n in dry.places.items() if n} == {p: n for p, n in counted.places.items() if n}


def test_a_model_made_for_the_business_that_is_passed_over_is_named_with_the_reason(tmp_path: Path) -> None:
    lake, today = subscriptions(tmp_path)
    choice = choose(lake, "saas", as_of=today)
    told = " ".join(reason.render("en") for reason in choice.reasons)
    for model in builtin().values():
        if model.businesses == ("saas",) and model.id != choice.recommended:
            assert model.name.en in told


def test_without_facts_the_business_decides_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    assert {choose(lake, kind, as_of=date(2026, 1, 1)).recommended for kind in ("bank", "telecom", "education")} == {
        "bank-icbc", "telecom-5", "education-3",
    }  # fmt: skip
    with pytest.raises(LakeError, match=r"There is no kind of business 'retial'\. Try: retail\."):
        choose(lake, "retial", as_of=date(2026, 1, 1))
    with pytest.raises(LakeError, match="kind of business"):
        lake.save_settings(business_kind="shop")


@pytest.mark.parametrize("kind", BUSINESSES)
def test_every_business_has_three_models_and_every_model_a_business(kind: str) -> None:
    models = [model for model in builtin().values() if model.subject == "customer"]
    assert sum(kind in model.businesses for model in models) >= 3
    assert all(model.businesses for model in builtin().values())


def test_choosing_is_kept_in_the_settings_and_keeps_own_models_and_products(tmp_path: Path) -> None:
    lake, today = cdnow(tmp_path)
    (lake.path / "models").mkdir()
    (lake.path / "models" / "own.yaml").write_text(OWN, encoding="utf-8")
    assert choose_first(lake, as_of=today) is None, "nobody said what kind of business it is"
    lake.save_settings(business_kind="retail")
    choice = choose_first(lake, as_of=today)
    assert choice is not None
    settings = Lake.open(lake.path).settings
    assert settings.recommended == choice.recommended == "retail-activity"
    chosen = [item.model.id for item in choice.models]
    assert set(settings.models_on or ()) == {*chosen, "own", "product-life-cycle"}
    assert choose_first(lake, as_of=today) is None, "what was chosen stays"


def reported(lake: Lake) -> dict[str, dict[str, Any]]:
    (models,) = lake.connect(("refreshes",)).execute(
        "SELECT models FROM refreshes ORDER BY generation DESC LIMIT 1"
    ).fetchone() or ("[]",)
    return {model["id"]: model for model in json.loads(models)}


def staged(lake: Lake) -> set[str]:
    return {row[0] for row in lake.connect(("spans",)).execute("SELECT DISTINCT model FROM spans").fetchall()}


def test_a_refresh_evaluates_what_is_switched_on_and_drops_the_rest(tmp_path: Path) -> None:
    lake, today = cdnow(tmp_path)
    refresh(lake, as_of=today)
    everything = staged(lake)
    assert {"crm-5", "clm-4"} <= everything, "a lake without an answer keeps every model on"
    lake.save_settings(models_on=("retail-activity", "clm-4"))
    refresh(lake, as_of=today)
    assert staged(lake) == {"retail-activity", "clm-4"}
    assert reported(lake)["crm-5"]["off"]
    switch(lake, "crm-5", on=True)
    report = refresh(lake, as_of=today, only_changed=True)
    assert report.mode == "full", "its old spans are gone, so changed customers are not enough"
    assert staged(lake) == {"retail-activity", "clm-4", "crm-5"}


def test_evaluating_one_model_leaves_the_others_alone(tmp_path: Path) -> None:
    lake, today = cdnow(tmp_path)
    lake.save_settings(models_on=("retail-activity",))
    refresh(lake, as_of=today)
    refresh(lake, as_of=today, models=["crm-5"])
    assert staged(lake) == {"retail-activity", "crm-5"}
    refresh(lake, as_of=today)
    assert staged(lake) == {"retail-activity"}


def test_overrides_and_own_files_keep_a_model_evaluated(tmp_path: Path) -> None:
    lake, _today = cdnow(tmp_path)
    (lake.path / "models").mkdir()
    (lake.path / "models" / "own.yaml").write_text(OWN, encoding="utf-8")
    row = {"customer_id": "0001", "at": datetime(1998, 6, 1, tzinfo=UTC), "model": "crm-5", "stage": "growth",
           "reason": "seen"}  # fmt: skip
    lake.append_facts("overrides", completed("overrides", pa.Table.from_pylist([row])))
    lake.save_settings(models_on=("retail-activity",))
    assert evaluated_models(lake) == [name for name in (*builtin_texts(), "own") if name in
                                      ("crm-5", "first-contact-funnel", "retail-activity", "own")]  # fmt: skip


def test_switching_teaches_and_forgets_the_recommendation_of_what_is_off(tmp_path: Path) -> None:
    lake, today = cdnow(tmp_path)
    switch_on(lake, choose(lake, "retail", as_of=today))
    with pytest.raises(ModelError, match=r"There is no model 'crm-6'\. Try: .*crm-5"):
        switch(lake, "crm-6", on=True)
    switch(lake, "retail-activity", on=False)
    assert not lake.settings.is_on("retail-activity")
    assert lake.settings.recommended == ""
