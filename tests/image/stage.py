"""The image on a stage: services of the compose files as containers, with files made for them."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.image import compose
from tests.image.compose import Service
from tests.image.container import Container, bundle
from tests.image.store import ROOT, ImageConfig
from tests.operator.processes import until

UID: Final = 10001
KEY: Final = "IrdTc8uQodU7PRpLzzLTW6wqZAO6tAMU"
"""Paysera's published sample."""
ALONE: Final = ("compose.yaml",)
WITH_SANDBOX: Final = ("compose.yaml", "compose.sandbox.yaml")
LEDGER: Final = (
    "import urllib.request as u;"
    "print(u.urlopen('http://127.0.0.1:8800/_sandbox/ledger', timeout=9).read().decode())"
)
Json = dict[str, Any]


class Stage:
    """One image and the containers that are made of it.

    Args:
        folder: for everything that is written; removed by whoever made it.
        image: what the image says.
        files: what it holds, to be read.
        fresh: gives another copy of that, for one container: mounts leave their marks in it.

    """

    def __init__(
        self, folder: Path, image: ImageConfig, files: Path, fresh: Callable[[], Path]
    ) -> None:
        self.folder, self.image, self.files = folder, image, files
        self._fresh = fresh
        self._containers: list[Container] = []
        self._count = 0

    def services(self, names: tuple[str, ...]) -> dict[str, Service]:
        """Read compose files of the repository, one over the other."""
        return compose.project(ROOT, names)

    def volume(self, name: str) -> Path:
        """Make a volume as an engine does: a copy of what the image has at that place."""
        made = self.folder / "volumes" / name
        if not made.exists():
            made.parent.mkdir(exist_ok=True)
            there = self.files / "var/lib/paysera-worker"
            shutil.copytree(there, made)
            os.chown(made, there.stat().st_uid, there.stat().st_gid)
        return made

    def file(self, name: str, text: str, *, mode: int, owner: int = UID) -> Path:
        """Make a file with an owner and a mode."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, owner, owner)
        return path

    def start(
        self, service: Service, places: dict[str, Path], *, beside: Container | None = None
    ) -> Container:
        """Start a service; `beside`: whose network it shares, if the files say that it does."""
        assert (beside is not None) == service.network.startswith("service:")
        self._count += 1
        said = bundle(
            self.image,
            service,
            files=self._fresh(),
            places=places,
            network=beside.network() if beside else None,
        )
        made = Container(self.folder, f"{service.name}-{self._count}-{os.getpid()}", said)
        self._containers.append(made)
        return made

    def worker_alone(self, *, config: Path, key: Path, journal: Path | None = None) -> Container:
        """Start compose.yaml's worker as an operator would, with files of the operator's."""
        places = {
            "./worker.toml": config,
            "./secrets/wallet.mac_key": key,
            "journal": journal or self.volume("alone"),
        }
        return self.start(self.services(ALONE)["worker"], places)

    def sandbox(self) -> Container:
        """Start compose.sandbox.yaml's wallet and wait until it is well by its own check."""
        service = self.services(WITH_SANDBOX)["sandbox"]
        assert service.health_command[0] == "CMD"
        made = self.start(service, {})
        until(
            "the sandbox answers its health check",
            lambda: made.is_running() and made.exec(*service.health_command[1:]).code == 0,
        )
        return made

    def worker(self, sandbox: Container, volume: str) -> Container:
        """Start the worker beside the sandbox, as both compose files together say."""
        places = {
            "./config/worker.sandbox.toml": ROOT / "config/worker.sandbox.toml",
            "journal": self.volume(volume),
        }
        return self.start(self.services(WITH_SANDBOX)["worker"], places, beside=sandbox)

    def close(self) -> None:
        """End all containers."""
        while self._containers:
            self._containers.pop().remove()


def paid(worker: Container) -> list[Json]:
    """Give the visits that a worker's log tells as paid."""
    return [
        line
        for line in worker.events()
        if line["event"] == "visit.closed" and line.get("end") == "paid"
    ]


def ledger(sandbox: Container) -> Json:
    """Ask the sandbox for its books."""
    done = sandbox.exec("python", "-c", LEDGER)
    assert done.code == 0, done.err
    found: Json = json.loads(done.out)
    return found
