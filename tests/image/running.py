"""What can only be seen of an image that runs."""

import json
import os
import signal
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from tests.image import kubernetes
from tests.image.compose import Mount, texts
from tests.image.container import Container
from tests.image.stage import KEY, UID, WITH_SANDBOX, Stage, ledger, paid
from tests.image.store import ROOT
from tests.operator.processes import until

STOP_S_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class Frozen:
    """A worker that was stopped in its tracks, and when."""

    worker: Container
    since: float


SAMPLE: Final = (ROOT / "config/worker.sandbox.toml").read_text()


def status_of(pid: int) -> dict[str, str]:
    """Read what the kernel says about a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def first_process(worker: Container) -> str:
    """The worker is process 1, alone, an ordinary user without any capability."""
    about = status_of(worker.pid)
    assert about["Uid"].split() == [str(UID)] * 4, about["Uid"]
    assert about["Gid"].split() == [str(UID)] * 4, about["Gid"]
    assert about["NSpid"].split()[-1] == "1", about["NSpid"]
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(about[name], 16) == 0, f"{name} {about[name]}"
    assert about["NoNewPrivs"] == "1"
    tasks = Path(f"/proc/{worker.pid}/task")
    children = "".join((task / "children").read_text() for task in tasks.iterdir())
    assert children == "", f"it has children {children}: an init would be needed to bury them"
    return f"uid {UID}, process 1, no capability, no new privileges, no children (so no init)"


def read_only(worker: Container) -> str:
    """Nothing but the journal's volume and /tmp can be written."""
    done = worker.exec(
        "python",
        "-c",
        "import os, tempfile\n"
        "for place in ('/', '/etc', '/opt/paysera-worker/bin', '/usr', '/run', '/var'):\n"
        "    assert os.statvfs(place).f_flag & os.ST_RDONLY, place\n"
        "for place in ('/tmp', '/var/lib/paysera-worker'):\n"
        "    with tempfile.TemporaryFile(dir=place) as file: file.write(b'x')\n"
        "assert os.statvfs('/tmp').f_flag & os.ST_NOEXEC\n",
    )
    assert done.code == 0, done.err
    return "the root is read-only; /tmp (not for programs) and the journal's volume are not"


def takes_payments(worker: Container) -> str:
    """A guest of the sandbox is seen, billed, confirmed and let go."""
    begun = time.monotonic()

    def found() -> bool:
        assert worker.is_running(), worker.said()[-1500:]
        return bool(paid(worker))

    until("a visit ends paid", found)
    first = paid(worker)[0]
    return f"{first['visit']} paid {first['amount']} after {time.monotonic() - begun:.1f} s"


def logs_json(worker: Container) -> str:
    """Each line on stdout is an object with time, level and event; stderr stays empty."""
    lines = worker.events()
    for line in lines:
        assert {"timestamp", "level", "event"} <= set(line), line
        assert line["timestamp"].endswith("Z"), line
    text = worker.said()
    assert KEY not in text, "the key stands in the log"
    assert worker.err.read_text() == "", worker.err.read_text()
    return f"{len(lines)} lines, from {lines[0]['event']} to {lines[-1]['event']}; stderr empty"


def healthy(worker: Container, stage: Stage) -> str:
    """The image's own health check, run as the engine runs it, says that all is well."""
    command = stage.image.health_command[1:]
    begun = time.monotonic()
    done = worker.exec(*command)
    took_s = time.monotonic() - begun
    assert done.code == 0, done.out + done.err
    again = worker.exec(*command, "--json")
    assert json.loads(again.out)["state"] == "well", again.out
    return f"{' '.join(command)} gave 0 in {took_s:.1f} s: {done.out.splitlines()[0]}"


def compiled(worker: Container) -> str:
    """A start and a health check compile nothing: a read-only root could not keep it."""
    read = []
    for words in (("-m", "worker", "status"), ("-c", "import worker.bootstrap")):
        done = worker.exec("python", "-v", *words)
        assert done.code == 0, done.err[-500:]
        read += [line for line in done.err.splitlines() if line.startswith("# code object from")]
    anew = [line for line in read if not line.rstrip("'").endswith(".pyc")]
    assert len(read) > 300, f"only {len(read)} modules"
    assert anew == [], anew[:10]
    return f"{len(read)} modules, none compiled anew"


def hangs_up(worker: Container) -> str:
    """HUP, which would end a process that does not expect it, is told and changes nothing."""
    worker.tell(signal.SIGHUP)
    until(
        "HUP is told",
        lambda: any(line.get("signal") == "SIGHUP" for line in worker.events()),
    )
    assert worker.is_running()
    return "told in the log, still running"


