"""Requests to a running worker, as files in a folder beside the journal.

SQLite allows a second writer, yet two connections that write are what its write-ahead log was once
caught losing commits with (sqlite.org/wal.html, "The WAL-Reset Bug"); so the journal has one, for
good, and a verb asks it by a file: `ID.request` is put there whole by one rename. The worker takes
it by another (`ID.taken`), does it, and puts `ID.reply` there. Whoever asked takes the reply away,
or takes the request back, which works only as long as it was not taken.

A file of another user, a link, a folder, too large a file or too many of them are not read.
"""

import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from worker.domain.errors import JournalUnavailable
from worker.ports import Reply, Request

BYTES_MAX: Final = 16 * 1024
REQUESTS_MAX: Final = 50
"""How many requests are taken in one round; the others wait for the next."""
REQUEST_AGE_S_MAX: Final = 60.0
"""A request that nobody took for so long was given up by whoever asked."""
REPLY_AGE_S_MAX: Final = 3600.0
_NAME: Final = re.compile(r"([a-z2-7]{26})\.(request|taken|reply)")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"


def box_path(journal: Path) -> Path:
    """Name the letter-box of a journal."""
    return journal.with_name(journal.name + ".requests")


def new_request_id() -> str:
    """Make a name that no other request has or can guess."""
    return "".join(secrets.choice(_LETTERS) for _ in range(26))


class FileLetterBox:
    """Both ends of the letter-box: the worker's, and that of whoever asks."""

    def __init__(self, journal: Path, wall_s: Callable[[], float]) -> None:
        """Name the journal; `wall_s` gives the machine's Unix time, as the files' own is."""
        self._folder = box_path(journal.absolute())
        self._wall_s = wall_s

    def open(self) -> None:
        """Make the folder if there is none.

        Raises:
            JournalUnavailable: it can not be made, or is not this user's alone.

        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            found = self._folder.lstat()
        except OSError as error:
            raise JournalUnavailable(
                f"The folder {self._folder} for requests can not be used: {error.strerror}. "
                "Make room, or make it a folder of the worker's own user."
            ) from error
        is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not is_ours or found.st_mode & 0o077:
            raise JournalUnavailable(
                f"The folder {self._folder} for requests is not the worker's alone: no request in "
                f"it is read. Delete it, it is made again; or: chmod 0700 {self._folder}"
            )

    # The worker's end.

    def take(self) -> list[Request]:
        """Take what came in, oldest first; also what was taken before and not answered.

        Raises:
            JournalUnavailable: the folder is not this user's alone.

        """
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise JournalUnavailable(f"The folder {self._folder}: {error}") from error
        if not names:
            return []
        self.open()
        requests: list[Request] = []
        for path, request_id, kind, age_s in list(self._letters(names))[: 2 * REQUESTS_MAX]:
            if kind == "reply":
                if age_s > REPLY_AGE_S_MAX:
                    path.unlink(missing_ok=True)
            elif kind == "request" and age_s > REQUEST_AGE_S_MAX:
                path.unlink(missing_ok=True)
            elif len(requests) < REQUESTS_MAX:
                taken = path.with_suffix(".taken")
                try:
                    path.replace(taken)
                except FileNotFoundError:
                    continue  # Taken back in this very moment.
                requests.append(_request(request_id, self._read(taken)))
        return requests

    def answer(self, request_id: str, reply: Reply) -> None:
        """Put the reply where the one who asked waits for it."""
        document = {"exit_code": reply.exit_code, "text": reply.text}
        self._put(f"{request_id}.reply", document)
        (self._folder / f"{request_id}.taken").unlink(missing_ok=True)

    # The other end.

    def put(self, request: Request) -> None:
        """Put a request into the letter-box.

        Raises:
            JournalUnavailable: it can not be put there; nothing was asked.

        """
        self.open()
        document = {"verb": request.verb, "words": dict(request.words), "who": request.who}
        try:
            self._put(f"{request.request_id}.request", document)
        except OSError as error:
            raise JournalUnavailable(
                f"The request can not be put into {self._folder}: {error.strerror}. Nothing was "
                "changed. Make room, then try again."
            ) from error

    def reply(self, request_id: str) -> Reply | None:
        """Take the reply away; None: there is none yet."""
        path = self._folder / f"{request_id}.reply"
        said = self._read(path)
        if said is None:
            return None
        path.unlink(missing_ok=True)
        return Reply(int(said["exit_code"]), str(said["text"]))

    def forget(self, request_id: str) -> None:
        """Clear away a request that was answered in another way."""
        for kind in ("request", "taken", "reply"):
            (self._folder / f"{request_id}.{kind}").unlink(missing_ok=True)

    def take_back(self, request_id: str) -> bool:
        """Withdraw a request. True: it was not taken, so nothing is or will be done about it."""
        try:
            (self._folder / f"{request_id}.request").unlink()
        except FileNotFoundError:
            return False
        return True

    def _letters(self, names: Sequence[str]) -> Iterator[tuple[Path, str, str, float]]:
        """Give what is a letter of ours, oldest first, with its age in seconds."""
        found = []
        for name in names:
            match = _NAME.fullmatch(name)
            if match is None:
                continue
            path = self._folder / name
            try:
                mtime_s = path.lstat().st_mtime
            except OSError:
                continue
            found.append((mtime_s, path, match.group(1), match.group(2)))
        for mtime_s, path, request_id, kind in sorted(found):
            yield path, request_id, kind, self._wall_s() - mtime_s

    def _put(self, name: str, document: dict[str, Any]) -> None:
        draft = self._folder / f".{name}.{os.getpid()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, flags, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps(document).encode())
            draft.replace(self._folder / name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def _read(self, path: Path) -> dict[str, Any] | None:
        """Read a letter; None: it is not there, or not one that may be read."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                return None
            text = file.read(BYTES_MAX + 1)
        try:
            said = json.loads(text) if len(text) <= BYTES_MAX else None
        except (ValueError, RecursionError):
            return None
        return said if isinstance(said, dict) else None


def _request(request_id: str, said: dict[str, Any] | None) -> Request:
    """Read a request; one that can not be read asks for nothing, and is answered as such."""
    document = said or {}
    words = document.get("words")
    pairs = words.items() if isinstance(words, dict) else ()
    return Request(
        request_id=request_id,
        verb=str(document.get("verb", ""))[:40],
        words={str(name)[:40]: str(value)[:2000] for name, value in list(pairs)[:20]},
        who=str(document.get("who", ""))[:200],
    )
