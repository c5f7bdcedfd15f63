"""The page for a person: tables to scan and leave, transactions to reserve and decline.

Self-contained: no script, style or font comes from elsewhere. Whatever a client put into an
identifier or a description is shown as text, never as markup.
"""

from __future__ import annotations

from pathlib import Path

HTML_BYTES = (Path(__file__).parent / "page.html").read_bytes()
