"""What spans add up to: how many stand where, who moved, how long people stay.

Answers: every question about stages that is asked of many customers at once. Each function takes Ibis tables (the
lake's views ``spans`` and ``scorecard``) and returns an Ibis table that has not run yet, so that DuckDB and Spark
read the same definition. It never reads rules or facts: spans are the only truth.

How days are counted, everywhere in this module:

* A span is half-open: its customer stands in it from ``entered_on`` to the day before ``left_on``.
* A move happens on the day on which the new stage begins. Between two days, `since` and `until`, the moves are those
  after `since`, `until` included, so that ``people at until = people at since + entered - left``, stage for stage.
* A step that was passed through (zero days long) is nobody's standing; moves name it, marked ``passed_through``.
* ``None`` as a stage reads "not in this model": before the first fact, or on days on which no rule held.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
from ibis import _

from tenure.lifecycle.grid import Every, grid

if TYPE_CHECKING:
    import ibis.expr.types as ir

MONTH = 30


def _of(spans: ir.Table, model: str) -> ir.Table:
    """Return a model's spans in which somebody stood."""
    return spans.filter(spans.model == model, ~spans.passed_through)


def _days(later: ir.Value | date, earlier: ir.Value) -> ir.Value:
    return (
        ibis.literal(later, type="date").delta(earlier, unit="day")
        if isinstance(later, date)
        else later.delta(earlier, unit="day")
    )


def _between(column: ir.Value, since: date, until: date) -> ir.BooleanValue:
    return (column > since) & (column <= until)


def standing(spans: ir.Table, model: str, day: date) -> ir.Table:
    """Say who stood in which stage on a day."""
    there = _of(spans, model).filter(_.entered_on <= day, _.left_on.isnull() | (_.left_on > day))
    return there.select("customer_id", "stage", "entered_on", "cause", days=_days(day, there.entered_on))


def stage_counts(spans: ir.Table, model: str, day: date) -> ir.Table:
    """Count the people in each stage on a day."""
    counts = standing(spans, model, day).group_by("stage").aggregate(people=_.count(), average_days=_.days.mean())
    return counts.select("stage", "people", share=_.people / _.people.sum().over(), average_days=_.average_days)


def trend(spans: ir.Table, model: str, since: date, until: date, every: Every = "week") -> ir.Table:
    """Count the people of each stage on a grid of days.

    The spans are read once: everybody who entered by a day, minus everybody who had left by it, stand there on it.
    """
    held = _of(spans, model)
    entered = held.select("stage", day=held.entered_on, step=ibis.literal(1, type="int64"))
    left = held.filter(held.left_on.notnull()).select("stage", day=held.left_on, step=ibis.literal(-1, type="int64"))
    steps = entered.union(left).group_by("stage", "day").aggregate(step=_.step.sum())
    days = ibis.memtable({"on": grid(since, until, every)}, schema={"on": "date"})
    places = days.cross_join(held.select("stage").distinct())
    met = places.left_join(steps, [places.stage == steps.stage, steps.day <= places.on])
    return (
        met.group_by(day=_.on, stage=_.stage).aggregate(people=ibis.coalesce(_.step.sum(), 0)).order_by("day", "stage")
    )


def flows(spans: ir.Table, model: str, since: date, until: date) -> ir.Table:
    """Count who stood where on one day and where on a later one (a Sankey diagram's bands)."""
    first = standing(spans, model, since).select(one="customer_id", from_stage="stage")
    second = standing(spans, model, until).select(other="customer_id", to_stage="stage")
    both = first.outer_join(second, first.one == second.other)
    return both.group_by("from_stage", "to_stage").aggregate(people=_.count())


def transitions(spans: ir.Table, model: str, since: date, until: date) -> ir.Table:
    """List the moves between two days."""
    held = _with_neighbours(_of(spans, model))
    after = held.before_left == held.entered_on  # otherwise there was a gap
    entries = held.select(
        "customer_id",
        on=held.entered_on,
        from_stage=ibis.ifelse(after, held.before_stage, None),
        to_stage=held.stage,
        days=ibis.ifelse(after, _days(held.entered_on, held.before_entered), None),
        cause=held.cause,
        passed_through=ibis.literal(value=False),
    )
    gone = held.filter(held.left_on.notnull(), held.after_entered.isnull() | (held.after_entered != held.left_on))
    exits = gone.select(
        "customer_id",
        on=gone.left_on,
        from_stage=gone.stage,
        to_stage=ibis.null("string"),
        days=_days(gone.left_on, gone.entered_on),
        cause=ibis.null("string"),
        passed_through=ibis.literal(value=False),
    )
    moves = entries.union(exits).filter(_between(_.on, since, until))
    return moves.union(_passed(spans, model, moves))


