"""Detection: for each signal, who shows it, how strongly and since when, and the sentences that are its evidence.

A sentence names the customer's figures, now and before, and never a cause: what happens together is not a cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_of
from tenure.facts.schema import TEXT
from tenure.features.windows import NEVER
from tenure.risk.decline import LEVEL
from tenure.risk.signal_inputs import FALLS, WINDOW, SignalInputs
from tenure.risk.signals import SIGNALS
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import Change, Day, LocalizedText, Message, Number, Percent, dumps, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Figures = Mapping[str, tuple[NDArray[Any], Callable[[Any], Any]]]  # the values, and how one is written

#: Days for which an answer, a long gap or a word of leaving is a warning; later it is history.
FRESH = 180
#: A stage boundary so near is a warning.
NEAR = 30
#: Low answers: on a scale to 5, and of the question whether they would recommend us (0 to 10).
LOW_CSAT, DETRACTOR = 3.0, 6.0


class Detection(NamedTuple):
    signal: str  # which, see :mod:`tenure.risk.signals`
    who: NDArray[np.int64]  # rows of the table
    score: NDArray[np.float64]  # how strongly, 0 to 1, of these rows
    since: NDArray[np.int64]  # since which day (since 1970-01-01), of these rows
    due: NDArray[np.int64]  # the day by which to react, of these rows
    evidence: pa.Array  # JSON lists of messages, of these rows


class Sentence(NamedTuple):
    """A sentence of evidence, about every customer."""

    where: NDArray[np.bool_] | None  # about whom it is true, of those who show the signal; None: about all of them
    template: str
    figures: Figures  # by the name of their place


# Of every customer: whether they show a signal, how strongly, since which day, and the evidence.
Shown = tuple["NDArray[np.bool_]", "NDArray[np.float64]", "NDArray[np.float64] | float", "list[Sentence]"]


def detect(inputs: SignalInputs) -> list[Detection]:
    """Return every signal with those who show it, the most telling signal first."""
    detections = []
    for signal, catalogued in SIGNALS.items():
        shown, score, since, sentences = _DETECT[signal](inputs)
        who = np.flatnonzero(shown)
        days = np.broadcast_to(np.asarray(since, dtype=np.float64), shown.shape)[who].astype(np.int64)
        # The signal's own days to react, fewer where a worse stage is nearer.
        lead = inputs.next_stage.days[who]
        due = inputs.today + np.where(lead >= 0, np.clip(lead - 1, 0, catalogued.days), catalogued.days)
        texts = [_json(sentence, who) for sentence in sentences]
        evidence = pc.binary_join_element_wise(*texts, ", ", null_handling="skip")
        evidence = pc.binary_join_element_wise("[", evidence, "]", "")
        detections.append(Detection(signal, who, np.clip(score[who], 0.0, 1.0), days, due, evidence))
    return detections


def combined(detections: list[Detection], size: int) -> NDArray[np.float64]:
    """Return the combined score of each customer: one minus the product of what every signal leaves.

    A full signal counts with its weight in the catalogue, so several weak signals add up and never exceed 1.
    """
    left = np.ones(size)
    for detection in detections:
        left[detection.who] *= 1.0 - SIGNALS[detection.signal].weight * detection.score
    return 1.0 - left


def _json(sentence: Sentence, who: NDArray[np.int64]) -> pa.Array:
    """Return a sentence as JSON for each row, null where it is not true; equal figures are written once."""
    missing = None if sentence.where is None else ~sentence.where[who]
    parts, opening = [], f'{{"template": {dumps(sentence.template)}, "data": {{'
    for name, (values, write) in sentence.figures.items():
        column = pa.array(values[who], mask=missing).dictionary_encode()
        figures = [write(value) for value in column.dictionary.to_pylist()]
        written = {figure: dumps(figure) for figure in set(figures)}
        texts = pa.array([written[figure] for figure in figures], TEXT)
        parts += [f'{opening}"{name}": ', texts.take(column.indices)]
        opening = ", "
    return pc.binary_join_element_wise(*parts, "}}", "")


def _count(value: float) -> Number:
    return Number(int(value))


def _decimal(value: float) -> Number:
    return Number(round(value, 1))


def _score(value: float) -> Number:
    return Number(value, at_most=1)


def _day(value: float) -> Day:
    return Day(day_of(int(value)).isoformat())


def _share(value: float) -> Percent:
    return Percent(_as_read(value), digits=2)


def _change(value: float) -> Change:
    return Change(_as_read(value), digits=2)


def _as_read(value: float) -> float:
    # Rounded to what is read, so that equal sentences are equal data.
    return float(f"{value:.2g}" if abs(value) < 0.1 else f"{value:.2f}")


def _leaving(kind: str) -> Message | LocalizedText:
    # A contract that was cancelled is no fact of its own kind.
    if kind == "cancel":
        return Message(mark("Contract cancelled"))
    return LocalizedText(zh=kind_name(kind, "zh_Hans"), en=kind_name(kind, "en"))


def _strength(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 0.5 at the limit, 1 where chance explains nothing."""
    return 1.0 - 0.5 * np.clip(np.nan_to_num(p, nan=LEVEL) / LEVEL, 0.0, 1.0)


