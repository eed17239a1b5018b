"""A refresh of everything: some customers scored as among everybody, gates, problems, another day, an older lake."""

from __future__ import annotations

import math
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from refreshes import stages_only
from scorecard.shop import LAST, lake_of
from tenure.errors import TenureError
from tenure.facts.lake import Lake
from tenure.lifecycle.statistics import on_day
from tenure.recommend.reasons import message
from tenure.refreshing.models import columns, scorecard_models
from tenure.refreshing.run import refresh
from tenure.scorecard import registry
from tenure.scorecard.model import Options
from tenure.words import loads, render

if TYPE_CHECKING:
    from pathlib import Path

MODELS = ["retail-activity", "crm-5", "relationship-4"]
STRICT = Options(strict=True)


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def refuse(text: str, language: str) -> str:
        raise AssertionError(f"rendered at refresh: {text} in {language}")

    lake = lake_of(tmp_path_factory.mktemp("shop") / "lake")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenure.words.message.translate", refuse)
        refresh(lake, LAST, MODELS, options=STRICT)
    return lake.path


@pytest.fixture
def own(refreshed: Path, tmp_path: Path) -> Lake:
    shutil.copytree(refreshed, tmp_path / "lake")
    return Lake.open(tmp_path / "lake")


def scorecard(lake: Lake) -> dict[str, dict[str, Any]]:
    table = (
        lake.connect()
        .execute("SELECT * EXCLUDE (generation, number) FROM scorecard ORDER BY customer_id")
        .to_arrow_table()
    )
    return {row["customer_id"]: row for row in table.to_pylist()}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (value, after[name]) for name, value in before.items() if not same(value, after[name])}


def test_every_column_is_there_and_most_are_filled(refreshed: Path) -> None:
    lake = Lake.open(refreshed)
    rows = scorecard(lake)
    assert len(rows) == 640
    assert list(next(iter(rows.values()))) == columns().names
    assert [name for name in columns().names if name.startswith("_")] == []
    for name in ("p_alive", "lifetime_value", "rfm_group", "churn", "warning_score", "next_product"):
        assert sum(row[name] is not None for row in rows.values()) > 500, name
    # A plan is of a stage: who is in none has no decision, everybody else has one.
    in_a_stage = "SELECT customer_id FROM spans WHERE model = 'relationship-4' AND " + on_day("$1")
    staged = {who for (who,) in lake.connect().execute(in_a_stage, [LAST]).fetchall()}
    assert {who for who, row in rows.items() if row["decision"] is not None} == staged
    assert len(staged) > 400
    fits = registry.latest(lake)
    assert {"purchases", "spend", "ranking"} <= set(fits) and fits["purchases"].usable


def test_reasons_are_stored_as_messages_that_read_in_both_languages(refreshed: Path) -> None:
    con = Lake.open(refreshed).connect()
    reasons = con.execute("SELECT churn_reasons FROM scorecard WHERE churn_reasons IS NOT NULL LIMIT 50").fetchall()
    evidence = con.execute("SELECT evidence FROM warnings LIMIT 50").fetchall()
    products = con.execute("SELECT next_product_reason FROM scorecard LIMIT 50").fetchall()
    messages = [reason["text"] for (text,) in reasons for reason in loads(text)]
    messages += [each for (text,) in evidence for each in loads(text)]
    messages += [message(text) for (text,) in products if text]
    assert len(messages) > 100
    for each in messages:
        chinese, english = each.render("zh"), each.render("en")
        assert chinese != english
        assert "%(" not in chinese + english


def test_a_few_customers_scored_alone_get_what_they_got_among_everybody(own: Lake) -> None:
    before = scorecard(own)
    some = list(before)[::97]
    report = refresh(own, customers=some, options=STRICT)
    after = scorecard(own)
    assert (report.mode, report.customers, report.problems) == ("restaged", len(some), {})
    assert list(after) == list(before)
    assert {who: differences(before[who], after[who]) for who in before if differences(before[who], after[who])} == {}


def test_their_warnings_and_recommendations_stay_one_set_each(own: Lake) -> None:
    def held(table: str) -> list[tuple[Any, ...]]:
        sql = f"SELECT * EXCLUDE (generation, as_of) FROM {table} ORDER BY ALL"
        return own.connect((table,)).execute(sql).fetchall()

    before = {name: held(name) for name in ("warnings", "recommendations")}
    refresh(own, customers=[row[0] for row in before["warnings"][:3]] or ["C00001"], options=STRICT)
    for name, rows in before.items():
        assert [row[:2] for row in held(name)] == [row[:2] for row in rows], name


