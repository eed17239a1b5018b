"""Random rules, models and facts for Hypothesis, written as text and tables like a user's."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from tenure.facts.schema import CUSTOMERS, FACT_TABLES

START = date(2024, 1, 10)  # so that both changes of the clock, and a 29 February, lie within the facts
LENGTH = 420
PEOPLE = ("ann", "bob", "eve")

# -- rules ---------------------------------------------------------------------------------------------------------

MONEY_KINDS = ("order", "refund", "referred_order", "referred_buyer", "cost", "volume")
KINDS = (
    *MONEY_KINDS, "line", "interaction", "view", "search", "enquiry", "open", "csat", "nps", "case", "complaint",
    "balance", "contract", "start", "renewal", "cancel",
)  # fmt: skip
FIELDS = (
    *(f"{kind}.amount" for kind in MONEY_KINDS), "order.cost", "line.amount", "line.quantity", "view.seconds",
    "interaction.seconds", "csat.score", "nps.score", "balance.receivable", "balance.payable",
    "order|refund.amount", "view|search.seconds",
)  # fmt: skip

# Most rules should be about what most customers do, so that random facts meet them.
kind = st.one_of(
    st.sampled_from(("order", "order", "order", "view", "csat")),
    st.sampled_from(KINDS),
    st.sampled_from(("view|search", "order | refund", "csat|nps|view", "order|referred_buyer", "interaction|view")),
)
number_field = st.one_of(st.sampled_from(("order.amount", "csat.score", "view.seconds")), st.sampled_from(FIELDS))
length = st.one_of(st.sampled_from((1, 2, 7, 30, 90)), st.integers(1, 200))
window = st.one_of(
    st.just(""),
    length.map(lambda n: f", last {n}d"),
    length.map(lambda n: f", last {n}d"),
    st.tuples(length, length).map(lambda ns: f", last {ns[0]}d, before {ns[1]}d"),
    length.map(lambda n: f", before {n}d"),
)
whole = st.one_of(st.integers(0, 6), st.sampled_from((10, 14, 30, 45, 46, 60, 90, 180)), st.integers(0, 250)).map(str)
literal = st.one_of(whole, whole, st.sampled_from(("0.5", "50%", "1.5", "0.1", "1_000", "0.3", "2.25", "33.3", "20")))


def _call(name: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda found: f"{name}({''.join(found)})")


waiting = st.one_of(_call("days_since", kind), _call("days_since", kind), _call("days_since_first", kind))
steady = st.one_of(
    _call("count", kind, window),
    _call("count", st.sampled_from(("order", "view")), window),
    _call("days", kind, window),
    st.one_of(*(_call(name, number_field, window) for name in ("sum", "sum", "avg", "max", "min", "last"))),
    _call("last", st.sampled_from(("csat", "order", "view", "nps", "line", "cost")), window),
    _call(
        "categories", st.sampled_from(("order", "line", "view", "line | view | search", "interaction|order")), window
    ),
    _call("typical_gap", kind),
    _call("typical_gap", st.sampled_from(("order", "view"))),
    _call("gap_variation", kind),
    st.tuples(st.one_of(number_field, kind), st.integers(1, 50)).map(lambda t: f"slope({t[0]}, last {t[1] * 4}d)"),
    st.sampled_from(("open(complaint)", "open(case)", "balance()", "attribute(age)", "score(churn)")),
)


def _arithmetic(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(("+", "-", "*", "/")), st.one_of(literal, inner)).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(literal, st.sampled_from(("*", "-", "/")), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda each: f"-{each}"),
    )


constant = st.one_of(literal, steady, _arithmetic(steady), _arithmetic(_arithmetic(steady)))
#: Numbers with waiting times in them: added, scaled by anything steady, never multiplied with each other.
moving = st.one_of(
    waiting,
    waiting,
    st.tuples(constant, waiting).map(lambda t: f"{t[0]} * {t[1]}"),
    st.tuples(waiting, steady).map(lambda t: f"{t[0]} / {t[1]}"),
    st.tuples(waiting, st.sampled_from("+-"), constant).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    st.tuples(waiting, st.sampled_from("+-"), waiting).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
)
sign = st.sampled_from(("<", "<=", "=", "!=", ">=", ">", "==", "<>", "≤", "≥", "≠", "<", "<=", ">", ">="))
comparison = st.one_of(
    st.tuples(waiting, sign, literal),
    st.tuples(moving, sign, constant),
    st.tuples(constant, sign, moving),
    st.tuples(moving, sign, moving),
    st.tuples(steady, sign, literal),
    st.tuples(constant, sign, constant),
).map(" ".join)
test = st.one_of(
    comparison,
    comparison,
    comparison,
    st.tuples(st.one_of(constant, moving), st.sampled_from(("known", "unknown", "not known", "not unknown"))).map(
        lambda t: f"{t[0]} is {t[1]}"
    ),
    _call("has", kind, window),
    st.sampled_from(('attribute(tier) = "gold"', 'attribute(tier) != "gold"', '"gold" = attribute("tier")')),
)


def _boolean(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" and ".join),
        st.lists(inner, min_size=2, max_size=3).map(" or ".join),
        inner.map(lambda each: f"not ({each})"),
        inner.map(lambda each: f"({each})"),
        inner.map(lambda each: f"not {each}"),
    )


condition = st.one_of(test, test, _boolean(test), _boolean(_boolean(test)))


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Return the text of a rule."""
    return draw(condition)


