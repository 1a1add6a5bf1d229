"""The effort of hypothesis: seconds for each test by default, an hour with HYPOTHESIS_PROFILE=deep."""

import os

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
# The same examples in every run of CI, so that a landing is not a lottery; elsewhere new ones each time.
IN_CI = "CI" in os.environ
settings.register_profile(
    "quick", max_examples=100, deadline=None, print_blob=True, suppress_health_check=SLOW, derandomize=IN_CI
)
settings.register_profile("deep", settings.get_profile("quick"), max_examples=4000, stateful_step_count=80)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
