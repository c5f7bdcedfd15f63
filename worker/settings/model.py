"""Every setting: its name, its range, its default and why. Plain facts, no files, no environment.

The `description` of a field is the end of the sentence "must be ...", so a message about a wrong
value always says the rule. The text below a field says what it means and why its default is what it
is; `docs/configuration.md` is made of both.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from worker.settings import rules
from worker.settings.tills import CONFIG, TILLS, AnyTill, FilePath


class WalletSettings(BaseModel):
    """Where the wallet is and who we are to it."""

    model_config = CONFIG

    base_url: Annotated[str, BeforeValidator(rules.base_url)] = Field(
        "https://wallet.paysera.com/rest/v1", description="an https address"
    )
    """Where Paysera's Wallet API is; endpoint paths are appended. `http` is taken for this machine
    alone, as for the sandbox."""
    client_id: Annotated[str, BeforeValidator(rules.credential)] = Field(
        description="the client id that Paysera gave you: printable ASCII text"
    )
    """Who the worker is to Paysera. There is no default that could be anybody's."""
    mac_key: Annotated[SecretStr, BeforeValidator(rules.credential)] = Field(
        description="the MAC key that Paysera gave you: printable ASCII text"
    )
    """What signs every call. Best in a file of its own that the worker alone can read; a settings
    file that holds it must be as private as that. To change it, replace it and restart."""
    timeout_s: float = Field(
        10.0, strict=True, ge=0.1, le=120, description="a number of seconds from 0.1 to 120"
    )
    """How long one request may take. Longer than any answer seen, shorter than a guest's patience.
    A write that outlasts it counts as in doubt, and is looked after."""


class PollingSettings(BaseModel):
    """How often to ask."""

    model_config = CONFIG

    spots_interval_s: float = Field(
        3.0, strict=True, ge=3.0, le=5.0, description="a number of seconds from 3.0 to 5.0"
    )
    """How often each location is asked for waiting tables, from start to start. Paysera asks for
    every 3 to 5 seconds; neither less nor more is polite."""
    reservations_interval_s: float = Field(
        3.0, strict=True, ge=0.5, le=60, description="a number of seconds from 0.5 to 60"
    )
    """How often reservations are asked for while an offer is open; slower by itself when none is.
    It is most of what a guest waits after saying yes."""


class VisitSettings(BaseModel):
    """How patient to be with a guest."""

    model_config = CONFIG

    bill_wait_s: float = Field(
        60.0, strict=True, ge=0, le=86400, description="a number of seconds from 0 to 86400"
    )
    """How long a guest may wait for the till to have a bill before the table is freed. Long enough
    for a waiter to print it, short enough that nobody stares at an empty app for long."""
    offer_ttl_s: float = Field(
        600.0, strict=True, ge=1, le=86400, description="a number of seconds from 1 to 86400"
    )
    """How long an offered bill may stay unpaid before it is withdrawn and the table freed for the
    next guest."""
    reserve_for_s: int = Field(
        900,
        strict=True,
        ge=1,
        le=2592000,
        description="a whole number of seconds from 1 to 2592000",
    )
    """How long Paysera holds a guest's money for us. Long enough to survive a restart of the
    machine between the guest's yes and our confirm; a bill on hold says itself how long."""


class JournalSettings(BaseModel):
    """Where the durable record lives."""

    model_config = CONFIG

    path: FilePath = Field(
        Path("/var/lib/paysera-worker/journal.db"), description="the path of a file"
    )
    """On a local disk, in a folder that belongs to the worker. One journal serves one worker; the
    file beside it, `journal.db.instance`, belongs to it."""


class LocationSettings(BaseModel):
    """One shop."""

    model_config = CONFIG

    id: int = Field(
        strict=True, ge=1, le=2**63 - 1, description="Paysera's number of the location, above 0"
    )
    """Which shop it is. A guest's code names it, too: `PAYSERA*{id}:{table}`."""
    name: Annotated[str, BeforeValidator(rules.plain_text)] = Field(
        "", max_length=200, description="text for people, at most 200 characters"
    )
    """What people call it, on the status page and in reports. Left out: its number."""


class ListenerSettings(BaseModel):
    """The local door for those who look on: probes, figures and a page."""

    model_config = CONFIG

    enabled: bool = Field(False, strict=True, description="true or false")
    """Whether there is a status page, probes and Prometheus' figures. Off: nobody looks at what
    nobody asked for. See [monitoring.md](monitoring.md)."""
    host: Literal["127.0.0.1", "::1"] = Field(
        "127.0.0.1",
        description='"127.0.0.1" or "::1": only this machine is served; to be seen from '
        "elsewhere, put a reverse proxy with TLS in front",
    )
    """Which of this machine's own addresses is listened on. Encryption and names are a reverse
    proxy's trade, so nothing but this machine is served."""
    port: int = Field(
        8801, strict=True, ge=0, le=65535, description="a whole number from 0 to 65535"
    )
    """Where it listens. 0 takes any free port, and the log says which."""
    token: Annotated[SecretStr | None, BeforeValidator(rules.token)] = Field(
        None, description="16 to 200 printable ASCII characters without a space"
    )
    """When it is given, everything but `/livez` asks for it. Long enough that nobody guesses it."""


