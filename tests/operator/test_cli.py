"""The verbs as a person and a script meet them: what they say, where, and with which exit code."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.operator.processes import ROOT, cli, environ, until
from tests.operator.theatre import MAC_KEY, Stage, stage
from worker import __version__
from worker.domain.visit import Step

VERBS = [
    "run",
    "check-config",
    "sandbox",
    "rehearse",
    "demo",
    "status",
    "visits",
    "show",
    "drain",
    "repost",
    "retry",
    "resolve",
    "report",
    "reconcile",
    "doctor",
    "backup",
    "qr",
    "completion",
    "version",
]
CODES = ["0", "1", "2", "3", "69", "70", "75", "77", "78"]


def closed_port() -> int:
    """Give a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def a_paid_visit(play: Stage, config: Path) -> None:
    """Let one guest pay at table1 and another one sit at table2 with the bill, then stop."""
    play.scan()
    daemon = play.start(config)
    play.pay()
    daemon.await_line("visit.closed", end="paid")
    play.scan("table2")
    play.await_offer("table2")
    play.await_steps(Step.OFFERED, Step.CLOSED)
    assert daemon.stop() == 0


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example_and_the_exit_codes(verb: str) -> None:
    """A newcomer needs no manual: what it does, one line to copy, and what its exit code means."""
    code, out, err = cli(verb, "--help")

    assert (code, err) == (0, "")
    assert re.search(rf"^example:\n  paysera-worker {verb}\b", out, re.MULTILINE)
    assert re.findall(r"^  (\d+) ", out.partition("exit codes:")[2], re.MULTILINE) == CODES


def test_the_help_lists_every_verb() -> None:
    code, out, err = cli("--help")

    assert (code, err) == (0, "")
    for verb in VERBS:
        assert re.search(rf"^    {verb}\s+[a-z]", out, re.MULTILINE), verb


def test_the_module_and_the_script_are_the_same_program() -> None:
    """`python -m worker` and `paysera-worker` say the same."""
    script = Path(sys.executable).with_name("paysera-worker")
    for verb in ("version", "--help", "show --help"):
        done = subprocess.run(
            [script, *verb.split()], env=environ(), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == cli(*verb.split())
    assert cli("version") == (0, f"paysera-worker {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    ["", "serve", "run --fast", "show", "visits --open --parked", "demo --seconds soon",
     "demo --seconds 0", "demo --faults 2", "sandbox --port 99999", "sandbox --faults 7",
     "status --js", "resolve v-1 --as paid", "resolve v-1 --as maybe --note x", "report --day soon",
     "report --json --csv", "drain --wait --undo", "backup"],
)  # fmt: skip
def test_wrong_usage_exits_2_and_says_what_is_wrong(arguments: str) -> None:
    """A mistake at the shell costs nothing: exit code 2 and a sentence on stderr."""
    code, out, err = cli(*arguments.split())

    assert (code, out) == (2, "")
    assert err.strip()
    assert "Traceback" not in err


def test_a_good_configuration_is_said_to_be_good_and_shown_masked(tmp_path: Path) -> None:
    """`check-config` confirms; `--print` shows what is in force, never the secret."""
    with stage(tmp_path) as play:
        config = play.config()
        code, out, _ = cli("check-config", "--config", config)
        assert code == 0
        assert out.startswith("Configuration is valid: 1 location, fixed till")

        code, out, err = cli("check-config", "--print", "--config", config)
        assert code == 0
        for part in ("mac_key", "spots_interval_s = 3.0", "id = 9975", str(play.journal)):
            assert part in out
        assert MAC_KEY not in out + err

        code, out, _ = cli("check-config", env={"PAYSERA_WORKER_CONFIG": str(config)})
        assert code == 0


