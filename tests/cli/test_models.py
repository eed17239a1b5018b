"""`tenure init` and `tenure models`: the kind of business, a recommendation, models on and off."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from app import people
from cli.test_import import tenure
from facts.files import ROWS, orders
from tenure.facts.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path


def read(*arguments: object) -> Any:
    done = tenure(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Make a small shop's lake, not refreshed."""
    people.fill(Lake.create(tmp_path / "shop"))
    return tmp_path / "shop"


def test_init_saves_the_business_and_the_first_refresh_chooses(shop: Path) -> None:
    refused = tenure("init", "--lake", shop, "--business", "retial")
    assert refused.returncode == 2
    assert "There is no kind of business 'retial'. Try: retail." in refused.stderr
    settings = read("init", "--lake", shop, "--business", "retail", "--name", "小店")
    assert (settings["business_kind"], settings["business"], settings["models_on"]) == ("retail", "小店", None)
    done = tenure("refresh", "--lake", shop)
    assert "is recommended" in done.stdout
    models = {model["id"]: model for model in read("models", "list", "--lake", shop)}
    assert sum(model["on"] for model in models.values() if model["subject"] == "customer") == 3
    (recommended,) = [model["id"] for model in models.values() if model["recommended"]]
    assert models[recommended]["on"]


def test_an_import_asks_for_the_business_until_it_is_known(tmp_path: Path) -> None:
    file = orders(tmp_path / "a.csv", *ROWS)
    assert "What kind of business is it?" in tenure("import", file, "--lake", tmp_path / "lake").stderr
    assert "请选择所属行业" in tenure("import", file, "--lake", tmp_path / "lake", language="zh_Hans").stderr
    read("init", "--lake", tmp_path / "lake", "--business", "ecommerce")
    assert "What kind" not in tenure("import", file, "--lake", tmp_path / "lake").stderr


def test_a_recommendation_changes_nothing_until_it_is_applied(shop: Path) -> None:
    asked = tenure("models", "recommend", "--lake", shop)
    assert asked.returncode == 2
    assert "Add --business with one of: retail, ecommerce" in asked.stderr
    told = read("models", "recommend", "--business", "retail", "--lake", shop)
    assert told["recommended"] == told["models"][0]["id"]
    assert told["reasons"][0].endswith("is recommended.")
    assert all(0 < model["largest"]["share"] <= 1 for model in told["models"])
    assert Lake.open(shop).settings.models_on is None
    assert read("models", "recommend", "--business", "retail", "--apply", "--lake", shop)["applied"]
    assert Lake.open(shop).settings.recommended == told["recommended"]
    table = tenure("models", "recommend", "--lake", shop, language="zh_Hans").stdout
    assert "人数最多的阶段" in table


def test_models_are_not_chosen_for_facts_that_are_still_to_come(tmp_path: Path) -> None:
    read("init", "--lake", tmp_path / "lake")
    body = read("models", "recommend", "--business", "retail", "--apply", "--lake", tmp_path / "lake")
    assert not body["applied"]
    settings = Lake.open(tmp_path / "lake").settings
    assert (settings.business_kind, settings.models_on) == ("retail", None)


def test_models_are_switched_on_and_off(shop: Path) -> None:
    assert not read("models", "disable", "saas-6", "--lake", shop)["on"]
    listed = {model["id"]: model["on"] for model in read("models", "list", "--lake", shop)}
    assert [name for name, on in listed.items() if not on] == ["saas-6"]
    assert "saas-6" in read("models", "enable", "saas-6", "--lake", shop)["models_on"]
    wrong = tenure("models", "enable", "saas-7", "--lake", shop)
    assert wrong.returncode == 2
    assert "There is no model 'saas-7'. Try: saas-6" in wrong.stderr


def test_show_says_for_whom_a_model_is_and_what_cannot_be_reached(shop: Path) -> None:
    model = read("models", "show", "saas-6", "--lake", shop)
    assert model["businesses"] == ["saas"]
    (loyalty,) = [item for item in model["unreachable"] if item["stage"] == "loyalty"]
    assert loyalty["kinds"] == ["share", "review", "referral", "referred_buyer"]
    missing = "shares, reviews, referrals or orders by people they referred"
    assert loyalty["why"] == f"Cannot be reached: your facts contain no {missing}."
    shown = tenure("models", "show", "saas-6", "--lake", shop, language="zh_Hans").stdout
    assert "适用行业: SaaS" in shown
    assert "无法到达：数据里没有分享、评价、推荐他人或推荐他人下单。" in shown
    assert "every business" in tenure("models", "list").stdout