def test_the_same_facts_fitted_again_give_the_same_scorecard(own: Lake) -> None:
    before = scorecard(own)
    refresh(own, LAST, MODELS, options=STRICT)
    after = scorecard(own)
    assert {who: differences(before[who], after[who]) for who in before if differences(before[who], after[who])} == {}
    drift = registry.report(own, "fits.drift")
    assert {one["level"] for inputs in drift.values() for one in inputs.values()} == {"stable"}


def test_on_a_later_day_everybody_is_seen_anew_with_the_fits_that_are_there(own: Lake) -> None:
    fits = registry.history(own, "purchases")
    report = refresh(own, LAST + timedelta(days=10), MODELS, only_changed=True, options=STRICT)
    rows = scorecard(own)
    assert report.mode == "touched" and {row["as_of"] for row in rows.values()} == {LAST + timedelta(days=10)}
    assert registry.history(own, "purchases") == fits
    whole = Lake.open(own.path)
    alone = list(rows)[:3]
    refresh(whole, customers=alone, options=STRICT)
    again = scorecard(whole)
    assert all(not differences(rows[who], again[who]) for who in alone)


def test_a_small_shop_gets_its_stages_and_is_told_what_is_missing(tmp_path: Path) -> None:
    lake = lake_of(tmp_path / "lake", buyers=30)
    report = refresh(lake, LAST, MODELS, options=STRICT)
    assert report.customers == 30 and report.problems == {}
    fit = registry.latest(lake)["purchases"]
    assert not fit.usable and fit.verdict == "too-little-data"
    gate = next(one for one in fit.gates if one.name == "buyers")
    assert (gate.needed, gate.found, gate.passed) == (500, 30, False)
    rows = scorecard(lake).values()
    assert {row["p_alive"] for row in rows} == {None} and all(row["rfm_group"] for row in rows)


def test_a_part_that_fails_leaves_its_columns_empty_and_is_reported(own: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = next(model for model in scorecard_models() if model.name == "churn")

    def fit(*_: object) -> list[object]:
        raise TenureError("The moon is full.")

    monkeypatch.setattr(type(broken), "fit", fit)
    report = refresh(own, LAST, MODELS)
    assert render(report.problems, "en") == {"churn": "The moon is full."}
    rows = scorecard(own).values()
    assert {row["churn"] for row in rows} == {None} and all(row["p_alive"] is not None for row in rows)
    assert own.connect().execute("SELECT count(*) FROM spans").fetchone()[0] > 600
    with pytest.raises(TenureError, match="moon"):
        refresh(own, LAST, MODELS, options=STRICT)


def test_a_lake_of_an_older_version_is_refreshed_whole_the_first_time(own: Lake) -> None:
    stages_only(own, LAST, MODELS)  # writes the bare roster, as versions before value and risk did
    assert "p_alive" not in own.connect().execute("SELECT * FROM scorecard LIMIT 1").to_arrow_table().column_names
    report = refresh(own, customers=["C00001"], options=STRICT)
    assert report.mode == "full" and list(next(iter(scorecard(own).values()))) == columns().names


def test_rules_read_published_figures(own: Lake, tmp_path: Path) -> None:
    path = tmp_path / "danger.yaml"
    path.write_text(
        "id: danger\nname: {zh: 流失风险, en: Danger}\nstages:\n"
        "  - {id: leaving, name: {zh: 将走, en: Leaving}, when: has(order) and score(p_alive) < 0.5}\n"
        "  - {id: staying, name: {zh: 留下, en: Staying}, when: has(order) and score(p_alive) >= 0.5}\n",
        encoding="utf-8",
    )
    rows = scorecard(own)
    refresh(own, LAST, [path], options=STRICT)
    sql = "SELECT customer_id, stage FROM spans WHERE model = 'danger' AND left_on IS NULL"
    found = dict(own.connect().execute(sql).fetchall())
    assert found == {who: "leaving" if row["p_alive"] < 0.5 else "staying" for who, row in rows.items()}


def test_facts_of_a_day_are_not_seen_before_it(own: Lake) -> None:
    early = date(2024, 12, 1)
    refresh(own, early, MODELS, options=STRICT)
    rows = scorecard(own)
    assert max(row["last_order_on"] for row in rows.values() if row["last_order_on"]) <= early
