"""Named parameters of a model: numbers that its rules and texts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tenure.words import LocalizedText, current_language
from tenure.words.formats import money, number

_DAYS = {"zh": "{} 天", "en": "{} days"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number with a name, and the bounds within which it makes sense."""

    name: str
    value: float
    unit: Literal["number", "days", "percent", "money"] = "number"  # days may also be the length of a window
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    label: LocalizedText = LocalizedText()

    @property
    def in_days(self) -> bool:
        return self.unit == "days"

    def text(self, language: Literal["zh", "en"], currency: str = "") -> str:
        """Return the value as texts quote it; money in a currency, where one is given."""
        if self.unit == "money" and currency:
            return money(self.value, currency, places=0 if float(self.value).is_integer() else 2, language=language)
        if self.unit == "percent":
            return f"{number(self.value * 100, at_most=2, language=language)}%"
        plain = number(self.value, at_most=4, language=language)
        return _DAYS[language].format(plain) if self.in_days else plain

    def value_text(self, currency: str) -> str:
        """Return the value in the language of the moment."""
        return self.text("zh" if current_language() == "zh_Hans" else "en", currency)
