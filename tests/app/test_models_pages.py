"""The models' pages: list, one model, the editor with check, completion and preview, versions, refusals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from app.people import TODAY, fill
from refreshes import stages_only as refresh
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import builtin, builtin_texts, models_of
from tenure.lifecycle.model_parameters import set_parameters
from tenure_app.lifecycle.definitions import actions, drafts, labels, queries
from tenure_app.lifecycle.definitions.models import ModelPreview, ModelVersion
from tenure_app.lifecycle.reasons import phrase

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

SHIPPED = builtin_texts()["retail-activity"]
STRICTER = SHIPPED.replace("days_since(order | start | renewal) <= active_until", "days_since(order) <= 30")
pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(lake: Lake) -> Lake:
    """Return a refreshed lake of forty customers."""
    fill(lake)
    refresh(lake, as_of=TODAY)
    return lake


def form(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "mode": "yaml", "base": "0", "as_of": TODAY.isoformat(), **more}


def see_preview(client: Client, text: str, **more: Any) -> str:
    return client.post("/models/-/preview/", form(text, **more)).content.decode()


def save(client: Client, text: str, **more: Any) -> Any:
    return client.post("/models/-/save/", form(text, **more))


def spans_now(lake: Lake) -> dict[str, int]:
    rows = lake.connect().execute(
        "select stage, count(*) from spans where model = 'retail-activity' and left_on is null group by 1"
    )
    return dict(rows.fetchall())


def test_it_lists_all_shipped_models_in_groups_and_finds_them_by_a_stage(signed_in: Client, shop: Lake) -> None:
    page = signed_in.get("/models/").content.decode()
    assert all(f'href="/models/{text}/"' in page for text in builtin_texts())
    assert "Retail and e-commerce" in page
    assert "Missing facts:" in page
    found = signed_in.get("/models/", {"q": "沉默"}).content.decode()
    assert "/models/retail-activity/" in found
    assert "/models/education-3/" not in found


def test_it_shows_a_model_with_rule_sentence_plays_and_assumption(signed_in: Client, shop: Lake) -> None:
    page = signed_in.get("/models/retail-activity/").content.decode()
    assert "days_since(order | start | renewal) &lt;= active_until" in page
    assert "the last order, contract start or renewal was at most 45 days ago" in page
    assert "Our assumption" in page
    assert "Avoid" in page
    signed_in.cookies["tenure_language"] = "zh-hans"
    assert "最近一次下单、签约或续约在 45 天以内" in signed_in.get("/models/retail-activity/").content.decode()


def test_a20_a_model_that_ends_at_the_purchase_warns_and_leads_to_one_that_goes_on(
    signed_in: Client, shop: Lake
) -> None:
    page = signed_in.get("/models/awareness-3/").content.decode()
    assert 'alert-warning"' in page
    assert 'href="/models/crm-5/"' in page


def test_the_check_teaches_the_place_the_cause_and_the_right_name(signed_in: Client, shop: Lake) -> None:
    wrong = STRICTER.replace("days_since(order)", "days_since(ordr)")
    page = signed_in.post("/models/-/check/", form(wrong, mode="fields")).content.decode()
    assert "Unknown kind of fact: ordr." in page
    assert "<mark>ordr</mark>" in page
    assert 'data-near="order"' in page
    assert "renewal was at most 90 days ago" in page  # the other rules are still read back


def test_completion_answers_what_may_come_at_the_caret(signed_in: Client, shop: Lake) -> None:
    got = signed_in.post("/models/-/completion/", {"rule": "days_s", "caret": "6"}).json()
    assert got["suggestions"][0]["text"] == "days_since()"
    assert got["suggestions"][0]["meaning"]
    signed_in.cookies["tenure_language"] = "zh-hans"
    got = signed_in.post("/models/-/completion/", {"rule": "count(下", "caret": "7"}).json()
    assert got["suggestions"][0] == {"text": "order", "meaning": "下单", "what": "kind", "caret": 0}


def test_the_editor_knows_the_names_of_the_model_that_is_edited(signed_in: Client, shop: Lake) -> None:
    text = """id: rhythm