def _window(inputs: SignalInputs) -> float:
    return float(inputs.today - WINDOW + 1)


def _intent(inputs: SignalInputs) -> Shown:
    on = inputs["leaving_on"]
    shown = (on > inputs.today - FRESH) & (on > NEVER)
    age = np.where(shown, inputs.today - on, 0.0)
    kinds = inputs.table.column("_leaving_kind@0").fill_null("cancel").to_numpy()
    evidence = Sentence(None, mark("%(what)s on %(day)s."), {"what": (kinds, _leaving), "day": (on, _day)})
    return shown, 1.0 - 0.5 * age / FRESH, on, [evidence]


def _complaint(inputs: SignalInputs) -> Shown:
    still_open, recent = inputs["open_complaints"], inputs["complaints_opened"]
    score = np.where(still_open > 0, 0.7, 0.5) + 0.15 * (np.maximum(still_open, recent) - 1)
    several = recent >= 2  # one complaint that was settled is no sign; two of them are
    oldest = {"open": (still_open, _count), "since": (inputs["complaint_since"], _day)}
    evidence = [
        Sentence(still_open > 0, mark("Open complaints: %(open)s, the oldest since %(since)s."), oldest),
        Sentence(several, mark("Complaints in the last 90 days: %(recent)s."), {"recent": (recent, _count)}),
    ]
    return (still_open > 0) | several, score, inputs["complaint_on"], evidence


def _satisfaction(inputs: SignalInputs) -> Shown:
    names = ("csat_last", "csat_before", "nps_last", "experience", "expectation")
    csat, csat_before, nps, experience, expectation = (inputs[name] for name in names)
    low, fell = csat < LOW_CSAT, csat <= csat_before - 1.0
    detractor, disappointed = nps <= DETRACTOR, experience < expectation
    depths = (
        (low, 0.5 + 0.25 * (LOW_CSAT - csat)),
        (fell, 0.4 + 0.15 * (csat_before - csat)),
        (detractor, 0.5 + 0.08 * (DETRACTOR - nps)),
        (disappointed, 0.4 + 0.15 * (expectation - experience)),
    )
    score = np.max([np.where(way, depth, 0.0) for way, depth in depths], axis=0)
    shown = (inputs["feedback_on"] > inputs.today - FRESH) & (low | fell | detractor | disappointed)
    last, before = {"score": (csat, _score)}, {"before": (csat_before, _score)}
    gap = {"experience": (experience, _score), "expectation": (expectation, _score)}
    short = mark("Experience (%(experience)s) fell short of expectation (%(expectation)s).")
    evidence = [
        Sentence(fell, mark("Satisfaction fell from %(before)s to %(score)s."), before | last),
        Sentence(low & ~fell, mark("Last satisfaction score: %(score)s."), last),
        Sentence(detractor, mark("Unlikely to recommend us: %(nps)s out of 10."), {"nps": (nps, _score)}),
        Sentence(disappointed, short, gap),
    ]
    return shown, score, inputs["feedback_on"], evidence


def _decline(inputs: SignalInputs) -> Shown:
    orders, volume = inputs.orders, inputs.volume
    proved = volume.verdict == "yes"
    score = np.where(proved, 0.6, 0.4) + np.where(orders.named, 0.4 * _strength(orders.p), 0.0)
    fall = (-volume.ours, _share)
    both: Figures = {"fall": fall, "theirs": (volume.theirs, _change)}
    shares = {"share_before": (volume.share_before, _share), "share": (volume.share, _share)}
    known = ~np.isnan(volume.share) & ~np.isnan(volume.share_before)
    evidence = [
        Sentence(proved, mark("Our volume fell by %(fall)s, while their total did not (%(theirs)s)."), both),
        Sentence(~proved, mark("Our volume fell by %(fall)s; their purchases elsewhere are unknown."), {"fall": fall}),
        Sentence(known, mark("Share of wallet: %(share_before)s, now %(share)s."), shares),
        _fewer_orders(inputs, orders.fewer),
    ]
    return inputs.declines, score, _window(inputs), evidence


def _fewer_orders(inputs: SignalInputs, where: NDArray[np.bool_]) -> Sentence:
    text = mark("Order days in the last 90 days: %(seen)s; expected: %(expected)s (probability of so few: %(p)s).")
    expected, p = inputs.orders.expected, inputs.orders.p
    days = (inputs["order_days"], _count)
    return Sentence(where, text, {"seen": days, "expected": (expected, _decimal), "p": (p, _share)})


