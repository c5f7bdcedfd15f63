"""Spoil a valid document: first its shape, then its bytes.

Noise alone is refused at the first brace and shows little. What starts out valid and is bent in one
or two places gets past the parser and into the rules behind it. Everything is drawn from the dice
that are handed in, so the same dice spoil in the same way, and hypothesis can play the dice.
"""

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final


class Raw(str):
    """Written as it stands, whatever JSON thinks of it."""

    __slots__ = ()


@dataclass(frozen=True)
class Twice:
    """A field that is there twice: most parsers keep the last and forget the first."""

    first: object
    second: object


Slot = tuple[Any, Any]
"""A container and the name or index of one of its values."""

ODD: Final[tuple[object, ...]] = (
    *(None, True, False, 0, -1, 1, 7, 200, 10**10, 10**10 + 1, 2**53, 2**53 + 1, 2**63, 10**30),
    *map(Raw, ("-0", "-0.0", "1e2", "1250.0", "1250.00000000000000001", "12.5", "0.1", "01250")),
    *map(Raw, ("1e400", "-1e400", "1e-400", "NaN", "Infinity", "-Infinity", "1_000", "0x4e2")),
    *map(Raw, ("1e9999999999999999999", "1E-9999999999999999999")),
    *(Raw("9" * 4000), Raw("9" * 5000), Raw("0." + "3" * 5000)),
    *(Raw("[" * 300 + "]" * 300), Raw('{"a":' * 300 + "1" + "}" * 300), Raw("[" * 3000)),
    *(
        "",
        " ",
        "0",
        "-1",
        "1250",
        "12.50",
        "1e3",
        "NaN",
        "EUR",
        "USD",
        "eur",
        "EURO",
        "\u0415UR",
        "€",
    ),
    *("new", "reserved", "confirmed", "waiting", "open", "closed", "nonsense", "Reserved"),
    *("\ud800", "\u202e", "\u2028", "\0", "\n", "\x1b[2J", "%00", "../../etc/passwd", "'; --"),
    *("x" * 65, "x" * 257, "x" * 10_000, [], {}, [[]], [None], {"": None}, [{}]),
)
"""Values that parsers and rules have stumbled over."""

