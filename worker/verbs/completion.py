"""`completion`: what a shell needs to complete the verbs and their options, from the parser itself.

Nothing is written twice: a verb that is added to the parser is completed from then on.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROGRAM: Final = "paysera-worker"
SHELLS: Final = ("bash", "zsh", "fish")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a verb, or what stands without an option (no flags)."""

    flags: tuple[str, ...]
    text: str
    metavar: str
    choices: tuple[str, ...]
    takes_value: bool
    is_path: bool


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb as its shell sees it."""

    name: str
    text: str
    options: tuple[Option, ...]

    @property
    def words(self) -> list[str]:
        """Everything that can stand where no value is awaited."""
        words = [flag for option in self.options for flag in option.flags]
        return words + [
            choice for option in self.options if not option.flags for choice in option.choices
        ]


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Write the completion of all verbs for `bash`, `zsh` or `fish`."""
    verbs = list(_verbs_of(parser))
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](verbs)


def _verbs_of(parser: argparse.ArgumentParser) -> Iterator[Verb]:
    for action in _actions(parser):
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - no public name for it
            for name, made in action.choices.items():
                options = tuple(_option_of(action) for action in _actions(made))
                yield Verb(name, (made.description or "").rstrip("."), options)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 - argparse tells its options in no public way


def _option_of(action: argparse.Action) -> Option:
    return Option(
        flags=tuple(action.option_strings),
        text=(action.help or "").replace("%%", "%"),
        metavar=str(action.metavar or action.dest),
        choices=tuple(str(choice) for choice in action.choices or ()),
        takes_value=action.nargs != 0,
        is_path=action.type is Path,
    )


def _bash(verbs: list[Verb]) -> str:
    """Write for bash 4 and newer, with nothing but what bash brings."""
    values, words = [], []
    for verb in verbs:
        words.append(f"    {verb.name}) known='{' '.join(verb.words)}' ;;")
        for option in verb.options:
            if not (option.flags and option.takes_value):
                continue
            pattern = "|".join(f"'{verb.name} {flag}'" for flag in option.flags)
            if option.is_path:
                does = "compopt -o filenames 2>/dev/null; kind=-f"
            else:
                does = f"known='{' '.join(option.choices)}'"
            values.append(f"    {pattern}) {does} ;;")
    lines = [
        f"# Completion of {PROGRAM} for bash.",
        "_paysera_worker() {",
        '  local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"',
        '  local verb="${COMP_WORDS[1]}" kind=',
        f"  local known='{' '.join(verb.name for verb in verbs)}'",
        "  if ((COMP_CWORD > 1)); then",
        '    case "$verb" in',
        *words,
        "    *) known= ;;",
        "    esac",
        '    case "$verb $before" in',
        *values,
        "    esac",
        "  fi",
        '  mapfile -t COMPREPLY < <(compgen ${kind:--W "$known"} -- "$current")',
        "}",
        f"complete -F _paysera_worker {PROGRAM}",
    ]
    return "\n".join(lines) + "\n"


def _zsh(verbs: list[Verb]) -> str:
    """Write for zsh, to be sourced after compinit or put as _paysera-worker on its fpath."""
    names = "\n".join(f"    {_quoted(f'{verb.name}:{verb.text}')}" for verb in verbs)
    cases = []
    for verb in verbs:
        specs = [spec for option in verb.options for spec in _zsh_specs(option)]
        body = " \\\n".join(f"        {_quoted(spec)}" for spec in specs)
        cases.append(f"    {verb.name})\n      _arguments \\\n{body}\n      ;;")
    lines = [
        f"#compdef {PROGRAM}",
        "_paysera_worker() {",
        "  local -a verbs",
        f"  verbs=(\n{names}\n  )",
        "  if (( CURRENT == 2 )); then",
        "    _describe verb verbs",
        "    return",
        "  fi",
        "  shift words",
        "  (( CURRENT-- ))",
        "  case $words[1] in",
        *cases,
        "  esac",
        "}",
        'if [[ "$funcstack[1]" == _paysera-worker ]]; then',
        '  _paysera_worker "$@"',
        "else",
        f"  compdef _paysera_worker {PROGRAM}",
        "fi",
    ]
    return "\n".join(lines) + "\n"


def _zsh_specs(option: Option) -> Iterator[str]:
    """Write one option in the words of _arguments."""
    value = f":{_plain(option.metavar)}:"
    if option.choices:
        value += f"({' '.join(option.choices)})"
    elif option.is_path:
        value += "_files"
    else:
        value += " "
    if not option.flags:
        yield value
    for flag in option.flags:
        others = f"({' '.join(option.flags)})" if len(option.flags) > 1 else ""
        yield f"{others}{flag}[{_plain(option.text)}]{value if option.takes_value else ''}"


def _plain(text: str) -> str:
    """Escape what _arguments reads as its own."""
    for sign in "\\[]:":
        text = text.replace(sign, f"\\{sign}")
    return text


def _fish(verbs: list[Verb]) -> str:
    """Write for fish."""
    lines = [f"# Completion of {PROGRAM} for fish.", f"complete -c {PROGRAM} -f"]
    for verb in verbs:
        lines.append(
            f"complete -c {PROGRAM} -n __fish_use_subcommand -a {verb.name} -d {_fished(verb.text)}"
        )
        begin = f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {verb.name}'"
        for option in verb.options:
            parts = [
                f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
                for flag in option.flags
            ]
            if option.flags and option.takes_value:
                parts.append("-r -F" if option.is_path else "-x")
            if option.choices:
                parts.append(f"-a {_fished(' '.join(option.choices))}")
            if parts:
                lines.append(f"{begin} {' '.join(parts)} -d {_fished(option.text)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Quote for bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fished(text: str) -> str:
    """Quote for fish."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
