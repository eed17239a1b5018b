"""Contact: messages sent and answered, what customers did of their own accord, and words of leaving."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.blocks import who_of
from tenure.facts.schema import DAY, TEXT
from tenure.facts.streams import Stream
from tenure.features.catalogue import Computed, Family, Feature
from tenure.features.windows import HORIZON, NEVER, WindowAggregates, labelled
from tenure.rules.evaluation.steps import distinct

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
