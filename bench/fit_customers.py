"""How long does it take to fit and to score a million customers, against the packages that others use?

In one run over the same summary of customers (frequency, recency, age in weeks, whole days), each package in a process
of its own on one thread: ours (duplicates put together, exact gradient), lifetimes, clvkit, and pymc-marketing's MAP
where a Python that has it is named. Seconds are CPU seconds of the process, imports left out; memory is the peak of the
whole process. What each falls short of our maximum is shown, by our formula, so that no package wins by stopping early.

    python bench/fit_customers.py
    python bench/fit_customers.py --customers 1000000 --peers lifetimes
    python bench/fit_customers.py --pymc-python /path/to/other/venv/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

TRUTH = {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}  # CDNOW's Pareto/NBD
HORIZON = 39.0
MODELS = ("bg-nbd", "pareto-nbd")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def simulate(customers: int, file: Path) -> None:
    """Write a summary of customers who were first seen 27 to 39 weeks ago, in whole days."""
    rng = np.random.default_rng(7)
    age = rng.integers(27 * 7, 39 * 7 + 1, customers) / 7.0
    rate = rng.gamma(TRUTH["r"], 1.0 / TRUTH["alpha"], customers)
    leaving = np.maximum(rng.gamma(TRUTH["s"], 1.0 / TRUTH["beta"], customers), 1e-300)
    life = np.minimum(rng.exponential(1.0, customers) / leaving, age)
    days = np.floor(life * 7.0)
    # Purchases of one day are one: at most as many as there are days.
    frequency = np.minimum(rng.poisson(rate * life), days)
    last = np.ceil(days * rng.random(customers) ** (1.0 / np.maximum(frequency, 1.0)))
    recency = np.where(frequency > 0, np.maximum(last, frequency) / 7.0, 0.0)
    np.savez(file, frequency=frequency.astype(float), recency=recency, age=age)


def ours(model: str, table: dict[str, Any]) -> dict[str, Any]:
    """Fit and score with tenure; putting duplicates together is part of the fit."""
    from tenure.stats import purchases
    from tenure.stats.cells import compress

    def fit() -> Any:
        cells = compress(table["frequency"], table["recency"], table["age"])
        return cells, purchases.fit(model, cells)

    took, (cells, fitted) = timed(fit)
    scored, expected = timed(lambda: (fitted.expected(HORIZON, cells)[cells.where], fitted.p_alive(cells)[cells.where]))
    return {"fit": took, "score": scored, "params": fitted.params, "sum": float(expected[0].sum()), "cells": len(cells)}


def lifetimes(model: str, table: dict[str, Any]) -> dict[str, Any]:
    """Fit and score with lifetimes."""
    from lifetimes import BetaGeoFitter, ParetoNBDFitter

    warnings.simplefilter("ignore")
    columns = [table[name] for name in ("frequency", "recency", "age")]
    fitter = BetaGeoFitter() if model == "bg-nbd" else ParetoNBDFitter()
    took, _ = timed(lambda: fitter.fit(*columns))
    scored, expected = timed(
        lambda: (
            np.asarray(fitter.conditional_expected_number_of_purchases_up_to_time(HORIZON, *columns)),
            np.asarray(fitter.conditional_probability_alive(*columns)),
        )
    )
    params = {name: float(value) for name, value in fitter.params_.items()}
    return {"fit": took, "score": scored, "params": params, "sum": float(expected[0].sum())}


def clvkit(model: str, table: dict[str, Any]) -> dict[str, Any]:
    """Fit and score with clvkit, which has no Pareto/NBD."""
    import pandas as pd
    from clvkit import BGNBD, CustomerBase

    if model != "bg-nbd":
        return {"none": "no such model"}
    frame = pd.DataFrame({"frequency": table["frequency"], "recency": table["recency"], "T": table["age"]})
    base = CustomerBase(
        frame,
        time_unit="W",
        collapse="D",
        observation_period_end=pd.Timestamp("2024-12-31"),
        has_monetary=False,
        on_negative="net",
    )
    fitter = BGNBD()
    took, _ = timed(lambda: fitter.fit(base))
    scored, expected = timed(lambda: (fitter.predict(t=HORIZON).to_pandas(), fitter.probability_alive().to_pandas()))
    params = {name: float(value) for name, value in fitter.params_.items()}
    return {"fit": took, "score": scored, "params": params, "sum": float(np.asarray(expected[0]).sum())}


def pymc(model: str, table: dict[str, Any]) -> dict[str, Any]:
    """Fit by MAP and score with pymc-marketing; compiling is left out by fitting a thousand customers first."""
    import pandas as pd
    from pymc_marketing import clv

    warnings.simplefilter("ignore")
    frame = pd.DataFrame({"frequency": table["frequency"], "recency": table["recency"], "T": table["age"]})
    frame.insert(0, "customer_id", np.arange(len(frame)))
    kind = clv.BetaGeoModel if model == "bg-nbd" else clv.ParetoNBDModel
    kind(data=frame.head(1000)).fit(method="map", progressbar=False)
    fitter = kind(data=frame)
    took, _ = timed(lambda: fitter.fit(method="map", progressbar=False))
    now = {"future_t": 0} if model == "pareto-nbd" else {}
    scored, expected = timed(
        lambda: (fitter.expected_purchases(future_t=HORIZON), fitter.expected_probability_alive(**now))
    )
    point = fitter.fit_result.posterior if hasattr(fitter.fit_result, "posterior") else fitter.fit_result
    params = {name: float(np.asarray(point[name]).mean()) for name in NAMES[model]}
    return {"fit": took, "score": scored, "params": params, "sum": float(expected[0].sum())}


NAMES = {"bg-nbd": ("r", "alpha", "a", "b"), "pareto-nbd": ("r", "alpha", "s", "beta")}
PEERS = {"tenure": ours, "lifetimes": lifetimes, "clvkit": clvkit, "pymc": pymc}


def timed(work: Any) -> tuple[float, Any]:
    """Return the CPU seconds that something took, and its result."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def memory() -> float:
    """Return the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def run(peer: str, model: str, file: Path, limit: int) -> None:
    """Run one package on one model and print what came out as JSON: the child's side."""
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    with np.load(file) as stored:
        table = {name: stored[name] for name in stored.files}
    begin = time.perf_counter()
    result = PEERS[peer](model, table)
    print(json.dumps({**result, "wall": time.perf_counter() - begin, "memory": memory()}))


