"""docs/events.md: every line of the log."""

from typing import Final

from worker.logbook import CHAPTERS

HEAD: Final = """\
# What each log line says, and what it asks of you

ERROR: somebody must act. WARNING: worth watching. INFO: a business fact, nothing to do. DEBUG is
off unless `log.level` asks for it. A line that asks for something says it in `do=`, too.

This is all of it: the list is closed, and no other field than those named here ever gets out of
the worker. What is empty is left out of a line. Amounts are written as `25.99 EUR`, times in the
names' own unit (`_s` seconds, `_ms` milliseconds), transaction keys shortened. `why` holds one
sentence, some of it in Paysera's or the till's own words, cut and on one line.

The list is made from `worker/logbook.py` by `make docs` and checked by the tests.
"""


def text() -> str:
    """Write the list as Markdown, a table for each chapter."""
    lines = [HEAD]
    for title, chapter in CHAPTERS.items():
        lines += [f"## {title}", "", "| Line | Level | Meaning | What to do | Fields |"]
        lines.append("|---|---|---|---|---|")
        for line in chapter:
            fields = " ".join(f"`{name}`" for name in line.fields)
            levels = " / ".join(line.levels)
            asks = line.do or "Nothing."
            lines.append(f"| `{line.name}` | {levels} | {line.meaning} | {asks} | {fields} |")
        lines.append("")
    return "\n".join(lines)
