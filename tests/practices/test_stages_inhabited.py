"""The samples are imported like anybody's own files, and together they live in every stage of every model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from refreshes import stages_only
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.facts.reading.guessing import guess
from tenure.lifecycle.model_file import builtin
from tenure.practices import b2b, samples, subscription
from tenure.practices.samples import SAMPLES, SampleFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tenure.practices.journal import Journal

#: Stages that no sample reaches, each with the reason.
EMPTY = dict.fromkeys(
    [("tiers-3", "high"), ("tiers-3", "middle"), ("tiers-3", "low")],
    "tiers are scores, and stages alone are refreshed here: tests/scorecard/test_tiers.py fills all three",
)


def _small(make: Callable[[int], Journal], customers: int) -> Callable[[Path], tuple[SampleFile, ...]]:
    return lambda folder: tuple(SampleFile(path, table) for table, path in make(customers).write(folder).items())


FILES = {
    "b2b": _small(b2b.b2b_journal, 100),
    "subscription": _small(subscription.subscription_journal, 150),
    # The prospects alone: the supermarket itself would take a minute.
    "complete-journey": samples.prospects,
}


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lake]:
    """Return each sample in a lake of its own, with everybody's stages."""
    made = {}
    for name, files in FILES.items():
        folder, sample = tmp_path_factory.mktemp(name), SAMPLES[name]
        made[name] = lake = Lake.create(folder / "lake", tz=sample.tz, currency=sample.currency)
        for file in files(folder / "files"):
            report = import_files(lake, [file.path], as_=file.as_, mapping=file.mapping or None)
            assert report.accepted > 0, file
            assert (report.quarantined, report.duplicates, report.corrected) == (0, 0, 0), file
        stages_only(lake, as_of=sample.as_of)
    return made


@pytest.mark.parametrize("name", FILES)
def test_a_sample_asks_no_question_when_it_is_imported(name: str, tmp_path: Path) -> None:
    for file in FILES[name](tmp_path):
        columns = guess(file.path, file.as_, file.mapping or None)
        assert columns.missing == ()
        assert not any(style.ambiguous for style in columns.date_styles.values())
        # A record's other columns are attributes; of a fact every column is understood.
        unused = set(columns.layout.names) - set(columns.mapping.values())
        assert file.as_ == "customers" or unused == set()


@pytest.mark.slow
def test_every_stage_of_every_model_is_inhabited_now_or_was(lakes: dict[str, Lake]) -> None:
    reached = {
        pair
        for lake in lakes.values()
        for pair in lake.connect(("spans",)).execute("SELECT DISTINCT model, stage FROM spans").fetchall()
    }
    stages = {(model.id, stage.id) for model in builtin().values() for stage in model.stages}
    assert stages - reached == set(EMPTY)


@pytest.mark.slow
def test_prospects_are_labelled_and_have_no_orders(lakes: dict[str, Lake]) -> None:
    con = lakes["complete-journey"].connect(("customers", "interactions"))
    labels = con.execute("SELECT DISTINCT attributes->>'source' FROM customers").fetchall()
    assert labels == [("clickstream sample",)]
    kinds = con.execute("SELECT DISTINCT kind FROM interactions ORDER BY 1").fetchall()
    assert [kind for (kind,) in kinds] == ["cart", "chat", "search", "view"]
    ids = con.execute("SELECT count(*), count(*) FILTER (customer_id LIKE 'web-%') FROM customers").fetchone()
    assert ids == (272, 272)
    assert not lakes["complete-journey"].has("orders")


def test_prospects_come_in_the_supermarkets_last_months_on_the_weekdays_of_their_visits(tmp_path: Path) -> None:
    import duckdb

    _, visits = samples.prospects(tmp_path)
    events = samples.SAMPLES["clickstream"].files(tmp_path)[1].path
    moved = f"""
        SELECT min(v."at")::DATE >= DATE '2017-07-01', max(v."at")::DATE BETWEEN '2017-12-25' AND '2017-12-31',
               count(*) FILTER (e.user_id IS NULL)
        FROM '{visits.path}' v LEFT JOIN (SELECT DISTINCT user_id, event, "timestamp" FROM read_csv('{events}')) e
        ON right(e.user_id, 4) = right(v.customer_id, 4) AND e.event = v.content_id
        AND dayofweek(e."timestamp") = dayofweek(v."at") AND e."timestamp"::TIME = v."at"::TIME
    """
    assert duckdb.sql(moved).fetchone() == (True, True, 0)
    paid = duckdb.sql(f"""
        SELECT count(*) FROM '{visits.path}' WHERE right(customer_id, 4) IN
        (SELECT right(user_id, 4) FROM read_csv('{events}') WHERE event = 'purchase')
    """)
    assert paid.fetchone() == (0,)
