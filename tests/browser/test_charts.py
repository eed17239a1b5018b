"""Every kind of chart is drawn under the strictest policy, without a word in the console."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

import hatch_build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
DAYS = [f"2026-{month:02d}-01" for month in range(1, 12)]
STAGES = [("活跃", "F6", 900), ("沉默", "F8", 420), ("休眠", "F9", 210), ("流失", "F10", 123_000)]
CHARTS: dict[str, dict[str, Any]] = {
    "sankey": {
        "nodes": [
            {"id": f"{side}-{name}", "name": name, "family": family, "depth": depth}
            for depth, side in enumerate(("from", "to"))
            for name, family, _ in STAGES
        ],
        "links": [
            {"source": "from-活跃", "target": "to-沉默", "value": 312, "url": "/customers"},
            {"source": "from-活跃", "target": "to-活跃", "value": 800},
            {"source": "from-沉默", "target": "to-休眠", "value": 90},
            {"source": "from-休眠", "target": "to-流失", "value": 45},
        ],
        "unit": " 人",
    },
    "area": {
        "days": DAYS,
        "series": [
            {"name": name, "family": family, "values": [count // 9 + 7 * at for at in range(11)]}
            for name, family, count in STAGES[:3]
        ],
    },
    "line": {
        "days": DAYS,
        "series": [
            {
                "name": "复购率",
                "family": "F6",
                "values": list(range(11)),
                "low": list(range(11)),
                "high": [n + 3 for n in range(11)],
            }
        ],
    },
    "bar": {"items": [{"name": name, "family": family, "value": count} for name, family, count in STAGES]},
    "heatmap": {
        "x": ["1", "2", "3"],
        "y": ["2026-01", "2026-02"],
        "cells": [[x, y, 1 / (1 + x + y)] for x in range(3) for y in range(2)],
        "percent": True,
    },
    "ribbon": {
        "from": "2026-01-01",
        "to": "2027-02-01",
        "today": "2026-11-22",
        "todayName": "今天",
        "ordersName": "订单",
        "rows": [
            {
                "name": "零售活跃度",
                "spans": [
                    {
                        "stage": "活跃",
                        "family": "F6",
                        "from": "2026-02-01",
                        "to": "2026-07-09",
                        "because": "距上次下单 45 天以内",
                    },
                    {
                        "stage": "沉默",
                        "family": "F8",
                        "from": "2026-07-09",
                        "to": None,
                        "because": "距上次下单超过 45 天",
                    },
                ],
                "next": {"on": "2027-01-03", "stage": "休眠", "family": "F9"},
            },
            {
                "name": "CRM 五阶段",
                "spans": [{"stage": "成长", "family": "F5", "from": "2026-02-01", "to": None}],
                "next": None,
            },
        ],
        "orders": [{"on": "2026-02-01", "text": "¥120"}, {"on": "2026-05-24", "text": "¥80"}],
    },
}


def _page(kind: str) -> str:
    return (
        f'<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><title>{kind}</title>'
        '<link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="vendor/tabler.min.css"><link rel="stylesheet" href="app.css">'
        '<script src="vendor/htmx.min.js" defer></script><script src="vendor/tabler.min.js" defer></script>'
        '<meta name="htmx-config" content=\'{"includeIndicatorStyles": false, "allowEval": false}\'>'
        '<script src="app.js" defer></script><script src="charts.js" defer></script>'
        f'<body><figure class="chart"><div id="chart" data-chart="{kind}"></div>'
        f'<script type="application/json">{json.dumps(CHARTS[kind], ensure_ascii=False)}</script></figure></body>'
    )


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        kind = self.path.strip("/")
        if kind not in CHARTS:
            return super().do_GET()
        body = _page(kind).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)
        return None

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(hatch_build.ASSETS)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser_page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 900, "height": 420})
    yield page
    page.close()


@pytest.mark.parametrize("kind", CHARTS)
def test_it_draws_without_a_word_in_the_console(kind: str, address: str, browser_page: Page, tmp_path: Path) -> None:
    said: list[str] = []
    listen = lambda message: said.append(message.text)  # noqa: E731
    fail = lambda error: said.append(str(error))  # noqa: E731
    browser_page.on("console", listen)
    browser_page.on("pageerror", fail)
    browser_page.goto(f"{address}/{kind}")
    browser_page.wait_for_selector("#chart canvas")
    browser_page.wait_for_timeout(500)
    box = browser_page.locator("#chart").bounding_box()
    assert box is not None
    browser_page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    browser_page.wait_for_timeout(200)
    colours = browser_page.evaluate(
        "() => { const c = document.querySelector('#chart canvas');"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " const seen = new Set();"
        " for (let i = 0; i < d.length; i += 388) if (d[i + 3]) seen.add(`${d[i]},${d[i + 1]},${d[i + 2]}`);"
        " return seen.size; }"
    )
    browser_page.screenshot(path=tmp_path / f"{kind}.png")
    browser_page.remove_listener("console", listen)
    browser_page.remove_listener("pageerror", fail)
    assert said == []
    assert colours > 5, "the canvas is as good as empty"
