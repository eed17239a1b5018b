"""Who waits: a stage's rule already holds, and the customer enters when it has held so long as the stage settles."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tenure.words import Day, Message, mark

if TYPE_CHECKING:
    from tenure.lifecycle.model import Model


class Waiting(NamedTuple):
    """What a customer waits for."""

    stage: str | None  # None: to be in no stage
    settles: int  # days
    since: date | None = None  # since when it is their turn, and when they move; None when it will stop before
    enters_on: date | None = None

    @classmethod
    def foreseen(cls, model: Model, stage: str | None, on: date, day: date) -> Waiting | None:
        """Return what somebody waits for who, as is foreseen on a day, will be in a stage from another day on.

        None when the stage does not hold yet, so that nobody waits for it.
        """
        settles = model.settles if stage is None else model.stage(stage).settles
        since = on - timedelta(days=settles)
        return cls(stage, settles, since, on) if settles and since <= day else None

    def sentence(self, model: Model) -> Message:
        """Return it as a sentence."""
        words: dict[str, Any] = {"days": self.settles, "since": Day(self.since), "day": Day(self.enters_on)}
        if self.stage is not None:
            words["stage"] = model.stage(self.stage).name
        if self.since is None or self.enters_on is None:
            text = mark("%(stage)s holds, but will stop before it has held for the %(days)s days that entering takes.")
            if self.stage is None:
                text = mark("No stage currently matches, but one will before the %(days)s-day minimum.")
        elif self.stage is None:
            text = mark("No stage has held since %(since)s; leaves on %(day)s unless one holds before.")
        else:
            text = mark("%(stage)s has held since %(since)s; enters on %(day)s unless it stops holding.")
        return Message(text, words)

    def say(self, model: Model) -> str:
        """Return it as a sentence in the reader's language."""
        return self.sentence(model).render()
