"""The settings of each kind of till."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from worker.settings import rules, sql_rules

CONFIG: Final = ConfigDict(
    frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
)
FilePath = Annotated[Path, BeforeValidator(rules.plain_path)]
PriceMinor = Annotated[int, Field(strict=True, ge=1, le=10**10)]

_KINDS: Final = '"fixed", "folder", "http", "sql", "command" or "plugin"'


class FixedTill(BaseModel):
    """Every table has a price of its own."""

    model_config = CONFIG

    kind: Literal["fixed"] = Field("fixed", description=_KINDS)
    """Where bills come from. [till.md](till.md) says which kind suits whom."""
    currency: Annotated[str, BeforeValidator(rules.currency)] = Field(
        "EUR", description="an ISO 4217 currency with two decimals, such as EUR"
    )
    """What the prices are in. Two decimals, because the wallet can count no other."""
    description: Annotated[str, BeforeValidator(rules.template)] = Field(
        "Table {spot}",
        max_length=200,
        description="text of at most 200 characters in which only {spot} is replaced",
    )
    """What the guest reads; `{spot}` becomes the table's name."""
    prices: Annotated[dict[str, PriceMinor], BeforeValidator(rules.prices)] = Field(
        description="a whole number of minor units from 1 to 10000000000"
    )
    """The price at each table by its identifier, as printed in the QR code; `"*"` stands for every
    table that is not named. No default: a made-up price would be charged to a real guest."""


class BillingTill(BaseModel):
    """What every till with bills of its own has in common."""

    model_config = CONFIG

    several_bills: Literal["refuse", "oldest"] = Field("refuse", description='"refuse" or "oldest"')
    """What to do when a table has several open bills. It is a riddle which one this guest means to
    pay, so none is offered until one is left, unless the oldest is always meant."""
    shrunk_bill: Literal["offer_again", "confirm_lower"] = Field(
        "offer_again", description='"offer_again" or "confirm_lower"'
    )
    """What to do when a bill shrank after the guest agreed. Paysera's confirm can take less than
    was reserved; whether it shall is the shop's choice."""


class FolderTill(BillingTill):
    """The shop's software puts a file for every open bill into a folder."""

    kind: Literal["folder"] = Field(description=_KINDS)
    path: FilePath = Field(description="the path of a folder")
    """Where the files are put, by atomic rename. Paid ones move to `paid/` in it."""


class HttpTill(BillingTill):
    """The shop runs a small endpoint, which docs/till-api.yaml describes."""

    kind: Literal["http"] = Field(description=_KINDS)
    url: Annotated[str, BeforeValidator(rules.base_url)] = Field(description="an https address")
    """Where `/bills` and `/payments` begin. `http` is taken for this machine alone."""
    token: Annotated[SecretStr, BeforeValidator(rules.bearer_token)] | None = Field(
        None, description="what may follow Bearer in a header: at least 16 characters"
    )
    """What the shop knows the worker by: this, a client certificate, or both. One of them is needed
    but on this machine."""
    signing_secret: Annotated[SecretStr, BeforeValidator(rules.signing_secret)] = Field(
        description="whsec_ and the base64 text of 24 to 64 random bytes"
    )
    """What signs the worker's notices (Standard Webhooks). Required: without it a shop could not
    tell our notices from anybody's. `echo whsec_$(openssl rand -base64 32)` makes one."""
    lock: bool = Field(False, strict=True, description="true or false")
    """Whether the shop can keep a bill from being changed while it is being paid."""
    ca_file: FilePath | None = Field(None, description="the path of a PEM file")
    """The authorities to trust in place of the system's, for a shop with one of its own."""
    client_cert: FilePath | None = Field(None, description="the path of a PEM file")
    """The certificate that the worker shows; goes with `client_key`."""
    client_key: FilePath | None = Field(None, description="the path of a PEM file")
    """Its key: readable by its owner alone, and without a pass phrase, because nobody is there to
    type one."""

    @model_validator(mode="after")
    def _is_known_and_safe(self) -> Self:
        """Refuse what would leave one side in doubt about who the other is."""
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("client_cert and client_key belong together, and one is missing")
        is_tls = self.url.startswith("https:")
        if not is_tls and (self.client_cert is not None or self.ca_file is not None):
            raise ValueError("ca_file and client_cert mean nothing to an http:// address")
        is_here = rules.is_loopback_url(self.url)
        if self.token is None and self.client_cert is None and not is_here:
            raise ValueError(
                "the shop has no way to know the worker: give token, or client_cert and client_key"
            )
        return self


