"""The manifest in docs/docker.md: read from there, so that what people copy is what was tried."""

from typing import Final

import yaml

from tests.image.compose import Node, mapping, texts
from tests.image.store import ROOT

PAGE: Final = ROOT / "docs/docker.md"
_BEGIN: Final = "```yaml\n"


def manifest() -> dict[str, Node]:
    """Give the one manifest of the page."""
    _, begun, rest = PAGE.read_text().partition(_BEGIN)
    assert begun, "the page has no manifest"
    return mapping(yaml.safe_load(rest.partition("```")[0]))


def pod() -> dict[str, Node]:
    """Give what the manifest says about a pod."""
    return within(manifest(), "spec", "template", "spec")


def container(kind: str) -> dict[str, Node]:
    """Give the only container of a kind: `containers` or `initContainers`."""
    found = pod()[kind]
    assert isinstance(found, list)
    (one,) = found
    return mapping(one)


def probe(name: str) -> tuple[str, ...]:
    """Give the command of a probe."""
    return texts(within(container("containers"), name, "exec")["command"])


def within(said: dict[str, Node], *path: str) -> dict[str, Node]:
    """Go down into a mapping."""
    for name in path:
        said = mapping(said[name])
    return said
