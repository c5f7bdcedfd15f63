"""The recipe of the image keeps its promises as far as reading tells; `make image-test` runs it."""

import re
from pathlib import Path

import pytest

from tests.image.recipe import Instruction, Recipe, parse

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"


def recipe() -> Recipe:
    """The Dockerfile, taken apart."""
    return Recipe.read(DOCKERFILE)


def everything() -> list[Instruction]:
    """Every instruction of every stage."""
    return [one for stage in recipe().stages for one in stage.instructions]


def test_a_dockerfile_is_taken_apart_as_an_engine_does() -> None:
    """Comments between continued lines go, flags are no part of the text, words are words."""
    text = (
        '# head\nFROM a AS b\nRUN --mount=type=cache one \\\n # why\n  && two\nCMD ["a", "b c"]\n'
    )

    found = parse(text)

    assert [one.name for one in found] == ["FROM", "RUN", "CMD"]
    assert found[1].flags == {"mount": "type=cache"}
    assert found[1].commands == ("one", "two")
    assert found[1].words is None
    assert found[2].words == ("a", "b c")


@pytest.mark.parametrize("text", ["FORM a\n", "FROM a\nRUN one \\\n"])
def test_what_is_no_dockerfile_is_refused(text: str) -> None:
    """A misspelt instruction or a torn end can not pass for a recipe."""
    with pytest.raises(ValueError, match=r"^line \d"):
        parse(text)


def test_two_stages_stand_on_one_named_base() -> None:
    """The base is one argument, with a version and a release, so that a digest can be put there."""
    found = recipe()
    name, _, tag = found.base.rpartition(":")

    assert [stage.image for stage in found.stages] == [found.base, found.base]
    assert [stage.name for stage in found.stages] == ["build", ""]
    assert name == "python"
    assert tag == "3.11-slim-bookworm"


def test_the_worker_itself_is_process_one_and_not_root() -> None:
    """Exec form, so that signals arrive; a number, so that others can tell it is not root."""
    last = recipe().stages[-1]

    assert last.last("ENTRYPOINT").words == ("paysera-worker",)
    assert last.last("CMD").words == ("run",)
    assert last.last("USER").text == "10001:10001"
    assert last.last("STOPSIGNAL").text == "SIGTERM"
    assert last.last("VOLUME").text == "/var/lib/paysera-worker"
    after = last.instructions[last.instructions.index(last.last("USER")) :]
    assert [one for one in after if one.name in {"RUN", "COPY"}] == []


def test_the_health_check_asks_the_worker_and_gives_it_time() -> None:
    """`status`, in exec form, without a shell that may not be there."""
    check = recipe().stages[-1].last("HEALTHCHECK")

    assert check.text == 'CMD ["paysera-worker", "status"]'
    assert set(check.flags) == {"interval", "timeout", "start-period", "retries"}
    assert float(check.flags["timeout"].removesuffix("s")) >= 10


def test_nothing_is_fetched_but_what_is_pinned_by_hash() -> None:
    """No ADD, no package manager, no download; each pip install by hash or from what is here."""
    installs = []
    for one in everything():
        assert one.name not in {"ADD", "MAINTAINER", "ONBUILD", "SHELL"}, one
        for command in one.commands if one.name == "RUN" else ():
            for tool in ("apt", "curl", "wget", "sudo", "git ", "npm"):
                assert tool not in command, command
            if " install " in command and "pip" in command.split(" install ")[0]:
                installs.append(command)

    assert len(installs) == 3
    for command in installs:
        assert "--require-hashes" in command or "--no-index" in command, command
        assert "--only-binary :all:" in command or "--no-deps" in command, command


def test_commands_of_one_step_end_at_the_first_failure() -> None:
    """A `;` would go on after a failure, and a pipe would hide one."""
    steps = [one for one in everything() if one.name == "RUN" and one.words is None]

    assert steps
    for one in steps:
        bare = re.sub(r'"[^"]*"', "", one.text)
        assert ";" not in bare, one
        assert "|" not in bare, one


def test_what_runs_is_copied_from_the_build_and_nothing_else() -> None:
    """The last stage takes the finished environment: no source, no requirement, no tool."""
    (copy,) = recipe().stages[-1].all("COPY")

    assert copy.flags == {"from": "build"}
    assert copy.text == "/opt/paysera-worker /opt/paysera-worker"


def test_what_the_build_copies_exists_and_is_let_in() -> None:
    """The ignore file lets in exactly what the recipe asks for, so no key gets near an image."""
    ignored = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    asked = {
        source
        for one in recipe().stages[0].all("COPY")
        for source in one.text.split()[:-1]
        if "from" not in one.flags
    }

    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == asked
    assert [source for source in asked if not (ROOT / source).exists()] == []


def test_the_image_says_what_it_is_and_what_it_was_made_from() -> None:
    """The labels that registries and scanners read; what changes is told by whoever builds."""
    last = recipe().stages[-1]
    labels = last.last("LABEL").pairs
    told = {name for one in last.all("ARG") for name in one.pairs}

    prefix = "org.opencontainers.image."
    assert all(name.startswith(prefix) for name in labels)
    for name in ("version", "revision", "created"):
        assert labels[prefix + name] == f"${{{name.upper()}}}"
        assert name.upper() in told
    assert labels[prefix + "licenses"] == "Apache-2.0"
    names = [one.name for one in last.instructions]
    assert "RUN" in names[names.index("ARG") :]  # Older builders notice a new value only there.


def test_both_sets_of_requirements_can_be_asked_for() -> None:
    """`--build-arg REQUIREMENTS=extras` names a file that is there and has all of the usual one."""
    build = recipe().stages[0]
    (argument,) = build.all("ARG")
    runtime, extras = (
        {
            line.split()[0]
            for line in (ROOT / f"requirements/{name}.txt").read_text().splitlines()
            if line and not line.startswith((" ", "#"))
        }
        for name in ("runtime", "extras")
    )

    assert argument.pairs == {"REQUIREMENTS": "runtime"}
    assert runtime < extras
    assert any('"requirements/${REQUIREMENTS}.txt"' in one.text for one in build.all("RUN"))
