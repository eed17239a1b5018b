"""Collect the texts of the code into the catalogues, and say what is wrong with them.

    python tools/translations.py            update both catalogues and compile them
    python tools/translations.py --check    only say what is wrong

Two catalogues: ``tenure`` (the library and the command line: texts marked with ``mark`` or ``say``) and ``django``
(the pages: gettext in Python, ``translate`` and ``blocktranslate`` in templates). Babel reads both, so no other
program is needed. English is written in the code; Chinese stands in the catalogue. Nothing is ever guessed from a
similar text: a changed text is a new text.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from babel.messages.catalog import Message

ROOT = Path(__file__).resolve().parent.parent
LANGUAGE = "zh_Hans"
DJANGO_KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


@dataclass(frozen=True)
class Domain:
    """One catalogue: where its texts are written and where it lies."""

    name: str
    folders: tuple[str, ...]
    home: str

    @property
    def path(self) -> Path:
        return ROOT / self.home / "locale" / LANGUAGE / "LC_MESSAGES" / f"{self.name}.po"


DOMAINS = (
    Domain("tenure", ("src/tenure", "src/tenure_app"), "src/tenure"),
    Domain("django", ("src/tenure_app",), "src/tenure_app"),
)


def _sources(domain: Domain) -> Iterator[tuple[Path, str]]:
    """Yield each file that holds texts, as Python source."""
    for folder in domain.folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix == ".py" and "migrations" not in path.parts:
                source = path.read_text("utf-8")
                if domain.name == "django" or "tenure.words import" in source or "words" in path.parts:
                    yield path, source
            elif domain.name == "django" and path.suffix in {".html", ".txt"} and "templates" in path.parts:
                from django.utils.translation.template import templatize

                # Django puts letters where the page's own text was; their indentation means nothing to Python.
                blanked = templatize(path.read_text("utf-8"), origin=str(path))
                yield path, "\n".join(line.strip() for line in blanked.splitlines())


def _texts(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (str(value or ""),)


def _identifier(message: Message) -> tuple[str, str]:
    """Return what names a message: its context and its text."""
    text = message.id if isinstance(message.id, str) else message.id[0]
    return message.context or "", text


def _marked(source: str) -> Iterator[str]:
    """Yield the texts of ``mark("…")`` and ``say("…")``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"mark", "say"}:
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _found(domain: Domain, source: str) -> Iterator[tuple[Any, list[str], str | None]]:
    """Yield (text or texts, comments, context) of a file."""
    if domain.name == "tenure":
        for text in _marked(source):
            yield text, [], None
        return
    python = io.BytesIO(source.encode())
    for _, texts, comments, context in extract("python", python, DJANGO_KEYWORDS, ("Translators:",)):
        yield texts, comments, context


def collect(domain: Domain) -> Catalog:
    """Return every text of the code."""
    catalogue = Catalog(locale=LANGUAGE, domain=domain.name, fuzzy=False)
    for path, source in _sources(domain):
        where = path.relative_to(ROOT).as_posix()
        for text, comments, context in _found(domain, source):
            if text:
                catalogue.add(text, locations=[(where, 0)], auto_comments=comments, context=context)
    return catalogue


def read(domain: Domain) -> Catalog:
    """Return the catalogue as it lies there."""
    if not domain.path.exists():
        return Catalog(locale=LANGUAGE, domain=domain.name)
    with domain.path.open("rb") as lines:
        return read_po(lines, locale=LANGUAGE, domain=domain.name)


def update(domain: Domain) -> None:
    """Write the catalogue with the texts of today: translations kept, lost texts dropped."""
    fresh, old = collect(domain), {_identifier(one): one for one in read(domain) if one.id}
    fresh.project, fresh.version = "Tenure", "1"
    fresh.header_comment = "# Chinese (Simplified) for Tenure. Collected by tools/translations.py."
    for message in fresh:
        known = old.get(_identifier(message)) if message.id else None
        if known is not None and not known.fuzzy and isinstance(known.string, str) == isinstance(message.id, str):
            ours = [full_width(text) for text in _texts(known.string)]
            message.string = ours[0] if isinstance(message.id, str) else tuple(ours)
    domain.path.parent.mkdir(parents=True, exist_ok=True)
    with io.BytesIO() as out:
        write_po(out, fresh, width=120, include_lineno=False, sort_by_file=True, omit_header=False)
        text = out.getvalue().decode()
    # Dates would change with every run and say nothing.
    domain.path.write_text(DATES.sub("", text), "utf-8")


