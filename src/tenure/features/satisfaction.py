"""Satisfaction: answers to surveys, and complaints."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import SCALE, day_number_of, who_of
from tenure.facts.schema import DAY
from tenure.facts.streams import Stream
from tenure.features.catalogue import Computed, Family, Feature, column_of
from tenure.features.windows import HORIZON, NEVER, SNAPSHOTS, WindowAggregates, labelled, snapshot_day
from tenure.rules.evaluation.steps import Moments, starts
from tenure.rules.syntax.tree import Measure

#: An answer older than this says little of how satisfied somebody is.
YEAR = 360
_ANSWERS = ("csat", "nps", "expectation", "experience")


def compute_satisfaction(windows: WindowAggregates) -> Computed:
    answers = {name: windows.block.events((name,), "score") for name in _ANSWERS}
    last = {name: windows.last(events) for name, events in answers.items()}
    computed: Computed = {
        "_csat_last@0": last["csat"][0],
        "_csat_before@0": windows.last(answers["csat"], back=1)[0],
        "_nps_last@0": last["nps"][0],
        "_expectation@0": last["expectation"][0],
        "_experience@0": last["experience"][0],
        "_feedback_on@0": np.max([days for _values, days in last.values()], axis=0),
    }
    open_cases = windows.context.steps(Measure("open", ("complaint",)))
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


_SNAPSHOTS = tuple(range(SNAPSHOTS + 1))
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
