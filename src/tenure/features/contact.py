"""Contact: what customers did in the last windows, messages and answers, satisfaction, and words of leaving."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.blocks import day_number_of, who_of
from tenure.facts.schema import DAY, SCALE, TEXT
from tenure.facts.selection import facts_of
from tenure.facts.streams import Stream
from tenure.features.catalogue import Computed, Family, Feature, column_of
from tenure.features.windows import HORIZON, NEVER, SNAPSHOTS, WindowAggregates, labelled, snapshot_day
from tenure.rules.evaluation.steps import Moments, distinct, starts
from tenure.rules.syntax.tree import Measure

#: How far before the window a customer's own rhythm is read.
REFERENCE = 360
#: Kinds of interactions that are messages of ours, the answers to them, and words of leaving. Shops name their own.
MESSAGES = frozenset(
    {"message", "message_sent", "sent", "delivered", "received", "mail", "mailing", "email", "email_sent"}
    | {"sms", "sms_sent", "push", "push_sent", "消息", "短信", "邮件", "推送"}
)
ANSWERS = ("open", "click", "reply", "redeem")
LEAVING = frozenset(
    {"cancel", "cancellation", "cancel_request", "close_account", "unsubscribe", "opt_out", "port_out", "downgrade"}
    | {"termination", "termination_notice", "competitor", "competitor_search", "compare_competitor"}
    | {"退订", "注销", "销户", "携号转网", "解约", "终止意向", "比价", "竞品咨询"}
)
#: A change against the window before it is read on every snapshot, so one window more is needed.
WINDOWS = SNAPSHOTS + 2
_COUNTED = {"refunds": ("refund",), "interactions": ("interaction",), "responses": ANSWERS,
            "complaints": ("complaint",)}  # fmt: skip
#: An answer older than this says little of how satisfied somebody is.
YEAR = 360
_SURVEYS = ("csat", "nps", "expectation", "experience")
_SNAPSHOTS = tuple(range(SNAPSHOTS + 1))


def compute_contact(windows: WindowAggregates) -> Computed:
    kinds = windows.block.events(("interaction",), label="kind")
    is_message = labelled(kinds, lambda name: name.casefold() in MESSAGES)
    messages = kinds.keys[is_message]
    answers = distinct(kinds.keys[labelled(kinds, lambda name: name.casefold() in ANSWERS)])
    # Our own messages are no activity of theirs; without any message, contacts of no kind count too.
    theirs = kinds.keys[~is_message & labelled(kinds, lambda _name: True)] if len(messages) else kinds.keys
    return {
        "_contacts@0": windows.count(theirs, HORIZON),
        "_contacts_before@0": windows.count(theirs, HORIZON, HORIZON),
        "_messages@0": windows.count(messages, HORIZON),
        "_messages_before@0": windows.count(messages, REFERENCE, HORIZON),
        "_answers@0": windows.count(answers, HORIZON),
        "_answers_before@0": windows.count(answers, REFERENCE, HORIZON),
        **_leaving(windows),
        "_owner@0": _owners(windows),
    }


def _leaving(windows: WindowAggregates) -> Computed:
    """Return the last word of leaving: a cancelled contract that none followed, or an interaction that says so."""
    block = windows.block
    cancelled = windows.last_day_of(block.events(("cancel",)).keys)
    renewed = windows.last_day_of(block.events(("start", "renewal")).keys)
    cancelled = np.where(renewed > cancelled, NEVER, cancelled)
    kinds = block.events(("interaction",), label="kind")
    is_leaving = labelled(kinds, lambda name: name.casefold() in LEAVING)
    keys = kinds.keys[is_leaving]
    spoken = windows.last_day_of(keys)
    words = np.full(len(cancelled), None, dtype=object)
    words[cancelled > NEVER] = "cancel"
    if len(keys):
        assert kinds.labels is not None
        last = np.searchsorted(who_of(keys), windows.who, side="right") - 1
        later = (spoken > NEVER) & (spoken >= cancelled)
        words[later] = np.asarray(kinds.names, dtype=object)[kinds.labels[is_leaving][last[later]]]
    return {"_leaving_on@0": np.maximum(cancelled, spoken), "_leaving_kind@0": pa.array(words.tolist(), TEXT)}


def _owners(windows: WindowAggregates) -> pa.Array:
    """Return who looks after each customer: the attribute ``owner``. Only records that have one are opened."""
    records = windows.block.customers
    if records is None or "attributes" not in records.column_names:
        return pa.nulls(len(windows.block), TEXT)
    texts = records.column("attributes").cast(TEXT)
    owners: list[str | None] = [None] * len(windows.block)
    named = pc.match_substring(texts, '"owner"').fill_null(False).combine_chunks().to_numpy(zero_copy_only=False)
    for who in np.flatnonzero(named):
        owner = json.loads(texts[int(who)].as_py()).get("owner")
        owners[int(who)] = str(owner).strip() or None if owner is not None else None
    return pa.array(owners, TEXT)


CONTACT = Family(
    "contact",
    (
        Feature("contacts", "count(interaction) without our messages", pa.int32(), HORIZON),
        Feature("contacts_before", "the same in the window before", pa.int32(), HORIZON),
        Feature("messages", "messages sent", pa.int32(), HORIZON),
        Feature("messages_before", "messages sent before the last window", pa.int32(), REFERENCE),
        Feature("answers", "days with an answer to a message", pa.int32(), HORIZON),
        Feature("answers_before", "days with an answer before the last window", pa.int32(), REFERENCE),
        Feature("leaving_on", "day of the last word of leaving", DAY),
        Feature("leaving_kind", "how leaving was announced", TEXT),
        Feature("owner", "attribute(owner)", TEXT),
    ),
    {Stream("customers"): (), Stream("interactions"): (), Stream("contracts"): ()},
    compute_contact,
)


def compute_activity(windows: WindowAggregates) -> Computed:
    block = windows.block
    computed: Computed = {}
    for name, kinds in _COUNTED.items():
        counts = windows.by_snapshot(block.events(kinds).keys, WINDOWS)
        computed |= {column_of(name, k): counts[k] for k in range(WINDOWS)}
    counts = windows.different(block.events(("line",), label="category"), WINDOWS, HORIZON)
    computed |= {column_of("categories", k): counts[k] for k in range(WINDOWS)}
    contacts = block.events(("interaction",)).keys
    for k in range(SNAPSHOTS + 1):
        day = snapshot_day(block.last_day, k)
        last = windows.last_day_of(contacts, day)
        computed[column_of("quiet", k)] = (np.where(last > NEVER, day - last, 0), last > NEVER)
    return computed


ACTIVITY = Family(
    "activity",
    (
        *(
            Feature(name, f"count({', '.join(kinds)})", pa.int16(), HORIZON, tuple(range(WINDOWS)))
            for name, kinds in _COUNTED.items()
        ),
        Feature("categories", "categories(line)", pa.int16(), HORIZON, tuple(range(WINDOWS))),
        Feature("quiet", "days_since(interaction)", pa.int16(), None, _SNAPSHOTS),
    ),
    {Stream("orders"): (), Stream("order_lines"): (), Stream("interactions"): (), Stream("cases"): ()},
    compute_activity,
)


def compute_satisfaction(windows: WindowAggregates) -> Computed:
    answers = {name: windows.block.events((name,), "score") for name in _SURVEYS}
    last = {name: windows.last(events) for name, events in answers.items()}
    computed: Computed = {
        "_csat_last@0": last["csat"][0],
        "_csat_before@0": windows.last(answers["csat"], back=1)[0],
        "_nps_last@0": last["nps"][0],
        "_expectation@0": last["expectation"][0],
        "_experience@0": last["experience"][0],
        "_feedback_on@0": np.max([days for _values, days in last.values()], axis=0),
    }
    open_cases = windows.context.steps(Measure("open", facts_of(("complaint",))))
    for k in range(SNAPSHOTS + 1):
        day = snapshot_day(windows.last_day, k)
        for name in ("csat", "nps"):
            newest, total, count = windows.year_at(answers[name], day, YEAR)
            computed[column_of(name, k)] = (newest / SCALE, count > 0)
            if name == "csat":
                computed[column_of("csat_mean", k)] = (total / np.maximum(count, 1) / SCALE, count > 0)
        if k:  # on the last day it is published, see the profile
            computed[column_of("open_complaints", k)] = open_cases.at(Moments(windows.edge(day)))[0]
    return computed | _complaints(windows)


def _complaints(windows: WindowAggregates) -> Computed:
    """Return how many complaints were opened lately, the last of them, and since when one is open."""
    block = windows.block
    cases, events = (block.events(("complaint",), label=label) for label in ("case_id", "event"))
    opened = events.keys[labelled(events, lambda name: name.casefold() == "opened")]
    since = np.full(len(block), NEVER, dtype=np.int64)
    if len(cases.keys):
        assert cases.labels is not None
        closing = labelled(events, lambda name: name == "closed")
        order = np.lexsort((np.arange(len(cases.keys)), cases.labels, who_of(cases.keys)))
        keys, labels, closed = cases.keys[order], cases.labels[order], closing[order]
        fresh = starts(keys)
        fresh[1:] |= labels[1:] != labels[:-1]
        first = np.flatnonzero(fresh)
        last = np.append(first[1:], len(keys)) - 1
        still_open = np.sort(keys[first][~closed[last]])
        heads = still_open[starts(still_open)]
        since[who_of(heads)] = day_number_of(heads)
    return {
        "_complaints_opened@0": windows.count(opened, HORIZON),
        "_complaint_on@0": windows.last_day_of(opened),
        "_complaint_since@0": since,
    }


SATISFACTION = Family(
    "satisfaction",
    (
        Feature("csat", "last(csat.score)", pa.float32(), YEAR, _SNAPSHOTS),
        Feature("csat_mean", "avg(csat.score)", pa.float32(), YEAR, _SNAPSHOTS),
        Feature("nps", "last(nps.score)", pa.float32(), YEAR, _SNAPSHOTS),
        Feature("open_complaints", "open(complaint)", pa.int16(), None, _SNAPSHOTS[1:]),
        Feature("csat_last", "last(csat.score)", pa.float64()),
        Feature("csat_before", "the answer before last(csat.score)", pa.float64()),
        Feature("nps_last", "last(nps.score)", pa.float64()),
        Feature("expectation", "last(expectation.score)", pa.float64()),
        Feature("experience", "last(experience.score)", pa.float64()),
        Feature("feedback_on", "day of the last answer", DAY),
        Feature("complaints_opened", "complaints opened", pa.int32(), HORIZON),
        Feature("complaint_on", "day of the last complaint opened", DAY),
        Feature("complaint_since", "day since which a complaint is open", DAY),
    ),
    {Stream("feedback"): ("score",), Stream("cases"): ()},
    compute_satisfaction,
)
