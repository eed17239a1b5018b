"""Two languages, equal: every text of the code has a Chinese twin, and nothing else is in the catalogues."""

from __future__ import annotations

import ast
import gettext

import pytest

import translations
from conventions.files import relative, texts
from hatch_build import make_translations
from translations import DOMAINS, Domain


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_no_text_is_missing_fuzzy_unused_or_nameless(domain: Domain) -> None:
    found = translations.problems(domain)
    assert not found, "\n" + "\n".join(found)


def _marks(node: ast.AST) -> bool:
    """Whether it marks a text that stands there in words."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
        return False
    return node.func.id in (*translations.DJANGO_KEYWORDS, "mark", "say") and isinstance(node.args[0], ast.Constant)


def test_no_text_is_marked_where_the_collector_cannot_see_it() -> None:
    lost = [
        f"{relative(path)}:{node.lineno}"
        for path in texts(".py", folders=("src",))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.JoinedStr) and any(map(_marks, ast.walk(node)))
    ]
    assert not lost, f"take the text out of the f-string: {lost}"


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


@pytest.mark.parametrize(
    "text",
    [
        "文件不存在,请检查。",
        "文件不存在，请检查.",
        "共 3 行(含表头)",
        "时间: 今天",
        "请运行:tenure refresh",
        "例如 90d;三个月",
        "%(name)s, 请稍候",
        "文字只能用 = 或！= 比较。",
        "见 T04",
    ],
)
def test_wrong_marks_and_internal_codes_are_found(text: str) -> None:
    assert list(translations.lint(text))


@pytest.mark.parametrize(
    "text",
    [
        "已导入 %(rows)d 行，请看 `days(order, last 90d)`",
        "已导入 1,204 行",
        "写作 days_since(order) <= 45",
        "文字只能用 = 或 != 比较。",
        "不能含有“*”“?”“[”，而现在是 %(path)s。",
    ],
)
def test_code_and_numbers_keep_their_latin_marks(text: str) -> None:
    assert not list(translations.lint(text))


@pytest.mark.parametrize(("text", "wrong"), [("用户已流失", True), ("用户名", False), ("客户已流失", False)])
def test_chinese_is_checked_for_our_words(text: str, wrong: bool) -> None:
    assert bool(list(translations.lint(text))) is wrong


def test_a_text_with_a_nameless_place_is_found() -> None:
    assert translations.NAMELESS.search("%s rows")
    assert translations.NAMELESS.search("{} rows")
    assert not translations.NAMELESS.search("%(rows)s rows in {folder}")