TOKENS: Final = (
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u0000", b"\\ud800", b"\\u202e"),
    *(b"null", b"true", b"NaN", b"-", b"0", b".", b"e9", b"E+99999999999999999999", b"1e400"),
    *(b"\x00", b"\n", b"\r\n", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xae"),
    *(b'"price":1,', b'"currency":"USD",', b'"status":"confirmed",', b'"transaction_key":"x",'),
    *(b'"parameters":{},', b'"payments":[],', b"<html>", b"=", b"#", b"'", b'"""', b"../"),
)
"""What is put among the bytes."""


def odd(dice: random.Random) -> object:
    """Draw an odd value, its own copy: what is bent later must not bend the list above."""
    return copy.deepcopy(dice.choice(ODD))


def slots(tree: object) -> list[Slot]:
    """Give every place of a tree that holds a value."""
    found: list[Slot] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            found += [(node, name) for name in node]
            waiting += node.values()
        elif isinstance(node, list):
            found += [(node, index) for index in range(len(node))]
            waiting += node
    return found


def bend(dice: random.Random, tree: Any, names: tuple[str, ...]) -> Any:
    """Bend the shape of a tree in one place; what comes back may be a new root."""
    places = slots(tree)
    if not places:
        return odd(dice)
    return dice.choice(BENDS)(dice, tree, places, names)


def _drop(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    holder, name = dice.choice(places)
    del holder[name]
    return tree


def _replace(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    holder, name = dice.choice(places)
    holder[name] = odd(dice)
    return tree


def _nudge(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    """Change a value so little that it could pass."""
    holder, name = dice.choice([place for place in places if _is_plain(place)] or places)
    holder[name] = nudged(dice, holder[name])
    return tree


def _is_plain(place: Slot) -> bool:
    holder, name = place
    return isinstance(holder[name], int | str)


def nudged(dice: random.Random, value: object) -> object:
    """Give something that looks like the value and is not, or is written another way."""
    if isinstance(value, bool):
        return not value
    if type(value) is int:
        near = (value + 1, value - 1, -value, value * 10, value * 100, value // 100, str(value))
        written = (f"{value}.0", f"{value}e0", f"{value}.5", f"-{value}", f"{value // 10}.0e1")
        return dice.choice((*near, *map(Raw, written), f"{value // 100}.{value % 100:02d}"))
    if type(value) is str:
        cut = dice.randrange(len(value) + 1)
        more = ("0", " ", "\n", "\0", "\ud800", "\u200b", value)
        return dice.choice(
            (
                *(value.upper(), value.lower(), value[:cut], value[cut:], value[::-1], " " + value),
                *(value[:cut] + each + value[cut:] for each in more),
                Raw(value) if value.isdigit() else value.title(),
            )
        )
    return odd(dice)


def _copy(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    """Put one value where another one was."""
    (holder, name), (other, there) = dice.choice(places), dice.choice(places)
    holder[name] = copy.deepcopy(other[there])
    return tree


def _swap(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    (holder, name), (other, there) = dice.choice(places), dice.choice(places)
    one, two = copy.deepcopy(holder[name]), copy.deepcopy(other[there])
    other[there] = one
    holder[name] = two
    return tree


def _rename(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    holder, name = dice.choice(places)
    if isinstance(holder, dict):
        holder[dice.choice((*names, name.upper(), f"{name} ", ""))] = holder.pop(name)
    return tree


def _say_twice(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    holder, name = dice.choice(places)
    other = odd(dice) if dice.random() < 0.5 else nudged(dice, holder[name])
    pair = (holder[name], other) if dice.random() < 0.5 else (other, holder[name])
    holder[name] = Twice(*pair) if isinstance(holder, dict) else other
    return tree


def _wrap(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    if dice.random() < 0.3:
        return [tree] if dice.random() < 0.3 else {dice.choice(names): tree}
    holder, name = dice.choice(places)
    holder[name] = [holder[name]] if dice.random() < 0.5 else {dice.choice(names): holder[name]}
    return tree


def _unwrap(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    holder, name = dice.choice(places)
    return holder[name]


def _repeat(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    """Give a list one of its rows again, or another list's."""
    lists = [holder[name] for holder, name in places if isinstance(holder[name], list)]
    if not lists:
        return _add(dice, tree, places, names)
    rows = dice.choice(lists)
    rows.append(copy.deepcopy(dice.choice(dice.choice(lists) or [None])))
    return tree


def _add(dice: random.Random, tree: Any, places: list[Slot], names: tuple[str, ...]) -> Any:
    holder, _ = dice.choice(places)
    if isinstance(holder, dict):
        holder[dice.choice(names)] = odd(dice)
    else:
        holder.insert(0, odd(dice))
    return tree


Bend = Callable[[random.Random, Any, list[Slot], tuple[str, ...]], Any]
BENDS: Final[tuple[Bend, ...]] = (
    *(_drop, _replace, _nudge, _nudge, _copy, _swap, _rename),
    *(_say_twice, _wrap, _unwrap, _repeat, _add),
)


def written(tree: object, *, is_ascii: bool = True) -> str:
    """Write a tree as JSON, with what JSON has no words for."""
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, list):
        return "[" + ",".join(written(each, is_ascii=is_ascii) for each in tree) + "]"
    if isinstance(tree, dict):
        fields = []
        for name, value in tree.items():
            said = json.dumps(name, ensure_ascii=is_ascii)
            each = (value.first, value.second) if isinstance(value, Twice) else (value,)
            fields += [f"{said}:{written(one, is_ascii=is_ascii)}" for one in each]
        return "{" + ",".join(fields) + "}"
    if isinstance(tree, Twice):
        return written(tree.second, is_ascii=is_ascii)
    return json.dumps(tree, ensure_ascii=is_ascii)


def scramble(dice: random.Random, content: bytes) -> bytes:
    """Change the bytes of a text in one place."""
    at = dice.randrange(len(content) + 1)
    kind = dice.randrange(8)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + content[at + dice.randrange(1, 9) :]
    if kind == 2:
        return content[:at] + dice.choice(TOKENS) + content[at:]
    if kind == 3:
        noise = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 5)))
        return content[:at] + noise + content[at:]
    if kind == 4 and content:
        at = min(at, len(content) - 1)
        flipped = content[at] ^ (1 << dice.randrange(8))
        return content[:at] + bytes((flipped,)) + content[at + 1 :]
    if kind == 5:
        length = dice.randrange(1, 64)
        return content[:at] + content[at : at + length] * 2 + content[at + length :]
    if kind == 6:
        return dice.choice(TOKENS) + content if dice.random() < 0.5 else content + content[:at]
    digits = [place for place, byte in enumerate(content) if 0x30 <= byte <= 0x39]
    if not digits:
        return content[at:]
    at = dice.choice(digits)
    return content[:at] + str(dice.randrange(10)).encode() + content[at + 1 :]


def encoded(dice: random.Random, text: str) -> bytes:
    """Put text into bytes, now and then in another encoding than the usual one."""
    roll = dice.random()
    if roll < 0.97:
        return text.encode("utf-8", "surrogatepass")
    form = dice.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"))
    return text.encode(form, "surrogatepass" if form != "utf-7" else "replace")


def spoiled(dice: random.Random, tree: Any, names: tuple[str, ...]) -> bytes:
    """Give a document that was bent and scrambled, a little or a lot; sometimes not at all."""
    for _ in range(dice.choice((0, 1, 1, 1, 1, 2, 2, 4))):
        tree = bend(dice, tree, names)
    content = encoded(dice, written(tree, is_ascii=dice.random() < 0.5))
    for _ in range(dice.choice((0, 0, 0, 0, 0, 0, 1, 1, 2, 4))):
        content = scramble(dice, content)
    return content
