"""The worker dies at every step of every situation, and twice at every pair that differs (F31)."""

import pytest

from tests.simulation.crashing import once, twice
from tests.simulation.scenarios import SCENARIOS


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SCENARIOS)
def test_dying_at_any_step_changes_nothing_that_matters(name: str) -> None:
    """The same checks hold and the same money has moved, wherever it died (F31)."""
    crashes = once(name)

    assert crashes.runs >= crashes.points > 100
    assert crashes.kills >= crashes.points - 2, "the last steps are the evening's own"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SCENARIOS)
def test_dying_again_anywhere_after_the_first_death_changes_nothing_either(name: str) -> None:
    """Every pair: at the first point, and at each that follows, in the recovery too (F31)."""
    crashes = twice(name)

    assert crashes.runs > 100
    assert crashes.kills > crashes.runs
