"""Every planted bug is noticed by whoever must notice it, and the list stays true to the product.

`python -m tests.planted` shows the same as a table, with the visits that each hunt took.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.planted.bug import Bug, Change, StaleBug
from tests.planted.bugs import BUGS
from tests.planted.workshop import (
    LOOK_S,
    ROOT,
    Unusable,
    Workshop,
    check_names,
    hunt,
    look_for,
    python,
    run_tests,
)
from tests.simulation.shrinking import Kept, regressions

QUIET_VISITS = 3000
"""What the untouched product must pass in silence here; more than most bugs need."""

LONG_HUNTS = frozenset({"waiting-without-a-gap-assumed"})
"""What takes the simulator longer than a test should: `make planted` hunts for it too."""

pytestmark = pytest.mark.timeout(LOOK_S + 60)
"""A look has a bound of its own; on a machine that others use it may come near it."""

SHORT_HUNTS = [bug for bug in BUGS if bug.name not in LONG_HUNTS]

AGREEMENT = "worker/domain/agreement.py"
A_BUG = BUGS[0]


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with Workshop.opened() as opened:
        yield opened


@pytest.mark.parametrize("bug", SHORT_HUNTS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_noticed(workshop: Workshop, bug: Bug) -> None:
    """What would let the product's promises be broken does not pass the checks."""
    with workshop.spoiled(bug) as root:
        check_names(root, bug.files())
        verdict = look_for(bug, root)

    assert verdict.is_caught, f"{bug.name} was not noticed. {bug.story}"


PLAY_KEPT = """
import sys
from tests.simulation.shrinking import failure_of, regressions
story = next(kept.story for kept in regressions() if kept.bug == sys.argv[1])
print(failure_of(story) is not None)
"""


@pytest.mark.parametrize("kept", regressions(), ids=lambda kept: kept.bug)
def test_a_kept_story_goes_wrong_with_its_bug_planted(workshop: Workshop, kept: Kept) -> None:
    """A story that would no longer find its fault is kept for nothing."""
    (bug,) = [bug for bug in BUGS if bug.name == kept.bug]
    with workshop.spoiled(bug) as root:
        done = python(root, ["-c", PLAY_KEPT, kept.bug])

    assert done.stdout == "True\n", done.stderr


def test_the_untouched_product_is_passed_in_silence(workshop: Workshop) -> None:
    """A hunt that cries wolf would notice every bug."""
    verdict = hunt(workshop.plain, visits=QUIET_VISITS)

    assert not verdict.is_caught, verdict.what
    assert verdict.visits is not None
    assert verdict.visits >= QUIET_VISITS


def test_every_bug_has_a_name_of_its_own() -> None:
    """A bug is chosen and reported by its name."""
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert {bug.name for bug in BUGS} > LONG_HUNTS


def test_most_bugs_are_left_to_the_simulator() -> None:
    """Tests beside it are named only for what a simulated world can not show."""
    assert sum(not bug.tests for bug in BUGS) >= 36


def test_a_bug_whose_text_is_gone_or_stands_twice_is_refused(tmp_path: Path) -> None:
    """When the product changes, the list has to be thought over."""
    (tmp_path / "a.py").write_text("one = 1\ntwo = 1\n")
    for old in ("three", "= 1"):
        stale = replace(A_BUG, changes=(Change("a.py", old, "x"),))
        with pytest.raises(StaleBug, match=A_BUG.name):
            stale.plant(tmp_path)

    with pytest.raises(StaleBug, match=r"b\.py"):
        replace(A_BUG, changes=(Change("b.py", "x", "y"),)).plant(tmp_path)
    assert (tmp_path / "a.py").read_text() == "one = 1\ntwo = 1\n"


def test_a_typing_error_is_no_bug(workshop: Workshop) -> None:
    """A product that can not even run is noticed by everybody, which proves nothing."""
    slip = Change(AGREEMENT, "    payment = transaction.payments[0]", "    payment = transactoin")
    typo = replace(A_BUG, name="only-a-typing-error", changes=(slip,))
    with workshop.spoiled(typo) as root, pytest.raises(Unusable, match="transactoin"):
        check_names(root, typo.files())


def test_a_replacement_that_no_longer_fits_is_no_bug(workshop: Workshop) -> None:
    """A call with the wrong arguments ends every visit, and shows nothing about the checks."""
    call = Change(AGREEMENT, "def disagreement(visit", "def disagreement(_: int, visit")
    misfit = replace(A_BUG, name="call-that-does-not-fit", changes=(call,))
    with workshop.spoiled(misfit) as root:
        with pytest.raises(Unusable, match="TypeError"):
            hunt(root, visits=500)
        with pytest.raises(Unusable, match="TypeError"):
            run_tests(root, ["tests/domain/test_taking.py"])


def test_a_copy_is_what_is_looked_at(workshop: Workshop) -> None:
    """The installed product stands aside, so a copy that can not be loaded gives no verdict."""
    broken = replace(
        A_BUG,
        name="product-that-refuses-to-load",
        changes=(Change("worker/domain/ids.py", "from typing import NewType", "raise OSError"),),
    )
    with workshop.spoiled(broken) as root:
        with pytest.raises(Unusable):
            hunt(root, visits=1)
        with pytest.raises(Unusable):
            run_tests(root, ["tests/domain/test_nouns.py"])


def test_tests_that_do_not_exist_are_no_verdict(workshop: Workshop) -> None:
    """A selection that was renamed away must not count as noticed."""
    with pytest.raises(Unusable):
        run_tests(workshop.plain, ["tests/domain/test_that_is_not_there.py"])


def test_the_checkout_is_never_spoiled(workshop: Workshop) -> None:
    """Bugs live and die in copies."""
    file = A_BUG.files()[0]
    before = (ROOT / file).read_text()
    with workshop.spoiled(A_BUG) as root:
        assert (root / file).read_text() != before
        assert (workshop.plain / file).read_text() == before

    assert (ROOT / file).read_text() == before
    assert not root.exists()
