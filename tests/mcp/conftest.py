"""The real API, for the tests that ask it, as those of the API have it."""

from tests.api.conftest import caller, new_caller, service, serving

__all__ = ["caller", "new_caller", "service", "serving"]
