"""Ask the worker that runs, or do it here where none does: by the same code, at most once."""

import asyncio
import os
import platform
import pwd
import random
import sys
import time
from collections.abc import Mapping
from typing import Final

from worker.adapters import logs
from worker.adapters.clock import SystemClock
from worker.adapters.journal import lock
from worker.adapters.journal.letterbox import FileLetterBox, new_request_id
from worker.adapters.journal.reader import check_file
from worker.adapters.journal.sqlite import SqliteJournal
from worker.bootstrap import EXIT_TEMPORARY, EXIT_UNAVAILABLE, make_wallet
from worker.domain.errors import JournalLocked, JournalUnavailable
from worker.ports import Reply, Request
from worker.service.requests import Desk
from worker.settings import Settings, has_key
from worker.verbs.wording import plain

WAIT_S: Final = 10.0
LOOK_EVERY_S: Final = 0.1
LINE_MAX: Final = 4000


def ask(settings: Settings, verb: str, words: Mapping[str, str]) -> int:
    """Have something done, print what came of it, and give the exit code."""
    typed = "drain --undo" if verb == "undrain" else verb
    typed = " ".join([typed, *filter(None, [words.get("visit")])])
    try:
        check_file(settings.journal.path.absolute(), typed)
    except JournalUnavailable as exc:
        print(exc, file=sys.stderr)
        return EXIT_UNAVAILABLE
    try:
        # Before anything is done: whoever could not read what came of it shall not have it done.
        print(f"{typed}:", flush=True)
    except OSError as exc:
        print(
            f"Send the output where it can be written ({exc.strerror}), then repeat it: nothing "
            "was changed.",
            file=sys.stderr,
        )
        return EXIT_TEMPORARY
    request = Request(new_request_id(), verb, words, who_asks())
    try:
        reply = reply_to(settings, request)
    except JournalUnavailable as exc:
        print(exc, file=sys.stderr)
        return EXIT_TEMPORARY if isinstance(exc, JournalLocked) else EXIT_UNAVAILABLE
    # It may quote what a human typed once: nothing in it may steer the terminal.
    shown = "\n".join(plain(line, LINE_MAX) for line in reply.text.split("\n"))
    print(shown, file=sys.stderr if reply.exit_code else sys.stdout)
    return reply.exit_code


def reply_to(settings: Settings, request: Request) -> Reply:
    """Have a request done by whoever holds the journal.

    Raises:
        JournalUnavailable: it can not be written.

    """
    path = settings.journal.path.absolute()
    box = FileLetterBox(path, time.time)
    deadline_s = time.monotonic() + WAIT_S
    while True:
        if not is_held(settings):
            try:
                reply = asyncio.run(do_here(settings, request))
            except JournalLocked:
                pass  # A worker, or another verb, came first.
            else:
                box.forget(request.request_id)
                return reply
        box.put(request)
        reply_or_none = wait(settings, box, request, deadline_s)
        if reply_or_none is not None:
            return reply_or_none


def wait(
    settings: Settings, box: FileLetterBox, request: Request, deadline_s: float
) -> Reply | None:
    """Wait for the reply; None: whoever held the journal is gone, and did not answer."""
    try:
        while time.monotonic() < deadline_s:
            reply = box.reply(request.request_id)
            if reply is not None:
                return reply
            if not is_held(settings):
                # It may have answered as its last act.
                return box.reply(request.request_id)
            time.sleep(LOOK_EVERY_S)
    except BaseException:
        box.take_back(request.request_id)
        raise
    if box.take_back(request.request_id):
        return Reply(
            EXIT_TEMPORARY,
            f"Try again, or look at its log: the worker took no request within {WAIT_S:g} s. "
            "Nothing was changed.",
        )
    reply = box.reply(request.request_id)
    return reply or Reply(
        EXIT_TEMPORARY,
        f"Look whether it was done (show, status): the worker took the request and did not answer "
        f"within {WAIT_S:g} s.",
    )


def is_held(settings: Settings) -> bool:
    """Tell whether a worker holds the journal now."""
    try:
        return lock.is_held(settings.journal.path.absolute())
    except OSError as exc:
        raise JournalUnavailable(f"The lock of the journal can not be read: {exc}") from exc


async def do_here(settings: Settings, request: Request) -> Reply:
    """Do it in this process, which holds the journal meanwhile: a worker's start waits or is 75."""
    logs.configure(level="error", fmt="pretty", stream=sys.stderr, secrets=settings.secrets())
    clock = SystemClock()
    journal = SqliteJournal.open(settings.journal.path)
    wallet = make_wallet(settings, clock, random.SystemRandom()) if has_key(settings) else None
    try:
        return await Desk(journal=journal, clock=clock, wallet=wallet).handle(request)
    finally:
        if wallet is not None:
            await wallet.aclose()
        await journal.aclose()


def who_asks() -> str:
    """Name who types this, as far as the system knows: the human behind sudo, user and machine."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = f"#{os.geteuid()}"
    human = os.environ.get("SUDO_USER")
    return f"{human} as {user} on {platform.node()}" if human else f"{user} on {platform.node()}"
