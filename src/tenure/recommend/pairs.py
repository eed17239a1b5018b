"""Which products are bought together, and how sure that is.

Counting is one sparse product of the basket matrix with itself, in chunks, so that memory does not grow with the
number of products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.facts.schema import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenure.recommend.lines import Lines

#: A pair that met in fewer baskets is not shown; in large shops it takes one basket in so many.
LEAST, ONE_IN = 10, 10_000
#: Meetings that one chunk of the product may add up: bounds memory to about 200 MB.
BUDGET = 12_000_000
#: How many pairs of products are kept, the best supported first.
MOST = 300_000
#: Which pairs the prior is learnt from: those that chance alone would bring together at least this often.
FAIR = 1.0
#: About how many pairs the prior's two numbers are fitted to.
ENOUGH = 20_000

PAIRS = pa.schema(
    {
        "level": TEXT,  # product or category
        "product_a": TEXT,
        "product_b": TEXT,
        "category_a": TEXT,
        "category_b": TEXT,
        "count": pa.int64(),  # baskets with both
        "count_a": pa.int64(),
        "count_b": pa.int64(),
        "baskets": pa.int64(),
        "support": pa.float64(),
        "confidence": pa.float64(),  # of the baskets with a, those with b
        "confidence_back": pa.float64(),
        "lift": pa.float64(),
        "lift_shrunk": pa.float64(),
        "lift_low": pa.float64(),
        "lift_high": pa.float64(),
    }
)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs that met often enough: `a` < `b` by number, sorted by both, with what is known of each."""

    a: np.ndarray  # numbers of products (or categories)
    b: np.ndarray
    count: np.ndarray  # baskets with both, with `a`, with `b`
    count_a: np.ndarray
    count_b: np.ndarray
    baskets: int  # all baskets
    prior: tuple[float, float] = (1.0, 1.0)  # shape and rate of the gamma prior of the lift

    def __len__(self) -> int:
        return len(self.a)

    def part(self, rows: np.ndarray) -> Pairs:
        names = ("a", "b", "count", "count_a", "count_b")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def find(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return the rows in which pairs stand, in either order; -1 for those that are not here."""
        width = int(self.b.max(initial=0)) + 1
        low, high = np.minimum(a, b).astype(np.int64), np.maximum(a, b)
        if not len(self):
            return np.full(len(low), -1)
        keys, key = self.a.astype(np.int64) * width + self.b, low * width + high
        place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        return np.where((keys[place] == key) & (high < width), place, -1)

    @property
    def expected(self) -> np.ndarray:
        """Baskets in which chance alone would bring the two together."""
        return self.count_a * (self.count_b / max(self.baskets, 1))

    @property
    def lift(self) -> np.ndarray:
        return self.count / self.expected

    def shrunk(self) -> np.ndarray:
        """Return the lift, drawn towards what is usual here the more, the fewer baskets speak for it."""
        shape, rate = self.prior
        return (shape + self.count) / (rate + self.expected)

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Return the interval of the shrunk lift."""
        from scipy.special import gammaincinv

        shape, rate = self.prior
        tail = (1 - level) / 2
        low = gammaincinv(shape + self.count, tail) / (rate + self.expected)
        high = gammaincinv(shape + self.count, 1 - tail) / (rate + self.expected)
        return low, high

    def partners(self, most: int) -> dict[int, list[int]]:
        """Return the partners of each product beyond chance, those of the most surplus baskets first."""
        surplus = (self.interval()[0] - 1.0) * self.expected
        partners: dict[int, list[int]] = {}
        for row in np.argsort(-surplus, kind="stable"):
            if surplus[row] <= 0:
                break
            a, b = int(self.a[row]), int(self.b[row])
            for product, partner in ((a, b), (b, a)):
                if len(partners.setdefault(product, [])) < most:
                    partners[product].append(partner)
        return partners

    def to_arrow(self, names: pa.StringArray, categories: pa.StringArray, level: str) -> pa.Table:
        low, high = self.interval()
        a, b = pa.array(self.a), pa.array(self.b)
        with np.errstate(divide="ignore", invalid="ignore"):
            columns: dict[str, Any] = {
                "level": pa.repeat(pa.scalar(level), len(self)),
                "product_a": names.take(a),
                "product_b": names.take(b),
                "category_a": categories.take(a),
                "category_b": categories.take(b),
                "count": self.count,
                "count_a": self.count_a,
                "count_b": self.count_b,
                "baskets": np.full(len(self), self.baskets),
                "support": self.count / max(self.baskets, 1),
                "confidence": self.count / self.count_a,
                "confidence_back": self.count / self.count_b,
                "lift": self.lift,
                "lift_shrunk": self.shrunk(),
                "lift_low": low,
                "lift_high": high,
            }
        return pa.table([pa.array(columns[pair.name], pair.type) for pair in PAIRS], schema=PAIRS)


def least_of(baskets: int) -> int:
    """Return in how many baskets a pair must have met to be shown."""
    return max(LEAST, -(-baskets // ONE_IN))


def matrix_of(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> Any:
    from scipy.sparse import csr_matrix

    matrix = csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def category_pairs(lines: Lines, least: int | None = None) -> Pairs:
    kind = lines.category[lines.item]
    known = kind >= 0
    matrix = matrix_of(lines.basket[known], kind[known], (lines.baskets, len(lines.categories)))
    return pairs_of(matrix, least, lines.filled)


def pairs_of(
    matrix: Any, least: int | None = None, baskets: int | None = None, most: int = MOST, nearest: int = 0
) -> Pairs:
    """Return the pairs of columns that meet in at least `least` rows of a sparse matrix of ones."""
    baskets = int((np.diff(matrix.indptr) > 0).sum()) if baskets is None else baskets
    least = least_of(baskets) if least is None else max(least, 1)
    counts = np.asarray(matrix.sum(axis=0)).ravel().astype(np.int64)
    kept = np.flatnonzero(counts >= least)
    small = matrix[:, kept].tocsr()
    across, parts = small.T.tocsr(), [np.empty((3, 0), np.int32)]
    for low, high in chunks(small, across):
        # The upper half of X'X, a range of products at a time; with `nearest`, of both halves what is near.
        part = (across[low:high] @ small).tocoo()
        row, column, met = part.row + low, part.col, part.data
        keep = np.flatnonzero((met >= least) & ((column != row) if nearest else (column > row)))
        if nearest:
            keep = keep[first_of(row[keep], met[keep] / np.sqrt(counts[kept[column[keep]]]), nearest)]
        parts.append(np.stack([row[keep], column[keep], met[keep].astype(np.int32)]))
    a, b, count = np.concatenate(parts, axis=1)
    if len(count) > most:
        best = np.sort(np.argsort(-count, kind="stable")[:most])
        a, b, count = a[best], b[best], count[best]
    prior = prior_of(small, counts[kept], baskets)
    if nearest and len(a):  # a pair is kept when either takes the other for near
        a, b = np.minimum(a, b), np.maximum(a, b)
        once = np.unique(a.astype(np.int64) * len(kept) + b, return_index=True)[1]
        a, b, count = a[once], b[once], count[once]
    order = np.lexsort((b, a))
    a, b = kept[a[order]].astype(np.int32), kept[b[order]].astype(np.int32)
    return Pairs(a, b, count[order].astype(np.int64), counts[a], counts[b], baskets, prior)


def first_of(row: np.ndarray, score: np.ndarray, most: int) -> np.ndarray:
    """Return the places of the `most` largest scores of each row (customer, product)."""
    order = np.lexsort((-score, row))
    sorted_rows = row[order]
    rank = np.arange(len(row)) - np.searchsorted(sorted_rows, sorted_rows)
    return order[rank < most]


def chunks(matrix: Any, across: Any, budget: int = BUDGET) -> Iterator[tuple[int, int]]:
    """Yield ranges of products whose meetings, counted one by one, fit the budget."""
    sizes = np.diff(matrix.indptr)
    work = np.add.reduceat(np.append(sizes[across.indices], 0), across.indptr[:-1]) if across.nnz else np.empty(0)
    work = np.where(np.diff(across.indptr) > 0, work, 0)
    done, low = np.cumsum(work), 0
    while low < across.shape[0]:
        before = done[low - 1] if low else 0
        high = max(int(np.searchsorted(done, before + budget, side="right")), low + 1)
        yield low, high
        low = high


def prior_of(
    matrix: Any, counts: np.ndarray, baskets: int, cells: int = 2_000_000, seed: int = 7
) -> tuple[float, float]:
    """Return the gamma prior of the lift by maximum likelihood: what lifts are usual in this shop.

    The meetings of a pair are Poisson with mean lift x expected, lifts differ as a gamma, so meetings are negative
    binomial; also pairs that never met count. W. DuMouchel, "Bayesian data mining in large frequency tables", The
    American Statistician 53 (1999), with one gamma in place of two.
    """
    from scipy.optimize import minimize
    from scipy.special import gammaln

    size = len(counts)
    if size < 2 or not baskets:
        return 1.0, 1.0
    sample = np.arange(size)
    if size * size > cells:
        sample = np.sort(np.random.default_rng(seed).choice(size, max(cells // size, 1), replace=False))
    met = (matrix[:, sample].T.tocsr() @ matrix).toarray()
    expected = np.outer(counts[sample], counts) / baskets
    keep = (expected >= FAIR) & (np.arange(size) != sample[:, None])
    if keep.sum() < 20:
        return 1.0, 1.0
    step = max(int(keep.sum()) // ENOUGH, 1)  # two numbers are learnt; more pairs would not change them
    met, expected = met[keep].astype(np.float64)[::step], expected[keep][::step]

    def loss(theta: np.ndarray) -> float:
        shape, rate = np.exp(theta)
        likelihood = gammaln(shape + met) - gammaln(shape) + shape * np.log(rate / (rate + expected))
        return -float(np.mean(likelihood - met * np.log(rate + expected)))

    shape, rate = np.exp(minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-4.0, 6.0)] * 2).x)
    return float(shape), float(rate)