name: {zh: 节奏, en: Rhythm}
parameters:
  silent_after: {value: 45d, zh: 活跃期的最长天数, en: Longest active time}
stages:
  - {id: quiet, name: {zh: 安静, en: Quiet}, when: days_since(order) > silent_after for 14d}
  - {id: back, name: {zh: 回来, en: Back}, when: in_stage("quiet") or stage("retail-activity") = "active"}
"""
    page = signed_in.post("/models/-/check/", form(text, mode="fields")).content.decode()
    assert "the last order was more than 45 days ago" in page
    assert "the customer was in the stage “Quiet” the day before" in page
    assert "the customer is in the stage “Active” of the model “Retail activity”" in page
    for rule, offered in (
        ("in_stage(", '"quiet"'),
        ("days_since(order) > ", "silent_after"),
        ("stage(", '"retail-activity"'),
        ('stage("retail-activity") = ', '"active"'),
    ):
        answer = signed_in.post("/models/-/completion/", form(text, mode="fields", rule=rule, caret=str(len(rule))))
        assert offered in [suggestion["text"] for suggestion in answer.json()["suggestions"]]


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("running(contract)", "a contract is running"),
        ("has(order)", "whether there was any order"),
        ("first(order).channel", "the channel of the first order"),
        ('days_until("店庆")', "the number of days until the next “店庆”"),
    ],
)
def test_measures_of_a_reason_are_named(measure: str, words: str) -> None:
    assert phrase(measure, "en") == words


def test_nothing_is_saved_before_exactly_this_text_was_previewed(signed_in: Client, shop: Lake) -> None:
    assert "Preview this version" in save(signed_in, STRICTER).content.decode()
    see_preview(signed_in, STRICTER)
    other = STRICTER.replace("<= 30", "<= 31")
    assert "Preview this version" in save(signed_in, other).content.decode()
    assert not ModelVersion.objects.exists()
    assert save(signed_in, STRICTER).status_code == 302
    assert ModelVersion.objects.get().text == STRICTER


def test_a_preview_of_another_person_or_an_unfinished_one_does_not_count(
    signed_in: Client, shop: Lake, django_user_model: Any
) -> None:
    see_preview(signed_in, STRICTER)
    stranger = django_user_model.objects.create_user("somebody")
    ModelPreview.objects.update(person=stranger)
    assert "Preview this version" in save(signed_in, STRICTER).content.decode()
    see_preview(signed_in, STRICTER)
    ModelPreview.objects.update(seen_at=None)
    assert "Preview this version" in save(signed_in, STRICTER).content.decode()


def test_a10_a_saved_rule_moves_list_and_statistics_to_the_totals_of_its_preview(
    signed_in: Client, shop: Lake, run_jobs: Callable[[], int]
) -> None:
    before = spans_now(shop)
    see_preview(signed_in, STRICTER)
    told = ModelPreview.objects.get().result
    assert told["moved"] > 0
    save(signed_in, STRICTER, note="Spring is over")
    assert run_jobs() == 1
    after = spans_now(shop)
    assert after != before
    assert sum(after.values()) == sum(before.values())
    assert after == {stage: count for stage, count in told["after"].items() if count and not stage.startswith("-")}
    page = signed_in.get("/models/retail-activity/").content.decode()
    assert "Spring is over" in page
    assert "Version 1" in page


def test_the_lakes_folder_gets_the_version_in_force_so_that_the_terminal_agrees(signed_in: Client, shop: Lake) -> None:
    file = shop.path / "models" / "retail-activity.yaml"
    with_commit(lambda: (see_preview(signed_in, STRICTER), save(signed_in, STRICTER)))
    assert file.read_text(encoding="utf-8") == STRICTER
    assert [model.text for model in models_of(shop, ["retail-activity"])] == [STRICTER]
    assert [model.text for model in queries.active_models() if model.id == "retail-activity"] == [STRICTER]
    with_commit(lambda: (see_preview(signed_in, SHIPPED, base="1"), save(signed_in, SHIPPED, base="1")))
    assert not file.exists()
    assert ModelVersion.objects.first().origin == ModelVersion.SHIPPED
    assert not queries.one_in_force("retail-activity").edited


def with_commit(do: Callable[[], Any]) -> None:
    """Run something in a test's transaction, and what it wants done after the commit."""
    from django.test import TestCase

    with TestCase.captureOnCommitCallbacks(execute=True):
        do()


