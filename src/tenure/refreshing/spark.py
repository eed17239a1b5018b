"""The Spark engine: the same files, the same kernel, any number of machines.

Answers what :func:`tenure.refreshing.blocks.evaluate_here` answers, when one machine is outgrown. Spark reads the
lake's files, brings each customer's rows together in order, and hands them, a partition at a time, to the very
function that the laptop calls. What it gives is therefore equal, span for span.
"""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial, reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tenure.clock import day_number
from tenure.errors import EngineError
from tenure.facts.blocks import block_of
from tenure.facts.slices import RECORDS, SortedFiles, slices_of
from tenure.facts.streams import Stream
from tenure.lifecycle.arrivals import ARRIVALS, ENCODED_ARRIVALS
from tenure.lifecycle.doubts import DOUBTS, ENCODED_DOUBTS
from tenure.lifecycle.history import ENCODED_SPANS, SPANS
from tenure.refreshing.blocks import EvaluatedBlock, EvaluationRequest, evaluate
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from tenure.facts.kinds import Kind
    from tenure.facts.lake import Lake

WHO, STREAM = "_who", "_stream"
ROWS_A_PARTITION = 400_000
#: What stands in one row each, by the prefix of its columns: as it is stored and, in memory, encoded.
_ENCODED = {"": ENCODED_SPANS, "doubt_": ENCODED_DOUBTS, "arrival_": ENCODED_ARRIVALS}
_STORED = {
    prefix: schema.append(_ENCODED[prefix].field("row"))
    for prefix, schema in (("", SPANS), ("doubt_", DOUBTS), ("arrival_", ARRIVALS))
}
_FEATURE_PREFIX = "feature_"
_REPEATED = [
    prefix + field.name for prefix, schema in _ENCODED.items() for field in schema if pa.types.is_dictionary(field.type)
]


def session() -> SparkSession:
    """Return a Spark session: a running one, the one that SPARK_REMOTE names, or one on this machine."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as wrong:
        raise EngineError(mark("PySpark is not installed. Install it with: pip install 'tenure[spark]'")) from wrong
    if os.environ.get("SPARK_REMOTE"):
        return SparkSession.builder.remote(os.environ["SPARK_REMOTE"]).getOrCreate()
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise EngineError(
            mark("Spark needs Java 17 or newer, but Java was not found. Install a JRE, or use the DuckDB engine.")
        )
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(os.environ.get("TENURE_SPARK_MASTER", "local[*]")).appName("tenure")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": os.environ.get("TENURE_SPARK_MEMORY", "4g"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    started = builder.getOrCreate()
    started.sparkContext.setLogLevel("ERROR")
    return started


def evaluate_on_spark(
    lake: Lake,
    request: EvaluationRequest,
    as_of: date,
    subject: str,
) -> Iterator[EvaluatedBlock]:
    """Evaluate everybody on Spark, in the order of the customers, as the laptop would."""
    spark = session()
    from pyspark.sql.pandas.types import from_arrow_schema  # after the session's message when Spark is missing

    kinds = lake.kinds()
    with (
        slices_of(lake, request.streams(kinds), subject=subject) as slices,
        TemporaryDirectory(prefix="tenure-spark-") as folder,
    ):
        if not slices.files:
            return
        rows = sum(group.rows for files in slices.files.values() for group in files.groups)
        together = _together(spark, slices.files).repartitionByRange(rows // ROWS_A_PARTITION + 1, WHO)
        columns = {
            str(index): (stream, tuple(files.columns)) for index, (stream, files) in enumerate(slices.files.items())
        }
        work = partial(
            _evaluate_partition,
            request=request,
            columns=columns,
            tz=slices.tz,
            last_day=day_number(as_of),
            kinds=kinds,
            subject=subject,
        )
        target = Path(folder) / "evaluated"
        # Inside a partition the rows of one customer stand together, each stream in the order of time.
        ordered = together.sortWithinPartitions(WHO, STREAM, "at")
        ordered.mapInArrow(work, from_arrow_schema(_wide_schema(request))).write.parquet(str(target))
        # What the partitions gave, in the order of their customers.
        paths = sorted(target.glob("part-*.parquet"))
        for n, path in enumerate(paths, start=1):
            table = pq.ParquetFile(path, read_dictionary=_REPEATED).read()
            masks = {prefix: pc.is_valid(table.column(f"{prefix}model")) for prefix in _ENCODED}
            spans, doubts, arrivals = (
                _narrow(table.filter(mask), prefix, _ENCODED[prefix]) for prefix, mask in masks.items()
            )
            others = table.filter(pc.invert(reduce(pc.or_, masks.values())))
            features = _narrow(others, _FEATURE_PREFIX, request.schema)
            yield EvaluatedBlock(spans, doubts, arrivals, features, n / len(paths))


def _together(spark: SparkSession, files: Mapping[Stream, SortedFiles]) -> DataFrame:
    """Return the rows of all streams in one frame, each marked with its stream."""
    from pyspark.sql import functions

    frames = []
    for index, (stream, sorted_files) in enumerate(files.items()):
        frame = spark.read.parquet(*sorted_files.paths).select(*sorted_files.columns)
        frame = frame.withColumnRenamed(stream.who, WHO).withColumn(STREAM, functions.lit(str(index)))
        if "at" not in sorted_files.columns:  # customer records happen at no instant
            frame = frame.withColumn("at", functions.lit(None).cast("timestamp"))
        frames.append(frame)
    rows = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), frames)
    return rows.where(functions.col(WHO).isNotNull())


def _wide_schema(request: EvaluationRequest) -> pa.Schema:
    """Return the spans' columns and, prefixed, those of everything else: one row is one of them."""
    parts = {**_STORED, _FEATURE_PREFIX: request.schema}
    return pa.schema([field.with_name(prefix + field.name) for prefix, schema in parts.items() for field in schema])


def _evaluate_partition(
    batches: Iterator[pa.RecordBatch],
    *,
    request: EvaluationRequest,
    columns: Mapping[str, tuple[Stream, Sequence[str]]],
    tz: str,
    last_day: int,
    kinds: Mapping[str, Kind],
    subject: str,
) -> Iterator[pa.RecordBatch]:
    """Evaluate the customers of one partition; runs on a worker."""
    given = list(batches)
    if not given:
        return
    table = pa.Table.from_batches(given)
    tables = {}
    for index, (stream, names) in columns.items():
        rows = table.filter(pc.equal(table.column(STREAM), index))
        tables[stream] = rows.select([WHO if name == stream.who else name for name in names]).rename_columns(
            list(names)
        )
    records = tables.pop(RECORDS, None)
    block = block_of(tables, tz=tz, last_day=last_day, customers=records, kinds=kinds, subject=subject)
    evaluated = evaluate(request, block)
    staged = zip(_STORED.items(), (evaluated.spans, evaluated.doubts, evaluated.arrivals), strict=True)
    parts = [(rows.cast(schema), prefix) for (prefix, schema), rows in staged]
    for rows, prefix in (*parts, (evaluated.features, _FEATURE_PREFIX)):
        yield from _wide(rows, prefix, _wide_schema(request)).to_batches(max_chunksize=100_000)


def _wide(table: pa.Table, prefix: str, schema: pa.Schema) -> pa.Table:
    present = {prefix + name: table.column(name) for name in table.column_names}
    return pa.table([present.get(field.name, pa.nulls(len(table), field.type)) for field in schema], schema=schema)


def _narrow(table: pa.Table, prefix: str, schema: pa.Schema) -> pa.Table:
    return table.select([prefix + name for name in schema.names]).rename_columns(schema.names).cast(schema)
