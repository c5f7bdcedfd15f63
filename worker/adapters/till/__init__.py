"""Where bills come from and where payments are told: connectors to shops' tills, and their guard.

A till never decides what is charged to whom; it tells what a table owes, or that it can not tell.
"""

from worker.adapters.till.fixed import FixedTill
from worker.adapters.till.folder import FolderTill, check_folder
from worker.adapters.till.guard import GuardedTill

__all__ = ["FixedTill", "FolderTill", "GuardedTill", "check_folder"]
