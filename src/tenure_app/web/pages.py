"""Pages are declared: each view names its address and who may see it, and nothing else is ever answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import Resolver404, URLPattern, path, resolve
from django.views.decorators.http import require_http_methods

if TYPE_CHECKING:
    from types import ModuleType

    from django.http.response import HttpResponseBase

View = Callable[..., "HttpResponseBase"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may see a page."""

    name: str
    allows: Callable[[Any], bool]  # a signed-in person or an anonymous one


EVERYONE = Rule("everyone", lambda _person: True)
SIGNED_IN = Rule("signed in", lambda person: bool(person.is_authenticated))


@dataclass(frozen=True, slots=True)
class Page:
    """What a view declares."""

    address: str
    name: str  # by which links find it
    rule: Rule
    methods: tuple[str, ...]


def page(
    address: str, name: str, *, rule: Rule = SIGNED_IN, methods: tuple[str, ...] = ("GET",)
) -> Callable[[View], View]:
    """Declare a view: ``@page("customers/", "customers")``.

    Parameters
    ----------
    address : str
        Its address, as Django's ``path`` takes it.
    name : str
        Its name for ``reverse`` and ``{% url %}``.
    rule : Rule
        Who may see it.
    methods : tuple of str
        What it answers; other methods are refused.
    """

    def declare(view: View) -> View:
        declared = require_http_methods(list(methods))(view)
        declared.page = Page(address, name, rule, methods)  # type: ignore[attr-defined]
        return declared

    return declare


def declaration(view: object) -> Page | None:
    """Return what a view declares, None when it declares nothing."""
    found = getattr(view, "page", None)
    return found if isinstance(found, Page) else None


def rule_of(address: str) -> Rule:
    """Return who may see an address; what no page declares is for people who are signed in."""
    try:
        declared = declaration(resolve(address).func)
    except Resolver404:
        declared = None
    return declared.rule if declared else SIGNED_IN


def addresses(*modules: ModuleType) -> list[URLPattern]:
    """Return the addresses of the pages that modules declare, in the order in which they stand there."""
    views = [view for module in modules for view in vars(module).values() if _is_of(view, module)]
    return [path(view.page.address, view, name=view.page.name) for view in views]


def _is_of(view: object, module: ModuleType) -> bool:
    return declaration(view) is not None and getattr(view, "__module__", "") == module.__name__
