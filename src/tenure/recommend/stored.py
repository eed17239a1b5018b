"""A recommender as data: written into a fit, and made from it again.

Names stay text, numbers are packed, so that a shop with 20,000 products fits into a few megabytes.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.facts.schema import TEXT
from tenure.recommend.backtest import Backtest
from tenure.recommend.buy_again import Gaps
from tenure.recommend.candidates import Near
from tenure.recommend.items import Catalogue, Moves
from tenure.recommend.lists import Recommender
from tenure.recommend.pairs import Pairs
from tenure.recommend.ranking import Weights

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAIRS = ("met", "shared", "kinds")
_ROWS = ("a", "b", "count")
_MOVES = ("a", "b", "movers", "buyers")


def packed(known: Catalogue, tested: Backtest) -> dict[str, Any]:
    """Return a recommender as JSON."""
    arrays: dict[str, np.ndarray] = {
        "category": known.category.astype(np.int32),
        "wanted": known.wanted.astype(np.int32),
        "price": known.price.astype(np.float32),
        "mean": known.gaps.mean.astype(np.float32),
        "returns": known.gaps.returns.astype(np.float32),
    }
    told: dict[str, Any] = {
        "items": known.items.to_pylist(), "categories": known.categories.to_pylist(), "customers": known.customers,
        "shape": known.gaps.shape, "spread": known.gaps.spread, "chosen": tested.chosen, "tested": tested.customers,
        "weights": {name: [list(weight.names), list(weight.values)] for name, weight in tested.weights.items()},
    }  # fmt: skip
    for name in _PAIRS:
        pairs: Pairs = getattr(known, name)
        arrays |= {f"{name}_{row}": getattr(pairs, row).astype(np.int32) for row in _ROWS}
        arrays[f"{name}_had"] = _had(pairs)
        told[name] = [pairs.baskets, *pairs.prior]
    arrays |= {f"moves_{row}": getattr(known.moves, row).astype(np.int32) for row in _MOVES}
    room = io.BytesIO()
    np.savez_compressed(room, **arrays)  # type: ignore[arg-type]
    return {**told, "arrays": base64.b64encode(room.getvalue()).decode("ascii")}


def _had(pairs: Pairs) -> np.ndarray:
    """Return in how many baskets each thing was, by its number; 0 for what is in no pair."""
    had = np.zeros(int(pairs.b.max(initial=-1)) + 1, dtype=np.int32)
    had[pairs.a], had[pairs.b] = pairs.count_a, pairs.count_b
    return had


def unpacked(told: Mapping[str, Any]) -> Recommender:
    """Return the recommender that :func:`packed` wrote."""
    with np.load(io.BytesIO(base64.b64decode(told["arrays"])), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    known = Catalogue(
        pa.array(told["items"], TEXT),
        pa.array(told["categories"], TEXT),
        arrays["category"],
        arrays["wanted"].astype(np.int64),
        arrays["price"].astype(np.float64),
        Gaps(told["shape"], told["spread"], arrays["mean"].astype(np.float64), arrays["returns"].astype(np.float64)),
        _pairs("met", told["met"], arrays),
        _pairs("shared", told["shared"], arrays),
        _pairs("kinds", told["kinds"], arrays),
        Moves(*(arrays[f"moves_{row}"] for row in _MOVES)),
        told["customers"],
    )
    weights = {name: Weights(tuple(weight[0]), tuple(weight[1])) for name, weight in told["weights"].items()}
    return Recommender(known, Near.of(known), Backtest(told["tested"], told["chosen"], weights))


def _pairs(name: str, about: list[Any], arrays: Mapping[str, np.ndarray]) -> Pairs:
    a, b, count = (arrays[f"{name}_{row}"] for row in _ROWS)
    had = arrays[f"{name}_had"].astype(np.int64)
    return Pairs(a, b, count.astype(np.int64), had[a], had[b], int(about[0]), (float(about[1]), float(about[2])))