def test_a_bad_configuration_is_reported_whole(tmp_path: Path) -> None:
    """Exit code 78, one line for each problem, with the key, its origin and the remedy."""
    with stage(tmp_path) as play:
        config = play.config(timeout_s=900.0)
        variables = {
            "PAYSERA_WORKER_WALET__MAC_KEY": "zzz",
            "PAYSERA_WORKER_TILL__CURRENCY": "EURO",
        }
        code, out, err = cli("check-config", "--config", config, env=variables)

        assert (code, out) == (78, "")
        assert err.startswith("3 problems with the settings:\n")
        assert len(err.splitlines()) == 4
        for part in ("wallet.timeout_s", str(config), "WALET", "till.currency", "CURRENCY"):
            assert part in err
        assert MAC_KEY not in err
        assert "zzz" not in err
        for verb in ("run", "status", "visits"):
            assert cli(verb, "--config", config, env=variables) == (78, "", err)
        code, out, err = cli("check-config", "--config", tmp_path / "missing.toml")
        assert (code, out) == (78, "")
        assert "missing.toml" in err


def test_the_wallet_is_asked_when_that_is_wished(tmp_path: Path) -> None:
    """`--online` makes one signed read: 0 answered, 77 refused, 75 not reached (F16, F55)."""
    with stage(tmp_path) as play:
        play.scan()
        code, out, err = cli("check-config", "--online", "--config", play.config())
        assert code == 0
        assert "Location 9975 answers: 1 waiting spots" in out
        assert len(play.calls("spots.list")) == 1

        wrong = play.config("wrong", mac_key="not-the-key-that-it-knows")
        code, out, err = cli("check-config", "--online", "--config", wrong)
        assert code == 77
        assert "Check wallet.client_id and wallet.mac_key" in err
        assert "not-the-key" not in out + err

        nowhere = play.config("nowhere", port=closed_port())
        code, out, err = cli("check-config", "--online", "--config", nowhere)
        assert code == 75
        assert "Check wallet.base_url" in err
        assert "Traceback" not in err


def polls_told(config: Path) -> int:
    """Give how many polls the running worker has reported."""
    report = json.loads(cli("status", "--json", "--config", config)[1]).get("report", {})
    return int(report.get("polls", 0))


def test_the_status_tells_well_from_degraded_from_not_running(tmp_path: Path) -> None:
    """0 well, 1 degraded and why, 3 not running or never run; the same with --json (F1)."""
    with stage(tmp_path) as play:
        config = play.config()
        code, out, err = cli("status", "--config", config)
        assert (code, err) == (3, "")
        assert out.startswith("paysera-worker is not running")
        assert str(play.journal) in out

        daemon = play.start(config)
        daemon.await_line("worker.ready")
        until("a poll in the status", lambda: polls_told(config) > 0)
        code, out, _ = cli("status", "--config", config)
        assert out.startswith("paysera-worker is well\n")
        code, out, _ = cli("status", "--json", "--config", config)
        figures = json.loads(out)
        assert (code, figures["state"], figures["troubles"]) == (0, "well", [])
        assert figures["report"]["polls"] > 0
        assert daemon.stop() == 0

        code, out, _ = cli("status", "--config", config)
        assert code == 3
        assert out.startswith("paysera-worker is not running\n")
        code, out, _ = cli("status", "--json", "--config", config)
        assert (code, json.loads(out)["state"]) == (3, "not running")

        lonely = play.config("lonely", port=closed_port(), journal=tmp_path / "lonely.db")
        daemon = play.start(lonely)
        daemon.await_line("worker.ready")
        until("the status is degraded", lambda: cli("status", "--config", lonely)[0] == 1)
        code, out, _ = cli("status", "--config", lonely)
        assert code == 1
        assert out.startswith("paysera-worker is degraded\n  the wallet does not answer well")
        code, out, _ = cli("status", "--json", "--config", lonely)
        assert (code, json.loads(out)["state"]) == (1, "degraded")
        assert json.loads(out)["troubles"]