def test_saving_over_a_newer_version_is_refused_with_what_they_changed(signed_in: Client, shop: Lake) -> None:
    see_preview(signed_in, STRICTER)
    save(signed_in, STRICTER)
    mine = SHIPPED.replace("<= silent_until", "<= 60")
    see_preview(signed_in, mine)
    page = save(signed_in, mine, base="0").content.decode()
    assert "admin saved version 1 of this model while you were editing" in page
    assert "days_since(order) &lt;= 30" in page
    assert ModelVersion.objects.count() == 1


def test_an_old_version_comes_back_as_a_new_one(signed_in: Client, shop: Lake) -> None:
    for base, text in enumerate((STRICTER, STRICTER.replace("<= 30", "<= 20"))):
        see_preview(signed_in, text)
        save(signed_in, text, base=str(base))
    page = signed_in.get("/models/retail-activity/edit/", {"version": "1"}).content.decode()
    assert "This is version 1 again" in page
    see_preview(signed_in, STRICTER)
    save(signed_in, STRICTER, base="2")
    newest = ModelVersion.objects.first()
    assert (newest.number, newest.origin, newest.text) == (3, ModelVersion.RESTORED, STRICTER)


def test_versions_are_never_changed_or_deleted(signed_in: Client, shop: Lake) -> None:
    see_preview(signed_in, STRICTER)
    save(signed_in, STRICTER)
    version = ModelVersion.objects.get()
    version.text = SHIPPED
    with pytest.raises(TypeError):
        version.save()
    with pytest.raises(TypeError):
        version.delete()


def test_a_copy_becomes_a_model_of_its_own_and_can_be_deleted(
    signed_in: Client, shop: Lake, run_jobs: Callable[[], int]
) -> None:
    assert "retail-activity-copy" in signed_in.get("/models/-/new/", {"copy": "retail-activity"}).content.decode()
    text = drafts.copied(STRICTER, "ours", "我们的", "Ours")
    assert "would move" in see_preview(signed_in, text, new="1")
    save(signed_in, text, new="1", origin="copied")
    run_jobs()
    page = signed_in.get("/models/ours/delete/").content.decode()
    assert "40 customers will no longer be staged by it" in page
    signed_in.post("/models/ours/delete/")
    assert signed_in.get("/models/ours/").status_code == 404
    assert ModelVersion.objects.filter(definition_id="ours").exists()
    assert signed_in.post("/models/retail-activity/delete/").status_code == 302
    assert "retail-activity" in queries.models_in_force()


def test_a_file_put_into_the_lakes_folder_by_hand_becomes_a_version(signed_in: Client, shop: Lake) -> None:
    folder = shop.path / "models"
    folder.mkdir(exist_ok=True)
    (folder / "retail-activity.yaml").write_text(STRICTER, encoding="utf-8")
    (folder / "broken.yaml").write_text("id: broken\n", encoding="utf-8")
    actions.take_in_files()
    actions.take_in_files()
    version = ModelVersion.objects.get()
    assert (version.definition_id, version.origin, version.author) == ("retail-activity", ModelVersion.FOLDER, None)
    assert (folder / "broken.yaml").exists()


def test_a_file_is_taken_in_by_the_id_in_it_and_stays_where_it_is(signed_in: Client, shop: Lake) -> None:
    folder = shop.path / "models"
    folder.mkdir(exist_ok=True)
    file = folder / "draft of monday.yaml"
    file.write_text(STRICTER, encoding="utf-8")
    actions.take_in_files()
    actions.take_in_files()
    assert [version.definition_id for version in ModelVersion.objects.all()] == ["retail-activity"]
    assert [path.name for path in folder.iterdir()] == [file.name]
    assert [model.text for model in models_of(shop, ["retail-activity"])] == [STRICTER]


