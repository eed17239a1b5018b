"""Random rules and models of the whole language, as text like a user's. One seed makes one model, always the same."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from oracle.random_facts import FactWriter, written
from oracle.random_values import (
    CALENDAR,
    COLUMNS,
    COMMON,
    FIELDS,
    NAMED_DATES,
    OTHER,
    PARAMETERS,
    SIGNS,
)
from oracle.strategies import mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


_TESTS = ("of_state", "of_text", "on_date", "among", "known")
_FOCUS = (
    *_TESTS,
    "of_state",
    "population",
    "population",
    "population",
    "values",
    "gaps",
    "distinct",
    "slope",
    "categories",
    "open_cases",
    "others",
    "waiting",
)


class Writer(FactWriter):
    """Writes rules: what a measure, a comparison and a condition can be, at random."""

    def literal(self) -> str:
        if self.chance(0.08) and self.use("parameter"):
            return self.pick("silent_after", "high_share", "dear", "long_time")
        return self.pick("0", "1", "1", "2", "2", "3", "5", "10", "14", "20", "30", "46", "90", "0.5", "50%", "33.3",
                         lambda: str(self.random.randint(0, 120)))  # fmt: skip

    def values(self) -> str:
        name = self.pick("sum", "sum", "avg", "max", "min", "last", "median", "largest")
        self.use(name)
        facts, kind = self.facts(tuple(FIELDS), alike=True)
        shared = FIELDS[kind] if "|" not in facts else FIELDS[kind][:1]
        place = f", {self.pick(1, 2, 2, 3)}" if name == "largest" else ""
        return f"{name}({facts}.{self.pick(*shared)}{place}{self.window(kind)})"

    def counted(self) -> str:
        name = self.pick("count", "count", "count", "days", "months_with", "weeks_with")
        self.use(name)
        facts, kind = self.facts(alike=True) if self.chance(0.5) else (self.fact(kind := self.kind()), kind)
        return f"{name}({facts}{self.window(kind)})"

    def distinct(self) -> str:
        self.use("distinct")
        facts, kind = self.facts(alike=True)
        column = self.shared(facts) if "|" in facts else self.pick(*COLUMNS[kind], "weekday", "month")
        return f"distinct({facts}.{column}{self.window(kind)})"

    def shared(self, facts: str) -> str:
        """Return a column that the facts of several kinds all have."""
        names = [part.split("[")[0].strip() for part in facts.replace("] |", "]|").split("|")]
        columns = [set(COLUMNS[name]) for name in names if name in COLUMNS]
        both = sorted(set.intersection(*columns) - {"kind"}) if columns else []
        return self.pick(*both, "weekday", "month")

    def gaps(self) -> str:
        name = self.pick("typical_gap", "longest_gap", "gap_variation")
        self.use(name)
        return f"{name}({self.facts(alike=True)[0]})"

    def slope(self) -> str:
        self.use("slope")
        kind = self.pick(*FIELDS)
        field = f".{self.pick(*FIELDS[kind])}" if self.chance(0.5) else ""
        before = f", before {self.random.randint(1, 60)}d" if self.chance(0.2) else ""
        return f"slope({self.fact(kind)}{field}, last {4 * self.random.randint(1, 40)}d{before})"

    def categories(self) -> str:
        self.use("categories")
        kind = self.pick("order", "line", "view", "interaction")
        return (
            f"categories({kind if kind == 'order' else self.fact(kind)}{self.window('' if kind == 'order' else kind)})"
        )

    def of_fact(self, columns: str) -> str:
        """Return a column of one fact: of type text, number or date."""
        name = self.pick("first", "last", "nth")
        self.use(f"{name}().column")
        kinds = tuple(kind for kind, own in COLUMNS.items() if _of_type(own, columns)) if columns != "date" else ()
        facts, kind = self.facts(tuple(k for k in COMMON if k in kinds) if kinds else (), alike=True)
        if "|" in facts:
            facts = self.fact(kind)
        column = self.pick(*_of_type(COLUMNS[kind], columns), *(("date",) * 3 if columns == "date" else ()))
        place = f", {self.random.randint(1, 4)}" if name == "nth" else ""
        return f"{name}({facts}{place}{self.window(kind) if self.chance(0.4) else ''}).{column}"

    def steady(self) -> str:
        """Return a number that changes with facts only."""
        return self.pick(
            self.counted, self.counted, self.counted, self.values, self.values, self.values, self.distinct, self.gaps,
            self.slope, self.categories, lambda: self.of_fact("number"), self.between_dates, self.open_cases,
            self.others,
        )  # fmt: skip

    # What is sensitive to a day, an hour or an instant more or less

    def followed(self) -> str:
        self.use("then")
        first, later = self.pick(
            ("order", "line"), ("line", "line"), ("view", "order"), ("order", "order"), ("order", "view")
        )
        return f"count({first} then {later} within {self.pick(1, 2, 7, 14, 30)}d)"

    def seasonal(self) -> str:
        return f"count({self.pick('order', 'view', 'line')}{self._of_a_year_ago()})"

    def hourly(self) -> str:
        self.use("condition on a calendar column")
        return f"count({self.kind()}[hour {self.pick('<', '>=', '=', '!=')} {self.pick(*CALENDAR['hour'])}])"

    def severe(self) -> str:
        self.use("open")
        condition = self.pick('severity = "high"', 'severity != "low"', "severity is unknown")
        return f"{self.pick('open', 'open', 'days_open')}(case[{condition}])"

    def latest(self) -> str:
        return f"{self.pick('sum', 'avg', 'max')}(order.amount{self._of_facts('orders')})"

    def between_dates(self) -> str:
        self.use("between dates")
        return f"({self.of_fact('date')} - {self.of_fact('date')})"

    def open_cases(self) -> str:
        self.use("open")
        facts = self.fact(self.pick("complaint", "case"), calendar=False)
        if self.chance(0.3) and self.use("several kinds"):
            facts += f" | {self.fact(self.pick('complaint', 'case'), calendar=False)}"
        return f"open({facts})"

    def others(self) -> str:
        which = self.pick("balance()", "attribute(age)", "score(churn)", "score(churn)", "population", "population")
        if which == "population":
            return self.population() if "population" not in self.without else "balance()"
        return which if self.use(which) else "balance()"

    def population(self) -> str:
        """Return a place among all customers, or their mean."""
        kept, self.without = self.without, self.without | {"population"}
        number = self.pick(self.counted, self.values, self.gaps)
        self.without = kept
        name = self.pick("percentile", "average", "average by")
        self.use(name)
        return f"average({number}, by city)" if name == "average by" else f"{name}({number})"

    def constant(self, depth: int = 2) -> str:
        if not depth or self.chance(0.6):
            return self.steady() if self.chance(0.8) else self.literal()
        left, right = self.constant(depth - 1), self.constant(depth - 1)
        return self.pick(f"({left} {self.pick('+', '-', '*', '/')} {right})", f"-{left}")

    def waiting(self) -> str:
        """Return a number that changes with every day."""
        name = self.pick("days_since", "days_since", "days_since", "days_since_first", "days_open", "days_until",
                         "days_until")  # fmt: skip
        if name == "days_until":
            what = self.pick("contract", "birthday", "named")
            if what == "named" and self.over_time:  # before all time it was once, so it says nothing
                what = "birthday"
            self.use(f"days_until {what}")
            dates = {"birthday": "birthday", "named": f'"{self.pick(*NAMED_DATES)}"'}
            return f"days_until({dates.get(what) or self.fact('contract', calendar=False) + '.ends_at'})"
        if not self.use(name):
            name = "days_since"
        if name == "days_open":
            return f"days_open({self.fact(self.pick('complaint', 'case'), calendar=False)})"
        return f"{name}({self.facts()[0]})"

    def moving(self) -> str:
        return self.pick(
            self.waiting,
            self.waiting,
            lambda: f"{self.constant(1)} * {self.waiting()}",
            lambda: f"{self.waiting()} / {self.steady()}",
            lambda: f"({self.waiting()} {self.pick('+', '-')} {self.constant(1)})",
            lambda: f"({self.waiting()} {self.pick('+', '-')} {self.waiting()})",
        )

    # Texts

    def text(self) -> tuple[str, tuple[str, ...]]:
        """Return a text, and values that it may have."""
        which = self.pick("attribute", "fact", "fact", "fact", "stage")
        if which == "fact" or not self.use(which):
            text = self.of_fact("text")
            kind = text.split("(")[1].split("[")[0].split(",")[0].split(")")[0].strip()
            column = text.rpartition(".")[2]
            values = next(own[column] for own in (COLUMNS.get(kind, {}), *COLUMNS.values()) if column in own)
            return text, tuple(map(str, values))
        if which == "attribute":
            name = self.pick("tier", "city")
            return f"attribute({name})", {"tier": ("gold", "silver"), "city": ("上海", "杭州")}[name]
        return f'stage("{OTHER}")', ("active", "quiet", "")

    def of_text(self) -> str:
        text, values = self.text()
        form = self.pick("=", "=", "in", "known", "texts")
        self.use(f"text {form}")
        if form == "known":
            return f"{text} is {self.pick('known', 'unknown')}"
        if form == "in":
            several = ", ".join(written(value) for value in self.random.sample(values, min(2, len(values))))
            return f"{text} {self.pick('in', 'not in')} ({several})"
        sign = self.pick("=", "!=")
        if form == "texts":
            other = self.of_fact("text")
            return f"{text} {sign} {other}"
        value = written(self.pick(*values))
        return f"{text} {sign} {value}" if self.chance(0.8) else f"{value} {sign} {text}"

    # Truths

    def comparison(self) -> str:
        sides = self.pick(
            lambda: (self.waiting(), self.literal()), lambda: (self.waiting(), self.literal()),
            lambda: (self.moving(), self.constant()), lambda: (self.constant(), self.moving()),
            lambda: (self.moving(), self.moving()), lambda: (self.steady(), self.literal()),
            lambda: (self.steady(), self.literal()), lambda: (self.steady(), self.literal()),
            lambda: (self.constant(), self.constant()),
        )  # fmt: skip
        return f"{sides[0]} {self.pick(*SIGNS)} {sides[1]}"

    def on_date(self) -> str:
        self.use("date compared")
        return f'{self.of_fact("date")} {self.pick(*SIGNS)} "{self.pick(*CALENDAR["date"])}"'

    def among(self) -> str:
        self.use("number in")
        values = ", ".join(self.random.sample([str(n) for n in range(12)] + ["0.5", "20"], 3))
        return f"{self.pick(self.steady, self.moving)} {self.pick('in', 'in', 'not in')} ({values})"

    def known(self) -> str:
        self.use("known")
        return f"{self.pick(self.constant, self.moving)} is {self.pick('known', 'unknown', 'not known', 'not unknown')}"

    def plain_truth(self) -> str:
        name = self.pick("has", "running")
        self.use(name)
        if name == "running":
            return f"running({self.fact('contract', calendar=False)})"
        facts, _ = self.facts()
        return f"has({facts}{self.window()})"

    def of_state(self) -> str:
        """Return a test of where the customer was; it may be joined with others, but not asked over time."""
        name = self.pick("in_stage", "previous_stage", "days_in_stage")
        if self.over_time or not self.use(name):
            return self.plain_truth()
        stage = written(self.pick(*self.stages))
        if name == "in_stage":
            several = self.random.sample(self.stages, min(len(self.stages), self.pick(1, 1, 2)))
            return f"in_stage({', '.join(map(written, several))})"
        if name == "days_in_stage":
            return f"days_in_stage() {self.pick(*SIGNS)} {self.random.choice((0, 1, 7, 14, 30, 45, 60))}"
        return f"previous_stage() {self.pick(f'= {stage}', f'!= {stage}', 'is unknown', 'is known')}"

    def test(self) -> str:
        return self.worth_it(self._test, 12)

    def worth_it(self, write: Callable[[], str], attempts: int) -> str:
        """Return something written that varies, or whatever was written last."""
        before = self.used.copy()
        for _ in range(attempts):
            self.used = before.copy()
            text = write()
            if self.varies(text):
                break
        return text

    def _focused(self) -> str:
        """Return a test of what is in focus, so that what is seldom picked is tried as well."""
        text = getattr(self, self.focus)()
        if self.focus in _TESTS:
            return text
        bound = self.pick("0.5", "0.2", "1", "0") if self.focus in ("population", "slope") else self.literal()
        return f"{text} {self.pick(*SIGNS)} {bound}"

    def _test(self) -> str:
        if self.focus and self.chance(0.8):
            return self._focused()
        return self.pick(self.comparison, self.comparison, self.comparison, self.comparison, self.comparison,
                         self.of_text, self.of_text, self.on_date, self.among, self.known, self.plain_truth,
                         self.plain_truth, self.of_state)  # fmt: skip

    def lasting(self, depth: int, form: str) -> str:
        """Return a condition that has held for some days, or ever."""
        self.over_time += 1
        forms = (lambda: f"({self.truth(depth)})", self.test, lambda: f"not {self.test()}")
        inner = self.truth(depth) if form == "ever" else self.pick(*forms)
        self.over_time -= 1
        return f"ever({inner})" if form == "ever" else f"{inner} for {self.days(longest=60)}"

    def truth(self, depth: int = 2) -> str:
        if not depth:
            return self.test()
        less = depth - 1
        form = self.pick("test", "test", "and", "or", "not", "not", "for", "for", "ever", "parentheses", "mixed")
        if form not in self.without:
            self.use(form)
        match form if form not in self.without else "test":
            case "and" | "or":
                return f"({f' {form} '.join(self.truth(less) for _ in range(self.pick(2, 2, 3)))})"
            case "not":
                return f"not ({self.truth(less)})" if self.chance(0.6) else f"not {self.test()}"
            case "for" | "ever":
                return self.lasting(less, form)
            case "parentheses":
                return f"({self.truth(less)})"
            case "mixed":
                return f"{self.test()} {self.pick('and', 'or')} {self.test()} {self.pick('and', 'or')} {self.test()}"
        return self.test()

    def rule(self) -> str:
        return self.worth_it(lambda: self.truth(self.pick(0, 1, 1, 2)), 3)


def _of_type(own: dict[str, tuple[Any, ...]], wanted: str) -> list[str]:
    """Return the columns of a type: text, number or date."""
    dates = ("ends_at", "period_start")
    types = {
        name: "date" if name in dates else "text" if isinstance(values[0], str) else "number"
        for name, values in own.items()
    }
    more = ["weekday", "hour", "day", "month", "year"] if wanted == "number" else []
    return [name for name, each in types.items() if each == wanted] + more[: 5 if wanted == "number" else 0]


OTHER_MODEL = mapping(
    [
        {"id": "active", "when": "days_since(order) <= 40"},
        {"id": "quiet", "when": "days_since(order) <= 100 or has(view)"},
    ],
    settles="7d",
) | {"id": OTHER}

_SETTLES = ("0d", "1d", "2d", "1w", "14d", "30d")
_FLAGS = (None, None, None, None, "setback", "terminal", "without_facts")


#: Everything that a random rule may use.
CONSTRUCTS = (
    "conditions", "condition on text", "condition on numbers", "condition on a calendar column", "condition in",
    "condition is known", "on", "then", "several kinds", "parameter", "weeks of days", "window of days", "this period",
    "last periods", "before periods", "same last year", "last facts", "count", "days", "months_with", "weeks_with",
    "sum", "avg", "max", "min", "last", "median", "largest", "distinct", "typical_gap", "longest_gap", "gap_variation",
    "slope", "categories", "first().column", "last().column", "nth().column", "between dates", "date compared", "open",
    "days_open", "running", "days_until contract", "days_until birthday", "days_until named", "balance()",
    "attribute(age)", "score(churn)", "percentile", "average", "average by", "attribute", "stage", "in_stage",
    "previous_stage", "days_in_stage", "text =", "text in", "text known", "text texts", "number in", "known", "has",
    "days_since", "days_since_first", "for", "ever", "not", "and", "or", "parentheses", "mixed",
)  # fmt: skip

STAGES = ("s1", "s2", "s3", "s4")


def stages_of(seed: int) -> tuple[str, ...]:
    """Return the ids of the stages of a seed's model."""
    return STAGES[: Random(seed).choice((1, 2, 3, 3, 4))]


