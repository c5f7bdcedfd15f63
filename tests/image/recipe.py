"""A Dockerfile taken apart: parser directives, comments, line continuation, stages, both forms."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# fmt: off
KNOWN = frozenset({
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
})
# fmt: on
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Dockerfile."""

    line: int
    name: str
    flags: Mapping[str, str]
    text: str

    @property
    def words(self) -> tuple[str, ...] | None:
        """The words of the exec form; None: it is in shell form."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return None
        is_words = isinstance(found, list) and all(isinstance(word, str) for word in found)
        return tuple(found) if is_words else None

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of a RUN in shell form, in order."""
        return tuple(part.strip() for part in self.text.split("&&"))

    @property
    def pairs(self) -> dict[str, str]:
        """NAME=value of ARG, ENV and LABEL; a bare name has an empty value."""
        return dict(word.partition("=")[::2] for word in shlex.split(self.text))


@dataclass(frozen=True, slots=True)
class Stage:
    """From one FROM to the next."""

    image: str
    name: str
    instructions: tuple[Instruction, ...]

    def all(self, name: str) -> list[Instruction]:
        """Give the instructions of one name."""
        return [one for one in self.instructions if one.name == name]

    def last(self, name: str) -> Instruction:
        """Give the one that counts; LookupError where there is none."""
        return self.all(name)[-1]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole Dockerfile."""

    arguments: Mapping[str, str]
    """The ARGs before the first FROM."""
    stages: tuple[Stage, ...]

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Read a Dockerfile; ValueError names the line that can not be one."""
        instructions = parse(path.read_text())
        arguments: dict[str, str] = {}
        stages: list[Stage] = []
        inside: list[Instruction] = []
        for one in instructions:
            if one.name == "FROM":
                image, *named = one.text.split()
                name = named[1] if len(named) == 2 and named[0].upper() == "AS" else ""
                inside = []
                stages.append(Stage(filled(image, arguments), name, ()))
            elif not stages:
                if one.name != "ARG":
                    raise ValueError(f"line {one.line}: {one.name} before the first FROM")
                arguments |= one.pairs
                continue
            else:
                inside.append(one)
            last = stages.pop()
            stages.append(Stage(last.image, last.name, tuple(inside)))
        return cls(arguments, tuple(stages))

    @property
    def base(self) -> str:
        """The image that everything stands on, if no other is named."""
        return self.arguments["BASE"]


def parse(text: str) -> list[Instruction]:
    """Take a Dockerfile apart; comments go, also those within a continued instruction."""
    found: list[Instruction] = []
    gathered, begun = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        begun = begun or number
        if line.endswith("\\"):
            gathered += line[:-1]
            continue
        found.append(_instruction(begun, gathered + line))
        gathered, begun = "", 0
    if gathered:
        raise ValueError(f"line {begun}: the file ends within an instruction")
    return found


def _instruction(number: int, line: str) -> Instruction:
    name, _, rest = line.partition(" ")
    if name.upper() not in KNOWN:
        raise ValueError(f"line {number}: no instruction is called {name!r}")
    flags: dict[str, str] = {}
    rest = rest.strip()
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        key, _, value = flag[2:].partition("=")
        flags[key], rest = value, rest.strip()
    return Instruction(number, name.upper(), flags, " ".join(rest.split()))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put build arguments in."""
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[2], ""), text)
