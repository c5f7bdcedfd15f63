"""`doctor`: one line for everything a payment needs, `ok` or the remedy."""

import asyncio
import random
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from worker.adapters import logs
from worker.adapters.clock import SystemClock
from worker.adapters.journal.letterbox import FileLetterBox
from worker.adapters.journal.reader import JournalReader, check_file
from worker.adapters.till.connector import TillError
from worker.adapters.wallet.client import WalletClient
from worker.bootstrap import EXIT_DEGRADED, EXIT_OK, make_wallet
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import LocationId
from worker.domain.outcome import Done, Refusal, Refused
from worker.settings import Settings, has_key
from worker.tills import make_till
from worker.verbs.journal import troubles_of
from worker.verbs.keys import how_to_have_the_key
from worker.verbs.wording import plain

CLOCK_OFFSET_S_MAX: Final = 5.0
FREE_BYTES_MIN: Final = 64 * 1024 * 1024
CONNECT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    subject: str
    text: str
    is_ok: bool


def run(settings: Settings, typed: Sequence[str]) -> int:
    """Look at everything and say it; 0 when all is well, else 1."""
    logs.configure(level="error", fmt="pretty", stream=sys.stderr, secrets=settings.secrets())
    is_well = True
    for finding in all_findings(settings, typed):
        mark = "ok " if finding.is_ok else "BAD"
        print(f"{mark}  {finding.subject:<12} {plain(finding.text, 400)}", flush=True)
        is_well = is_well and finding.is_ok
    return EXIT_OK if is_well else EXIT_DEGRADED


def all_findings(settings: Settings, typed: Sequence[str]) -> Iterator[Finding]:
    """Look at one thing after the other, the near ones first."""
    yield from of_journal(settings)
    yield from of_worker(settings)
    yield from of_network(settings)
    yield from asyncio.run(of_wallet(settings, typed))
    yield from asyncio.run(of_till(settings))


def of_journal(settings: Settings) -> Iterator[Finding]:
    """Look at the journal: owner, pages, story, room, and the folder for requests."""
    path = settings.journal.path.absolute()
    try:
        check_file(path, "doctor")
        with JournalReader(path, "doctor") as reader:
            trouble, broken = reader.page_trouble(), reader.verify_chain()
    except JournalUnavailable as exc:
        yield Finding("journal", str(exc), is_ok=False)
        return
    if trouble is not None:
        text = f"{path} is damaged ({trouble}): stop the worker, keep all its files, and restore"
        yield Finding("journal", text, is_ok=False)
    elif broken is not None:
        text = f"{path} was edited, or mixed with another copy, at line {broken}: keep its files"
        yield Finding("journal", text, is_ok=False)
    else:
        yield Finding("journal", f"{path} is this user's and whole", is_ok=True)
    free = shutil.disk_usage(path.parent).free
    room = f"{free // (1024 * 1024)} MB free"
    if free < FREE_BYTES_MIN:
        yield Finding("disk", f"make room at {path.parent}: {room}", is_ok=False)
    else:
        yield Finding("disk", room, is_ok=True)
    try:
        FileLetterBox(path, time.time).open()
    except JournalUnavailable as exc:
        yield Finding("requests", str(exc), is_ok=False)


def of_worker(settings: Settings) -> Iterator[Finding]:
    """Look at whether it runs and what it said last."""
    try:
        with JournalReader(settings.journal.path, "doctor") as reader:
            is_running, beat = reader.is_running(), reader.beat()
    except JournalUnavailable:
        return  # Said above.
    if not is_running:
        yield Finding("worker", "start it: systemctl start paysera-worker", is_ok=False)
        return
    age_s = (datetime.now(UTC) - beat.at).total_seconds() if beat else None
    troubles = troubles_of(dict(beat.report) if beat else {}, age_s)
    if troubles:
        yield Finding("worker", "; ".join(troubles), is_ok=False)
    else:
        yield Finding("worker", f"runs, reported {age_s or 0:.0f} s ago", is_ok=True)


