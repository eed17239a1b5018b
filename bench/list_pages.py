"""How long do the pages take when there are very many customers?

    python bench/list_pages.py                        # a million customers under two models, about 9 M spans
    python bench/list_pages.py --customers 100000
    python bench/list_pages.py --lake FOLDER          # pages of a lake that is there already

Customers and spans are made up directly (how they come about is measured in history.py). Every page is asked for
through the whole application, templates included; the first time opens the lake's tables, the best of the others
counts. A statistic is worked out once a refresh, so both times are printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

TODAY = date(2026, 11, 22)
NUMBER = (TODAY - date(1970, 1, 1)).days
STAGES = {
    "retail-activity": ("active", "silent", "dormant", "lost"),
    "crm-5": ("acquisition", "growth", "maturity", "decline", "churn"),
}
PAGES = {
    "first page of all": "/customers/",
    "page 10,000 of all": "/customers/?page=10000",
    "all by last order": "/customers/?sort=-last_order",
    "all by days in stage": "/customers/?sort=since",
    "one stage": "/customers/?model=retail-activity&stage=silent",
    "one stage on a past day": "/customers/?model=retail-activity&stage=silent&as_of=2025-05-05",
    "one stage, 5 orders or more": "/customers/?model=retail-activity&stage=lost&orders_min=5",
    "one band of a flow": "/customers/?model=retail-activity&stage=silent&was=active&was_on=2026-10-23",
    "who moves within 7 days": "/customers/?model=retail-activity&next_within=7&sort=next",
    "search a phone number": "/customers/?q=13800471234",
    "search a name": "/customers/?q=王伟",
    "one customer": "/customers/C00004711/",
    "overview": "/overview/",
    "board": "/lifecycle/?model=retail-activity",
}


def days(numbers: np.ndarray, present: np.ndarray | None = None) -> pa.Array:
    """Return days as dates, null where not present."""
    return pa.array(numbers.astype(np.int32), mask=None if present is None else ~present).cast(pa.date32())


def fill(folder: Path, count: int) -> None:
    """Write a lake of made-up customers with their spans."""
    from tenure.facts.lake import Lake
    from tenure.refreshing.models import GENERATION, columns
    from tenure.refreshing.numbers import NUMBER as CUSTOMER_NUMBER
    from tenure.refreshing.report import REFRESHES
    from tenure.refreshing.work import SPANS_IN_LAKE

    lake, random = Lake.create(folder, business="大商店"), np.random.default_rng(1)
    orders = random.geometric(0.12, count).astype(np.int64)
    first = NUMBER - random.integers(1, 1400, count)
    last = first + (random.random(count) * (NUMBER - first)).astype(int)
    ids = pa.array([f"C{n:08d}" for n in range(count)])
    names = random.choice(list("赵钱孙李周吴郑王冯陈"), count) + random.choice(list("伟芳娜敏静丽强磊军洋"), count)
    figures: dict[str, Any] = {
        "customer_id": ids,
        "number": np.arange(count),
        "name": pa.array(names.tolist()),
        "phone": pa.array([f"+86138{n:08d}" for n in range(count)]),
        "email": pa.array([f"c{n}@example.com" for n in range(count)]),
        "first_seen_on": days(first),
        "first_order_on": days(first),
        "last_order_on": days(last),
        "orders": orders,
        "order_days": orders,
        "amount": pa.array((random.random(count) * 500 * orders).round(2)).cast(pa.decimal128(18, 4)),
        "generation": np.ones(count, dtype=np.int64),
    }
    lake.write("scorecard", _table(columns(()).append(CUSTOMER_NUMBER).append(GENERATION), figures, count))
    for model in STAGES:
        lake.write("spans", _table(SPANS_IN_LAKE, *spans(model, ids, orders, first)), partition_by="model")
    reports = [{"id": model, "version": "1", "customers": count, "spans": 0, "missing": []} for model in STAGES]
    row = {
        "generation": 1,
        "as_of": TODAY,
        "tz": "Asia/Shanghai",
        "mode": "full",
        "customers": count,
        "models": json.dumps(reports),
    }
    lake.write("refreshes", pa.Table.from_pylist([row], schema=REFRESHES))


def spans(model: str, ids: pa.Array, orders: np.ndarray, first: np.ndarray) -> tuple[dict[str, Any], int]:
    """Return up to six stays a customer, one after the other."""
    each = np.minimum(orders, 6)
    who = np.repeat(np.arange(len(ids)), each)
    turn = np.arange(len(who)) - np.repeat(np.cumsum(each) - each, each)
    step = np.maximum((NUMBER - first) // each, 1)
    entered = first[who] + turn * step[who]
    current = turn == each[who] - 1
    stages = np.array(STAGES[model])
    coming = current & (who % 4 != 0)
    columns: dict[str, Any] = {
        "model": pa.repeat(model, len(who)),
        "version": pa.repeat("1", len(who)),
        "customer_id": ids.take(pa.array(who)),
        "number": who,
        "stage": pa.array(stages[(turn + who) % len(stages)]),
        "entered_on": days(entered),
        "left_on": days(entered + step[who], ~current),
        "reason": pa.repeat('{"rule": "days_since(order) <= 45", "measures": ["days_since(order)"]}', len(who)),
        "reason_values": pa.array([[float(n)] for n in range(90)]).take(pa.array(who % 90)),
        "passed_through": np.zeros(len(who), dtype=bool),
        "next_stage": pa.array(stages[(turn + who + 1) % len(stages)], mask=~coming),
        "next_change_on": days(NUMBER + 1 + who % 90, coming),
        "generation": np.ones(len(who), dtype=np.int64),
    }
    return columns, len(who)


def _table(schema: pa.Schema, columns: dict[str, Any], count: int) -> pa.Table:
    return pa.table(
        {field.name: columns[field.name] if field.name in columns else pa.nulls(count, field.type) for field in schema}
    ).cast(schema)


def measure(folder: Path, times: int) -> list[tuple[str, float, float]]:
    """Ask for every page and return its first and its best time in milliseconds."""
    os.environ |= {
        "TENURE_LAKE": str(folder),
        "TENURE_DATA": f"{folder}-app",
        "DJANGO_SETTINGS_MODULE": "tenure_app.settings",
    }
    os.environ |= {"TENURE_HOSTS": "testserver", "TENURE_TOKEN_SHA256": hashlib.sha256(b"bench").hexdigest()}
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    call_command("migrate", verbosity=0)
    client = Client()
    client.get("/", {"token": "bench"})
    client.get("/in-progress/")
    return [(name, *_page(client, address, times)) for name, address in PAGES.items()]


def _page(client: Any, address: str, times: int) -> tuple[float, float]:
    taken = []
    for _time in range(times + 1):
        begin = time.perf_counter()
        answer = client.get(address)
        taken.append((time.perf_counter() - begin) * 1000)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
    return taken[0], min(taken[1:])


def main() -> None:
    """Print one line a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--lake", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = arguments.lake or Path(place) / "lake"
        if arguments.lake is None:
            fill(folder, arguments.customers)
        print(f"{'page':<32}{'first, ms':>12}{'best, ms':>12}")
        for name, first, best in measure(folder, arguments.times):
            print(f"{name:<32}{first:>12.0f}{best:>12.0f}")
        print(f"memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