def random_rule(
    seed: int, without: Iterable[str], varies: Callable[[str], bool]
) -> tuple[dict[str, Any], Counter[str]]:
    """Return a model that tells the truth of one rule: yes, no or unknown, hiding nothing."""
    writer = Writer(seed, ("yes", "no", "maybe"), without, varies)
    writer.focus = ("", *_FOCUS)[seed % (len(_FOCUS) + 1)]
    if writer.focus in writer.without:
        writer.focus = ""
    rule = writer.worth_it(lambda: writer.truth(writer.pick(0, 0, 0, 1)), 3)
    stages = [
        {"id": "yes", "when": rule},
        {"id": "no", "when": f"not ({rule})"},
        {"id": "maybe", "when": "otherwise"},
    ]
    return mapping(stages, needs=[], **({"parameters": PARAMETERS} if writer.used["parameter"] else {})), writer.used


def random_model(
    seed: int, without: Iterable[str] = (), varies: Callable[[str], bool] = lambda _: True
) -> tuple[dict[str, Any], Counter[str]]:
    """Return the model of a seed, and how often it uses which construct."""
    random, ids = Random(-seed - 1), stages_of(seed)
    writer = Writer(seed, ids, without, varies)
    stages: list[dict[str, Any]] = [{"id": each, "when": writer.rule()} for each in ids]
    if random.random() < 0.5:
        stages[-1]["when"] = "otherwise"
    settings: dict[str, Any] = {"stepwise": random.random() < 0.25, "path": random.sample(ids, len(ids)), "needs": []}
    if random.random() < 0.3:
        settings["enters"] = random.choice((["order"], ["view", "csat"], ["start"]))
    settling = "settling" not in writer.without
    if settling and random.random() < 0.4:
        settings["settles"] = random.choice(_SETTLES)
    for stage in stages:
        if (flag := random.choice(_FLAGS)) is not None:
            stage[flag] = True
        if settling and random.random() < 0.25:
            stage["settles"] = random.choice(_SETTLES)
        if settling and stage["when"] != "otherwise" and random.random() < 0.25:
            stage["stays_while"] = writer.rule()
    if writer.used["parameter"]:
        settings["parameters"] = PARAMETERS
    return mapping(stages, **settings), writer.used