def test_a_model_that_is_switched_off_takes_no_part_in_refreshes(signed_in: Client, shop: Lake) -> None:
    signed_in.post("/models/retail-activity/switch/", {"on": "0"})
    assert "retail-activity" not in [model.id for model in queries.active_models()]
    assert len(queries.active_models()) == len(builtin_texts()) - 1
    signed_in.post("/models/retail-activity/switch/", {"on": "1"})
    assert "retail-activity" in [model.id for model in queries.active_models()]


def test_uploading_opens_the_editor_and_downloading_gives_the_same_text(
    signed_in: Client, shop: Lake, tmp_path: Any
) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(STRICTER, encoding="utf-8")
    with path.open("rb") as file:
        page = signed_in.post("/models/-/upload/", {"file": file}).content.decode()
    assert "days_since(order) &lt;= 30" in page
    assert not ModelVersion.objects.exists()
    assert signed_in.get("/models/retail-activity/model.yaml").content.decode() == SHIPPED
    path.write_bytes(b"\xff\xfe\x00")
    with path.open("rb") as file:
        assert (
            "is not a text in UTF-8"
            in signed_in.post("/models/-/upload/", {"file": file}, follow=True).content.decode()
        )


def test_fields_and_yaml_are_two_views_of_one_text() -> None:
    fields = drafts.fields_of(SHIPPED)
    posted = {"fields": "1", "name-zh": fields.zh, "name-en": fields.en}
    for stage in fields.stages:
        posted |= {f"stage-{stage.key}-{name}": getattr(stage, name) for name in ("zh", "en", "family", "when")}
    assert drafts.filled_in(SHIPPED, posted) == SHIPPED  # untouched to the letter
    changed = drafts.filled_in(
        SHIPPED, posted | {"stage-active-when": "days_since(order) <= 30", "stage-lost-terminal": "on"}
    )
    before, after = yaml.safe_load(SHIPPED), yaml.safe_load(changed)
    before["stages"][0]["when"] = "days_since(order) <= 30"
    before["stages"][3]["terminal"] = True
    assert after == before  # and nothing else changed, plays and sources least of all


def test_every_shipped_model_survives_the_editors_fields() -> None:
    for model_id, text in builtin_texts().items():
        written = drafts.written(yaml.safe_load(text))
        assert yaml.safe_load(written) == yaml.safe_load(text), model_id
        again = queries.read(written)
        assert [stage.when for stage in again.stages] == [stage.when for stage in queries.read(text).stages]


def test_the_editors_buttons_move_add_and_remove_stages(signed_in: Client, shop: Lake) -> None:
    assert [stage.key for stage in drafts.fields_of(drafts.apply_command(SHIPPED, "up:silent")).stages][:2] == [
        "silent",
        "active",
    ]
    assert drafts.apply_command(SHIPPED, "up:active") == SHIPPED
    added = drafts.fields_of(drafts.apply_command(SHIPPED, "add"))
    assert (added.stages[-1].key, added.path[-1]) == ("stage-5", "stage-5")
    removed = drafts.fields_of(drafts.apply_command(SHIPPED, "remove:silent"))
    assert removed.path == ("active", "dormant", "lost")
    later = drafts.fields_of(drafts.apply_command(SHIPPED, "later:active"))
    assert later.path[:2] == ("silent", "active")
    page = signed_in.post("/models/-/change/", form(SHIPPED, mode="fields", do="down:active")).content.decode()
    assert page.index('id="when-silent"') < page.index('id="when-active"')


def test_a_preview_warns_of_overlaps_and_of_rules_that_nobody_matches(signed_in: Client, shop: Lake) -> None:
    text = SHIPPED.replace("days_since(order | start | renewal) > lost_after", "count(order) > 1000")
    page = see_preview(signed_in, text)
    assert "more than one rule holds" in page
    assert "Nobody matches:" in page
    assert "in the model but in no stage" in page


