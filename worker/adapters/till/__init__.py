"""Where bills come from: a price list, a folder of the shop's, or a program of the shop's.

A till never decides what is charged to whom; it tells what a table owes, or that it can not tell.
"""

from worker.adapters.till.command import CommandTill
from worker.adapters.till.fixed import FixedTill
from worker.adapters.till.folder import FolderTill, check_folder
from worker.adapters.till.program import check_program

__all__ = ["CommandTill", "FixedTill", "FolderTill", "check_folder", "check_program"]
