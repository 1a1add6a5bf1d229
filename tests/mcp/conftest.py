"""The real API, with the fixtures of its own tests."""

from tests.api.conftest import caller, new_caller, service, serving

__all__ = ["caller", "new_caller", "service", "serving"]