class SqlTill(BillingTill):
    """The shop's database is the till."""

    kind: Literal["sql"] = Field(description=_KINDS)
    url: Annotated[str, BeforeValidator(sql_rules.database_url)] = Field(
        description="the address of a database without a password: postgresql://user@host/name"
    )
    """`postgresql://`, `mysql://`, `mariadb://`, or `sqlite:////whole/path`. Never with the
    password in it: an address ends up in logs, and a password must not."""
    password: Annotated[SecretStr, BeforeValidator(rules.password)] | None = Field(
        None, description="the database's password: text on one line"
    )
    """For the user in `till.url`. Left out: the database lets the user in without one."""
    open_bills_sql: Annotated[str, BeforeValidator(sql_rules.open_bills)] = Field(
        description="one query that gives the open bills of :spot"
    )
    """Bound are `:location_id` and `:spot`; it can not write. [till-sql.md](till-sql.md) names the
    columns."""
    mark_paid_sql: Annotated[str, BeforeValidator(sql_rules.mark_paid)] = Field(
        description="one statement that marks :bill_id paid"
    )
    """Records a payment, and changes nothing more when it is told again: after an answer that was
    lost it is."""
    confirm_sql: Annotated[str, BeforeValidator(sql_rules.confirm)] | None = Field(
        None, description="one query that gives a row when :notice_id is recorded"
    )
    """Makes sure that the payment is there. Without it, the rows that `mark_paid_sql` touched
    count."""

    @model_validator(mode="after")
    def _asks_for_a_password_only_where_there_is_one(self) -> Self:
        if self.url.startswith("sqlite:") and self.password is not None:
            raise ValueError("a SQLite file has no password: remove till.password")
        return self


class CommandTill(BillingTill):
    """A program of the shop's is asked, and told what was paid."""

    kind: Literal["command"] = Field(description=_KINDS)
    argv: Annotated[tuple[str, ...], BeforeValidator(rules.argv)] = Field(
        description='a list such as ["/opt/shop/till", "argument"], all of it text'
    )
    """The program's whole path and its arguments, run as they stand: no shell reads them. It must
    be on local disk, and none but its owner may be able to change it."""
    lock: bool = Field(False, strict=True, description="true or false")
    """Whether it knows `lock` and `unlock`; most tills have nothing to lock, and are not asked
    to."""


class PluginTill(BillingTill):
    """A connector that somebody else wrote, installed beside the worker."""

    kind: Literal["plugin"] = Field(description=_KINDS)
    name: Annotated[str, BeforeValidator(rules.plain_text)] = Field(
        min_length=1, max_length=100, description="the name of an installed till"
    )
    """The name under which its package offers it."""
    options: Annotated[dict[str, object], BeforeValidator(rules.plain_values)] = Field(
        {}, description="a table of the plug-in's own settings"
    )
    """Whatever the plug-in wants to know; only it can say what is right. A secret belongs into a
    file of its own, named here."""


AnyTill = FixedTill | FolderTill | HttpTill | SqlTill | CommandTill | PluginTill

TILLS: Final[Mapping[str, type[BaseModel]]] = {
    "fixed": FixedTill,
    "folder": FolderTill,
    "http": HttpTill,
    "sql": SqlTill,
    "command": CommandTill,
    "plugin": PluginTill,
}
