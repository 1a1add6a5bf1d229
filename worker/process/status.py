"""Whether a process can do its work now."""

import structlog

from worker.process import metrics

_log = structlog.get_logger(__name__)


class Status:
    """Whether this process can do its work now: it is ready once no part is down."""

    def __init__(self, part: str = "stream") -> None:
        self._down = {part: "starting"}
        self._warnings: list[str] = []
        self._numbers: dict[str, float] = {}

    def warn(self, what: str) -> None:
        """Something that works and should not stay so: shown by /readyz as long as the process runs."""
        self._warnings.append(what)

    def tell(self, what: str, number: float) -> None:
        """Show a number in /readyz."""
        self._numbers[what] = number

    @property
    def shown(self) -> dict[str, object]:
        """The body of /readyz."""
        warnings = {"warnings": self._warnings} if self._warnings else {}
        more = {**self._numbers, **warnings}
        return {"status": "not ready", "why": self._down, **more} if self._down else {"status": "ready", **more}

    def down(self, part: str, why: str) -> None:
        """Report that `part` can't do its work. `why` must hold no values, because `/readyz` shows it to any caller."""
        if part not in self._down:
            _log.warning("not_ready", part=part, why=why)
        self._down[part] = why
        metrics.SERVING.set(0)

    def up(self, part: str) -> None:
        """`part` works (again)."""
        if self._down.pop(part, None) is not None and not self._down:
            _log.info("ready")
            metrics.SERVING.set(1)

    @property
    def why_not(self) -> dict[str, str]:
        """Return what is down, and why; empty if the process is ready."""
        return dict(self._down)
