"""What warnings read of each customer: counts, sums and last answers on the last day.

All columns begin with ``_risk_``: they are read by :mod:`tenure.risk` and not published.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.blocks import day_number_of, who_of
from tenure.facts.schema import DAY, TEXT
from tenure.facts.streams import Stream
from tenure.risk.looking import NEVER, Look
from tenure.risk.wallet import periods, shares
from tenure.rules.evaluation.steps import distinct, starts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.facts.blocks import Events
    from tenure.rules.evaluation.compute import EvaluationContext

#: The days just past that are compared with what was before.
WINDOW = 90
#: How far before the window a customer's own rhythm is read.
REFERENCE = 360

#: Kinds of interactions that are messages of ours, the answers to them, and words of leaving. Shops name their own.
MESSAGES = frozenset(
    {"message", "message_sent", "sent", "delivered", "received", "mail", "mailing", "email", "email_sent"}
    | {"sms", "sms_sent", "push", "push_sent", "消息", "短信", "邮件", "推送"}
)
ANSWERS = frozenset(["open", "click", "reply", "redeem"])
LEAVING = frozenset(
    {"cancel", "cancellation", "cancel_request", "close_account", "unsubscribe", "opt_out", "port_out", "downgrade"}
    | {"termination", "termination_notice", "competitor", "competitor_search", "compare_competitor"}
    | {"退订", "注销", "销户", "携号转网", "解约", "终止意向", "比价", "竞品咨询"}
)

_WHOLE = (
    "days_90", "days_before", "days_reference", "gaps", "gap_days",
    "interactions_90", "interactions_before", "interactions_ever",
    "complaints_90", "complaints_open", "messages_90", "messages_before", "answers_90", "answers_before",
)  # fmt: skip
_NUMBERS = (
    "reference_days", "gap_logs",
    "spend_90", "spend_before", "spend_180", "spend_before_180", "spend_reference",
    "sales_year", "cost_year", "costed_year",
    "volume_90", "volume_before", "volume_180", "volume_before_180",
    "wallet", "wallet_before", "wallet_180", "wallet_before_180",
    "csat", "csat_before", "nps", "expectation", "experience",
)  # fmt: skip
_DAYS = ("first_order_on", "last_order_on", "feedback_on", "complaint_on", "complaint_since", "leaving_on")
_TEXTS = ("leaving_kind", "owner")

SCHEMA = pa.schema(
    [
        *((f"_risk_{name}", pa.int64()) for name in _WHOLE),
        *((f"_risk_{name}", pa.float64()) for name in _NUMBERS),
        *((f"_risk_{name}", DAY) for name in _DAYS),
        *((f"_risk_{name}", TEXT) for name in _TEXTS),
    ]
)


class WarningFigures:
    """The columns that warnings read, see :class:`tenure.lifecycle.figures.Figures`."""

    @property
    def schema(self) -> pa.Schema:
        """The columns, all internal."""
        return SCHEMA

    @property
    def streams(self) -> Mapping[Stream, Sequence[str]]:
        """What is read."""
        return {
            Stream("customers"): (),
            Stream("orders"): ("amount", "cost"),
            Stream("interactions"): (),
            Stream("feedback"): ("score",),
            Stream("cases"): (),
            Stream("volumes"): ("amount", "period_start"),
            Stream("contracts"): (),
        }

    def of(self, context: EvaluationContext) -> pa.Table:
        """Return the columns for the customers of a block, in the order of their ids."""
        look = Look(context.block)
        found: dict[str, object] = {}
        for part in (_rhythm, _money, _wallet, _contact, _satisfaction, _complaints, _leaving):
            found |= part(look)
        found["owner"] = _owners(look)
        return pa.table(
            [_column(found[field.name.removeprefix("_risk_")], field.type) for field in SCHEMA], schema=SCHEMA
        )


def _column(values: object, kind: pa.DataType) -> pa.Array:
    if kind == DAY:
        days = np.asarray(values, dtype=np.int64)
        return pa.array(days.astype(np.int32), mask=days <= NEVER).cast(DAY)
    if kind == pa.float64():
        numbers = np.asarray(values, dtype=np.float64)
        return pa.array(numbers, mask=np.isnan(numbers))
    return pa.array(values, kind)


def _rhythm(look: Look) -> dict[str, object]:
    """Return on how many days was bought, and the gaps between these days."""
    block = look.block
    days = distinct(block.events(("order",)).keys)
    last_of = look.last(block.events(("order",)))[1]
    low, high = look.places(days, -(1 << 19), block.last_day)
    bought = high > low
    first = (
        np.where(bought, day_number_of(days[np.minimum(low, max(len(days) - 1, 0))]), NEVER) if len(days) else last_of
    )
    before = np.zeros(len(days), dtype=np.int64)
    before[1:] = days[1:] - days[:-1]
    before[starts(days)] = 0
    logs = np.log(np.maximum(before, 1))
    edge = block.last_day - WINDOW
    begins = np.maximum(first, edge - REFERENCE)
    reference = look.count(days, REFERENCE, WINDOW)
    return {
        "days_90": look.count(days, WINDOW),
        "days_before": look.count(days, WINDOW, WINDOW),
        # The day of the first order opens the rhythm and is not counted in it.
        "days_reference": reference - (bought & (first > edge - REFERENCE) & (first <= edge)),
        "reference_days": np.where(bought, np.maximum(edge - begins, 0), 0).astype(np.float64),
        "gaps": np.maximum(high - low - 1, 0).astype(np.int64),
        "gap_days": np.where(bought, last_of - first, 0).astype(np.int64),
        "gap_logs": np.bincount(who_of(days), weights=logs, minlength=len(look.who)),
        "first_order_on": first,
        "last_order_on": last_of,
    }


def _money(look: Look) -> dict[str, object]:
    sales = look.block.events(("order",), "amount")
    back = look.block.events(("refund",), "amount")
    cost = look.block.events(("order",), "cost")
    return {
        "spend_90": look.sum(sales, WINDOW),
        "spend_before": look.sum(sales, WINDOW, WINDOW),
        "spend_180": look.sum(sales, 2 * WINDOW),
        "spend_before_180": look.sum(sales, 2 * WINDOW, 2 * WINDOW),
        "spend_reference": look.sum(sales, REFERENCE, WINDOW),
        "sales_year": look.sum(sales, 365) + look.sum(back, 365),
        "cost_year": look.sum(cost, 365),
        "costed_year": look.count(cost.keys, 365).astype(np.float64),
    }


def _wallet(look: Look) -> dict[str, object]:
    """Return the customer's own total volume, as the rules read it, and our share of it now and before."""
    volume = look.block.events(("volume",), "amount")
    said = periods(look)
    now, before = shares(look, said, WINDOW)
    longer, longer_before = shares(look, said, 2 * WINDOW)
    return {
        "volume_90": look.mean(volume, WINDOW),
        "volume_before": look.mean(volume, WINDOW, WINDOW),
        "volume_180": look.mean(volume, 2 * WINDOW),
        "volume_before_180": look.mean(volume, 2 * WINDOW, 2 * WINDOW),
        "wallet": now,
        "wallet_before": before,
        "wallet_180": longer,
        "wallet_before_180": longer_before,
    }


