"""A plug-in is found by its name, and whatever is wrong with it is said in a sentence."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.tills.made_of import Giving
from worker.adapters.till.plugin import GROUP, UnusablePlugin, load


class Half(Giving):
    """A connector whose check is no async method."""

    def check(self) -> Any:
        """Give nothing."""
        return []


class Undecided(Giving):
    """A connector that does not say whether it can lock."""

    def __init__(self, options: Any) -> None:
        super().__init__([])
        self.can_lock: Any = "perhaps"


def failing(options: object) -> object:
    raise ValueError("folder must be\nnamed")


def leaving(options: object) -> object:
    raise SystemExit(3)


def half(options: object) -> object:
    return Half([])


def good(options: object) -> object:
    return Giving(options)


def install(folder: Path, package: str, *points: str) -> None:
    """Put a package's own description where Python looks for it."""
    info = folder / f"{package}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n" + "\n".join(points))


def refused(name: str) -> str:
    with pytest.raises(UnusablePlugin) as caught:
        load(name, {})
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python looks for packages in."""
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return tmp_path


def test_a_plugin_is_called_with_the_options(site: Path) -> None:
    """And what it gives is the connector."""
    install(site, "shop-till", f"shop = {__name__}:good")

    made = load("shop", {"folder": "/srv"})

    assert isinstance(made, Giving)
    assert made.answer == {"folder": "/srv"}


def test_one_that_is_not_installed_is_named_with_those_that_are(site: Path) -> None:
    """Most often the name is misspelt, or the package went into another environment."""
    assert "(installed: none)" in refused("shop")
    install(site, "shop-till", f"shop = {__name__}:good", f"bar\x1b = {__name__}:good")
    assert "(installed: bar\\x1b, shop)" in refused("shup")


def test_two_of_one_name_are_refused(site: Path) -> None:
    """Nothing says which is meant."""
    install(site, "shop-till", f"shop = {__name__}:good")
    install(site, "other-till", f"shop = {__name__}:half")

    assert "2 tills named shop are installed, by: other-till, shop-till" in refused("shop")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (f"{__name__}:failing", "could not be made: ValueError: folder must be\\nnamed"),
        (f"{__name__}:leaving", "could not be made: SystemExit: 3"),
        (f"{__name__}:nothing_there", "AttributeError"),
        ("no_such_module:make", "ModuleNotFoundError"),
        (f"{__name__}:half", "is no connector: it has no async method check"),
        ("builtins:dict", "it has no async method open_bills"),
        (f"{__name__}:Undecided", "its can_lock is neither True nor False"),
    ],
)
def test_what_can_not_be_used_is_said(site: Path, target: str, why: str) -> None:
    """At the start, not in front of the first guest."""
    install(site, "shop-till", f"shop = {target}")

    assert why in refused("shop")
