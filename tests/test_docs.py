"""The documents that can be checked are checked."""

import re
from pathlib import Path

from worker.domain import machine
from worker.domain.visit import FINAL, Step

ROOT = Path(__file__).parent.parent

HEAD = """\
# The table

What an unfinished visit does about each fact, by the rule's name in `worker/domain/rules`. `·` is a
fact that can not happen there; it is survived and told (`visit.surprised`). A closed or parked
visit lets every fact pass. The table is made from the code and checked by the tests.

"""


def the_table() -> str:
    """Write the transition table as Markdown."""
    steps = [step for step in Step if step not in FINAL]
    lines = ["| Fact | " + " | ".join(step.value for step in steps) + " |"]
    lines.append("|---" * (len(steps) + 1) + "|")
    for event in machine.EVENTS:
        rules = (machine.TABLE[step, event].__name__ for step in steps)
        cells = ("·" if name == "surprised" else name for name in rules)
        lines.append(f"| {event.__name__} | " + " | ".join(cells) + " |")
    return HEAD + "\n".join(lines) + "\n"


def test_the_transition_table_in_the_documents_is_the_one_that_runs() -> None:
    """Copy the printed text to docs/transitions.md when a rule changes."""
    print(the_table())  # noqa: T201 - shown when the test fails

    assert (ROOT / "docs/transitions.md").read_text() == the_table()


def test_every_log_line_is_explained_to_the_operator() -> None:
    """Each event that the worker can log stands in docs/operations.md."""
    told = (ROOT / "docs/operations.md").read_text()
    sources = [
        path.read_text()
        for path in (ROOT / "worker").rglob("*.py")
        if not {"sandbox", "rehearse"} & set(path.parts)  # They name assumptions alike.
    ]
    events = {
        event
        for source in sources
        for event in re.findall(
            r'"((?:bill|config|journal|listener|order|poll|sideline|spot|transaction|visit|visits'
            r"|wallet|worker|write)"
            r'\.[a-z_]+)"',
            source,
        )
    }
    quiet = {"poll.answered", "poll.failed", "spot.echo"}
    told_to_shops = {"bill.paid"}
    others = {"mac_key", "toml", "verbs", "till", "db", "bill_id", "visit_id", "spot_id"}

    missing = {
        event
        for event in events - quiet - told_to_shops
        if f"`{event}`" not in told and event.partition(".")[2] not in others
    }
    assert missing == set()


def test_every_link_in_the_documents_leads_somewhere() -> None:
    """A clone has only itself."""
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