def _contact(look: Look) -> dict[str, object]:
    """Return how often there was contact, how many messages were sent and on how many days one was answered."""
    kinds = look.block.events(("interaction",), label="kind")
    messages, answers = look.named(kinds, MESSAGES), distinct(look.named(kinds, ANSWERS))
    theirs = kinds.keys if not len(messages) else _without(look, kinds)
    return {
        "interactions_90": look.count(theirs, WINDOW),
        "interactions_before": look.count(theirs, WINDOW, WINDOW),
        "interactions_ever": look.counts(theirs),
        "messages_90": look.count(messages, WINDOW),
        "messages_before": look.count(messages, REFERENCE, WINDOW),
        "answers_90": look.count(answers, WINDOW),
        "answers_before": look.count(answers, REFERENCE, WINDOW),
    }


def _without(look: Look, kinds: Events) -> np.ndarray:
    """Return the keys of what customers did themselves: our own messages are no activity of theirs."""
    names = frozenset(name.casefold() for name in kinds.names) - MESSAGES
    return look.named(kinds, names)


def _satisfaction(look: Look) -> dict[str, object]:
    asked = {name: look.block.events((name,), "score") for name in ("csat", "nps", "expectation", "experience")}
    found = {name: look.last(events) for name, events in asked.items()}
    return {
        "csat_before": look.last(asked["csat"], back=1)[0],
        "feedback_on": np.max([days for _values, days in found.values()], axis=0),
        **{name: values for name, (values, _days) in found.items()},
    }


