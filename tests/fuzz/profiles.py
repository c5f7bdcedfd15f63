"""How hypothesis plays here: the same few examples in every build, or fresh ones over a night.

`FUZZ_PROFILE=night python -m pytest tests/fuzz` plays twenty times as many, from new seeds.
"""

import os
from typing import Final

import hypothesis
from hypothesis import HealthCheck

_BOTH: Final = hypothesis.settings(
    deadline=None,  # A busy machine is not a failure.
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
PROFILES: Final = {
    "ci": hypothesis.settings(_BOTH, derandomize=True),
    "night": hypothesis.settings(_BOTH, print_blob=True),
}
NAME: Final = os.environ.get("FUZZ_PROFILE", "ci")


def examples(count: int) -> hypothesis.settings:
    """Give the chosen profile for this many examples in a build."""
    return hypothesis.settings(PROFILES[NAME], max_examples=count * (20 if NAME == "night" else 1))
