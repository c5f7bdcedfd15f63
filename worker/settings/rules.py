"""The rules that a range can not express. Each gives the value or says why it can not be used.

No message repeats a value that may hold a secret.
"""

import base64
import functools
import ipaddress
import re
import urllib.parse
from datetime import date, time
from pathlib import Path
from typing import Final

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_URL_CHARS: Final = re.compile(r"[!-~]+")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_TOKEN_CHARS_MIN: Final = 16
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every such secret begins with
_PAYSERA: Final = "paysera.com"
SAMPLE_CLIENT_ID: Final = "wkVd93h2uS"
"""The sample that Paysera publishes, and the one that the sandbox knows."""
_PRICE_NAME_CHARS_MAX: Final = 1000
_ARGUMENTS_MAX: Final = 64
_ARGUMENT_CHARS_MAX: Final = 4096
_PLAIN_DEPTH_MAX: Final = 8


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
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError(
            "it must begin with https://; http:// is accepted for this machine only "
            "(127.0.0.1, ::1, localhost)"
        )
    shown_host = f"[{host}]" if ":" in host else host
    authority = shown_host if port is None else f"{shown_host}:{port}"
    return f"{parts.scheme}://{authority}{parts.path.rstrip('/')}"


def is_loopback_url(url: str) -> bool:
    """Tell whether an accepted address is on this machine."""
    return is_loopback(urllib.parse.urlsplit(url).hostname or "")


def is_paysera_url(url: str) -> bool:
    """Tell whether an accepted address is one of Paysera's own."""
    host = urllib.parse.urlsplit(url).hostname or ""
    return host == _PAYSERA or host.endswith(f".{_PAYSERA}")


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _HOST.fullmatch(host) is not None
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, spelt so that every library reads it alike."""
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


def bearer_token(value: object) -> object:
    """Accept what can stand behind Bearer in a header (RFC 6750 2.1), and is not soon guessed."""
    if not isinstance(value, str):
        return value
    if not _TOKEN.fullmatch(value):
        raise ValueError(
            "a bearer token holds letters, digits and - . _ ~ + / only, with = at its end (a line "
            "end, maybe?)"
        )
    if len(value) < _TOKEN_CHARS_MIN:
        raise ValueError(f"it has fewer than {_TOKEN_CHARS_MIN} characters: it could be guessed")
    return value


def signing_secret(value: object) -> object:
    """Accept a secret as Standard Webhooks writes it: whsec_, then 24 to 64 bytes in base64.

    The rule is from its specification, "Signature scheme" (github.com/standard-webhooks).
    """
    if not isinstance(value, str):
        return value
    remedy = f"make one: echo {_SECRET_PREFIX}$(openssl rand -base64 32)"
    if not value.startswith(_SECRET_PREFIX):
        raise ValueError(f"it does not begin with {_SECRET_PREFIX}; {remedy}")
    try:
        key = base64.b64decode(value.removeprefix(_SECRET_PREFIX), validate=True)
    except ValueError:
        raise ValueError(f"what follows {_SECRET_PREFIX} is not base64; {remedy}") from None
    if not 24 <= len(key) <= 64:
        raise ValueError(f"it holds {len(key)} bytes, not 24 to 64; {remedy}")
    return value


def password(value: object) -> object:
    """Accept what a person or a generator made up, as long as it is one line."""
    if not isinstance(value, str):
        return value
    if not value:
        raise ValueError("it is empty")
    if not value.isprintable():
        raise ValueError("it holds characters that do not print (a line end, maybe?)")
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


def plain_values(value: object) -> object:
    """Accept a table of what TOML can say, a few tables and lists deep."""
    if isinstance(value, dict) and not _is_plain(value, _PLAIN_DEPTH_MAX):
        raise ValueError("it holds something that is not text, a number, a date, a list or a table")
    return value


def _is_plain(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(
            isinstance(name, str) and name.isprintable() and _is_plain(item, depth - 1)
            for name, item in value.items()
        )
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(item, depth - 1) for item in value)
    return isinstance(value, str | int | float | date | time)  # A moment is a date, too.


def argv(value: object) -> object:
    """Accept a program by its whole path, and its arguments. No shell ever reads them."""
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic asks for a ValueError
            'it is one text, and no shell takes it apart: write ["/path", "argument"]'
        )
    if not isinstance(value, list | tuple):
        return value
    if not 1 <= len(value) <= _ARGUMENTS_MAX:
        raise ValueError(f"it names a program and at most {_ARGUMENTS_MAX - 1} arguments")
    for part in value:
        if isinstance(part, str) and not (part.isprintable() and len(part) <= _ARGUMENT_CHARS_MAX):
            raise ValueError(
                f"an argument is at most {_ARGUMENT_CHARS_MAX} characters, all of which print"
            )
    if isinstance(value[0], str) and not value[0].startswith("/"):
        raise ValueError("the program is given by its whole path, beginning with /")
    return value


def spot_names(value: object) -> object:
    """Accept a list of what QR codes say after the colon, none of it twice."""
    if isinstance(value, str):
        raise ValueError('it is one text: write ["table1", "table2"]')  # noqa: TRY004 - as above
    if not isinstance(value, list | tuple):
        return value
    for name in value:
        if isinstance(name, str) and not 1 <= len(name) <= _PRICE_NAME_CHARS_MAX:
            raise ValueError("a spot identifier has 1 to 1000 characters")
    names = [name for name in value if isinstance(name, str)]
    if len(set(names)) != len(names):
        raise ValueError("a spot is there twice")
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
