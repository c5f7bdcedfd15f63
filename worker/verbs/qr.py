"""`qr`: the codes that stand on the tables, for a screen, as pictures, or as cards to print."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.verbs.cards import codes, files, lettering, press, sheet, spots

if TYPE_CHECKING:
    from worker.settings import Settings

EXIT_OK: Final = 0
EXIT_USAGE: Final = 2
EXIT_TEMPORARY: Final = 75
EXIT_CONFIGURATION: Final = 78

FORMATS: Final = ("terminal", "svg", "png", "pdf")
GUEST_TEXT: Final = "Scan with the Paysera app to pay"
TEXT_MAX: Final = 200


class UsageError(Exception):
    """The words do not go together; the text says what to type instead."""


class NoLocation(Exception):
    """Neither the words nor the settings say for which location; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed. None: it was not."""

    config: Path | None
    location: int | None
    spots: str
    is_link: bool
    format: str | None
    out: Path | None
    is_forced: bool
    name: str | None
    label: str | None
    text: str | None
    paper: str | None
    card: str | None
    font: Path | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made: which codes, for whom."""

    location: int
    name: str
    spots: list[str]
    is_link: bool

    def payload(self, spot: str) -> str:
        """Give what the code of a spot says."""
        code = spots.code_of(self.location, spot)
        return spots.link_of(code) if self.is_link else code


def run(wish: Wish, env: Mapping[str, str]) -> int:
    """Make the codes; return the exit code."""
    try:
        kind = _format_of(wish)
        named = spots.spots_named(wish.spots)
        _check_texts(wish, kind)
        location, name = _location_and_name(wish, env)
        plan = Plan(location, name, named, wish.is_link)
        if kind == "terminal":
            _show(plan)
        elif kind == "pdf":
            _print_sheet(plan, wish)
        else:
            _draw(plan, wish, kind)
    except (UsageError, spots.SpotsError, files.FileRefused, lettering.LetteringError) as exc:
        return _complain(exc, EXIT_USAGE)
    except (NoLocation, press.PressMissing) as exc:
        return _complain(exc, EXIT_CONFIGURATION)
    except files.DiskTrouble as exc:
        return _complain(exc, EXIT_TEMPORARY)
    return EXIT_OK


def _complain(exc: Exception, code: int) -> int:
    print(exc, file=sys.stderr)
    return code


def _format_of(wish: Wish) -> str:
    """Take the format that was named, else the one that the file's name ends in, else a guess."""
    ending = wish.out.suffix.lower().removeprefix(".") if wish.out else ""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    kind = wish.format or (ending if ending in FORMATS[1:] else "")
    if not kind and wish.out is None and is_terminal:
        kind = "terminal"
    if not kind:
        raise UsageError(
            "Say --format svg, png or pdf, or end the name after --out with one of them."
            if wish.out
            else "Say --format svg, png, pdf or terminal: the output is not a terminal."
        )
    if kind == "terminal" and wish.out is not None:
        raise UsageError("Leave out --out with --format terminal, or choose svg, png or pdf.")
    if kind == "pdf" and wish.out is None:
        raise UsageError("Name the file for the PDF with --out, as in --out cards.pdf.")
    if ending in FORMATS[1:] and ending != kind:
        raise UsageError(f"Make --format {kind} and --out {wish.out} agree.")
    if kind == "png" and wish.out is None and is_terminal:
        raise UsageError("Name a file with --out: a picture would garble the terminal.")
    return kind


def _check_texts(wish: Wish, kind: str) -> None:
    """Refuse what would be overlooked, what does not print and what nobody could read."""
    for option in ("name", "label", "text", "paper", "card", "font"):
        value = getattr(wish, option)
        if value is not None and kind != "pdf":
            raise UsageError(f"Leave out --{option}: only --format pdf prints cards.")
    for option, text in (("name", wish.name), ("label", wish.label), ("text", wish.text)):
        if text is None:
            continue
        if not text.isprintable():
            raise UsageError(f"Write --{option} without line ends and other unprintable signs.")
        if len(text) > TEXT_MAX:
            raise UsageError(f"Write at most {TEXT_MAX} characters for --{option}.")
    rest = (wish.label or "").replace("{spot}", "").replace("{number}", "")
    if wish.label is not None and ("{" in rest or "}" in rest or not wish.label.strip()):
        raise UsageError(
            "Write --label with text, {spot} and {number} only, as in 'Table {number}'."
        )


