"""What hadolint, the usual linter of Dockerfiles, says."""

from pathlib import Path
from typing import Final

from tests.image.shell import CommandFailed, Unable, run
from tests.image.store import NO_NETWORK, ROOT

PINNED: Final = Path(__file__).with_name("lint.txt")


def dockerfile(cache: Path) -> str:
    """Hadolint finds nothing in the Dockerfile, not even something to inform about.

    Raises:
        Unable: it is not in the cache and can not be had.

    """
    there = cache / "lint"
    program, mark = there / "bin" / "hadolint", there / "pinned.txt"
    if not mark.exists() or mark.read_text() != PINNED.read_text():
        run("python3", "-m", "venv", "--clear", there)
        try:
            run(there / "bin/pip", "install", "--require-hashes", "--no-deps", "-r", PINNED)
        except CommandFailed as error:
            if any(sign in error.said for sign in NO_NETWORK):
                raise Unable(f"the package index can not be reached: {error}") from None
            raise
        mark.write_text(PINNED.read_text())
    run(program, "--failure-threshold", "style", ROOT / "Dockerfile")
    version = run(program, "--version").stdout.strip()
    return f"nothing, says {version}"
