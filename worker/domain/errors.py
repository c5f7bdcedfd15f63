"""What can go wrong that is neither an answer nor a bug.

    WorkerError
      JournalUnavailable     nothing more may be done: what we know can not be kept
        JournalLocked        another worker holds this journal
      CredentialsRefused     the wallet never let us in, so running on would only knock
      SandboxMet             the answers are a sandbox's, and the credentials are not
      JournalConflict        a unique index refused: doing it would charge or serve twice
      MoneyError             a figure that is not an exact amount

An answer of the wallet, even a no, is a value (see `outcome`), never an exception.
"""


class WorkerError(Exception):
    """The root of this project's own errors."""


class JournalUnavailable(WorkerError):
    """The journal can not be read or written, so no side effect may start."""


class JournalLocked(JournalUnavailable):
    """Another worker holds this journal."""


class CredentialsRefused(WorkerError):
    """The wallet never accepted our credentials since the start, and no visit needs us."""


class SandboxMet(WorkerError):
    """The wallet that answers is a sandbox, and our credentials are for the real one."""


class JournalConflict(WorkerError):
    """A unique index of the journal refused a write. Nothing was written."""


class MoneyError(WorkerError, ValueError):
    """A figure that can not be read as an exact amount of money."""
