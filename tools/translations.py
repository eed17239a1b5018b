"""Collect the texts of the code into the catalogues, compile them, and check them.

    python tools/translations.py            update both catalogues and compile them
    python tools/translations.py --check    only say what is wrong

Two catalogues: ``tenure`` (the library and the command line: texts marked with ``mark`` or ``say``) and ``django``
(the pages: gettext in Python, ``translate`` and ``blocktranslate`` in templates). English is written in the code,
Chinese by hand in the catalogue: the tool checks a translation and never changes one.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
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
    """One catalogue: where its texts are written, where it lies, which calls mark a text."""

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

# Dates would change with every run and say nothing.
DATES = re.compile(
    r'^"(POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Language-Team|Report-Msgid-Bugs-To).*\n', re.M
)
NAMELESS = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?[sdrfgiex]|(?<!\{)\{\d*(?:![rs])?(?::[^}]*)?\}(?!\})")
DATE_PATTERN = re.compile(r"%d\.%m\.%Y")
NAMED = re.compile(r"%\((\w+)\)|(?<!\{)\{([A-Za-z_]\w*)[^}]*\}")
# What keeps its Latin marks: addresses, code, tags.
CODE = re.compile(r"https?://[\w./#?=&%-]+|`[^`]*`|<[^>]*>|&\w+;|!=")
PLACE = re.compile(r"%\(\w+\)\w|\{[^}]*\}")
CHINESE = r"[\u3400-\u9fff\u3001\u3002\u300a-\u300d\uff00-\uffef]"
HALF_WIDTH = re.compile(
    rf"{CHINESE}\s?[,;:?!]|{CHINESE}\.(?=\s|$)|[\w%)\]\"”],\s?{CHINESE}|[\w%)\]\"”][;:?]\s?{CHINESE}"
    rf"|\([^()]*{CHINESE}[^()]*\)|{CHINESE}\s?\([^()]*\)"
)
# A sign of code that was taken for punctuation, such as != or a lone ? among signs.
CODE_SIGN = re.compile(r"[\uff01\uff1c\uff1e]=|\uff1d|\u3001\uff1f")
# Names that only the code knows: T04, N36, snake_case.
INTERNAL = re.compile(r"\b[TNM]\d\d\b")
WORDS = {"用户": "客户, or 使用者 for a person who signs in", "状态": "阶段 for a stage"}
ALLOWED_WORDS = ("用户名",)


def collect(domain: Domain) -> Catalog:
    """Return every text of the code, without translations."""
    catalogue = Catalog(locale=LANGUAGE, domain=domain.name, project="Tenure", version="1", fuzzy=False)
    catalogue.header_comment = "# Chinese (Simplified) for Tenure. Collected by tools/translations.py."
    for path, source in _sources(domain):
        where = path.relative_to(ROOT).as_posix()
        if domain.name == "tenure":
            for text in _marked(source):
                catalogue.add(text, locations=[(where, 0)])
            continue
        python = io.BytesIO(source.encode())
        for _, texts, comments, context in extract("python", python, DJANGO_KEYWORDS, ("Translators:",)):
            if texts:
                catalogue.add(texts, locations=[(where, 0)], auto_comments=comments, context=context)
    return catalogue


def _marked(source: str) -> Iterator[str]:
    """Yield the texts of ``mark("…")`` and ``say("…")``; Babel would also take ``say(NAMES["key"])`` for a text."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name("mark" | "say"), args=[ast.Constant(str(text)), *_]):
                yield text


def _sources(domain: Domain) -> Iterator[tuple[Path, str]]:
    """Yield each file that holds texts, as Python source."""
    for folder in domain.folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix == ".py" and "migrations" not in path.parts:
                source = path.read_text("utf-8")
                if domain.name == "django" or "tenure.words" in source:
                    yield path, source
            elif domain.name == "django" and path.suffix in {".html", ".txt"} and "templates" in path.parts:
                from django.utils.translation.template import templatize

                # Django puts letters where the page's own text was; their indentation means nothing to Python.
                blanked = templatize(path.read_text("utf-8"), origin=str(path))
                yield path, "\n".join(line.strip() for line in blanked.splitlines())