def _complaints(look: Look) -> dict[str, object]:
    cases = look.block.events(("complaint",), label="case_id")
    events = look.block.events(("complaint",), label="event")
    opened = look.named(events, frozenset({"opened"}))
    since = np.full(len(look.who), NEVER, dtype=np.int64)
    count = np.zeros(len(look.who), dtype=np.int64)
    if len(cases.keys):
        assert cases.labels is not None
        assert events.labels is not None
        closing = np.array([*(name == "closed" for name in events.names), False])[events.labels]
        order = np.lexsort((np.arange(len(cases.keys)), cases.labels, who_of(cases.keys)))
        keys, labels, closed = cases.keys[order], cases.labels[order], closing[order]
        fresh = starts(keys)
        fresh[1:] |= labels[1:] != labels[:-1]
        first = np.flatnonzero(fresh)
        last = np.append(first[1:], len(keys)) - 1
        still = ~closed[last]
        open_keys = np.sort(keys[first][still])
        count = look.counts(open_keys)
        heads = open_keys[starts(open_keys)]
        since[who_of(heads)] = day_number_of(heads)
    return {
        "complaints_90": look.count(opened, WINDOW),
        "complaints_open": count,
        "complaint_on": _last_day(look, opened),
        "complaint_since": since,
    }


def _last_day(look: Look, keys: np.ndarray) -> np.ndarray:
    low, high = look.places(keys, -(1 << 19), look.block.last_day)
    if not len(keys):
        return np.full(len(look.who), NEVER, dtype=np.int64)
    return np.where(high > low, day_number_of(keys[np.maximum(high - 1, 0)]), NEVER)


def _leaving(look: Look) -> dict[str, object]:
    """Return the last word of leaving: a cancelled contract that none followed, or an interaction that says so."""
    block = look.block
    cancelled = look.last(block.events(("cancel",)))[1]
    again = look.last(block.events(("start", "renewal")))[1]
    cancelled = np.where(again > cancelled, NEVER, cancelled)
    kinds = block.events(("interaction",), label="kind")
    said = look.named(kinds, LEAVING)
    spoken = _last_day(look, said)
    words: list[str | None] = ["cancel" if day > NEVER else None for day in cancelled]
    if len(said):
        assert kinds.labels is not None
        wanted = np.array([*(name.casefold() in LEAVING for name in kinds.names), False])[kinds.labels]
        last = dict(zip(who_of(said).tolist(), kinds.labels[wanted].tolist(), strict=True))  # the last one stays
        for who, label in last.items():
            if spoken[who] >= cancelled[who]:
                words[who] = kinds.names[label]
    return {"leaving_on": np.maximum(cancelled, spoken), "leaving_kind": words}


def _owners(look: Look) -> list[str | None]:
    """Return who looks after each customer: the attribute ``owner``. Only records that have one are opened."""
    owners: list[str | None] = [None] * len(look.who)
    records = look.block.customers
    if records is None or "attributes" not in records.column_names:
        return owners
    texts = records.column("attributes").cast(TEXT)
    named = pc.match_substring(texts, '"owner"').fill_null(False).combine_chunks().to_numpy(zero_copy_only=False)
    for who in np.flatnonzero(named):
        owner = json.loads(texts[int(who)].as_py()).get("owner")
        owners[int(who)] = str(owner).strip() or None if owner is not None else None
    return owners


FIGURES = WarningFigures()