class SafetySettings(BaseModel):
    """How far the worker may go: step 5 of Paysera's guide, small amounts in production."""

    model_config = CONFIG

    mode: Literal["observe", "canary", "live"] = Field(
        "live", description='"observe", "canary" or "live"'
    )
    """`observe` only reads, and logs what it would offer; `canary` serves `canary_spots` alone;
    `live` serves every table."""
    max_amount_minor: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=10**10,
        description="a whole number of minor units from 1 to 10000000000",
    )
    """The most that one transaction may take. A greater bill is not offered, and the log says so.
    Canary needs it."""
    max_day_minor: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=10**12,
        description="a whole number of minor units from 1 to 1000000000000",
    )
    """The most that may be taken from midnight to midnight by this machine's clock, at all tables
    together and over restarts. What is on offer or in doubt counts in full."""
    canary_spots: Annotated[tuple[str, ...], BeforeValidator(rules.spot_names)] = Field(
        (), description='a list of spot identifiers such as ["table1"]'
    )
    """The tables that canary serves; all others are left alone. Needed for canary, and an error
    with any other mode, where it would mean nothing."""

    @model_validator(mode="after")
    def _is_a_canary_kept_small(self) -> Self:
        """Refuse a canary that could do as much harm as the whole flock."""
        if self.mode == "canary" and not self.canary_spots:
            raise ValueError('canary serves listed spots only: add canary_spots = ["table1"]')
        if self.mode == "canary" and self.max_amount_minor is None:
            raise ValueError("canary takes small amounts only: add max_amount_minor, such as 500")
        if self.mode != "canary" and self.canary_spots:
            raise ValueError(
                'canary_spots means nothing unless mode is "canary": every spot would be served'
            )
        return self


class LogSettings(BaseModel):
    """What the log shows, and how."""

    model_config = CONFIG

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description='"debug", "info", "warning" or "error"'
    )
    """The least important lines that are shown. `debug` adds a line for each poll."""
    format: Literal["auto", "json", "pretty"] = Field(
        "auto", description='"auto", "json" or "pretty"'
    )
    """`pretty` for people, `json` for machines; `auto`: pretty on a terminal, JSON everywhere
    else."""


class Settings(BaseSettings):
    """Everything the operator decided. Made by `load`, never changed afterwards."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )

    wallet: WalletSettings
    polling: PollingSettings = PollingSettings()
    visit: VisitSettings = VisitSettings()
    journal: JournalSettings = JournalSettings()
    locations: Annotated[tuple[LocationSettings, ...], BeforeValidator(rules.locations)] = Field(
        description="a list with at least one location"
    )
    till: Annotated[AnyTill, Field(discriminator="kind")]
    listener: ListenerSettings = ListenerSettings()
    safety: SafetySettings = SafetySettings()
    log: LogSettings = LogSettings()

    _origins: Mapping[tuple[str, ...], str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but worth a second look, one sentence each."""
        return self._warnings

    def secrets(self) -> tuple[str, ...]:
        """Give the values that nobody may see, so that whoever writes can leave them out."""
        found = (
            getattr(getattr(self, section), name, None) for section, _, name in _secret_paths()
        )
        return tuple(one.get_secret_value() for one in found if isinstance(one, SecretStr))

    def origin_of(self, *path: str) -> str:
        """Say where a value came from: a file, a variable, a secret file, or "default"."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._origins:
                return self._origins[path[:length]]
        return "default"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load` gathered: the stock sources overlook misspelt names."""
        return (init_settings,)


def _secret_paths() -> list[tuple[str, str, str]]:
    return [dotted.partition(".") for dotted in SECRETS]


SECTIONS: Final[Mapping[str, tuple[type[BaseModel], ...]]] = {
    "wallet": (WalletSettings,),
    "polling": (PollingSettings,),
    "visit": (VisitSettings,),
    "journal": (JournalSettings,),
    "locations": (LocationSettings,),
    "till": tuple(TILLS.values()),
    "listener": (ListenerSettings,),
    "safety": (SafetySettings,),
    "log": (LogSettings,),
}


def _kind_of(annotation: Any) -> str:
    """Say how a value is written where everything is text."""
    if annotation in {int, float, int | None}:
        return "number"
    if annotation is bool:
        return "flag"
    return "json" if str(annotation).startswith(("dict", "tuple")) else "text"


LEAVES: Final[Mapping[str, str]] = {
    f"{section}.{name}": _kind_of(field.annotation)
    for section, models in SECTIONS.items()
    if section != "locations"
    for model in models
    for name, field in model.model_fields.items()
} | {"locations": "json"}
"""Every key that a variable or a secret file can give, and how its text is read."""

SECRETS: Final = tuple(
    f"{section}.{name}"
    for section, models in SECTIONS.items()
    for model in models
    for name, field in model.model_fields.items()
    if "SecretStr" in str(field.annotation)
)
"""The keys whose values nobody may see."""
