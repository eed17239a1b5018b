"""What templates may say: formats, links that keep the day, icons, stage badges, definitions. Loaded everywhere."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest, QueryDict
from django.template.context import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tenure.columns import catalogue
from tenure.words import current_language
from tenure_app.web import formats

if TYPE_CHECKING:
    from tenure_app.web.figures import ShownFigure, Switch
    from tenure_app.web.tables import ShownTable

GLOSSARY = Path(formats.__file__).with_name("glossary.yaml")
register = template.Library()
for _name in ("number", "percent", "change", "day", "instant", "ago", "size"):
    register.filter(_name, getattr(formats, _name))


@register.simple_tag(takes_context=True)
def money(context: Context, value: object) -> str:
    return formats.money(value, _currency(context))


@register.simple_tag(takes_context=True)
def money_short(context: Context, value: object) -> str:
    """Write an amount in the business's currency, short: ¥12.3万."""
    return formats.money(value, _currency(context), brief=True)


def _currency(context: Context) -> str:
    return getattr(context.get("business"), "currency", "CNY")


@register.simple_tag(takes_context=True)
def link(context: Context, name: str, *args: Any, **query: Any) -> str:
    """Return a page's address that keeps the chosen day: {% link "customers" stage="lost" %}."""
    request: HttpRequest | None = context.get("request")
    kept = {"as_of": request.GET["as_of"]} if request is not None and context.get("as_of_chosen") else {}
    kept |= {key: value for key, value in query.items() if value not in (None, "")}
    return reverse(name, args=args) + (f"?{urlencode(kept, doseq=True)}" if kept else "")


@register.simple_tag(takes_context=True)
def here(context: Context, **query: Any) -> str:
    """Return this page's address with some of its query replaced; None or "" takes a part away: {% here page=3 %}."""
    request: HttpRequest = context["request"]
    kept: QueryDict = request.GET.copy()
    for key, value in query.items():
        if value in (None, ""):
            kept.pop(key, None)
        else:
            kept[key] = str(value)
    return request.path + (f"?{kept.urlencode()}" if kept else "")


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """Return an icon of the sprite; it is decoration, so screen readers skip it."""
    address = static("tenure_app/icons.svg")
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>', classes, address, name)


@register.simple_tag
def stage_badge(name: object, family: str = "") -> SafeString:
    """Return a stage's name in its colour: {% stage_badge stage.name stage.family %}."""
    return format_html('<span class="stage" data-family="{}">{}</span>', family or "", name)


@cache
def terms() -> dict[str, dict[str, dict[str, str]]]:
    """Return what terms mean, id -> language -> words: columns from their catalogue, others from glossary.yaml."""
    import yaml

    columns = {
        name: {
            language: {"term": getattr(column.label, language), "text": getattr(column.definition, language)}
            for language in ("zh", "en")
        }
        for name, column in catalogue().items()
    }
    return {**yaml.safe_load(GLOSSARY.read_text(encoding="utf-8")), **columns}


@register.inclusion_tag("components/info.html")
def info(term: str) -> dict[str, str]:
    """Return the ⓘ that explains a term: {% info "as-of" %}."""
    language = "zh" if current_language() == "zh_Hans" else "en"
    return dict(terms()[term][language])  # a copy: templates put the form's token into it


@register.inclusion_tag("components/stat.html")
def stat(label: str, value: object, term: str = "", url: str = "", note: str = "") -> dict[str, Any]:
    """Return one number with its definition and the rows behind it: {% stat label value "customer" url %}."""
    return {"label": label, "value": value, "term": term, "url": url, "note": note}


@register.inclusion_tag("components/table.html", takes_context=True)
def table(context: Context, shown: ShownTable) -> dict[str, Any]:
    shared = {name: context.get(name) for name in ("request", "business", "as_of_chosen", "csrf_token")}
    return {
        "shown": shown,
        "table": shown.table,
        "page": shown.page,
        "heads": list(shown.heads()),
        "body": shown.body(shared),
        "request": shared["request"],
    }


@register.inclusion_tag("components/figure.html", takes_context=True)
def figure(context: Context, shown: ShownFigure) -> dict[str, Any]:
    return {
        **{name: context.get(name) for name in ("request", "business", "as_of_chosen", "csrf_token")},
        **files(context, shown.id),
        "shown": shown,
        "chart": shown.id if shown.chart else "",
    }


@register.inclusion_tag("components/downloads.html", takes_context=True)
def files(context: Context, name: str) -> dict[str, str]:
    """Return the files of a table: {% files "budget" %}."""
    csv, excel = (here(context, format=f"{name}.{kind}", page=None) for kind in ("csv", "xlsx"))
    return {"csv": csv, "excel": excel}


@register.inclusion_tag("components/switch.html", takes_context=True)
def switch(context: Context, shown: Switch, anchor: str = "") -> dict[str, Any]:
    """Return buttons of which one is pressed: {% switch period %}."""
    options = [
        (here(context, **{shown.parameter: value}) + (anchor and f"#{anchor}"), name, value == shown.current)
        for value, name in shown.options
    ]
    return {"label": shown.label, "options": options}


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(context: Context, page: Any, anchor: str = "") -> dict[str, Any]:
    """Return the pager of a page of django.core.paginator; `anchor` is the place of the list on the page."""
    request: HttpRequest = context["request"]
    kept = [(name, value) for name, values in request.GET.lists() if name != "page" for value in values]
    return {"page": page, "request": request, "kept": kept, "anchor": anchor}


@register.filter
def address(value: object) -> str:
    """Return a value as an address or a field of a form writes it."""
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)


@register.filter
def file_name(path: object) -> str:
    return str(path or "").replace("\\", "/").rsplit("/", 1)[-1]


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """Return a key of a mapping, nothing when it is not there: {{ names|get:code }}."""
    return mapping.get(key) if hasattr(mapping, "get") else None
