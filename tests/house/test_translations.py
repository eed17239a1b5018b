"""Two languages, equal: every text of the code has a Chinese twin, and nothing else is in the catalogues."""

from __future__ import annotations

import gettext

import pytest

import translations
from hatch_build import make_translations
from translations import DOMAINS, Domain


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_no_text_is_missing_fuzzy_unused_or_nameless(domain: Domain) -> None:
    found = translations.problems(domain)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_the_compiled_catalogue_is_as_new_as_its_source(domain: Domain) -> None:
    make_translations(translations.ROOT)
    with domain.path.with_suffix(".mo").open("rb") as compiled:
        catalogue = gettext.GNUTranslations(compiled)
    lost = [
        one.id
        for one in translations.read(domain)
        if one.id
        and one.string
        and isinstance(one.id, str)
        and not one.context
        and catalogue.gettext(one.id) != one.string
    ]
    assert not lost, lost


COMMA, STOP, OPEN, CLOSE, COLON = "\uff0c", "\u3002", "\uff08", "\uff09", "\uff1a"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("文件不存在,请检查.", f"文件不存在{COMMA}请检查{STOP}"),
        ("共 3 行(含表头)", f"共 3 行{OPEN}含表头{CLOSE}"),
        ("时间: 今天", f"时间{COLON}今天"),
        ("已导入 %(rows)d 行, 请看 `days(order, last 90d)`", f"已导入 %(rows)d 行{COMMA}请看 `days(order, last 90d)`"),
        ("%(name)s, 请稍候", f"%(name)s{COMMA}请稍候"),
        ("已导入 1,204 行", "已导入 1,204 行"),
        ("写作 days_since(order) <= 45", "写作 days_since(order) <= 45"),
    ],
)
def test_chinese_gets_chinese_marks(text: str, right: str) -> None:
    assert translations.full_width(text) == right
    assert translations.full_width(right) == right


@pytest.mark.parametrize(("text", "wrong"), [("用户已流失", True), ("用户名", False), ("客户已流失", False)])
def test_chinese_is_checked_for_our_words(text: str, wrong: bool) -> None:
    assert bool(list(translations.wrong_chinese(text))) is wrong


def test_a_text_with_a_nameless_place_is_found() -> None:
    assert translations.NAMELESS.search("%s rows")
    assert translations.NAMELESS.search("{} rows")
    assert not translations.NAMELESS.search("%(rows)s rows in {folder}")