def _with_neighbours(held: ir.Table) -> ir.Table:
    """Set each span beside the customer's span before it and the day of the one after it."""
    mine = ibis.window(group_by="customer_id", order_by="entered_on")
    return held.mutate(
        before_stage=held.stage.lag().over(mine),
        before_entered=held.entered_on.lag().over(mine),
        before_left=held.left_on.lag().over(mine),
        after_entered=held.entered_on.lead().over(mine),
    )


def _passed(spans: ir.Table, model: str, moves: ir.Table) -> ir.Table:
    """Return the steps passed through, as moves from where their customer came from that day."""
    steps = spans.filter(spans.model == model, spans.passed_through)
    steps = steps.select(who=steps.customer_id, day=steps.entered_on, step=steps.stage)
    led = moves.filter(moves.to_stage.notnull())
    met = led.inner_join(steps, [led.customer_id == steps.who, led.on == steps.day])
    return met.select(
        "customer_id",
        "on",
        "from_stage",
        to_stage=met.step,
        days=met.days,
        cause=ibis.null("string"),
        passed_through=ibis.literal(value=True),
    )


def entries_and_exits(spans: ir.Table, model: str, since: date, until: date) -> ir.Table:
    """Balance every stage between two days: ``at_end = at_start + entered - left``."""
    mine = spans.filter(spans.model == model)
    real = ~mine.passed_through

    def there(day: date) -> ir.BooleanValue:
        return real & (mine.entered_on <= day) & (mine.left_on.isnull() | (mine.left_on > day))

    return mine.group_by("stage").aggregate(
        at_start=_count(there(since)),
        entered=_count(real & _between(mine.entered_on, since, until)),
        left=_count(real & mine.left_on.notnull() & _between(mine.left_on, since, until)),
        at_end=_count(there(until)),
        passed=_count(mine.passed_through & _between(mine.entered_on, since, until)),
    )


def _count(where: ir.BooleanValue) -> ir.Value:
    return ibis.coalesce(where.ifelse(1, 0).sum(), 0)


def time_in_stage(spans: ir.Table, model: str, day: date) -> ir.Table:
    """Say how long people stay in each stage, as known on a day."""
    stays = _stays(spans, model, day)
    ended = stays.ended
    return stays.group_by("stage").aggregate(
        completed=_count(ended),
        mean_days=stays.days.mean(where=ended),
        lower_quartile=stays.days.quantile(0.25, where=ended),
        median_days=stays.days.quantile(0.5, where=ended),
        upper_quartile=stays.days.quantile(0.75, where=ended),
        current=_count(~ended),
        current_mean_days=stays.days.mean(where=~ended),
        current_median_days=stays.days.quantile(0.5, where=~ended),
    )


def _stays(spans: ir.Table, model: str, day: date) -> ir.Table:
    """Return one row per stay begun by a day: its stage, its days so far, and whether it had ended."""
    begun = _of(spans, model).filter(_.entered_on <= day)
    ended = begun.left_on.notnull() & (begun.left_on <= day)
    last = ibis.ifelse(ended, begun.left_on, ibis.literal(day, type="date"))
    return begun.select("customer_id", "stage", days=_days(last, begun.entered_on), ended=ended)


def upcoming(spans: ir.Table, model: str, until: date) -> ir.Table:
    """List who will move by a day if nothing happens."""
    mine = spans.filter(spans.model == model, spans.left_on.isnull(), spans.next_change_on.notnull())
    soon = mine.filter(mine.next_change_on <= until)
    return soon.select("customer_id", "stage", "next_change_on", "next_stage").order_by("next_change_on", "customer_id")


def upcoming_counts(spans: ir.Table, model: str, until: date) -> ir.Table:
    """Count who will move by a day, by the day, where from and where to."""
    soon = upcoming(spans, model, until)
    return soon.group_by("next_change_on", "stage", "next_stage").aggregate(people=_.count()).order_by("next_change_on")


def value_by_stage(spans: ir.Table, scorecard: ir.Table, model: str, day: date, since: date | None = None) -> ir.Table:
    """Set people, money and movement of each stage beside each other."""
    there = standing(spans, model, day)
    money = scorecard.select(who=scorecard.customer_id, amount=scorecard.amount)
    met = there.left_join(money, there.customer_id == money.who)
    sums = met.group_by("stage").aggregate(
        people=_.count(), amount=ibis.coalesce(_.amount.sum(), 0), average_days=_.days.mean()
    )
    moved = entries_and_exits(spans, model, since or day - timedelta(days=MONTH), day)
    moved = moved.select(place=moved.stage, entered=moved.entered, left=moved.left)
    both = moved.left_join(sums, moved.place == sums.stage)
    people, amount = ibis.coalesce(both.people, 0), ibis.coalesce(both.amount, 0)
    return both.select(
        stage=both.place,
        people=people,
        share=people / people.sum().over().nullif(0),
        amount=amount,
        average_amount=both.amount / both.people,
        amount_share=amount / amount.sum().over().nullif(0),
        average_days=both.average_days,
        entered=both.entered,
        left=both.left,
    )
