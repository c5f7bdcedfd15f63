"""The wallet's side of the wire: Paysera's Wallet API over signed HTTP."""

from worker.adapters.wallet.client import WalletClient
from worker.adapters.wallet.health import Health

__all__ = ["Health", "WalletClient"]