def test_a_large_lakes_preview_is_worked_out_by_a_worker(
    signed_in: Client, shop: Lake, run_jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenure_app.lifecycle.definitions.queries.AT_ONCE", 1)
    assert "hx-get" in see_preview(signed_in, STRICTER)
    row = ModelPreview.objects.get()
    assert row.seen_at is None
    assert run_jobs() == 1
    page = signed_in.get(f"/models/-/preview/{row.pk}/")
    assert "would move" in page.content.decode()
    assert page.headers["HX-Trigger-After-Settle"] == "previewed"
    assert save(signed_in, STRICTER).status_code == 302


def test_a_text_that_is_no_model_is_answered_not_saved(signed_in: Client, shop: Lake) -> None:
    for text in (
        "",
        "a: [",
        "- 1",
        "id: x",
        "id: x\nstages: []",
        "id: x\nstages:\n  - {id: a, whn: otherwise}",
        "{" * 5000,
    ):
        for name in ("check", "preview", "save", "change"):
            assert signed_in.post(f"/models/-/{name}/", form(text, do="mode:fields")).status_code == 200, (name, text)
    assert not ModelVersion.objects.exists()


def test_no_page_of_the_models_opens_without_sign_in(client: Client) -> None:
    for path in ("/models/", "/models/retail-activity/", "/models/retail-activity/edit/", "/models/-/completion/"):
        assert client.get(path).status_code == 302


def test_a_preview_counts_the_moves_undone_before_and_after(signed_in: Client, shop: Lake) -> None:
    settling = SHIPPED.replace("\nstages:\n", "\nsettles: 14d\nstages:\n")
    page = see_preview(signed_in, settling)
    assert re.search(r"Moves undone within 14 days: [\d.]+% before, (0%|–) after\.", page)


def test_a_rule_for_staying_is_shown_as_a_sentence_and_follows_its_parameters() -> None:
    stages = [(model, stage) for model in builtin().values() for stage in model.stages if stage.stay_rule]
    assert len(stages) > 10
    for model, stage in stages:
        _title, text = labels.texts_of(model, stage)[1]
        assert text != stage.stays_while, (model.id, stage.id)
    model, stage = next(pair for pair in stages if pair[0].parameters and "loyal_orders" in pair[1].stays_while)
    text = builtin_texts()[model.id]
    other = queries.read(set_parameters(text, {"loyal_orders": "4"}))
    stays_while = labels.texts_of(model, stage)[1][1]
    assert stays_while in [before for _badge, _title, before, _after in labels.changed_texts(model, other)]


def test_a_wrong_parameter_keeps_what_was_typed_into_the_other_fields(signed_in: Client, shop: Lake) -> None:
    posted = {"fields": "1", "stage-active-zh": "活跃", "stage-active-en": "Busy", "stage-active-family": "F6"}
    posted |= {"stage-active-when": "days_since(order) <= active_until", "parameter-active_until": "", "do": "add"}
    page = signed_in.post("/models/-/change/", form(SHIPPED, **posted) | {"mode": "fields"})
    context = page.context
    assert "Busy" in [stage["name"] for stage in context["stages"]]
    assert len(context["stages"]) == len(drafts.fields_of(SHIPPED).stages) + 1
    values = {item["name"]: item["value"] for item in context["parameters"]}
    assert values["active_until"] == "", "what was typed, not what the text holds"
    assert context["checked"].trouble


def test_on_a_large_lake_a_worker_chooses_the_models(
    signed_in: Client, shop: Lake, run_jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenure_app.lifecycle.definitions.queries.AT_ONCE", 1)
    signed_in.post("/models/-/choose/", {"business": "retail"})
    settings = Lake.open(shop.path).settings
    assert (settings.business_kind, settings.models_on) == ("retail", None)
    assert run_jobs() >= 1
    settings = Lake.open(shop.path).settings
    assert settings.recommended in (settings.models_on or ())