# -- models --------------------------------------------------------------------------------------------------------

settles = st.sampled_from(("0d", "1d", "2d", "1w", "14d", "2w", "30d", "45d"))


def mapping(stages: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    """Return a model as its YAML file would read, with names filled in."""
    named = [{"name": {"zh": stage["id"], "en": stage["id"]}, **stage} for stage in stages]
    return {"id": "random", "name": {"zh": "随机", "en": "Random"}, "stages": named, **settings}


@st.composite
def models(draw: st.DrawFn, special: bool = True, settling: bool = False) -> dict[str, Any]:
    """Return a random model.

    With `special`, also stepwise, setback, terminal and without-facts ones; with `settling`, stages that take time,
    and, unless that is all there is to be, stages that are left by another rule than entered.
    """
    ids = ["s1", "s2", "s3", "s4", "s5"][: draw(st.sampled_from((3, 1, 2, 4, 5)))]
    stages: list[dict[str, Any]] = [{"id": each, "when": draw(rules())} for each in ids]
    if draw(st.sampled_from((True, True, False))):
        stages[-1]["when"] = "otherwise"
    settings: dict[str, Any] = {}
    if special:
        for stage in stages:
            flag = draw(st.sampled_from((None, None, None, "setback", "terminal", "without_facts")))
            if flag:
                stage[flag] = True
        settings["stepwise"] = draw(st.booleans())
        settings["path"] = list(draw(st.permutations(ids)))
        if draw(st.sampled_from((False, False, True))):
            settings["enters"] = draw(
                st.lists(st.sampled_from(("order", "view", "csat", "start")), min_size=1, unique=True)
            )
    if settling:
        settings.update(draw(_settling(stages)))
    return mapping(stages, **settings)


@st.composite
def _settling(draw: st.DrawFn, stages: list[dict[str, Any]]) -> dict[str, Any]:
    """Let some stages take their time, and some hold longer than they are entered; return what the model says."""
    stays = draw(st.booleans())
    for stage in stages:
        if draw(st.booleans()):
            stage["settles"] = draw(settles)
        if stays and stage["when"] != "otherwise" and draw(st.booleans()):
            stage["stays_while"] = draw(rules())
    return {"settles": draw(settles)} if draw(st.booleans()) else {}


# -- facts ---------------------------------------------------------------------------------------------------------

_MONEY = tuple(Decimal(text) for text in ("0", "0.1", "0.2", "0.3", "9.99", "10", "20", "33.3", "100.0001", "250"))
_SECONDS = (None, Decimal("0"), Decimal("5"), Decimal("12.5"), Decimal("300"))
_SCORES = tuple(Decimal(each) for each in ("1", "2", "3", "4", "5", "0", "9", "10", "4.5"))
money = st.sampled_from(_MONEY)
maybe_money = st.sampled_from((None, *_MONEY))


class Facts:
    """Random facts: tables as the product reads them, and who they are about."""

    def __init__(self, tables: dict[str, pa.Table], customers: pa.Table | None) -> None:
        self.tables, self.customers = tables, customers

    def __repr__(self) -> str:
        lines = [f"{name}: {_short(row)}" for name, table in self.tables.items() for row in table.to_pylist()]
        people = self.customers.to_pylist() if self.customers is not None else []
        return "\n".join(["Facts", *lines, *(f"customer: {_short(person)}" for person in people)])


def _short(row: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in row.items() if value is not None and name != "fact_id")


def _referrer(who: str) -> st.SearchStrategy[str | None]:
    others = [each for each in PEOPLE if each != who]
    return st.sampled_from((None, None, None, *others))


def _order(draw: st.DrawFn, who: str, number: int) -> list[tuple[str, dict[str, Any]]]:
    order = {"order_id": f"o{number}", "amount": draw(money), "cost": draw(maybe_money), "status": "sale"}
    lines = draw(st.lists(st.tuples(st.sampled_from((None, "tea", "rice", "oil")), maybe_money), max_size=2))
    line = {"order_id": f"o{number}", "quantity": Decimal(len(lines))}
    return [
        ("orders", {**order, "referrer_id": draw(_referrer(who))}),
        *(
            ("order_lines", {**line, "product_id": f"p{n}", "category": category, "amount": amount})
            for n, (category, amount) in enumerate(lines)
        ),
    ]


def _rows(draw: st.DrawFn, what: str, who: str, number: int) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows that one event writes, without their instant."""
    row: dict[str, Any]
    match what:
        case "order":
            return _order(draw, who, number)
        case "refund":
            table, row = "orders", {"order_id": f"o{number}", "amount": -draw(money), "status": "refund"}
        case "view" | "search" | "enquiry" | "open":
            table, row = "interactions", {"kind": what, "seconds": draw(st.sampled_from(_SECONDS))}
            row["category"] = draw(st.sampled_from((None, "tea", "salt")))
        case "csat" | "nps":
            table, row = "feedback", {"measure": what, "score": draw(st.sampled_from(_SCORES))}
        case "complaint" | "question":
            table, row = "cases", {"case_id": f"c{number}", "kind": what, "event": "opened"}
        case "close":
            table, row = "cases", {"event": "closed"}
        case "cost" | "volume":
            table, row = f"{what}s", {"amount": draw(money)}
        case "balance":
            table, row = "balances", {"receivable": draw(money), "payable": draw(money)}
        case _:
            table, row = "contracts", {"contract_id": "k1", "event": what}
    return [(table, row)]


EVENTS = (
    "order", "order", "order", "order", "order", "order", "view", "view", "view", "search", "enquiry", "open", "csat",
    "csat", "nps", "refund", "complaint", "question", "close", "cost", "volume", "balance", "started", "renewed",
    "cancelled",
)  # fmt: skip
#: Hours near midnight of Berlin, New York, Shanghai and UTC, and some others.
_HOURS = st.sampled_from((0, 1, 3, 4, 5, 8, 12, 15, 16, 18, 21, 22, 23))
#: Mostly the same day or soon, sometimes the clock-change days, sometimes a long silence.
_STEPS = st.one_of(st.sampled_from((0, 0, 1, 1, 2, 7)), st.integers(0, 60), st.sampled_from((45, 46, 90, 150)))


def instant(day: int, hour: int, minute: int, number: int) -> datetime:
    """Return an instant that no other fact of a test shares."""
    at = datetime(START.year, START.month, START.day, hour, minute, tzinfo=UTC)
    return at + timedelta(days=day, microseconds=number)


@st.composite
def one_persons_rows(draw: st.DrawFn, who: str, most: int = 18) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows of one customer's events."""
    day = draw(st.integers(0, 60))
    rows: list[tuple[str, dict[str, Any]]] = []
    still_open: list[dict[str, Any]] = []
    fewest = draw(st.sampled_from((6, 3, 9, 0)))
    for number, what in enumerate(draw(st.lists(st.sampled_from(EVENTS), min_size=fewest, max_size=most))):
        day = min(day + draw(_STEPS), LENGTH)
        hour, minute = draw(_HOURS), draw(st.sampled_from((0, 30, 59)))
        for table, row in _rows(draw, what, who, number):
            if what == "close":
                if not still_open:
                    continue
                opened = still_open.pop()
                row |= {"case_id": opened["case_id"], "kind": opened["kind"]}
            elif table == "cases":
                still_open.append(row)
            at = instant(day, hour, minute, len(rows) * 10 + PEOPLE.index(who))
            rows.append((table, {"customer_id": who, "at": at, **row}))
    return rows


@st.composite
def override_rows(draw: st.DrawFn, who: str, stages: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Return up to three decisions of persons about one customer."""
    rows = []
    for number in range(draw(st.integers(0, 3))):
        day = draw(st.integers(0, LENGTH))
        until = draw(st.one_of(st.none(), st.integers(-5, 90)))
        row = {
            "customer_id": who,
            "at": instant(day, draw(_HOURS), 0, 5_000 + number),
            "model": draw(st.sampled_from(("random", "random", "random", "other"))),
            "stage": draw(st.sampled_from((*stages, *stages, "", None))),
            "reason": "met them at the fair",
            "until": None if until is None else START + timedelta(days=day + until),
        }
        rows.append(("overrides", row))
    return rows


def tables(rows: list[tuple[str, dict[str, Any]]]) -> dict[str, pa.Table]:
    """Return rows as fact tables with the product's schemas."""
    found: dict[str, list[dict[str, Any]]] = {}
    for number, (table, row) in enumerate(rows):
        blank = dict.fromkeys(FACT_TABLES[table].schema.names)
        found.setdefault(table, []).append({**blank, "fact_id": f"f{number}", **row})
    return {table: pa.Table.from_pylist(each, schema=FACT_TABLES[table].schema) for table, each in found.items()}


def customer_table(records: list[dict[str, Any]]) -> pa.Table:
    """Return customers' records as a table."""
    blank = dict.fromkeys(CUSTOMERS.names)
    return pa.Table.from_pylist([{**blank, **record} for record in records], schema=CUSTOMERS)


@st.composite
def _records(draw: st.DrawFn) -> list[dict[str, Any]]:
    records = []
    for who in PEOPLE:
        if draw(st.booleans()):
            attributes: dict[str, Any] = {}
            if draw(st.booleans()):
                attributes["age"] = draw(st.sampled_from((0, 18, 45, 45.5)))
            if draw(st.booleans()):
                attributes["tier"] = draw(st.sampled_from(("gold", "silver")))
            created = START + timedelta(days=draw(st.integers(0, LENGTH)))
            records.append({
                "customer_id": who, "created_on": created, "kind": "person",
                "attributes": json.dumps(attributes) if attributes or draw(st.booleans()) else None,
                "seen_at": instant(0, 0, 0, 0),
            })  # fmt: skip
    return records


@st.composite
def facts(draw: st.DrawFn, overrides: list[str] | None = None, records: bool = True) -> Facts:
    """Return random facts of a few customers; `overrides` names the stages that persons may decide for."""
    rows: list[tuple[str, dict[str, Any]]] = []
    for who in PEOPLE[: draw(st.integers(1, len(PEOPLE)))]:
        rows += draw(one_persons_rows(who))
        if overrides:
            rows += draw(override_rows(who, overrides))
    found = tables(rows)
    people = draw(_records()) if records else []
    return Facts(found, customer_table(people) if people else None)


as_of_days = st.one_of(st.just(LENGTH), st.integers(150, LENGTH + 60), st.integers(0, LENGTH)).map(
    lambda number: START + timedelta(days=number)
)
zones = st.sampled_from(("UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Pacific/Auckland"))
