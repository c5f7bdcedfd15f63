"""The lines that the README tells a person to type."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def install_lines() -> list[str]:
    """Give the shell lines of the section "Run it on a server", in order, without their remarks."""
    text = (ROOT / "README.md").read_text()
    section = text.partition("\n## Run it on a server\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line]
    return [re.sub(r"\s+# .*", "", line) for line in lines]
