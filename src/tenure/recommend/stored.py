"""A recommender as JSON: written into a fit, and made from it again.

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
_MOVES = ("a", "b", "movers", "buyers")


def packed(catalogue: Catalogue, tested: Backtest) -> dict[str, Any]:
    gaps = catalogue.gaps
    arrays: dict[str, np.ndarray] = {
        "category": catalogue.category.astype(np.int32),
        "wanted": catalogue.wanted.astype(np.int32),
        "price": catalogue.price.astype(np.float32),
        "mean": gaps.mean.astype(np.float32),
        "returns": gaps.returns.astype(np.float32),
    }
    stored: dict[str, Any] = {
        "items": catalogue.items.to_pylist(),
        "categories": catalogue.categories.to_pylist(),
        "customers": catalogue.customers,
        "shape": gaps.shape,
        "spread": gaps.spread,
        "chosen": tested.chosen,
        "tested": tested.customers,
        "weights": {name: [list(weight.names), list(weight.values)] for name, weight in tested.weights.items()},
    }
    for name in _PAIRS:
        pairs: Pairs = getattr(catalogue, name)
        # How many baskets hold each thing, by its number; 0 for what is in no pair.
        had = np.zeros(int(pairs.b.max(initial=-1)) + 1, dtype=np.int32)
        had[pairs.a], had[pairs.b] = pairs.count_a, pairs.count_b
        arrays |= {f"{name}_{row}": getattr(pairs, row).astype(np.int32) for row in ("a", "b", "count")}
        arrays[f"{name}_had"] = had
        stored[name] = [pairs.baskets, *pairs.prior]
    arrays |= {f"moves_{row}": getattr(catalogue.moves, row).astype(np.int32) for row in _MOVES}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return {**stored, "arrays": base64.b64encode(buffer.getvalue()).decode("ascii")}


def unpacked(stored: Mapping[str, Any]) -> Recommender:
    with np.load(io.BytesIO(base64.b64decode(stored["arrays"])), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}

    def pairs(name: str) -> Pairs:
        a, b, count, had = (arrays[f"{name}_{row}"] for row in ("a", "b", "count", "had"))
        baskets, shape, rate = stored[name]
        had = had.astype(np.int64)
        return Pairs(a, b, count.astype(np.int64), had[a], had[b], int(baskets), (float(shape), float(rate)))

    price, mean, returns = (arrays[name].astype(np.float64) for name in ("price", "mean", "returns"))
    catalogue = Catalogue(
        pa.array(stored["items"], TEXT),
        pa.array(stored["categories"], TEXT),
        arrays["category"],
        arrays["wanted"].astype(np.int64),
        price,
        Gaps(stored["shape"], stored["spread"], mean, returns),
        pairs("met"),
        pairs("shared"),
        pairs("kinds"),
        Moves(*(arrays[f"moves_{row}"] for row in _MOVES)),
        stored["customers"],
    )
    weights = {name: Weights(tuple(names), tuple(values)) for name, (names, values) in stored["weights"].items()}
    return Recommender(catalogue, Near.of(catalogue), Backtest(stored["tested"], stored["chosen"], weights))