def _long_gap(inputs: SignalInputs) -> Shown:
    gap = inputs.gap
    late = ~np.isnan(gap.usual)
    since = np.where(late, inputs["last_order_on"] + np.ceil(np.nan_to_num(gap.usual)), NEVER)
    mean = inputs["gap_days"] / np.maximum(inputs["gaps"], 1.0)
    figures = {"days": (gap.days, _count), "mean": (mean, _decimal), "usual": (np.ceil(gap.usual), _count)}
    text = mark("No order for %(days)s days. Gaps between orders average %(mean)s days and rarely exceed %(usual)s.")
    shown = late & (since > inputs.today - FRESH)
    return shown, _strength(gap.p), np.minimum(since, inputs.today), [Sentence(None, text, figures)]


def _both(inputs: SignalInputs) -> Shown:
    orders, orders_before = inputs["order_days"], inputs["days_before"]
    contacts, contacts_before = inputs["contacts"], inputs["contacts_before"]
    regular = (orders_before >= 2) & (contacts_before >= 2)
    shown = regular & (orders < FALLS * orders_before) & (contacts < FALLS * contacts_before)
    left = np.maximum(orders / np.maximum(orders_before, 1.0), contacts / np.maximum(contacts_before, 1.0))
    text = mark(
        "Order days fell from %(days_before)s to %(days_90)s and contacts from %(interactions_before)s to "
        "%(interactions_90)s, comparing the last two 90-day periods."
    )
    days = {"days_before": (orders_before, _count), "days_90": (orders, _count)}
    interactions = {"interactions_before": (contacts_before, _count), "interactions_90": (contacts, _count)}
    return shown, 1.0 - 0.5 * left / FALLS, _window(inputs), [Sentence(None, text, days | interactions)]


def _activity(inputs: SignalInputs) -> Shown:
    from scipy.special import bdtr

    # Fewer orders that are reported as decline are not reported twice.
    fewer_orders = inputs.orders.fewer & ~inputs.declines
    contacts, before = inputs["contacts"], inputs["contacts_before"]
    # How likely so few contacts are, had they been spread evenly over both windows.
    now, both = np.nan_to_num(contacts), np.nan_to_num(contacts) + np.nan_to_num(before)
    p = np.where(both > 0, bdtr(now, np.maximum(both, 1.0).astype(np.int64), 0.5), 1.0)
    # Nobody leaves who never bought and never signed: a prospect who stops looking is none of the warned.
    is_customer = inputs.bought | np.isfinite(inputs["contract_age"])
    fewer_contacts = is_customer & (p <= LEVEL) & (contacts < FALLS * before)
    by_orders = np.where(fewer_orders, _strength(inputs.orders.p), 0.0)
    by_contacts = np.where(fewer_contacts, _strength(p), 0.0)
    text = mark("Contacts in the last 90 days: %(interactions_90)s; in the 90 days before: %(interactions_before)s.")
    figures = {"interactions_90": (contacts, _count), "interactions_before": (before, _count)}
    evidence = [_fewer_orders(inputs, fewer_orders), Sentence(fewer_contacts, text, figures)]
    return fewer_orders | fewer_contacts, np.maximum(by_orders, by_contacts), _window(inputs), evidence


def _fatigue(inputs: SignalInputs) -> Shown:
    rates, sent = inputs.fatigue, inputs["messages"]
    figures = {"now": (rates.now, _share), "before": (rates.before, _share), "messages": (sent, _count)}
    text = mark("Responded to %(now)s of %(messages)s messages in the last 90 days; %(before)s in the year before.")
    return rates.tired, np.nan_to_num(rates.fall), _window(inputs), [Sentence(None, text, figures)]


def _boundary(inputs: SignalInputs) -> Shown:
    coming = inputs.next_stage
    shown = (coming.days >= 0) & (coming.days <= NEAR)
    score = 0.4 + 0.1 * coming.worse + 0.2 * (1.0 - coming.days / NEAR)
    # Since the boundary has come near: a customer it was dealt with is not warned about until the next one.
    since = np.where(shown, inputs.today + coming.days - NEAR, NEVER)
    day = (inputs.today + coming.days, _day)
    figures: Figures = {
        "stage": (coming.stage, coming.name_of),
        "next": (coming.next_stage, coming.name_of),
        "day": day,
    }
    text = mark("Moves from %(stage)s to %(next)s on %(day)s if nothing happens before then.")
    return shown, score, since, [Sentence(None, text, figures)]


_DETECT: dict[str, Callable[[SignalInputs], Shown]] = {
    "intent-to-leave": _intent,
    "complaint": _complaint,
    "satisfaction-down": _satisfaction,
    "decline": _decline,
    "silence": _long_gap,
    "both-frequencies-down": _both,
    "activity-down": _activity,
    "fatigue": _fatigue,
    "next-boundary": _boundary,
}