def read(domain: Domain) -> Catalog:
    """Return the catalogue as it lies there."""
    with domain.path.open("rb") as lines:
        return read_po(lines, locale=LANGUAGE, domain=domain.name)


def update(domain: Domain) -> None:
    """Write the catalogue with the texts of today: translations kept as they are, unused texts dropped."""
    catalogue = collect(domain)
    translations = {_identifier(message): message for message in read(domain) if message.id}
    for message in catalogue:
        known = translations.get(_identifier(message)) if message.id else None
        if known is not None and isinstance(known.string, str) == isinstance(message.id, str):
            message.string = known.string
    with io.BytesIO() as out:
        write_po(out, catalogue, width=120, include_lineno=False, sort_by_file=True)
        domain.path.write_text(DATES.sub("", out.getvalue().decode()), "utf-8")


def problems(domain: Domain) -> list[str]:
    """Return what is wrong with a catalogue, one sentence each."""
    written = {_identifier(message): message for message in read(domain) if message.id}
    used = {_identifier(message): message for message in collect(domain) if message.id}
    lines = [f"{text!r} is not used: run tools/translations.py" for _, text in written.keys() - used.keys()]
    for name, message in used.items():
        if any(NAMELESS.search(DATE_PATTERN.sub("", text.replace("%%", ""))) for text in _texts(message.id)):
            lines.append(f"{name[1]!r} has a nameless placeholder: write %(name)s")
        if name in written:
            lines += [f"{name[1]!r} {problem}" for problem in _problems(written[name])]
        else:
            lines.append(f"{name[1]!r} is missing from the catalogue: run tools/translations.py")
    return [f"{domain.name}: {line}" for line in lines]


def _problems(message: Message) -> Iterator[str]:
    """Yield what is wrong with one translation."""
    originals, translations = _texts(message.id), _texts(message.string)
    if message.fuzzy:
        yield "is fuzzy"
    if not all(translations):
        yield "is not translated"
        return
    places = set.union(*(_places(text) for text in originals))
    for text in translations:
        if _places(text) - places:
            yield f"fills {sorted(_places(text) - places)}, which the original does not have"
        elif len(originals) == 1 and _places(text) != places:
            yield f"leaves out {sorted(places - _places(text))}"
        yield from lint(text)


def lint(text: str) -> Iterator[str]:
    """Yield what a Chinese reader would stumble over: Latin marks, rewritten code, words that are not ours."""
    prose = PLACE.sub("x", CODE.sub("", text))
    for match in HALF_WIDTH.finditer(prose):
        yield f"has a half-width mark in {match[0]!r}"
    for match in CODE_SIGN.finditer(prose):
        yield f"has a full-width mark inside code: {match[0]!r}"
    for match in INTERNAL.finditer(prose):
        yield f"shows an internal code: {match[0]}"
    for allowed in ALLOWED_WORDS:
        prose = prose.replace(allowed, "")
    for word, instead in WORDS.items():
        if word in prose:
            yield f"says {word} (write {instead})"


def _texts(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (str(value or ""),)


def _identifier(message: Message) -> tuple[str, str]:
    return message.context or "", _texts(message.id)[0]


def _places(text: str) -> set[str]:
    return {percent or brace for percent, brace in NAMED.findall(text)}


def main() -> int:
    """Update and check, or only check."""
    if "--check" not in sys.argv[1:]:
        from hatch_build import make_translations

        for domain in DOMAINS:
            update(domain)
        make_translations(ROOT)
    lines = [line for domain in DOMAINS for line in problems(domain)]
    print("\n".join(lines) or "Both catalogues are complete.")
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
