"""Time windows as they are written: lengths in days or calendar periods, and stretches of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NoReturn

from tenure.rules.syntax import foreign
from tenure.rules.syntax.tokens import Expected, Reader, Token, number_of
from tenure.rules.syntax.tree import A_YEAR, ALWAYS, PERIODS, Period, Place, TimeWindow
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tenure.rules.syntax.measures import Signature
    from tenure.rules.syntax.parameters import Parameter

WINDOW_WORDS = ("last", "before", "this", "same")
LONGEST_WINDOW = 36_525  # a hundred years: beyond any customer's life, and safely inside every date type
_AFTER_LENGTHS = ("and", "or", "for", "last")  # words that may follow a length without being its unit
_MOST = {"week": 5_200, "month": 1_200, "quarter": 400, "year": 100, "fact": 1_000}
_OF_SLOPE = mark("slope requires a time window that is a multiple of 4 days, such as last 360d.")


class WindowReader(Reader):
    """Reads what limits a measure in time."""

    signature: Signature  # of the measure that is being read
    parameters: Mapping[str, Parameter]

    def fail_measure(self, cause: str, at: Token | Place, near: Iterable[str] = (), **data: object) -> NoReturn:
        """Refuse the measure that is being read; the cause may give its name and an example."""
        self.fail(cause, at, near, **{"name": self.signature.name, "example": self.signature.example, **data})

    def parameter(self, token: Token) -> Parameter | None:
        return self.parameters.get(token.text.lower()) if token.what == "name" else None

    def window(self, kinds: tuple[str, ...]) -> TimeWindow:
        window = ALWAYS
        given: list[str] = []
        while self._window_follows(given, kinds, window.unit):
            word = self.take()
            name = word.text.lower()
            if name not in WINDOW_WORDS:
                near = self.near(name, WINDOW_WORDS)
                self.fail(mark("A time window starts with last, before, this or same, such as last 90d."), word, near)
            place = (word.place[0], self.token.place[1])
            if not self.signature.windows:
                self.fail_measure(mark("%(name)s does not take a time window. Remove it."), place)
            if name in given or (given and {name, given[0]} != {"last", "before"}) or window.unit == "fact":
                self.fail(mark("%(word)s is repeated. A measure takes one time window."), place, word=word.text)
            part = self._window_part(word, kinds)
            if given and part.unit != window.unit:
                self.fail(mark("Both parts of a time window must be in the same unit, such as days."), word)
            if name == "before":
                part = replace(part, last=window.last, before=part.last or 0)
            elif given:
                part = replace(part, before=window.before)
            window = part
            given.append(name)
        if self.signature.windows == "quarters":
            in_days = window.unit == "day" and not window.years_back
            if not in_days or (window.last or 1) % 4:
                length = (window.last or 360) // 4 * 4 if in_days else 360
                self.fail(_OF_SLOPE, self.token, (f"last {max(4, length)}d",))
        return window

    def _window_follows(self, given: Sequence[str], kinds: tuple[str, ...], unit: str) -> bool:
        """Take the comma before a window, if there is one."""
        pairs = {"last": "before", "before": "last"}
        free = [word for word in WINDOW_WORDS if not given or word == pairs.get(given[0])]
        if self.signature.windows == "quarters":
            # Four quarters can lie in the past, but only once their length is known.
            free = [word for word in free if word == ("before" if "last" in given else "last")]
        if not self.signature.windows or len(given) > 1:
            free = []
        more = {"signature": self.signature, "kinds": kinds, "period": unit}
        self.expecting("window", *free, lead=", ", **more)
        if not self.accept(","):
            return False
        self.expecting("window", *free, **more)
        return True

    def _window_part(self, word: Token, kinds: tuple[str, ...]) -> TimeWindow:
        """Return the window after its first word; the length of ``before`` as its `last`."""
        match word.text.lower():
            case "this":
                return self._running_period(kinds)
            case "same":
                return self._last_year(word, kinds)
        return self._length(word, kinds)

    def _running_period(self, kinds: tuple[str, ...]) -> TimeWindow:
        self.expecting("length", "this", kinds=kinds)
        period = _period(self.token)
        if period is None:
            near = self.near(self.token.text, PERIODS) or tuple(PERIODS)
            self.fail(mark("Expected week, month, quarter or year after this."), self.token, near)
        self.take()
        return TimeWindow(1, -1, period)

    def _last_year(self, word: Token, kinds: tuple[str, ...]) -> TimeWindow:
        self.expecting("length", "same", kinds=kinds)
        period = _period(self.token)
        if period is None:
            window = self._length(word, kinds)
        else:
            self.take()
            window = TimeWindow(1, 0, period)
        self.expecting("sign", "last year")
        ending = mark("Expected last year after same, such as same 90d last year.")
        for part in ("last", "year"):
            self.expect(part, ending)
        if window.unit == "day":
            return replace(window, years_back=1)
        # A single period lies one later than the complete periods before it.
        return replace(window, before=A_YEAR[window.unit] - (period is not None))

    def _length(self, word: Token, kinds: tuple[str, ...]) -> TimeWindow:
        """Return a number of days, of calendar periods or of facts."""
        if self.token.what != "number" or self.following.what != "name":
            if self.token.what == "number" and self.following.what == "end":
                self.expected.append(Expected("unit", (word.text.lower(),), kinds=kinds))
            return TimeWindow(self.days(word, kinds))
        token, noun = self.take(), self.take()
        number = number_of(token.text)
        nouns = {"facts", *kinds, *map(plural, kinds)} if word.text.lower() == "last" else set()
        period = _period(noun)
        unit: Period | Literal["fact"] | None = "fact" if period is None and noun.text.lower() in nouns else period
        if unit is None:
            near = self.near(noun.text, (*(f"{period}s" for period in PERIODS), *sorted(nouns)))
            if noun.text.lower() in ("day", "days"):
                near = (f"{token.text}d",)
            cause = mark(
                "Expected days, weeks, months, quarters, years or facts, such as last 90d, last 3 months or last 3"
                " orders."
            )
            self.fail(cause, (token.place[0], noun.place[1]) if near == (f"{token.text}d",) else noun, near)
        if self.signature.windows == "quarters":
            self.fail(_OF_SLOPE, token)
        if number != int(number) or not 1 <= number <= _MOST[unit]:
            cause = mark("A time window must be 1 to %(most)s %(unit)s, not %(found)s.")
            self.fail(cause, token, most=_MOST[unit], unit=f"{unit}s", found=token.text)
        return TimeWindow(int(number), 0, unit)

    def days(self, word: Token, kinds: tuple[str, ...] = ()) -> int:
        """Return a length in days, after a word such as last or within."""
        self.expecting("length", word.text.lower(), kinds=kinds, signature=getattr(self, "signature", None))
        token = self.take()
        parameter = self.parameter(token)
        if token.what != "days" and not (parameter and parameter.in_days):
            self._refuse_length(word, token, parameter)
        days = int(parameter.value) if parameter else int(token.text[:-1]) * (7 if token.text[-1] in "wW" else 1)
        if not 1 <= days <= LONGEST_WINDOW:
            cause = mark("A time window must be 1 to %(most)s days, not %(found)s.")
            self.fail(cause, token, most=LONGEST_WINDOW, found=days)
        return days

    def _refuse_length(self, word: Token, token: Token, parameter: Parameter | None) -> NoReturn:
        if parameter:
            cause = mark("%(found)s is not a length of time. Give the parameter a value in days, such as 45d.")
            self.fail(cause, token)
        windows = word.text.lower() in WINDOW_WORDS
        place = token.place
        period, near = _period(token), self.near(token.text, self.parameters)
        if period and windows:
            near = (f"1 {period}",)
        elif token.what == "number":
            unit = self.token
            if unit.what == "name" and not unit.matches(*_AFTER_LENGTHS):
                right = foreign.length_of(token.text, unit.text, word.text.lower())
                place = (token.place[0], unit.place[1])
            else:
                # 1,000 and 1.5 are no numbers of days.
                is_cut = unit.matches(",") and self.following.what == "number"
                right = f"{token.text}d" if token.text.isdecimal() and not is_cut else ""
            near = (right,) if right else ()
        cause = mark("Expected a number of days after %(word)s, such as 90d for three months.")
        if windows:
            cause = mark("Expected a length after %(word)s, such as 90d, 12w or 3 months.")
        self.fail(cause, place, near, word=word.text)


def _period(token: Token) -> Period | None:
    name = token.text.lower().removesuffix("s") if token.what == "name" else ""
    return name if name in PERIODS else None


def plural(kind: str) -> str:
    if kind.endswith("y"):
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith(("s", "x", "ch", "sh")) else f"{kind}s"