def memory(worker: Container) -> str:
    """It stays far below the limit of the compose file."""
    highest_mb = int(status_of(worker.pid)["VmHWM"].split()[0]) / 1000
    assert highest_mb < 128, f"{highest_mb:.0f} MB"
    return f"at most {highest_mb:.0f} MB resident so far, of 256 MB"


def terminates(worker: Container) -> str:
    """TERM ends process 1 with 0 within ten seconds, guests at the tables or not."""
    code, took_s = worker.stop(signal.SIGTERM, STOP_S_MAX)
    assert code == 0, f"exit code {code}: {worker.said()[-600:]}"
    last = worker.events()[-1]
    assert last["event"] == "worker.stopped", last
    return f"exit code 0 after {took_s:.1f} s"


def terminates_early(stage: Stage) -> str:
    """TERM while modules load is not lost on process 1.

    The kernel drops a signal to process 1 that it has no handler for, so a stop that comes then
    would be waited for until the engine kills. Only Python's own start is without a handler.
    """
    sandbox = stage.sandbox()
    deaf, took = [], []
    for pause_s in (0.0, 0.05, 0.1, 0.2):
        worker = stage.worker(sandbox, "early")
        pid, begun = worker.pid, time.monotonic()
        until("it listens to TERM", partial(catches, pid, signal.SIGTERM))
        deaf.append(time.monotonic() - begun)
        if pause_s == 0:
            assert worker.events() == [], "it began to listen only when all was loaded"
        time.sleep(pause_s)
        code, took_s = worker.stop(signal.SIGTERM, STOP_S_MAX)
        assert code == 0, f"{pause_s} s later: exit code {code}: {worker.said()[-600:]}"
        took.append(took_s)
    sandbox.remove()
    return f"listens {min(deaf):.2f} s after the start, then ends with 0 in {max(took):.1f} s"


def catches(pid: int, number: signal.Signals) -> bool:
    """Tell whether a process has a handler for a signal."""
    return bool(int(status_of(pid)["SigCgt"], 16) >> (number - 1) & 1)


def survives_a_kill(stage: Stage, sandbox: Container) -> str:
    """Killed amid visits and started again on its volume, it goes on; the books stay right."""
    first = stage.worker(sandbox, "evening")
    until("a visit is open", lambda: any(e["event"] == "order.offered" for e in first.events()))
    code, _ = first.stop(signal.SIGKILL, STOP_S_MAX)
    assert code == 137, code
    second = stage.worker(sandbox, "evening")
    takes_payments(second)
    books = ledger(sandbox)
    assert books["violations"] == [], books["violations"]
    assert books["confirmed_count"] > 0
    opened = next(line["open"] for line in second.events() if line["event"] == "worker.ready")
    terminates(second)
    return f"137, then up again with {opened} open visits; the wallet saw no violation"


def sandbox_ends(sandbox: Container) -> str:
    """The stand-in wallet ends politely as process 1 too."""
    code, took_s = sandbox.stop(signal.SIGTERM, STOP_S_MAX)
    assert code == 0, f"exit code {code}: {sandbox.said()[-600:]}"
    return f"exit code 0 after {took_s:.1f} s"


def unwell_when_down(stage: Stage) -> str:
    """The health check fails where no worker runs: on a new volume and on one with a past."""
    settings = Mount("config", "/etc/paysera-worker/worker.toml", is_read_only=True)
    journal = Mount("journal", "/var/lib/paysera-worker", is_read_only=False)
    # A container with a worker's files in which a sandbox runs instead.
    service = replace(
        stage.services(WITH_SANDBOX)["sandbox"],
        mounts=(settings, journal),
        environment={"PAYSERA_WORKER_WALLET__MAC_KEY": KEY},
    )
    codes = []
    for volume in ("unused", "evening"):
        places = {"config": ROOT / "config/worker.sandbox.toml", "journal": stage.volume(volume)}
        container = stage.start(service, places)
        assert container.pid > 0
        done = container.exec(*stage.image.health_command[1:])
        assert "not running" in done.out, done.out + done.err
        codes.append(done.code)
        container.remove()
    assert codes == [3, 3], codes
    return "exit code 3 on a new volume and on one with a past"


def refuses_open_secrets(stage: Stage) -> str:
    """A key or settings that others can read, or that it can not, end with 78 and say why."""
    config = stage.file("worker.toml", SAMPLE, mode=0o444)
    with_key = SAMPLE.replace("[wallet]", f'[wallet]\nmac_key = "{KEY}"')
    good = stage.file("good.key", KEY + "\n", mode=0o400)
    cases = {
        "a key for everybody": (config, stage.file("all.key", KEY, mode=0o444), "by everybody"),
        "a key for its group": (config, stage.file("group.key", KEY, mode=0o440), "by its group"),
        "root's key": (config, stage.file("root.key", KEY, mode=0o400, owner=0), "can not be read"),
        "no key": (config, stage.file("no.key", "", mode=0o400), "wallet.mac_key"),
        "settings with a key for everybody": (
            stage.file("open.toml", with_key, mode=0o444),
            good,
            "by everybody",
        ),
        "root's settings": (
            stage.file("root.toml", SAMPLE, mode=0o400, owner=0),
            good,
            "can not be read",
        ),
    }
    for name, (settings, key, words) in cases.items():
        worker = stage.worker_alone(config=settings, key=key)
        code = worker.wait(20)
        said = worker.err.read_text()
        assert code == 78, f"{name}: exit code {code}: {worker.said()}"
        assert words in said, f"{name}: {said}"
        assert KEY not in worker.said(), f"{name}: the key was shown"
    return f"78 for {', '.join(cases)}"


