"""The [safety] section: what is accepted, and what would be a canary in name only."""

from pathlib import Path

import pytest

from tests.settings.support import BASE, KEY, read, refused
from worker.settings import describe

CANARY = """
[safety]
mode = "canary"
max_amount_minor = 500
canary_spots = ["table1", "bar"]
"""


def test_without_the_section_the_worker_is_live_and_unbounded(tmp_path: Path) -> None:
    """The product exists to take payments."""
    safety = read(tmp_path).safety

    assert safety.mode == "live"
    assert (safety.max_amount_minor, safety.max_day_minor, safety.canary_spots) == (None, None, ())


def test_a_canary_has_its_spots_and_its_bound(tmp_path: Path) -> None:
    """What is shown can be read again."""
    settings = read(tmp_path, BASE + CANARY)

    assert settings.safety.canary_spots == ("table1", "bar")
    again = read(tmp_path, "\n".join(describe(settings)))
    assert again.safety == settings.safety


def test_every_key_can_come_from_the_environment(tmp_path: Path) -> None:
    """The list is JSON there."""
    environ = KEY | {
        "PAYSERA_WORKER_SAFETY__MODE": "canary",
        "PAYSERA_WORKER_SAFETY__MAX_AMOUNT_MINOR": "500",
        "PAYSERA_WORKER_SAFETY__MAX_DAY_MINOR": "5000",
        "PAYSERA_WORKER_SAFETY__CANARY_SPOTS": '["table1"]',
    }
    safety = read(tmp_path, BASE, environ).safety

    assert (safety.mode, safety.max_amount_minor, safety.max_day_minor) == ("canary", 500, 5000)
    assert safety.canary_spots == ("table1",)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ('mode = "canary"\nmax_amount_minor = 5', "add canary_spots"),
        ('mode = "canary"\ncanary_spots = ["a"]', "add max_amount_minor"),
        ('canary_spots = ["a"]', "canary_spots means nothing"),
        ('mode = "careful"', '"observe", "canary" or "live", not "careful"'),
        ("max_amount_minor = 0", "from 1 to 10000000000, not 0"),
        ("max_amount_minor = 5.0", "whole number"),
        ("max_day_minor = true", "whole number"),
        ('mode = "canary"\nmax_amount_minor = 5\ncanary_spots = "a"', "it is one text"),
        ('mode = "canary"\nmax_amount_minor = 5\ncanary_spots = ["a", "a"]', "twice"),
        ('mode = "canary"\nmax_amount_minor = 5\ncanary_spots = [""]', "1 to 1000"),
        ("max_amount = 5", "did you mean max_amount_minor?"),
    ],
)
def test_what_can_not_be_meant_is_refused_with_its_remedy(
    tmp_path: Path, section: str, words: str
) -> None:
    """Every line says what to write."""
    assert words in refused(tmp_path, f"{BASE}\n[safety]\n{section}\n")