def test_visits_are_listed_and_told(tmp_path: Path) -> None:
    """`visits` lists newest first and can be narrowed; `show` tells one by its label or number."""
    with stage(tmp_path) as play:
        config = play.config()
        a_paid_visit(play, config)

        code, out, err = cli("visits", "--config", config)
        assert (code, err) == (0, "")
        head, *rows = out.splitlines()
        assert head.split()[:5] == ["VISIT", "TABLE", "STEP", "END", "AMOUNT"]
        assert [row.split()[:4] for row in rows] == [
            ["v-0002", "table2", "offered", "-"],
            ["v-0001", "table1", "closed", "paid"],
        ]
        code, out, _ = cli("visits", "--open", "--config", config)
        assert code == 0
        assert "v-0002" in out
        assert "v-0001" not in out
        assert cli("visits", "--parked", "--config", config) == (0, "no visits\n", "")

        told = cli("show", "v-0001", "--config", config)
        assert told[0] == 0
        for part in ("table1", "12.50 EUR", "paid", "sent    confirm", "done", "learned"):
            assert part in told[1]
        for name in ("1", "0001", "v-1"):
            assert cli("show", name, "--config", config) == told
        for name in ("v-0099", "0", "table1", "v-", "1;2"):
            code, out, err = cli("show", name, "--config", config)
            assert (code, out) == (2, ""), name
            assert "There is no visit" in err


def test_verbs_that_only_look_need_no_key(tmp_path: Path) -> None:
    """
    Where systemd hands the key to the service alone, the worker's own user has none at the shell,
    and `status`, `visits` and `show` work all the same.
    """
    with stage(tmp_path) as play:
        config = play.config()
        a_paid_visit(play, config)
        keyless = tmp_path / "keyless.toml"
        keyless.write_text(config.read_text().replace(f'mac_key   = "{MAC_KEY}"', ""))
        assert MAC_KEY not in keyless.read_text()

        for verb in ("status", "visits", "show v-0001"):
            expected, given = (cli(*verb.split(), "--config", path) for path in (config, keyless))
            assert given == expected
            assert given[2] == ""
        code, out, err = cli("run", "--config", keyless)
        assert (code, out) == (78, "")
        assert "wallet.mac_key" in err


def run_without_a_reader(command: list[str]) -> tuple[int, str]:
    """Run a verb whose output nobody takes; give its exit code and what it complains of."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environ(),
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


def test_a_reader_that_has_gone_is_no_error(tmp_path: Path) -> None:
    """Piped into `head`, a verb ends quietly: no traceback, and no exit code of the interpreter."""
    with stage(tmp_path) as play:
        config = play.config()
        a_paid_visit(play, config)
        for verb in ("visits", "show 1", "status", "check-config --print", "version", "--help"):
            command = [sys.executable, "-m", "worker", *verb.split()]
            if verb not in {"version", "--help"}:
                command += ["--config", str(config)]
            piped = subprocess.run(
                ["bash", "-c", f"{shlex.join(command)} | head -1"],
                cwd=ROOT,
                env=environ(),
                capture_output=True,
                text=True,
                check=False,
            )
            assert len(piped.stdout.splitlines()) == 1, verb
            code, complaints = run_without_a_reader(command)
            assert "Broken" not in piped.stderr + complaints, verb
            assert "Traceback" not in piped.stderr + complaints, verb
            assert code < 69, verb


@pytest.mark.timeout(240)
def test_the_demo_ends_with_both_books_equal() -> None:
    """A newcomer's first command: it shows an evening, then a table that agrees, and exits 0."""
    done = subprocess.run(
        [sys.executable, "-m", "worker", "demo", "--seconds", "3", "--seed", "2"],
        cwd=ROOT, env=environ(), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Both books agree to the cent.\n")
    assert "DIFFERS" not in done.stdout
    assert done.stdout.count(" ok\n") >= 5
    assert MAC_KEY not in done.stdout + done.stderr
