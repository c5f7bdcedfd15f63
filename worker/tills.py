"""From the settings' [till] to the till that the worker asks. Part of the roof, as bootstrap is.

The connectors' libraries are heavy and most of them are not needed: each is loaded with its kind.
"""

import os

from worker.adapters.clock import SystemClock
from worker.adapters.till import FixedTill, FolderTill, GuardedTill, plugin
from worker.adapters.till.connector import Connector
from worker.settings import Settings
from worker.settings import tills as kinds


def make_till(settings: Settings, clock: SystemClock) -> GuardedTill:
    """Build the till.

    Raises:
        TillError: a library or a plug-in that it needs is not installed; the text says which.

    """
    till = settings.till
    if isinstance(till, kinds.FixedTill):
        fixed = FixedTill(prices=till.prices, currency=till.currency, description=till.description)
        return GuardedTill(fixed, clock, has_ids=False)
    return GuardedTill(make_connector(settings, till, clock), clock)


def make_connector(settings: Settings, till: kinds.BillingTill, clock: SystemClock) -> Connector:
    """Build the way to a till that has bills of its own."""
    match till:
        case kinds.FolderTill():
            return FolderTill(till.path)
        case kinds.HttpTill():
            return make_http(settings, till, clock)
        case kinds.SqlTill():
            from worker.adapters.till import sql  # noqa: PLC0415 - only its kind needs its libraries

            statements = sql.SqlStatements(
                open_bills=till.open_bills_sql,
                mark_paid=till.mark_paid_sql,
                confirm=till.confirm_sql,
            )
            password = till.password.get_secret_value() if till.password else None
            return sql.SqlTill(till.url, password, statements)
        case kinds.CommandTill():
            from worker.adapters.till.command import CommandTill  # noqa: PLC0415 - as above

            return CommandTill(till.argv, can_lock=till.lock, environ=os.environ)
        case kinds.PluginTill():
            return plugin.load(till.name, till.options)
    raise AssertionError(f"a kind of till that nobody knows: {type(till).__name__}")


def make_http(settings: Settings, till: kinds.HttpTill, clock: SystemClock) -> Connector:
    """Build the way to a shop's endpoint."""
    from worker.adapters.till.http import HttpTill  # noqa: PLC0415 - as above

    return HttpTill(
        url=till.url,
        token=till.token.get_secret_value() if till.token else None,
        signing_secret=till.signing_secret.get_secret_value(),
        lock=till.lock,
        ca_file=till.ca_file,
        client_cert=till.client_cert,
        client_key=till.client_key,
        clock=clock,
        check_location=settings.locations[0].id,
    )
