"""Pages are declared: each view names its address and who may see it, and nothing else is ever answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import Resolver404, URLPattern, path, resolve
from django.views.decorators.http import require_http_methods

View = Callable[..., "HttpResponseBase"]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    allows: Callable[[Any], bool]  # a signed-in person or an anonymous one


EVERYONE = Rule("everyone", lambda _person: True)
SIGNED_IN = Rule("signed in", lambda person: bool(person.is_authenticated))


@dataclass(frozen=True, slots=True)
class Page:
    address: str
    name: str  # by which links find it
    rule: Rule
    methods: tuple[str, ...]


def page(address: str, name: str, *, rule: Rule, methods: tuple[str, ...] = ("GET",)) -> Callable[[View], View]:
    """Declare a view by its address, its name for links, who may see it, and the methods that it answers."""

    def declare(view: View) -> View:
        declared = require_http_methods(list(methods))(view)
        declared.page = Page(address, name, rule, methods)  # type: ignore[attr-defined]
        return declared

    return declare


def declaration(view: object) -> Page | None:
    declared = getattr(view, "page", None)
    return declared if isinstance(declared, Page) else None


def rule_of(address: str) -> Rule:
    """Return who may see an address; what no page declares is for people who are signed in."""
    try:
        declared = declaration(resolve(address).func)
    except Resolver404:
        declared = None
    return declared.rule if declared else SIGNED_IN


def addresses(*modules: ModuleType) -> list[URLPattern]:
    """Return the addresses of the pages that modules declare, in the order in which they stand there."""
    return [
        path(declared.address, view, name=declared.name)
        for module in modules
        for view in vars(module).values()
        if getattr(view, "__module__", "") == module.__name__ and (declared := declaration(view))
    ]
