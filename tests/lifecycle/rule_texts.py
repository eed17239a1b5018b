"""Random rules of the whole grammar, as text: what the parser, the sentences and the completion must take."""

from __future__ import annotations

from hypothesis import strategies as st

from oracle.strategies import kind, length, literal, sign, steady, test, waiting

_period = st.sampled_from(("week", "month", "quarter", "year"))
_number = st.integers(1, 12)
window = st.one_of(
    st.just(""),
    length.map(lambda n: f", last {n}d"),
    st.integers(1, 30).map(lambda n: f", last {n}w"),
    _period.map(lambda period: f", this {period}"),
    st.tuples(_number, _period).map(lambda t: f", last {t[0]} {t[1]}s"),
    st.tuples(_number, _period).map(lambda t: f", before {t[0]} {t[1]}"),
    st.tuples(_number, _period, _number).map(lambda t: f", last {t[0]} {t[1]}s, before {t[2]} {t[1]}s"),
    length.map(lambda n: f", same {n}d last year"),
    _period.map(lambda period: f", same {period} last year"),
    st.tuples(_number, _period).map(lambda t: f", same {t[0]} {t[1]}s last year"),
    _number.map(lambda n: f", last {n} facts"),
)
_listed = st.lists(st.sampled_from(('"web"', '"app"', '"门店"')), min_size=1, max_size=3).map(", ".join)
_numbers = st.lists(st.integers(1, 7).map(str), min_size=1, max_size=3).map(", ".join)
_known = st.sampled_from(("known", "unknown", "not known", "not unknown"))
_dates = st.sampled_from(('"2024-02-29"', '"2024-11-11"'))
condition = st.one_of(
    st.tuples(st.sampled_from(("channel", "store")), st.sampled_from(("=", "!=")), _listed).map(
        lambda t: f"{t[0]} {t[1]} {t[2].split(',')[0]}"
    ),
    st.tuples(st.sampled_from(("channel", "store")), st.sampled_from(("in", "not in")), _listed).map(
        lambda t: f"{t[0]} {t[1]} ({t[2]})"
    ),
    st.tuples(st.sampled_from(("amount", "cost", "year")), sign, literal).map(" ".join),
    st.tuples(st.sampled_from(("weekday", "hour", "day", "month")), sign, st.integers(1, 7).map(str)).map(" ".join),
    st.tuples(st.sampled_from(("weekday", "hour", "day", "month")), st.sampled_from(("in", "not in")), _numbers).map(
        lambda t: f"{t[0]} {t[1]} ({t[2]})"
    ),
    st.tuples(st.sampled_from(("store", "amount", "date", "hour")), _known).map(" is ".join),
    st.tuples(sign, _dates).map(lambda t: f"date {t[0]} {t[1]}"),
    st.sampled_from(('on "双十一"', 'not on "双十一"')),
)
orders = st.lists(condition, min_size=1, max_size=3).map(lambda parts: f"order[{', '.join(parts)}]")
term = st.one_of(
    orders,
    st.tuples(st.sampled_from(("view", "order")), orders, st.integers(1, 90)).map(
        lambda t: f"{t[0]} then {t[1]} within {t[2]}d"
    ),
)
facts = st.one_of(kind, orders, term, st.tuples(term, term).map(" | ".join))
_column = st.sampled_from(("amount", "channel", "weekday", "date"))
_measured = st.one_of(
    st.tuples(st.sampled_from(("count", "days", "months_with", "weeks_with")), facts, window).map(
        lambda t: f"{t[0]}({t[1]}{t[2]})"
    ),
    st.tuples(st.sampled_from(("sum", "avg", "median", "max", "last")), orders, window).map(
        lambda t: f"{t[0]}({t[1]}.amount{t[2]})"
    ),
    st.tuples(orders, st.integers(1, 9), window).map(lambda t: f"largest({t[0]}.amount, {t[1]}{t[2]})"),
    st.tuples(orders, _column, window).map(lambda t: f"distinct({t[0]}.{t[1]}{t[2]})"),
    st.tuples(st.sampled_from(("typical_gap", "longest_gap", "days_since")), term).map(lambda t: f"{t[0]}({t[1]})"),
    st.sampled_from(("days_open(complaint)", 'open(case[severity = "high"])', "days_in_stage()", "days_until(birthday)",
                     'days_until("双十一")', "days_until(contract.ends_at)", "nth(order, 2).date - first(order).date")),
    steady.map(lambda each: f"average({each}, by city)"),
)  # fmt: skip
_text = st.one_of(
    st.tuples(st.sampled_from(("first", "last")), facts.filter(lambda text: text.startswith("order["))).map(
        lambda t: f"{t[0]}({t[1].split(' | ')[0]}).channel"
    ),
    st.sampled_from(("nth(order, 3).store", 'stage("crm-4")', "previous_stage()", "attribute(city)")),
)
_test = st.one_of(
    test,
    st.tuples(_measured, sign, literal).map(" ".join),
    st.tuples(_measured, st.sampled_from(("in", "not in"))).map(lambda t: f"{t[0]} {t[1]} (1, 2.5, -3)"),
    st.tuples(_text, st.sampled_from(("=", "!=")), st.one_of(st.just('"a"'), _text)).map(" ".join),
    st.tuples(_text, st.sampled_from(("in", "not in"))).map(lambda t: f'{t[0]} {t[1]} ("a", "b")'),
    st.tuples(_text, _known).map(" is ".join),
    st.tuples(waiting, sign, waiting).map(" ".join),
    st.sampled_from(("running(contract)", 'in_stage("a", "b")', 'running(contract[contract_id = "k1"])')),
    st.tuples(facts, window).map(lambda t: f"has({t[0]}{t[1]})"),
    st.tuples(steady, sign).map(lambda t: f"percentile({t[0]}) {t[1]} 0.8"),
    st.tuples(sign, _dates).map(lambda t: f"last(order).date {t[0]} {t[1]}"),
)


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner,
        st.lists(inner, min_size=2, max_size=3).map(" and ".join),
        st.lists(inner, min_size=2, max_size=3).map(" or ".join),
        inner.map(lambda each: f"not ({each})"),
        inner.map(lambda each: f"({each}) for 14d"),
        inner.map(lambda each: f"ever({each})"),
    )


def rules_of_any_kind() -> st.SearchStrategy[str]:
    """Return the texts of rules."""
    return _joined(_joined(_test))
