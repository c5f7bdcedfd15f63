"""Compose files as Compose reads them: variables filled in, one laid over the other.

Only what our files use is known; anything else is an error, so that a key which nothing here
understands can not pass for one that was tried. The rules are those of the Compose specification,
chapter "Merge and override": mappings are merged, plain values and commands replaced, lists
extended; mounts are one per target; `!reset` takes away and `!override` replaces.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

Node = dict[str, "Node"] | list["Node"] | str | int | bool | None

REPLACED: Final = frozenset({"command", "entrypoint", "test"})
_VARIABLE: Final = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
_SIZES: Final = {"k": 1024, "m": 1024**2, "g": 1024**3}


@dataclass(frozen=True, slots=True)
class Reset:
    """A value that takes away what the file below says."""


@dataclass(frozen=True, slots=True)
class Override:
    """A value that stands alone, whatever the file below says."""

    value: Node


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML comes without types
    """YAML with Compose's two marks."""


def _override(loader: yaml.SafeLoader, node: yaml.Node) -> Override:
    if isinstance(node, yaml.MappingNode):
        return Override(loader.construct_mapping(node, deep=True))
    if isinstance(node, yaml.SequenceNode):
        return Override(loader.construct_sequence(node, deep=True))
    return Override(loader.construct_yaml_str(node))


_Loader.add_constructor("!reset", lambda _loader, _node: Reset())
_Loader.add_constructor("!override", _override)


def read(path: Path, variables: Mapping[str, str] | None = None) -> dict[str, Node]:
    """Read one file with its variables filled in."""
    given = variables or {}
    text = _VARIABLE.sub(lambda found: given.get(found[1]) or found[2], path.read_text())
    found = yaml.load(text, Loader=_Loader)
    return mapping(found)


def merged(below: Mapping[str, Node], above: Mapping[str, Node]) -> dict[str, Node]:
    """Lay one file over another."""
    result = dict(below)
    for name, value in above.items():
        if isinstance(value, Reset):
            result.pop(name, None)
        elif isinstance(value, Override):
            result[name] = value.value
        else:
            result[name] = _laid_over(name, result.get(name), value)
    return result


def _laid_over(name: str, below: Node, above: Node) -> Node:
    if isinstance(below, dict) and isinstance(above, dict):
        return merged(below, above)
    if isinstance(above, dict):
        return merged({}, above)
    if not isinstance(below, list) or not isinstance(above, list) or name in REPLACED:
        return above
    if name == "volumes":
        by_target = {_target(one): one for one in [*below, *above]}
        return list(by_target.values())
    return [*below, *(one for one in above if one not in below)]


def _target(volume: Node) -> str:
    return text(volume).split(":")[1]


def mapping(node: object) -> dict[str, Node]:
    """Take a node for a mapping."""
    assert isinstance(node, dict), f"not a mapping: {node!r}"
    return node


def text(node: Node) -> str:
    """Take a node for plain text; YAML may have made a number of it."""
    assert isinstance(node, str | int), f"not text: {node!r}"
    assert not isinstance(node, bool), f"not text: {node!r}"
    return str(node)


def texts(node: Node) -> tuple[str, ...]:
    """Take a node for a list of text."""
    assert isinstance(node, list), f"not a list: {node!r}"
    return tuple(text(one) for one in node)


@dataclass(frozen=True, slots=True)
class Mount:
    """A file, a folder or a named volume, where the container sees it."""

    source: str
    target: str
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class Service:
    """One container as the files describe it."""

    name: str
    image: str
    command: tuple[str, ...]
    """Empty: the image's own."""
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    tmpfs: tuple[str, ...]
    is_read_only: bool
    cap_drop: tuple[str, ...]
    security: tuple[str, ...]
    pids_max: int
    memory_max: int
    memory_and_swap_max: int
    core_max: int | None
    stop_grace_s: float
    restart: str
    network: str
    """`none`, `service:NAME`, or empty: a network of its own."""
    waits_for: tuple[str, ...]
    health_command: tuple[str, ...]
    """Empty: the image's own."""
    rest: frozenset[str]
    """Keys that only a real engine can act on."""


def services(file: Mapping[str, Node]) -> dict[str, Service]:
    """Read the services of a merged file."""
    secrets = mapping(file.get("secrets") or {})
    return {
        name: service(name, mapping(said), secrets)
        for name, said in mapping(file["services"]).items()
    }


def service(name: str, said: Mapping[str, Node], secrets: Mapping[str, Node]) -> Service:
    """Read one service; an unknown key is an error."""
    left = dict(said)
    network = text(left.pop("network_mode", ""))
    mounts = [_mount(one) for one in texts(left.pop("volumes", []))]
    for secret in texts(left.pop("secrets", [])):
        source = text(mapping(secrets[secret])["file"])
        mounts.append(Mount(source, f"/run/secrets/{secret}", is_read_only=True))
    ulimits = mapping(left.pop("ulimits", {}))
    core = ulimits.pop("core", None) if ulimits else None
    health = mapping(left.pop("healthcheck", {}))
    environment = mapping(left.pop("environment", {}))
    found = Service(
        name=name,
        image=text(left.pop("image")),
        command=texts(left.pop("command", [])),
        environment={key: text(value) for key, value in environment.items()},
        mounts=tuple(mounts),
        tmpfs=texts(left.pop("tmpfs", [])),
        is_read_only=left.pop("read_only", False) is True,
        cap_drop=texts(left.pop("cap_drop", [])),
        security=texts(left.pop("security_opt", [])),
        pids_max=int(text(left.pop("pids_limit", 0))),
        memory_max=_bytes(text(left.pop("mem_limit", "0"))),
        memory_and_swap_max=_bytes(text(left.pop("memswap_limit", "0"))),
        core_max=None if core is None else int(text(core)),
        stop_grace_s=_seconds(text(left.pop("stop_grace_period", "10s"))),
        restart=text(left.pop("restart", "no")),
        network=network,
        waits_for=tuple(mapping(left.pop("depends_on", {}))),
        health_command=texts(health.get("test", [])),
        rest=frozenset(left),
    )
    unknown = found.rest - {"build", "logging"}
    assert not unknown, f"service {name}: nothing here knows {', '.join(sorted(unknown))}"
    return found


def _mount(said: str) -> Mount:
    source, target, *options = said.split(":")
    return Mount(source, target, is_read_only=options == ["ro"])


def _bytes(said: str) -> int:
    unit = _SIZES.get(said[-1])
    return int(said[:-1]) * unit if unit else int(said)


def _seconds(said: str) -> float:
    assert said.endswith("s"), f"write {said!r} in seconds"
    return float(said[:-1])


def project(folder: Path, names: Sequence[str]) -> dict[str, Service]:
    """Read files of a folder as `docker compose -f FIRST -f SECOND` would."""
    whole: dict[str, Node] = {}
    for name in names:
        whole = merged(whole, read(folder / name))
    return services(whole)
