"""The score counts what it says it counts."""

from tests.mutation import score

CORE = "worker.domain.rules.taking.x_confirm__mutmut_"
ANSWERS = "worker.adapters.wallet.failures.x_of_no__mutmut_"


def results(found: int, missed: int, status: str = "survived") -> dict[str, str]:
    """So many faults found and missed in each area."""
    faults = {f"{CORE}{number}": "killed" for number in range(found)}
    faults |= {f"{CORE}{found + number}": status for number in range(missed)}
    return faults | {name.replace(CORE, ANSWERS): became for name, became in faults.items()}


def test_results_are_read_as_mutmut_prints_them() -> None:
    """What was not asked for is left out, and other lines are no results."""
    lines = ["", f"    {CORE}1: killed", f"    {CORE}2: no tests", f"    {CORE}3: not checked"]

    assert score.read_results(lines) == {f"{CORE}1": "killed", f"{CORE}2": "no tests"}


def test_nine_of_ten_are_enough_and_one_less_is_not() -> None:
    """In both areas."""
    assert score.is_enough(results(9, 1))
    assert not score.is_enough(results(89, 11))
    half = results(100, 0) | {f"{ANSWERS}{number}": "survived" for number in range(20)}
    assert not score.is_enough(half)


def test_nothing_measured_is_not_enough() -> None:
    """A run that planted nothing proves nothing."""
    assert not score.is_enough({})


def test_whatever_was_not_found_is_missed() -> None:
    """Untested, crashed or survived; but a fault that hangs the tests is found."""
    for status in ("survived", "no tests", "suspicious", "segfault", "skipped"):
        assert not score.is_enough(results(8, 2, status))
    assert score.is_enough(results(8, 2, "timeout"))


def test_the_report_names_every_module_and_every_missed_fault() -> None:
    """A table first, then what to look at."""
    text = score.report(results(3, 1))

    assert "worker.domain.rules.taking" in text
    assert "worker.adapters.wallet.failures" in text
    assert f"  {CORE}3 (survived)" in text
    assert text.count(" 75.0%") == 4