def of_network(settings: Settings) -> Iterator[Finding]:
    """Look up the wallet's name, and shake hands with it."""
    url = urlsplit(settings.wallet.base_url)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        text = f"mend name resolution (/etc/resolv.conf, network): {host} is not found ({exc})"
        yield Finding("DNS", text, is_ok=False)
        return
    addresses = sorted({str(one[4][0]) for one in found})
    yield Finding("DNS", f"{host} is {', '.join(addresses[:4])}", is_ok=True)
    if url.scheme != "https":
        return
    try:
        with (
            socket.create_connection((host, port), timeout=CONNECT_S) as plain_socket,
            ssl.create_default_context().wrap_socket(plain_socket, server_hostname=host) as line,
        ):
            certificate, version = line.getpeercert() or {}, line.version()
    except (OSError, ssl.SSLError) as exc:
        text = (
            f"no trusted line to {host}:{port} ({exc}): let the firewall pass it, set the clock, "
            "install ca-certificates"
        )
        yield Finding("TLS", text, is_ok=False)
        return
    days = (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / 86400
    yield Finding("TLS", f"{version}, certificate good for {days:.0f} days", is_ok=days > 0)


async def of_wallet(settings: Settings, typed: Sequence[str]) -> list[Finding]:
    """Ask for the time, then for each location's waiting spots: signed, and changing nothing."""
    wallet = make_wallet(settings, SystemClock(), random.SystemRandom())
    try:
        findings = [await of_clock(wallet)]
        if not has_key(settings):
            text = f"the MAC key is only the service's. {how_to_have_the_key(settings, typed)}"
            return [*findings, Finding("credentials", text, is_ok=False)]
        ids = [LocationId(location.id) for location in settings.locations]
        findings += [await of_location(wallet, each) for each in ids]
    finally:
        await wallet.aclose()
    return findings


async def of_clock(wallet: WalletClient) -> Finding:
    """Compare this machine's clock with Paysera's."""
    answer = await wallet.server_time()
    if not isinstance(answer, Done):
        text = f"check wallet.base_url and the network: Paysera does not tell its time ({answer})"
        return Finding("clock", text, is_ok=False)
    offset_s = time.time() - answer.value
    text = f"{abs(offset_s):.0f} s from Paysera's"
    if abs(offset_s) > CLOCK_OFFSET_S_MAX:
        return Finding("clock", f"set it (timedatectl set-ntp true): {text}", is_ok=False)
    return Finding("clock", text, is_ok=True)


async def of_location(wallet: WalletClient, location_id: LocationId) -> Finding:
    """Make one signed read."""
    subject = str(location_id)
    answer = await wallet.list_waiting_spots(location_id)
    if isinstance(answer, Done):
        waiting = len(answer.value.spots)
        return Finding(subject, f"credentials accepted, {waiting} spots waiting", is_ok=True)
    if isinstance(answer, Refused) and answer.refusal is Refusal.CREDENTIALS:
        text = f"check wallet.client_id and wallet.mac_key, or ask Paysera for access: {answer}"
    elif isinstance(answer, Refused):
        text = f"check the location's id with Paysera: this client does not see it ({answer})"
    else:
        text = f"check wallet.base_url and the network, or try again later: {answer}"
    return Finding(subject, text, is_ok=False)


async def of_till(settings: Settings) -> list[Finding]:
    """Try the way to the till, changing nothing there."""
    try:
        till = make_till(settings, SystemClock())
    except TillError as exc:
        return [Finding("till", f"check [till]: {exc}", is_ok=False)]
    try:
        problems = await till.check()
    finally:
        await till.aclose()
    if not problems:
        return [Finding("till", f"the {settings.till.kind} till answers", is_ok=True)]
    return [Finding("till", f"check [till]: {problem}", is_ok=False) for problem in problems]