def freeze(worker: Container) -> Frozen:
    """Let a worker's loops stop turning, its process alive, as in a call that never returns."""
    alive = kubernetes.probe("livenessProbe")
    until("its first report", lambda: worker.pid > 0 and worker.exec(*alive).code == 0)
    os.kill(worker.pid, signal.SIGSTOP)
    return Frozen(worker, time.monotonic())


def tells_frozen(frozen: Frozen, stage: Stage) -> str:
    """The health check and the page's liveness probe see it, and see that it is over."""
    worker, health = frozen.worker, stage.image.health_command[1:]
    alive = kubernetes.probe("livenessProbe")
    until("the liveness probe fails", lambda: worker.exec(*alive).code == 1, 150)
    after_s = time.monotonic() - frozen.since
    done = worker.exec(*health)
    assert done.code == 1, done.out + done.err
    assert "has not reported" in done.out, done.out
    os.kill(worker.pid, signal.SIGCONT)
    until("it is well again", lambda: worker.exec(*health).code == 0)
    assert worker.exec(*alive).code == 0
    terminates(worker)
    return f"after {after_s:.0f} s: health check 1, liveness probe 1; let go, both 0 again"


def key_in_kubernetes(stage: Stage) -> str:
    """With fsGroup the key is its group's to read; the page's init container makes a private copy.

    The journal's volume is root's there, with a group of ours and its mark on everything below.
    """
    secret, key, journal = (stage.folder / name for name in ("secret", "copied", "claim"))
    for folder in (secret, key, journal):
        folder.mkdir()
        os.chown(folder, 0, UID)
        folder.chmod(0o2775)
    given = stage.file("secret/wallet.mac_key", KEY, mode=0o440, owner=0)
    os.chown(given, 0, UID)
    words = texts(kubernetes.container("initContainers")["command"])
    service = replace(
        stage.services(WITH_SANDBOX)["sandbox"],
        mounts=(
            Mount("secret", "/secret", is_read_only=True),
            Mount("key", "/run/secrets", is_read_only=False),
        ),
    )
    copier = stage.start(service, {"secret": secret, "key": key})
    assert copier.pid > 0
    done = copier.exec(*words)
    assert done.code == 0, done.err
    copier.remove()
    config = stage.file("pod.toml", SAMPLE, mode=0o444)
    refused = stage.worker_alone(config=config, key=given, journal=journal)
    assert refused.wait(20) == 78, refused.said()
    worker = stage.worker_alone(config=config, key=key / "wallet.mac_key", journal=journal)
    until("it is ready", lambda: any(e["event"] == "worker.ready" for e in worker.events()))
    terminates(worker)
    return (
        "the group's key is refused with 78, the copy taken; the journal lies in an fsGroup volume"
    )


def starts_alone(stage: Stage) -> str:
    """compose.yaml by itself, with a key file as an operator puts it there: it starts and stops."""
    config = stage.file("alone.toml", SAMPLE, mode=0o444)
    worker = stage.worker_alone(config=config, key=stage.file("own.key", KEY + "\n", mode=0o400))
    until(
        "the worker is ready",
        lambda: worker.is_running() and any(e["event"] == "worker.ready" for e in worker.events()),
    )
    assert status_of(worker.pid)["Uid"].split()[0] == str(UID)
    terminates(worker)
    return "key from /run/secrets, journal in its volume, ended with 0"


def tells_of_a_foreign_volume(stage: Stage) -> str:
    """A volume that belongs to root is the commonest mistake: one sentence, and 69."""
    foreign = stage.folder / "foreign"
    foreign.mkdir()
    foreign.chmod(0o755)
    os.chown(foreign, 0, 0)
    config = stage.file("foreign.toml", SAMPLE, mode=0o444)
    key = stage.file("foreign.key", KEY, mode=0o400)
    worker = stage.worker_alone(config=config, key=key, journal=foreign)
    code = worker.wait(20)
    assert code == 69, f"exit code {code}: {worker.said()}"
    (line,) = [line for line in worker.events() if line["level"] == "error"]
    assert line["event"] == "journal.unavailable", line
    return f"69: {line['error'][:90]}"
