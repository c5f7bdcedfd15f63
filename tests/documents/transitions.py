"""docs/transitions.md: what each step does about each fact."""

from typing import Final

from worker.domain import machine
from worker.domain.visit import FINAL, Step

HEAD: Final = """\
# The table

What an unfinished visit does about each fact, by the rule's name in `worker/domain/rules`. `·` is a
fact that can not happen there; it is survived and told (`visit.surprised`). A closed or parked
visit lets every fact pass. The table is made from the code and checked by the tests.

"""


def text() -> str:
    """Write the transition table as Markdown."""
    steps = [step for step in Step if step not in FINAL]
    lines = ["| Fact | " + " | ".join(step.value for step in steps) + " |"]
    lines.append("|---" * (len(steps) + 1) + "|")
    for event in machine.EVENTS:
        rules = (machine.TABLE[step, event].__name__ for step in steps)
        cells = ("·" if name == "surprised" else name for name in rules)
        lines.append(f"| {event.__name__} | " + " | ".join(cells) + " |")
    return HEAD + "\n".join(lines) + "\n"
