"""What every request is answered within."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure_app.core import conf

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class LakeMiddleware:
    """Open the lake once a request; a request that writes nothing reads each table's version once, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with conf.moment(steady=request.method in ("GET", "HEAD")):
            response = self.get_response(request)
            if response.streaming:
                response.streaming_content = conf.during(conf.current(), response.streaming_content)  # type: ignore[attr-defined]
        return response
