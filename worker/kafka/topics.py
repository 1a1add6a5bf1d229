"""The names of the topics (contract §2, §3)."""

from typing import NamedTuple

from worker.process.settings import Settings

_DEAD_LETTERS = "-dlt"


class Topics(NamedTuple):
    """Full names, prefix included. Any input topic takes any input type (contract ENV5)."""

    inputs: tuple[str, ...]
    tender_outcomes: str
    outcomes: str
    accepted: str = ""  # documents that came through an interface; workers publish them and can read them again

    @property
    def read(self) -> tuple[str, ...]:
        """Every topic that the worker reads."""
        return (*self.inputs, self.accepted) if self.accepted else self.inputs

    @property
    def dead_letters(self) -> tuple[str, ...]:
        """The dead-letter topic of each topic that is read, in the same order."""
        return tuple(map(dead_letter, self.read))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Every topic that the worker writes to."""
        return (self.tender_outcomes, self.outcomes, *self.dead_letters)


def dead_letter(topic: str) -> str:
    """Return the dead-letter topic of an input topic."""
    return topic + _DEAD_LETTERS


def from_settings(settings: Settings) -> Topics:
    """The topics as the settings name them."""
    prefix = settings.topic_prefix
    inputs = (settings.topic_sales, settings.topic_returns, settings.topic_tenders, settings.topic_commands)
    return Topics(
        inputs=tuple(prefix + name for name in inputs),
        tender_outcomes=prefix + settings.topic_tender_outcomes,
        outcomes=prefix + settings.topic_outcomes,
        accepted=prefix + settings.topic_accepted,
    )
