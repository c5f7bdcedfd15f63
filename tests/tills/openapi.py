"""Read docs/till-api.yaml: is it a sound OpenAPI document, and do messages keep to it?

Only the words of JSON Schema (2020-12) that the document uses are known here. A word that is not
known is a fault of the document, so that nothing in it is passed over unread.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

DOCUMENT: Final = Path(__file__).parents[2] / "docs/till-api.yaml"
KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
SILENT: Final = frozenset({"description", "default", "example"})
"""Words that ask for nothing."""

Tree = Any
"""What a YAML document is made of; its shape is what is checked here."""


def document() -> Tree:
    """Load the document."""
    return yaml.safe_load(DOCUMENT.read_text())


def resolved(root: Tree, node: Tree) -> Tree:
    """Follow a reference within the document; what stands beside it is kept."""
    while isinstance(node, dict) and "$ref" in node:
        target = root
        assert node["$ref"].startswith("#/"), node["$ref"]
        for name in node["$ref"][2:].split("/"):
            target = target[name]
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node = {**target, **beside}
    return node


def faults(root: Tree, schema: Tree, value: object, at: str = "$") -> Iterator[str]:
    """Give everything in which a value does not keep to a schema."""
    schema = resolved(root, schema)
    if "type" in schema and not _is_of(schema["type"], value):
        yield f"{at}: {value!r:.40} is no {schema['type']}"
        return
    for word, rule in schema.items():
        match word:
            case "type" | "then" | "format" | "properties" | "additionalProperties":
                pass  # Before, or together with others below.
            case "const" | "enum":
                allowed = rule if word == "enum" else [rule]
                if not any(type(one) is type(value) and one == value for one in allowed):
                    yield f"{at}: {value!r:.40} is not among {allowed}"
            case "if":
                if not list(faults(root, rule, value, at)):
                    yield from faults(root, schema["then"], value, at)
            case _ if word not in SILENT:
                yield from _bound_faults(root, word, rule, value, at)
    if schema.get("format") == "date-time" and isinstance(value, str) and not _is_moment(value):
        yield f"{at}: {value!r:.40} is no moment"
    if isinstance(value, dict):
        yield from _field_faults(root, schema, value, at)


def _is_of(kinds: str | list[str], value: object) -> bool:
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if isinstance(value, KINDS[kind]) and (kind == "boolean") == isinstance(value, bool):
            return True
    return False


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _bound_faults(root: Tree, word: str, rule: Tree, value: object, at: str) -> Iterator[str]:
    match word, value:
        case "required", dict():
            yield from (f"{at}: {name} is missing" for name in rule if name not in value)
        case "items", list():
            for number, one in enumerate(value):
                yield from faults(root, rule, one, f"{at}[{number}]")
        case "minimum", int():
            yield from [f"{at}: {value} is below {rule}"] * (value < rule)
        case "maximum", int():
            yield from [f"{at}: {value} is above {rule}"] * (value > rule)
        case "minLength", str():
            yield from [f"{at}: shorter than {rule}"] * (len(value) < rule)
        case "maxLength", str():
            yield from [f"{at}: longer than {rule}"] * (len(value) > rule)
        case "maxItems", list():
            yield from [f"{at}: more than {rule}"] * (len(value) > rule)
        case "pattern", str():
            yield from [f"{at}: {value!r:.40} does not fit"] * (re.search(rule, value) is None)
        case (
            (
                "required"
                | "items"
                | "minimum"
                | "maximum"
                | "minLength"
                | "maxLength"
                | "maxItems"
                | "pattern"
            ),
            _,
        ):
            pass  # JSON Schema: a bound says nothing about a value of another kind.
        case _:
            raise AssertionError(f"{at}: the word {word} is not known here")


def _field_faults(root: Tree, schema: Tree, value: Tree, at: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name, one in value.items():
        if name in known:
            yield from faults(root, known[name], one, f"{at}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{at}: {name} is not known"


def operation(root: Tree, method: str, path: str) -> tuple[Tree, dict[str, str]]:
    """Find the operation of a request, and what stands in its address for the parameters."""
    for template, item in root["paths"].items():
        names = re.findall(r"{(\w+)}", template)
        found = re.fullmatch(re.sub(r"{\w+}", "([^/]+)", template), path)
        if found and method.lower() in item:
            return item[method.lower()], dict(zip(names, found.groups(), strict=True))
    raise AssertionError(f"the document knows no {method} {path}")


def answer_schema(root: Tree, of: Tree, status: int) -> Tree | None:
    """Give the schema of an operation's answer; None: it has no body."""
    answers = of["responses"]
    answer = resolved(root, answers.get(str(status), answers.get("default")))
    content = answer.get("content")
    return None if content is None else content["application/json"]["schema"]
