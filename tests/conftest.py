"""What every test starts from: an environment that says nothing, and a log that nobody reads."""

import os
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own settings may leak into a test."""
    for name in list(os.environ):
        if name.startswith("PAYSERA_WORKER_") or name in {
            "CREDENTIALS_DIRECTORY",
            "JOURNAL_STREAM",
            "NOTIFY_SOCKET",
        }:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    """Log lines go nowhere unless a test captures them."""
    structlog.configure(
        processors=[],
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    yield
    structlog.reset_defaults()