DATES = re.compile(
    r'^"(POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Language-Team|Report-Msgid-Bugs-To).*\n', re.M
)
NAMELESS = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?[sdrfgiex]|(?<!\{)\{\d*(?:![rs])?(?::[^}]*)?\}(?!\})")
DATE_PATTERN = re.compile(r"%d\.%m\.%Y")
NAMED = re.compile(r"%\((\w+)\)|(?<!\{)\{([A-Za-z_]\w*)[^}]*\}")
CHINESE = r"[\u3400-\u9fff\u3001\u3002\u300a-\u300d\uff00-\uffef]"
# What is never touched: code, places, addresses, tags.
SHIELDED = re.compile(r"https?://[\w./#?=&%-]+|`[^`]*`|%\(\w+\)\w|\{[^}]*\}|<[^>]*>|&\w+;")
# A Latin mark between Chinese characters: the full-width one is meant.
HALF_WIDTH = re.compile(
    rf"(?<={CHINESE})\s?[,;?!](?!\d)\s?|(?<={CHINESE}):(?=\s|$|{CHINESE}|\ue000)\s?|(?<={CHINESE})\.(?=\s|$)"
    rf"|(?<=\w):(?={CHINESE})|(?<=\ue000):\s?(?={CHINESE})"
    rf"|(?<=[\w\ue000%)\]*\x22\u201d]),\s?(?={CHINESE})|\s?\((?=[^()]*{CHINESE}[^()]*\))|(?<={CHINESE})\s?\((?=[^()]*\))"
)
FULL_WIDTH = dict(zip(",;?!:.(", "\uff0c\uff1b\uff1f\uff01\uff1a\u3002\uff08", strict=True))
NOT_OUR_WORDS = {"用户": "客户, or 使用者 for a person who signs in", "状态": "阶段 for a stage"}
ALLOWED_WORDS = ("用户名",)


def _placeholders(text: str) -> set[str]:
    return {one or other for one, other in NAMED.findall(text)}


def _wrong_with(original: Message, translated: Message) -> Iterator[str]:
    """Yield what is wrong with one translation."""
    texts, ours = _texts(original.id), _texts(translated.string)
    if translated.fuzzy:
        yield "is fuzzy"
    if not all(ours):
        yield "is not translated"
        return
    wanted = set.union(*map(_placeholders, texts))
    for text in ours:
        if _placeholders(text) - wanted:
            yield f"fills {sorted(_placeholders(text) - wanted)}, which the original does not have"
        elif len(texts) == 1 and _placeholders(text) != wanted:
            yield f"leaves out {sorted(wanted - _placeholders(text))}"
        yield from wrong_chinese(text)


def full_width(text: str) -> str:
    """Return a Chinese text with Chinese marks, code and places left alone."""
    kept = SHIELDED.findall(text)
    bare = SHIELDED.sub("\ue000", text)
    opened = len(re.findall(r"\(", bare))
    bare = HALF_WIDTH.sub(lambda found: FULL_WIDTH[found[0].strip()], bare)
    if len(re.findall(r"\(", bare)) < opened:
        bare = re.sub(r"\uff08([^\uff08()]*)\)\s?", "\uff08\\1\uff09", bare)
    whole = iter(kept)
    return re.sub("\ue000", lambda _: next(whole), bare)


def wrong_chinese(text: str) -> Iterator[str]:
    """Yield what a Chinese reader would stumble over: Latin marks between characters, words we do not use."""
    if full_width(text) != text:
        yield f"has half-width marks; write {full_width(text)!r}"
    bare = text
    for allowed in ALLOWED_WORDS:
        bare = bare.replace(allowed, "")
    for word, instead in NOT_OUR_WORDS.items():
        if word in bare:
            yield f"says {word} (write {instead})"


def problems(domain: Domain) -> list[str]:
    """Return what is wrong with a catalogue, one sentence each."""
    written = {_identifier(one): one for one in read(domain) if one.id}
    wanted = {_identifier(one): one for one in collect(domain) if one.id}
    return [f"{domain.name}: {text!r} {wrong}" for (_, text), wrong in _problems(wanted, written)]


def _problems(
    wanted: dict[tuple[str, str], Message], written: dict[tuple[str, str], Message]
) -> Iterable[tuple[tuple[str, str], str]]:
    for name, message in wanted.items():
        if any(NAMELESS.search(DATE_PATTERN.sub("", text.replace("%%", ""))) for text in _texts(message.id)):
            yield name, "has a nameless placeholder: write %(name)s"
        if name not in written:
            yield name, "is missing from the catalogue: run tools/translations.py"
            continue
        for wrong in _wrong_with(message, written[name]):
            yield name, wrong
    for name in written.keys() - wanted.keys():
        yield name, "is used nowhere: run tools/translations.py"


def main() -> int:
    """Update and check, or only check."""
    if "--check" not in sys.argv[1:]:
        for domain in DOMAINS:
            update(domain)
        sys.path.insert(0, str(ROOT))
        from hatch_build import make_translations

        make_translations(ROOT)
    found = [line for domain in DOMAINS for line in problems(domain)]
    print("\n".join(found) or "Both catalogues are complete.")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
