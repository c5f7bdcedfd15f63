"""The planted bugs, by what they spoil."""

from typing import Final

from tests.planted.bug import Bug
from tests.planted.bugs import (
    freeing,
    holding,
    keeping,
    offering,
    once,
    recovering,
    remembering,
    splitting,
    taking,
    telling,
    watching,
)

BUGS: Final[tuple[Bug, ...]] = (
    *taking.BUGS,
    *offering.BUGS,
    *freeing.BUGS,
    *telling.BUGS,
    *remembering.BUGS,
    *recovering.BUGS,
    *watching.BUGS,
    *keeping.BUGS,
    *splitting.BUGS,
    *holding.BUGS,
    *once.BUGS,
)
