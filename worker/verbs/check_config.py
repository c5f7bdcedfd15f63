"""`check-config`: what is right, what is wrong, and what would be used."""

import asyncio
import random
import sys
from pathlib import Path

from worker import bootstrap
from worker.adapters import logs
from worker.adapters.clock import SystemClock
from worker.adapters.till import check_folder
from worker.adapters.till.connector import TillError
from worker.adapters.till.program import check_program
from worker.domain.ids import LocationId
from worker.domain.outcome import Done, Refusal, Refused
from worker.settings import CommandTill, FolderTill, Settings, describe
from worker.tills import make_till


def run(settings: Settings, *, with_values: bool, is_online: bool) -> int:
    """Say what was found; return the exit code."""
    logs.configure(level="error", fmt="pretty", stream=sys.stderr, secrets=settings.secrets())
    if with_values:
        print("\n".join(describe(settings)))
        print()
    problems = till_problems(settings)
    for problem in problems:
        print(problem, file=sys.stderr)
    for warning in settings.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if problems:
        return bootstrap.EXIT_CONFIGURATION
    count = len(settings.locations)
    print(
        f"Configuration is valid: {count} location{'s' if count > 1 else ''}, "
        f"{settings.till.kind} till, wallet {settings.wallet.base_url}"
    )
    return asyncio.run(ask_outside(settings)) if is_online else bootstrap.EXIT_OK


def till_problems(settings: Settings) -> list[str]:
    """Say what is wrong with the way to the till, as far as this machine alone can tell."""
    till = settings.till
    if isinstance(till, FolderTill):
        return check_folder(till.path)
    if isinstance(till, CommandTill):
        return check_program(Path(till.argv[0]))
    try:
        asyncio.run(make_and_close(settings))
    except TillError as error:
        return [str(error)]
    return []


async def make_and_close(settings: Settings) -> None:
    """Load what the till needs: its library, its plug-in, its certificates."""
    await make_till(settings, SystemClock()).aclose()


async def ask_outside(settings: Settings) -> int:
    """Ask the wallet and the till, changing nothing at either."""
    answers = [await ask_wallet(settings), await ask_till(settings)]
    return next((code for code in answers if code != bootstrap.EXIT_OK), bootstrap.EXIT_OK)


async def ask_till(settings: Settings) -> int:
    """Try the way to the till."""
    try:
        till = make_till(settings, SystemClock())
    except TillError as error:
        print(f"Check [till]: {error}", file=sys.stderr)
        return bootstrap.EXIT_CONFIGURATION
    try:
        problems = await till.check()
    finally:
        await till.aclose()
    for problem in problems:
        print(f"Check [till]: {problem}", file=sys.stderr)
    if not problems:
        print(f"The {settings.till.kind} till answers")
    return bootstrap.EXIT_CONFIGURATION if problems else bootstrap.EXIT_OK


async def ask_wallet(settings: Settings) -> int:
    """Make one signed read for each location."""
    wallet = bootstrap.make_wallet(settings, SystemClock(), random.SystemRandom())
    try:
        for location in settings.locations:
            answer = await wallet.list_waiting_spots(LocationId(location.id))
            if isinstance(answer, Done):
                waiting = len(answer.value.spots)
                print(f"Location {location.id} answers: {waiting} waiting spots")
            elif wallet.health.is_sandbox:
                print(
                    "Check wallet.base_url: a sandbox answers there, and wallet.client_id is not "
                    "the sandbox's",
                    file=sys.stderr,
                )
                return bootstrap.EXIT_CONFIGURATION
            elif isinstance(answer, Refused) and answer.refusal is Refusal.CREDENTIALS:
                print(
                    f"Check wallet.client_id and wallet.mac_key: location {location.id} is refused "
                    f"({answer})",
                    file=sys.stderr,
                )
                return bootstrap.EXIT_CREDENTIALS
            else:
                print(
                    f"Check wallet.base_url and the network, or try again later: location "
                    f"{location.id} gives no answer ({answer})",
                    file=sys.stderr,
                )
                return bootstrap.EXIT_TEMPORARY
    finally:
        await wallet.aclose()
    return bootstrap.EXIT_OK
