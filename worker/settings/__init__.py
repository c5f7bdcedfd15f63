"""What the operator decided, checked before anything starts.

Settings come from a TOML file, then the environment, then secret files; the later wins. This is
the only part of the worker that reads them, and it never guesses: whatever it does not know or
can not use is an error that says where it stands and what to do, and never shows a secret.

Below the roof nobody sees these classes; they are handed plain values.
"""

from worker.settings.layers import CONFIG_VARIABLE
from worker.settings.loading import has_key, load
from worker.settings.model import (
    JournalSettings,
    ListenerSettings,
    LocationSettings,
    LogSettings,
    PollingSettings,
    SafetySettings,
    Settings,
    VisitSettings,
    WalletSettings,
)
from worker.settings.printing import describe
from worker.settings.problem import Problem, SettingsError
from worker.settings.rules import is_loopback_url
from worker.settings.tills import (
    CommandTill,
    FixedTill,
    FolderTill,
    HttpTill,
    PluginTill,
    SqlTill,
)

__all__ = [
    "CONFIG_VARIABLE",
    "CommandTill",
    "FixedTill",
    "FolderTill",
    "HttpTill",
    "JournalSettings",
    "ListenerSettings",
    "LocationSettings",
    "LogSettings",
    "PluginTill",
    "PollingSettings",
    "Problem",
    "SafetySettings",
    "Settings",
    "SettingsError",
    "SqlTill",
    "VisitSettings",
    "WalletSettings",
    "describe",
    "has_key",
    "is_loopback_url",
    "load",
]
