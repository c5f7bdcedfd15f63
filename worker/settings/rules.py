"""The rules that a range can not express. Each gives the value or says why it can not be used.

No message repeats a value that may hold a secret.
"""

import functools
import ipaddress
import re
import urllib.parse
from pathlib import Path
from typing import Final

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_URL_CHARS: Final = re.compile(r"[!-~]+")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_PRICE_NAME_CHARS_MAX: Final = 1000


def base_url(value: object) -> object:
    """Accept https anywhere and http on this machine; lower the host, drop the last slash."""
    if not isinstance(value, str):
        return value
    if not _URL_CHARS.fullmatch(value) or "\\" in value:
        raise ValueError("an address holds printable ASCII characters only, and no spaces")
    try:
        parts = urllib.parse.urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("it is not an address: its host or port can not be read") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address must not hold a user name or password")
    if "?" in value or "#" in value:
        raise ValueError("an address must not hold a query (?) or a fragment (#)")
    host = (parts.hostname or "").lower()
    if port == 0 or not _is_host(host):
        raise ValueError("it is not an address: write https://host/path")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ValueError(
            "it must begin with https://; http:// is accepted for this machine only "
            "(127.0.0.1, ::1, localhost)"
        )
    shown_host = f"[{host}]" if ":" in host else host
    authority = shown_host if port is None else f"{shown_host}:{port}"
    return f"{parts.scheme}://{authority}{parts.path.rstrip('/')}"


def is_loopback_url(url: str) -> bool:
    """Tell whether an accepted address is on this machine."""
    return _is_loopback(urllib.parse.urlsplit(url).hostname or "")


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _HOST.fullmatch(host) is not None
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    # Only the spellings that every library reads alike: no 127.1, no mapped addresses.
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None


def credential(value: object) -> object:
    """Accept what can travel in a header."""
    if not isinstance(value, str):
        return value
    if not value:
        raise ValueError("it is empty")
    if not (value.isascii() and value.isprintable()):
        raise ValueError("it holds characters other than printable ASCII (a line end, maybe?)")
    if value != value.strip():
        raise ValueError("it begins or ends with a space")
    if '"' in value or "\\" in value:
        raise ValueError("it holds a quote or a backslash, which no credential of Paysera does")
    return value


def token(value: object) -> object:
    """Accept what nobody guesses and every client can send."""
    if not isinstance(value, str):
        return value
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("it holds characters other than printable ASCII, or a space")
    if not 16 <= len(value) <= 200:
        raise ValueError("it must have 16 to 200 characters: openssl rand -hex 32 makes a good one")
    return value


def plain_text(value: object) -> object:
    """Accept text that prints on one line."""
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("it holds characters that do not print")
    return value


def plain_path(value: object) -> object:
    """Accept a path that is what it looks like."""
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str):
        return value
    if not value.strip():
        raise ValueError("it is empty")
    if not value.isprintable():
        raise ValueError("it holds characters that do not print")
    if value.startswith("~"):
        raise ValueError("~ is not replaced here: write the whole path")
    return value


def template(value: object) -> object:
    """Accept text in which {spot} is the only thing in braces."""
    if not isinstance(value, str):
        return value
    rest = value.replace("{spot}", "")
    if "{" in rest or "}" in rest:
        raise ValueError("only {spot} may stand in braces")
    if not value.strip():
        raise ValueError("it is empty")
    return plain_text(value)


def currency(value: object) -> object:
    """Accept a currency whose smallest unit is a hundredth: the wallet multiplies by 100."""
    if not isinstance(value, str):
        return value
    if not _CURRENCY.fullmatch(value):
        raise ValueError("a currency is three capital letters, such as EUR")
    if not has_two_decimals(value):
        raise ValueError(f"{value} is not a currency with two decimals, and only those can be paid")
    return value


@functools.cache
def has_two_decimals(code: str) -> bool:
    """Ask the ISO 4217 table."""
    import iso4217  # noqa: PLC0415 - a table that only some commands need

    try:
        return bool(iso4217.Currency(code).exponent == 2)
    except ValueError:
        return False


def prices(value: object) -> object:
    """Accept at least one price, each under a name that a table can have."""
    if not isinstance(value, dict):
        return value
    if not value:
        raise ValueError('there is no price: give one by spot identifier, or "*" for every table')
    for name in value:
        if not isinstance(name, str) or not 1 <= len(name) <= _PRICE_NAME_CHARS_MAX:
            raise ValueError("a price stands under a spot identifier of 1 to 1000 characters")
    return value


def locations(value: object) -> object:
    """Accept at least one location, none of them twice."""
    if not isinstance(value, list | tuple):
        return value
    if not value:
        raise ValueError("there must be at least one location")
    ids = [entry.get("id") for entry in value if isinstance(entry, dict)]
    twice = sorted({i for i in ids if type(i) is int and ids.count(i) > 1})
    if twice:
        raise ValueError(f"location {twice[0]} is there twice")
    return value