def _location_and_name(wish: Wish, env: Mapping[str, str]) -> tuple[int, str]:
    """Give the location and its name: what was typed, else what the settings say.

    Settings that nobody named and that can not be read do not matter where the location is typed:
    a manager's own computer has none.
    """
    if wish.location is not None and not 1 <= wish.location <= spots.LOCATION_MAX:
        raise UsageError("Give --location the number that Paysera gave the location.")
    from worker import settings  # noqa: PLC0415 - slow, and the words may have been wrong

    try:
        known = settings.load(wish.config, env, is_key_needed=False)
    except settings.SettingsError as exc:
        if wish.location is None:
            raise NoLocation(f"{exc}\nOr say which location it is with --location N.") from exc
        if wish.config is not None:
            raise NoLocation(str(exc)) from exc
        return wish.location, wish.name or ""
    return _among(known, wish)


def _among(known: "Settings", wish: Wish) -> tuple[int, str]:
    """Choose among the locations of the settings."""
    names = {location.id: location.name for location in known.locations}
    listed = ", ".join(f"{id_} ({name})" if name else str(id_) for id_, name in names.items())
    if wish.location is None and len(names) > 1:
        raise UsageError(f"Choose a location with --location: the settings have {listed}.")
    location = wish.location if wish.location is not None else next(iter(names))
    if location not in names:
        print(
            f"warning: the worker would not see these tables: location {location} is not in the "
            f"settings, which have {listed}",
            file=sys.stderr,
        )
    return location, wish.name if wish.name is not None else names.get(location, "")


def _show(plan: Plan) -> None:
    """Draw the codes in the terminal, one below the other."""
    if sys.stdout is None:
        raise files.DiskTrouble("Give the command somewhere to write: standard output is closed.")
    is_terminal = sys.stdout.isatty()
    columns = os.get_terminal_size(sys.stdout.fileno()).columns if is_terminal else 0
    for spot in plan.spots:
        code = codes.make(plan.payload(spot), is_for_print=False)
        if 0 < columns < code.size:
            raise UsageError(
                f"Widen the terminal to {code.size} columns, or use --format svg --out FILE."
            )
        picture = codes.blocks(
            code,
            is_coloured=is_terminal and not os.environ.get("NO_COLOR"),
            encoding=sys.stdout.encoding,
        )
        files.say(f"{spot}  {code.text}\n{picture}\n".encode(sys.stdout.encoding))


def _draw(plan: Plan, wish: Wish, kind: str) -> None:
    """Write one picture for each spot."""
    draw = codes.svg if kind == "svg" else codes.png
    pictures = {spot: draw(codes.make(plan.payload(spot))) for spot in plan.spots}
    if wish.out is None:
        if len(plan.spots) > 1:
            raise UsageError(
                f"Name a folder with --out for the pictures of {len(plan.spots)} spots."
            )
        files.say(pictures[plan.spots[0]])
        return
    is_folder = files.is_folder(wish.out) or wish.out.suffix.lower() != f".{kind}"
    if not is_folder and len(plan.spots) == 1:
        files.publish({wish.out: pictures[plan.spots[0]]}, may_replace=wish.is_forced)
        _tell(f"Wrote {wish.out}")
        return
    if not is_folder:
        raise UsageError(
            f"Name a folder with --out for the pictures of {len(plan.spots)} spots, not a file."
        )
    files.make_folder(wish.out)
    # The number before it keeps a spot such as "-" or ".." from being anything but a name.
    named = {wish.out / f"{plan.location}-{spot}.{kind}": pictures[spot] for spot in plan.spots}
    files.publish(named, may_replace=wish.is_forced)
    _tell(f"Wrote {len(named)} file{'s' if len(named) > 1 else ''} to {wish.out}")


def _print_sheet(plan: Plan, wish: Wish) -> None:
    """Write the cards of all spots into one PDF."""
    assert wish.out is not None, "a PDF always has a file"
    template = wish.label or "{spot}"
    cards = [
        sheet.Card(
            label=spots.label_of(template, spot),
            code=codes.make(plan.payload(spot)),
            small_print=spots.code_of(plan.location, spot),
        )
        for spot in plan.spots
    ]
    title = f"Table cards, location {plan.location}"
    text = GUEST_TEXT if wish.text is None else wish.text
    texts = [plan.name, text, title, "· of %", *(card.label for card in cards)]
    texts += [card.small_print for card in cards]
    plain, bold = lettering.faces_for(texts, wish.font)
    layout = sheet.layout_of(wish.paper or "a4", wish.card or "a7")
    style = sheet.Style(layout, plan.name, text, plain, bold)
    files.publish({wish.out: sheet.sheet(cards, style, title=title)}, may_replace=wish.is_forced)
    pages = -(-len(cards) // layout.count)
    if not plan.name:
        print("note: the cards carry no name; --name adds one", file=sys.stderr)
    _tell(
        f"Wrote {len(cards)} card{'s' if len(cards) > 1 else ''} on {pages} "
        f"page{'s' if pages > 1 else ''} to {wish.out}; print at 100 %"
    )


def _tell(text: str) -> None:
    """Confirm what was written, where somebody listens."""
    if sys.stdout is not None:
        print(text)
