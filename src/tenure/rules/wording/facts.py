"""How facts, their conditions and time windows are said; each language puts the pieces in its own order."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from tenure.facts.selection import COMPARE
from tenure.rules.syntax.tree import A_YEAR, ALWAYS, Measure, TimeWindow
from tenure.rules.wording.vocabulary import column_name, field_name, read_yaml
from tenure.words import formats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.facts.selection import Condition, Facts

#: The names of models' stages by id, with a model's own name under ``""``. Model ``""`` is the one a rule belongs to.
StageNames = Mapping[str, Mapping[str, str]]
#: Calendar columns whose values are listed rather than compared: weekends, not weekdays of at least 6.
_CALENDAR = {"weekday": range(1, 8), "hour": range(24), "day": range(1, 32), "month": range(1, 13)}
_DATES = ("date", "period_start", "ends_at")


@cache
def _phrases(language: str) -> dict[str, Any]:
    def in_language(phrase: dict[str, Any]) -> Any:
        return phrase[language] if language in phrase else {name: in_language(part) for name, part in phrase.items()}

    return in_language(read_yaml("phrases.yaml"))


class FactSpeaker:
    """Says which facts are meant, in one language. Its phrases stand in `phrases.yaml`."""

    language: ClassVar[str]

    def __init__(self, stage_names: StageNames | None = None) -> None:
        self.phrases = SimpleNamespace(**_phrases(self.language[:2]))
        self._stage_names = stage_names or {}

    def stage_name(self, model: str, stage: str) -> str:
        return self._stage_names.get(model, {}).get(stage, stage or model)

    def number(self, number: float) -> str:
        return formats.number(number, at_most=6, language=self.language)

    def days(self, number: float) -> str:
        return self.phrases.days[number == 1].format(self.number(number))

    def join(self, names: Sequence[str], phrase: str = "listed") -> str:
        """List names of which any will do."""
        between, last = getattr(self.phrases, phrase)
        return last.join([between.join(names[:-1]), *names[-1:]]) if len(names) > 1 else "".join(names)

    def literal(self, value: float | str) -> str:
        return self.phrases.quoted.format(value) if isinstance(value, str) else self.number(value)

    # Facts

    def noun(self, kind: str, *, plural: bool = False) -> str:
        """Say facts of a kind, without conditions."""
        raise NotImplementedError

    def after(self, facts: Facts) -> str:
        """Say the fact that others follow."""
        raise NotImplementedError

    def described(self, facts: Facts, noun: str) -> str:
        """Say something of facts with their conditions."""
        if facts.where:
            noun = self.some(self.where(facts.where), noun)
        if facts.after is not None:
            noun = self.phrases.follows.format(earlier=self.after(facts.after), days=self.days(facts.within), what=noun)
        return noun

    def some(self, where: str, noun: str) -> str:
        return self.phrases.where["some"].format(where, noun)

    def what(self, measure: Measure, *, plural: bool = False) -> str:
        """Say one fact, or several, of those that a measure reads."""
        # Those without conditions come first, so that nobody takes the conditions of others to be theirs.
        facts = sorted(measure.facts, key=is_described)
        return self.join([self.described(part, self.noun(part.kind, plural=plural)) for part in facts])

    def field(self, measure: Measure) -> str:
        """Say the field that a measure reads; empty when it reads none."""
        kinds = tuple(dict.fromkeys(facts.kind for facts in measure.facts))
        return field_name(kinds, measure.field, self.language) if measure.field else ""

    # Conditions

    def where(self, conditions: Sequence[Condition]) -> str:
        return self.phrases.where["and"].join(map(self._condition, conditions))

    def _condition(self, condition: Condition) -> str:
        phrases, column = self.phrases.where, condition.column
        name = column_name(column, self.language)
        sign, negated = condition.operator.removeprefix("not "), condition.operator in ("!=", "not in")
        if sign == "on":
            return phrases["on" if sign == condition.operator else "not_on"].format(condition.name)
        if sign in ("known", "unknown"):
            return phrases[sign].format(name)
        if column in _CALENDAR:
            compare = COMPARE["=" if sign in ("in", "!=") else sign]
            meant = [value for value in _CALENDAR[column] if any(compare(value, each) for each in condition.values)]
            listed = self._calendar(column, meant)
            return phrases["not"].format(listed) if negated else listed
        if column in _DATES or column == "year":
            dates = [self._date(value) for value in condition.values]
            compared = self.phrases.in_year if column == "year" else phrases
            listed = compared[{"in": "!=" if negated else "="}.get(sign, sign)].format(self.join(dates))
            return listed if column in ("date", "year") else phrases["of_date"][not negated].format(name, listed)
        if isinstance(condition.values[0], str) or sign == "in":
            return self._listed(name, condition.values, negated=negated)
        return phrases["number"].format(name, self.phrases.signs[sign], self.number(condition.values[0]))

    def _listed(self, name: str, values: Sequence[float | str], *, negated: bool) -> str:
        return self.phrases.where["is_not" if negated else "is"].format(name, self.one_of(values, negated=negated))

    def one_of(self, values: Sequence[float | str], *, negated: bool = False) -> str:
        """Say values of which one is meant, or none."""
        return self.join([self.literal(value) for value in values], "none_listed" if negated else "listed")

    def _date(self, value: float | str) -> str:
        if isinstance(value, str):
            return formats.day(value, language=self.language)
        return self.phrases.year.format(f"{value:g}")

    def _calendar(self, column: str, values: list[int]) -> str:
        """Say hours, weekdays, days or months, which are given in order."""
        phrases = self.phrases.calendar
        if not values:
            return phrases["never"].format(column_name(column, self.language))
        first, last = values[0], values[-1]
        in_a_row = last - first == len(values) - 1
        single, row, several = phrases[column]
        if column == "hour":
            if in_a_row and (first == 0 or last == 23):
                return phrases["late"].format(first) if last == 23 else phrases["early"].format(last + 1)
            if in_a_row and len(values) > 1:
                return row.format(first, last + 1)
            return several.format(self.join([single.format(hour, hour + 1) for hour in values]))
        if column == "weekday" and values == [6, 7]:
            return phrases["weekend"]
        names = phrases["names"][column]
        texts = [names.format(value) if isinstance(names, str) else names[value] for value in values]
        if in_a_row and len(values) > 2:
            return row.format(texts[0], texts[-1])
        return (single if len(values) == 1 else several).format(self.join(texts))

    # Windows

    def during(self, measure: Measure, previous: TimeWindow = ALWAYS) -> str:
        """Say a window; `previous` is the one named just before, so that the days before it can be called so."""
        window, phrases = measure.window, self.phrases.during
        last, before = window.last, window.before
        if window.unit == "fact":
            texts = {"what": self.what(measure), "plural": self.what(measure, plural=True), "last": last}
            return phrases["last_fact" if last == 1 else "fact"].format(**texts)
        if window.unit != "day":
            return self._calendar_window(window, previous)
        if window.years_back:
            return phrases["year_ago"].format(last=last)
        if last is None:
            return phrases["before" if before else "ever"].format(days=self.days(before))
        if not before:
            name = "this_day" if last == 1 else "last"
        elif previous == TimeWindow(before):
            name = "previous"
        else:
            name = "past_day" if last == 1 else "past"
        return phrases[name].format(last=last, before=before, first=before + last - 1)

    def _calendar_window(self, window: TimeWindow, previous: TimeWindow) -> str:
        last, before, year = window.last, window.before, A_YEAR[window.unit]
        alone = "_one" if last == 1 else ""
        if before < 0:
            name = "this"
        elif last is None:
            name = f"before_full{'_one' if before == 1 else ''}"
        elif not before:
            name = f"full{alone}"
        elif year > 1 and (before == year or (last, before) == (1, year - 1)):
            name = "full_year_ago" if before == year else "same_year_ago"
        else:
            name = f"previous_full{alone}" if previous == TimeWindow(before, 0, window.unit) else f"past_full{alone}"
        unit, units = self.phrases.units[window.unit]
        low, high = before + 1, before + (last or 0)
        return self.phrases.during[name].format(
            **{"last": last, "before": before, "unit": unit, "units": units, "low": low, "high": high},
            low_th=ordinal(low),
            high_th=ordinal(high),
        )


def is_described(facts: Facts) -> bool:
    """Return whether not all facts of the kind are meant."""
    return bool(facts.where or facts.after)


def ordinal(number: int) -> str:
    """Return a number as English counts: 1st, 2nd, 3rd, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
