"""Contracts: who is under one on a day, when it ends, and who left afterwards.

A cancellation ends a contract on the day it is given, since that is when the customer is lost to persuasion; a
contract that runs out ends :data:`LATE` days after its last day, since many are renewed late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import local_days
from tenure.facts.streams import Stream
from tenure.features.catalogue import Computed, Family, Feature, column_of
from tenure.features.windows import HORIZON, NEVER, SNAPSHOTS, WindowAggregates, snapshot_day

if TYPE_CHECKING:
    from tenure.facts.blocks import Block

_STREAM = Stream("contracts")
#: Days after a snapshot in which nobody could act on the warning: who leaves in them is not learnt from.
GAP = 14
#: Days for which a contract that ran out still counts as running.
LATE = 14


@dataclass(frozen=True)
class Contracts:
    """The contract events of a block, sorted by customer, contract and time."""

    who: np.ndarray  # the customer's number in the block
    contract: np.ndarray  # the contract's number
    day: np.ndarray  # local day of the event
    # last day (since 1970-01-01) of the contract after the event: minus infinity once cancelled, infinity when it
    # has no end
    end: np.ndarray
    customers: int  # how many customers the block has

    @classmethod
    def of(cls, block: Block) -> Contracts:
        rows = block.rows.get(_STREAM)
        if rows is None or not len(rows.who):
            nothing = np.empty(0, dtype=np.int64)
            return cls(nothing, nothing, nothing, nothing, len(block))
        coded = rows.columns.column("contract_id").cast(pa.string()).combine_chunks().dictionary_encode()
        contract = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        order = np.lexsort((rows.at, contract, rows.who))
        cancelled = pc.equal(rows.columns.column("event").cast(pa.string()), "cancelled").fill_null(False)
        ends = rows.columns.column("ends_at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).combine_chunks()
        known = ends.is_valid().to_numpy(zero_copy_only=False)
        last = np.full(len(rows.who), np.inf)
        last[known] = local_days(ends.drop_null().to_numpy(zero_copy_only=False), rows.tz)
        end = np.where(cancelled.to_numpy(), -np.inf, last)
        return cls(rows.who[order], contract[order], rows.days[order], end[order], len(block))

    def on(self, day: int) -> tuple[np.ndarray, np.ndarray]:
        """Return who is under contract on a day, and the last day of their longest running contract."""
        known = self.day <= day
        follows = np.zeros(len(self.who), dtype=bool)  # whether the next event speaks of the same contract, by then
        same = (self.who[1:] == self.who[:-1]) & (self.contract[1:] == self.contract[:-1])
        follows[:-1] = same & known[1:]
        newest = known & ~follows
        end = np.full(self.customers, -np.inf)
        np.maximum.at(end, self.who[newest], self.end[newest])
        return end + LATE >= day, end

    def left(self, day: int) -> tuple[np.ndarray, np.ndarray]:
        """Return who left in the days after a snapshot, and of whom that can be learnt.

        Who was under contract on the day and still after :data:`GAP` days counts; they left when they are under none
        ``HORIZON`` days after the snapshot.
        """
        counts = self.on(day)[0] & self.on(day + GAP)[0]
        return counts & ~self.on(day + HORIZON)[0], counts


def compute_contracts(windows: WindowAggregates) -> Computed:
    block, contracts = windows.block, Contracts.of(windows.block)
    renewed = block.events(("renewal",)).keys
    first = windows.first_day_of(block.events(("contract",)).keys)
    computed: Computed = {"_contract_age@0": (np.where(first > NEVER, block.last_day - first, 0), first > NEVER)}
    for k in range(SNAPSHOTS + 1):
        day = snapshot_day(block.last_day, k)
        running, end = contracts.on(day)
        ends = running & np.isfinite(end)
        computed[column_of("contract", k)] = running
        computed[column_of("to_end", k)] = (np.where(ends, end - day, 0), ends)
        computed[column_of("renewals", k)] = windows.up_to(renewed, day) - np.searchsorted(renewed, windows.begins[:-1])
        if k:
            computed[column_of("churned", k)] = contracts.left(day)
    return computed


_SNAPSHOTS = tuple(range(SNAPSHOTS + 1))
CONTRACTS = Family(
    "contracts",
    (
        Feature("contract_age", "days_since_first(contract)", pa.int16()),
        Feature("renewals", "count(renewal)", pa.int16(), None, _SNAPSHOTS),
        Feature("to_end", "days to the end of the longest running contract", pa.int16(), None, _SNAPSHOTS),
        Feature("contract", "whether a contract runs", pa.bool_(), None, _SNAPSHOTS),
        Feature("churned", "whether no contract runs ninety days later", pa.int8(), None, _SNAPSHOTS[1:]),
    ),
    {_STREAM: ("contract_id", "ends_at")},
    compute_contracts,
)
