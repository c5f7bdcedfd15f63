"""Where bills come from: a price list in the settings, or a folder that the shop's software fills.

A till never decides what is charged to whom; it tells what a table owes, or that it can not tell.
"""

from worker.adapters.till.fixed import FixedTill
from worker.adapters.till.folder import FolderTill, check_folder

__all__ = ["FixedTill", "FolderTill", "check_folder"]
