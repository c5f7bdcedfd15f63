"""What a disk remembers: the bytes and the names that were synced, and those that still wait.

A running process sees every change at once. The disk itself may make waiting changes durable in
any order, in part or not at all, until a sync says that they are. What a power cut leaves behind is
made up here, from what was durable and a choice of what was waiting.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

SECTOR = 512
"""What a disk writes whole or not at all."""


class Loss(StrEnum):
    """What a power cut takes of that which was not synced."""

    NOTHING = "nothing"
    """All of it had reached the disk; so it is too when a process dies alone."""
    EVERYTHING = "everything"
    SCATTERED = "scattered"
    """Any sectors of any change, in any order; some come back as noise, some as zeros."""
    TORN = "torn"
    """Everything up to some moment, whose change is cut at a sector, and nothing after it."""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes put at a place in a file."""

    offset: int
    data: bytes

    def done_to(self, content: bytearray) -> None:
        """Put them there; a hole before them reads as zeros."""
        if self.offset > len(content):
            content.extend(bytes(self.offset - len(content)))
        content[self.offset : self.offset + len(self.data)] = self.data

    def pieces(self, sector: int) -> Iterator["Write"]:
        """Cut it where sectors meet."""
        end = self.offset + len(self.data)
        cuts = range(self.offset - self.offset % sector + sector, end, sector)
        for begin, until in itertools.pairwise((self.offset, *cuts, end)):
            yield Write(begin, self.data[begin - self.offset : until - self.offset])


@dataclass(frozen=True, slots=True)
class Cut:
    """A file made shorter, or longer with zeros."""

    size: int

    def done_to(self, content: bytearray) -> None:
        """Cut it."""
        if self.size <= len(content):
            del content[self.size :]
        else:
            content.extend(bytes(self.size - len(content)))


Change = Write | Cut


@dataclass(eq=False, slots=True)
class SimFile:
    """One file, whatever its name."""

    durable: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, Change]] = field(default_factory=list)
    """What no sync has covered yet, each with its place in the order of the whole disk."""
    size: int = 0
    """As the running process sees it."""

    def change(self, moment: int, change: Change) -> None:
        """Take in a change that waits for a sync."""
        self.waiting.append((moment, change))
        if isinstance(change, Cut):
            self.size = change.size
        else:
            self.size = max(self.size, change.offset + len(change.data))

    def settle(self) -> None:
        """Make durable what waits: a sync that worked."""
        for _, change in self.waiting:
            change.done_to(self.durable)
        self.waiting.clear()

    def forget(self) -> None:
        """Give up what waits: a sync that failed.

        The running process goes on seeing it, and later syncs that work do not bring it back: this
        is what file systems do whose cache marks a page as clean once its write has failed.
        """
        self.waiting.clear()

    def whole(self) -> bytes:
        """Give it with everything that waits."""
        content = bytearray(self.durable)
        for _, change in self.waiting:
            change.done_to(content)
        return bytes(content)

    def scattered(self, dice: random.Random, sector: int) -> bytes:
        """Give what a power cut may leave of it, its changes in any order."""
        content = bytearray(self.durable)
        luck = dice.choice((0.0, 0.5, 0.5, 0.9, 1.0))
        for _, change in self.waiting:
            if isinstance(change, Cut):
                if dice.random() < luck:
                    change.done_to(content)
                continue
            for piece in change.pieces(sector):
                _scatter(piece, content, dice, luck)
        return bytes(content)

    def until(self, moment: int, dice: random.Random, sector: int) -> bytes:
        """Give what is left when the power goes in the middle of what happened at that moment."""
        content = bytearray(self.durable)
        for at, change in self.waiting:
            if at < moment:
                change.done_to(content)
            elif at == moment and isinstance(change, Write):
                pieces = list(change.pieces(sector))
                for piece in pieces[: dice.randint(0, len(pieces))]:
                    piece.done_to(content)
        return bytes(content)


def _scatter(piece: Write, content: bytearray, dice: random.Random, luck: float) -> None:
    """Keep a sector, or lose it in one of the ways in which a sector is lost."""
    if dice.random() < luck:
        piece.done_to(content)
        return
    how = dice.random()
    if luck and how < 0.1:
        Write(piece.offset, dice.randbytes(len(piece.data))).done_to(content)
    elif luck and how < 0.2:
        # The file had grown when the power went, and its new part was never filled.
        content.extend(bytes(max(0, piece.offset + len(piece.data) - len(content))))


@dataclass(frozen=True, slots=True)
class Naming:
    """Names given or taken in one step that happens whole or not at all; None: taken away."""

    names: dict[str, SimFile | None]

    def done_to(self, folder: dict[str, SimFile]) -> None:
        """Do it."""
        for name, file in self.names.items():
            if file is None:
                folder.pop(name, None)
            else:
                folder[name] = file


class SimFolder:
    """The names of files, which wait for a sync of their folder as bytes do for one of theirs."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.now = {
            name: SimFile(bytearray(content), size=len(content))
            for name, content in contents.items()
        }
        """As the running process sees it."""
        self._durable = dict(self.now)
        self._waiting: list[tuple[int, Naming]] = []

    def change(self, moment: int, naming: Naming) -> None:
        """Take in names that wait for a sync."""
        self._waiting.append((moment, naming))
        naming.done_to(self.now)

    def settle(self) -> None:
        """Make the names durable: a sync that worked."""
        self._durable = dict(self.now)
        self._waiting.clear()

    def names(self) -> set[str]:
        """Give every name that is, or may be again after a power cut."""
        return {*self.now, *self._durable, *(n for _, one in self._waiting for n in one.names)}

    def after_loss(self, how: Loss, dice: random.Random, sector: int = SECTOR) -> dict[str, bytes]:
        """Give the files that are found when the power is back."""
        if how is Loss.NOTHING:
            return {name: file.whole() for name, file in self.now.items()}
        if how is Loss.EVERYTHING:
            return {name: bytes(file.durable) for name, file in self._durable.items()}
        if how is Loss.SCATTERED:
            return {
                name: file.scattered(dice, sector)
                for name, file in self._scattered_names(dice).items()
            }
        assert how is Loss.TORN
        moments = self._moments()
        cut = dice.choice((*moments[-1:], dice.choice(moments))) if moments else 0
        names = dict(self._durable)
        for at, naming in self._waiting:
            if at < cut:
                naming.done_to(names)
        return {name: file.until(cut, dice, sector) for name, file in names.items()}

    def _scattered_names(self, dice: random.Random) -> dict[str, SimFile]:
        names = dict(self._durable)
        luck = dice.choice((0.0, 0.5, 1.0))
        for _, naming in self._waiting:
            if dice.random() < luck:
                naming.done_to(names)
        return names

    def _moments(self) -> list[int]:
        """Give the moments of everything that waits, in order."""
        files = {id(file): file for file in (*self._durable.values(), *self.now.values())}
        waiting = [at for file in files.values() for at, _ in file.waiting]
        return sorted([*waiting, *(at for at, _ in self._waiting)])