def measure(peer: str, model: str, file: Path, python: str, limit: int) -> dict[str, Any]:
    """Run one package in a process of its own: the parent's side."""
    command = [python, str(Path(__file__).resolve()), "--child", peer, model, str(file), "--limit", str(limit)]
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return {"none": f"not done after {limit} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        return {"none": (done.stderr.strip().splitlines() or ["no answer"])[-1][:90]}
    return dict(json.loads(lines[-1]))


def reached(model: str, params: dict[str, float], file: Path) -> float:
    """Return the log-likelihood of a package's parameters."""
    from tenure.stats import purchases
    from tenure.stats.cells import compress

    with np.load(file) as stored:
        cells = compress(stored["frequency"], stored["recency"], stored["age"])
    named = {name: params[name] for name in NAMES[model]}
    return float(cells.weight @ purchases.MODELS[model].terms(named, cells)[0])


def show(customers: int, model: str, peer: str, result: dict[str, Any], base: dict[str, Any], file: Path) -> None:
    """Print one row of the table."""
    head = f"| {customers:,} | {model} | {peer} |"
    if "none" in result:
        print(f"{head} {result['none']} | | | | | |", flush=True)
        return
    short = base["top"] - reached(model, result["params"], file)
    both = (result["fit"] + result["score"]) / (base["fit"] + base["score"])
    print(
        f"{head} {result['fit']:.2f} | {result['fit'] / base['fit']:.0f} x | {result['score']:.2f} | {both:.0f} x |"
        f" {result['memory']:,.0f} | {short:.3f} |",
        flush=True,
    )


def main() -> None:
    """Measure every package at every size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--peers", nargs="*", default=["lifetimes", "clvkit"], choices=["lifetimes", "clvkit"])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--pymc-python", help="a Python in which pymc-marketing is installed")
    parser.add_argument("--limit", type=int, default=1800, help="CPU seconds after which a package is given up")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        run(arguments.child[0], arguments.child[1], Path(arguments.child[2]), arguments.limit)
        return
    pythons = dict.fromkeys(["tenure", *arguments.peers], sys.executable)
    if arguments.pymc_python:
        pythons["pymc"] = arguments.pymc_python
    print(
        "| customers | model | package | fit, s | against ours | score, s | both | memory, MB | short of our maximum |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for customers in arguments.customers:
            file = Path(folder) / f"{customers}.npz"
            simulate(customers, file)
            for model in arguments.models:
                base = measure("tenure", model, file, sys.executable, arguments.limit)
                base["top"] = reached(model, base["params"], file)
                show(customers, model, "tenure", base, base, file)
                for peer in [name for name in pythons if name != "tenure"]:
                    show(customers, model, peer, measure(peer, model, file, pythons[peer], arguments.limit), base, file)


if __name__ == "__main__":
    main()
