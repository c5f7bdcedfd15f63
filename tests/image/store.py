"""Buildah with a storage of its own: builds the Dockerfile and shows what came of it."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.image.shell import CommandFailed, Unable, run

ROOT: Final = Path(__file__).parents[2]
IMAGES_MAX: Final = 150
"""Layers of older builds are kept, since they make the next one quick; above this all go."""
AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
NO_NETWORK: Final = (
    "Temporary failure in name resolution",
    "Network is unreachable",
    "NewConnectionError",
    "No matching distribution found",
)


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image tells the engine that runs it."""

    user: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    env: Mapping[str, str]
    labels: Mapping[str, str]
    folder: str
    volumes: tuple[str, ...]
    stop_signal: str
    health_command: tuple[str, ...]
    """As written: CMD and its words, or CMD-SHELL and one line; empty where there is none."""


class Store:
    """Images in a folder that belongs to this test alone.

    Args:
        folder: where layers are kept from one run to the next.
        driver: how buildah keeps them; None: overlay where the kernel lets us, else whole copies.

    """

    def __init__(self, folder: Path, driver: str | None = None) -> None:
        self.driver = driver or best_driver(folder)
        self._folder = folder / self.driver
        self._containers: list[str] = []

    def buildah(self, *words: str | Path, timeout_s: float = 120) -> str:
        """Run buildah on this storage and give what it printed."""
        # Said in full: beside --root, the variable STORAGE_DRIVER is not heeded.
        layers = ("--root", self._folder / "images", "--storage-driver", self.driver)
        where = (*layers, "--runroot", self._folder / "run")
        env = {"BUILDAH_ISOLATION": "chroot", "BUILDAH_FORMAT": "docker"}
        return run("buildah", *where, *words, timeout_s=timeout_s, env=env, cwd=ROOT).stdout

    def tidy(self) -> None:
        """Remove what an interrupted run left, and old layers when they have become many."""
        self.buildah("rm", "--all")
        if len(self.buildah("images", "--all", "--quiet").split()) > IMAGES_MAX:
            self.buildah("rmi", "--all", "--force")

    def has(self, image: str) -> bool:
        """Tell whether an image is here."""
        return bool(self.buildah("images", "--quiet", "--filter", f"reference={image}").split())

    def add(self, archive: Path, image: str) -> None:
        """Make an image of one layer from an archive of files."""
        name = self.buildah("from", "scratch").strip()
        self._containers.append(name)
        there = self.buildah("mount", name).strip()
        run("tar", "-x", "-f", archive, "-C", there)
        path = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.buildah("config", "--env", f"PATH={path}", "--env", "LANG=C.UTF-8", name)
        self.buildah("config", "--cmd", "python3", name)
        self.buildah("commit", name, image)
        self._remove(name)

    def build(self, image: str, arguments: Mapping[str, str], pip_settings: Path) -> None:
        """Build the Dockerfile; only what changed since the last time is built anew.

        Raises:
            Unable: the package index can not be reached.
            CommandFailed: the recipe is wrong.

        """
        # The engine's own machine may need an authority of its own to reach the package index.
        volumes = (
            "-v",
            f"{pip_settings}:/etc/pip.conf:ro",
            "-v",
            f"{AUTHORITIES}:{AUTHORITIES}:ro",
        )
        given = [word for pair in arguments.items() for word in ("--build-arg", "=".join(pair))]
        try:
            self.buildah(
                *("build", "--layers", "--pull-never", *volumes, *given, "--tag", image, "."),
                timeout_s=540,
            )
        except CommandFailed as error:
            if any(sign in error.said for sign in NO_NETWORK):
                raise Unable(f"the package index can not be reached: {error}") from None
            raise

    def config(self, image: str) -> ImageConfig:
        """Read what an image says about how to run it."""
        found = json.loads(self.buildah("inspect", "--type", "image", image))
        said: dict[str, Any] = found["Docker"]["config"]
        return ImageConfig(
            user=str(said.get("User", "")),
            entrypoint=tuple(said.get("Entrypoint") or ()),
            command=tuple(said.get("Cmd") or ()),
            env=dict(pair.partition("=")[::2] for pair in said.get("Env") or ()),
            labels=dict(said.get("Labels") or {}),
            folder=str(said.get("WorkingDir") or "/"),
            volumes=tuple(said.get("Volumes") or ()),
            stop_signal=str(said.get("StopSignal", "SIGTERM")),
            health_command=tuple((said.get("Healthcheck") or {}).get("Test") or ()),
        )

    def files(self, image: str) -> Path:
        """Show the files of an image in a folder, until `close`."""
        name = self.buildah("from", "--pull-never", image).strip()
        self._containers.append(name)
        return Path(self.buildah("mount", name).strip())

    def close(self) -> None:
        """Remove all working containers, also those of a build that was broken off; images stay."""
        self._containers.clear()
        self.buildah("rm", "--all")

    def _remove(self, name: str) -> None:
        self._containers.remove(name)
        self.buildah("rm", name)


def best_driver(folder: Path) -> str:
    """Say how layers can be kept here: `overlay` is ten times smaller, `vfs` works everywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="try-", dir=folder) as there:
        script = (
            'cd "$1" && mkdir low up work all && '
            "mount -t overlay -o lowerdir=low,upperdir=up,workdir=work overlay all"
        )
        tried = run("unshare", "--mount", "--", "sh", "-c", script, "sh", there, expect=None)
    return "overlay" if tried.returncode == 0 else "vfs"
