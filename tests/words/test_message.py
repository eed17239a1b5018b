"""Messages: data until somebody reads them, in either language."""

from __future__ import annotations

import json
import pickle
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.errors import LakeError
from tenure.words import (
    Change,
    Day,
    LocalizedText,
    Message,
    Money,
    Number,
    Percent,
    dumps,
    loads,
    render,
    say,
    sentences,
    speaking,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    FINITE,
    st.text(),
    st.builds(Number, FINITE, st.none() | st.integers(0, 6)),
    st.builds(Money, FINITE, st.sampled_from(["CNY", "USD"]), st.booleans()),
    st.builds(Percent, FINITE),
    st.builds(Change, FINITE),
    st.builds(lambda value: Day(value.isoformat()), st.dates()),
    st.builds(LocalizedText, st.text(), st.text()),
)
NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
MESSAGES = st.recursive(
    st.builds(Message, st.text(), st.dictionaries(NAMES, VALUES)),
    lambda inner: st.builds(Message, st.text(), st.dictionaries(NAMES, VALUES | inner)),
    max_leaves=4,
)


@settings(deadline=None)
@given(MESSAGES)
def test_a_message_survives_json_and_pickling(message: Message) -> None:
    assert loads(dumps(message)) == message
    assert pickle.loads(pickle.dumps(message)) == message
    assert loads(dumps({"reasons": [{"text": message}]})) == {"reasons": [{"text": message}]}


def test_a_message_is_plain_json_with_its_template_and_data() -> None:
    message = Message("Share of wallet: %(share)s.", {"share": Percent(0.12), "since": date(2026, 11, 2)})
    assert json.loads(dumps(message)) == {
        "template": "Share of wallet: %(share)s.",
        "data": {"share": {"format": "percent", "value": 0.12}, "since": "2026-11-02"},
    }


def test_values_are_formatted_in_the_language_of_the_reader() -> None:
    worth = Message("%(worth)s on %(day)s", {"worth": Money(123456, "CNY", brief=True), "day": Day("2026-11-22")})
    assert worth.render("en") == "¥123.5K on 22 Nov 2026"
    assert worth.render("zh") == "¥12.3万 on 2026年11月22日"  # no such text in the catalogue
    with speaking("zh"):
        assert worth.render() == worth.render("zh")


def test_messages_stand_inside_messages_and_structures() -> None:
    inner = Message("gold", {})
    outer = Message("%(level)s, %(name)s", {"level": inner, "name": LocalizedText(zh="张", en="Zhang")})
    assert render({"why": [outer], "count": 3}, "en") == {"why": ["gold, Zhang"], "count": 3}
    assert sentences([inner, inner], "en") == "gold gold"
    assert sentences([inner, inner], "zh") == "goldgold"


def test_a_text_in_one_language_is_shown_to_everybody() -> None:
    assert LocalizedText(zh="老客户").render("en") == "老客户"
    assert LocalizedText(zh="老客户", en="Regulars").render("en_GB") == "Regulars"
    assert not LocalizedText()


def test_a_message_does_not_change() -> None:
    data = {"name": "A"}
    message = Message("%(name)s", data)
    data["name"] = "B"
    assert message.render("en") == "A"
    with pytest.raises(TypeError):
        message.data["name"] = "B"  # type: ignore[index]


def test_an_error_is_a_message() -> None:
    error = LakeError("No lake at %(place)s", place="/x")
    assert error.message == Message("No lake at %(place)s", {"place": "/x"})
    assert str(error) == say("No lake at %(place)s", place="/x") == error.say("en")