def test_a_parameter_is_previewed_and_set_in_a_terminal(shop: Path, tmp_path: Path) -> None:
    tenure("refresh", "--lake", shop)
    asked = ("models", "set", "retail-activity", "active_until=30d", "rhythm_days=10", "--lake", shop)
    preview = read(*asked, "--preview")
    assert preview["parameters"]["active_until"] == {"before": 45, "after": 30, "unit": "days"}
    assert preview["saved"] is None
    assert sum(preview["preview"]["before"].values()) == sum(preview["preview"]["after"].values()) == 41
    assert preview["preview"]["moved"] > 0
    assert {"before", "after", "moves", "undone"} <= set(preview["preview"])
    assert not (shop / "models").exists()
    saved = read(*asked)
    assert saved["saved"] == str(shop / "models/retail-activity.yaml")
    tenure("refresh", "--lake", shop)
    spans = Lake.open(shop).connect()
    counted = "SELECT stage, count(*) FROM spans WHERE model = 'retail-activity' AND left_on IS NULL GROUP BY stage"
    stages = dict(spans.execute(counted).fetchall())
    assert stages == {stage: count for stage, count in preview["preview"]["after"].items() if count and stage in stages}
    shown = tenure("models", "show", "retail-activity", "--lake", shop, language="zh_Hans").stdout
    assert "最近 30 天内买过" in shown


def test_a_value_that_does_not_fit_is_refused_and_a_file_is_changed_where_it_is(shop: Path, tmp_path: Path) -> None:
    for values, message in (
        (["active=30d"], "has no parameter 'active'. It has: active_until, silent_until"),
        (["active_until=300d"], "active_until: the value 300d lies outside 30d to 60d."),
        (["active_until=20%"], "active_until must be a value such as 30d, not '20%'."),
        (["active_until"], "'active_until' sets nothing. Write NAME=VALUE"),
    ):
        refused = tenure("models", "set", "retail-activity", *values, "--lake", shop)
        assert refused.returncode == 2
        assert message in refused.stderr
    assert "is built in" in tenure("models", "set", "retail-activity", "active_until=30d").stderr
    (shop / "models").mkdir(exist_ok=True)
    (shop / "models/tiers-3.yaml").write_bytes("id: tiers-3  # 会员".encode("gbk"))
    refused = tenure("models", "set", "tiers-3", "active_until=30d", "--lake", shop)
    assert refused.returncode == 2
    assert "Could not read model file" in refused.stderr
    (shop / "models/tiers-3.yaml").unlink()
    file, text = (
        tmp_path / "mine.yaml",
        "id: mine\r\nparameters: {late: 9d}\r\nstages: [{id: a, when: days_since(order) < late}]\r\n",
    )
    file.write_bytes(text.encode())
    assert read("models", "set", file, "late=3d")["saved"] == str(file)
    assert file.read_bytes().decode() == text.replace("9d", "3d")


def test_a_mistake_in_a_rule_is_shown_wherever_the_model_is_read(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("id: mine\nstages:\n  - {id: a, when: has(ordr)}\n")
    shown = f"{tmp_path / 'wrong.yaml'}: model mine, stage 1 (a)\nhas(ordr)\n    ^^^^\nUnknown kind of fact: ordr."
    for asked in (("refresh", "--models"), ("models", "compare")):
        refused = tenure(*asked, tmp_path / "wrong.yaml", "--lake", shop)
        assert refused.returncode == 2
        assert shown in refused.stderr
    (shop / "models").mkdir(exist_ok=True)
    (shop / "models/own.yaml").write_text("id: mine\nstages:\n\t- a\n")
    refused = tenure("refresh", "--lake", shop)
    assert f"{shop / 'models/own.yaml'}: Line 3 is indented with a tab." in refused.stderr


def test_a_model_is_found_by_the_id_in_its_file(shop: Path) -> None:
    (shop / "models").mkdir(exist_ok=True)
    file, text = shop / "models/draft.yaml", "id: mine\nparameters: {late: 9d}\nstages: [{id: a, when: {rule}}]\n"
    file.write_text(text.replace("{rule}", "days_since(order) < late"))
    assert "mine" in {model["id"] for model in read("models", "list", "--lake", shop)}
    assert read("models", "show", "mine", "--lake", shop)["id"] == "mine"
    assert read("models", "check", "mine", "--lake", shop)["ok"]
    read("refresh", "--lake", shop, "--models", "mine")
    assert read("board", "--lake", shop, "--model", "mine")["model"] == "mine"
    assert read("why", "C1", "--lake", shop, "--model", "mine")["model"] == "mine"
    assert read("models", "set", "mine", "late=3d", "--lake", shop)["saved"] == str(file)
    # A built-in model of one's own values does not go into the file of another model, whatever its name.
    file.rename(other := shop / "models/retail-activity.yaml")
    saved = read("models", "set", "retail-activity", "active_until=50d", "--lake", shop)["saved"]
    assert saved == str(shop / "models/retail-activity-2.yaml")
    assert "id: mine" in other.read_text()
    assert read("models", "show", "retail-activity", "--lake", shop)["id"] == "retail-activity"
    (shop / "models/copy.yaml").write_text(other.read_text())
    for asked, code in ((("check", "mine"), 1), (("set", "mine", "late=4d"), 2)):
        twice = tenure("models", *asked, "--lake", shop)
        assert twice.returncode == code
        assert "both have the id 'mine'" in " ".join(twice.stderr.split())
    (shop / "models/copy.yaml").unlink()
    missing = tenure("why", "C1", "--lake", shop, "--model", "draft")
    assert missing.returncode == 2
    assert "No model or model file is named 'draft'" in missing.stderr
