"""An ordinary day: what must be true of a service that was installed as the README says."""

import json
import time
from pathlib import Path
from typing import Final

from tests.operator.processes import until
from tests.system.gateway import NAME, PORT, gateway, silent_name_server
from tests.system.readme import install_lines
from tests.system.venue import KEY_FILE, MAC_KEY, PROGRAM, UNIT, Venue

EXPOSURE_MAX: Final = 1.1
STOP_S_MAX: Final = 10.0
FORBIDDEN: Final = (
    *("write /usr", "write /etc", "write own program", "read /etc/shadow"),
    *("read the key's own file", "list /root", "open a disk", "see root's processes"),
    *("packet socket", "netlink socket", "write and execute memory", "new namespace"),
    *("set the clock", "set the host's name", "become root", "make a setuid file"),
    "raise its priority",
)
ALLOWED: Final = (
    *("durable journal", "import every wheel", "thread", "read the authorities"),
    "resolve a name",
)
OVERRIDE: Final = f"/run/systemd/system/{UNIT}.service.d/test.conf"


def install(venue: Venue) -> str:
    """The README's lines, typed as they stand, end with a service that is well."""
    base_url = f"http://127.0.0.1:{venue.wallet.port}/rest/v1"
    lines = [line for line in install_lines() if " dnf " not in line]
    for line in lines:
        if line.startswith("sudoedit "):
            for name, value in (("base_url", base_url), ("client_id", "wkVd93h2uS")):
                setting = f's#^{name} = .*#{name} = "{value}"#'
                venue.machine.type(f"sed -i '{setting}' {line.split()[1]}")
            continue
        if line.endswith("/bin/paysera-worker status"):
            venue.await_status("wallet ok")
        venue.machine.type(line, stdin=MAC_KEY + "\n" if "/dev/stdin" in line else "")
    assert venue.states() == ("active", "running", "success"), venue.states()
    assert venue.property("UnitFileState") == "enabled"
    assert venue.restarts() == 0
    version = venue.machine.ask(f"{PROGRAM} version")
    return f"{len(lines)} lines of the README typed, {version} is active"


def verify(venue: Venue) -> str:
    """Where its program and its user exist, systemd has nothing to say about the units."""
    venue.machine.type("install -m 0644 systemd/paysera-worker@.service /etc/systemd/system/")
    scores = []
    for name in ("paysera-worker.service", "paysera-worker@cafe.service"):
        done = venue.machine.run(f"systemd-analyze verify {name}")
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), done
        last = venue.machine.type(f"systemd-analyze security {name}").splitlines()[-1]
        scores.append(float(last.rpartition(": ")[2].split()[0]))
    assert max(scores) <= EXPOSURE_MAX, scores
    version = venue.machine.ask("systemctl --version").splitlines()[0]
    return f"verify is silent, exposure {' and '.join(map(str, scores))} on {version}"


def payment(venue: Venue) -> str:
    """A guest scans, agrees, and has paid; the table is free."""
    paying = venue.paying()
    venue.agree(venue.guest("table1"))
    settled = paying.settle()
    (closed,) = venue.told("visit.closed")
    assert (closed["end"], closed["table"]) == ("paid", "table1")
    story = venue.verb(f"show {closed['visit']}")
    assert "confirm" in story, story
    return f"{closed['visit']} {closed['amount']} {settled}; `show` tells its story"


def credentials(venue: Venue) -> str:
    """The key reaches the service and nobody else, by no other way."""
    pid = venue.pid()
    folder = f"/run/credentials/{UNIT}.service"
    read = venue.machine.type(f"cat /proc/{pid}/root{folder}/wallet.mac_key").strip()
    assert read == MAC_KEY
    for place in (f"/proc/{pid}/environ", f"/proc/{pid}/cmdline"):
        text = venue.machine.type(f"tr '\\0' '\\n' < {place}")
        assert text
        assert MAC_KEY not in text, place
    assert f"CREDENTIALS_DIRECTORY={folder}" in venue.machine.type(
        f"tr '\\0' '\\n' < /proc/{pid}/environ"
    )
    for place in ("/etc/paysera-worker", "/etc/systemd/system", "/var/lib/paysera-worker"):
        files = venue.machine.ask(f"grep -rlF '{MAC_KEY}' {place}").split()
        assert files in ([], [KEY_FILE]), files
    assert MAC_KEY not in venue.machine.type(f"systemctl show {UNIT}; journalctl --no-pager")
    for user in ("nobody", "paysera-worker"):
        for path in (KEY_FILE, f"{folder}/wallet.mac_key"):
            outside = venue.machine.run(f"sudo -u {user} cat {path}")
            own = user == "paysera-worker" and path.startswith(folder)
            assert own or outside.returncode != 0, f"{user} can read {path}"
    assert venue.machine.type(f"stat -c '%a %U' {KEY_FILE}").strip() == "600 root"
    mode = venue.machine.type("stat -c '%a %U' /var/lib/paysera-worker").strip()
    assert mode == "700 paysera-worker", mode
    return "the service reads its key; not in environment, arguments, state or log; nobody else can"


def status_line(venue: Venue) -> str:
    """`systemctl status` says in one line how it is."""
    venue.await_status("0 open, 0 parked, wallet ok")
    text = venue.machine.type(f"systemctl status --no-pager {UNIT}")
    (line,) = [one.strip() for one in text.splitlines() if one.strip().startswith("Status:")]
    assert "wallet ok" in line
    return line


def priorities(venue: Venue) -> str:
    """`journalctl -p warning` shows what is worth watching, and nothing else."""
    venue.machine.type(f"systemctl kill --signal=HUP --kill-who=main {UNIT}")
    venue.await_told("worker.signalled", 1)
    (worth,) = venue.log("-p warning")
    assert (worth["event"], worth["PRIORITY"], worth["level"]) == (
        *("worker.signalled", 4),
        "warning",
    )
    infos = [line for line in venue.log("-p info..info") if "event" in line]
    assert {line["PRIORITY"] for line in infos} == {6}
    assert {line["level"] for line in infos} == {"info"}
    assert any(line["event"] == "visit.closed" for line in infos)
    assert not any(line["message"].startswith("<") for line in venue.log() if "message" in line)
    return f"1 warning by `-p warning`, {len(infos)} info lines not"


def hardening(venue: Venue) -> str:
    """The walls hold, and all that the product needs works between them."""
    script = Path(__file__).with_name("probe.py").read_text()
    venue.machine.type("install -m 0644 /dev/stdin /usr/local/lib/probe.py", stdin=script)
    text = venue.machine.type(f"cat /etc/systemd/system/{UNIT}.service")
    taken = ("ExecStart", "Type=", "Restart", "WatchdogSec", "NotifyAccess")
    kept = [line for line in text.splitlines() if not line.startswith(taken)]
    own = "Type=oneshot\nExecStart=/opt/paysera-worker/bin/python /usr/local/lib/probe.py"
    unit = "\n".join(kept).replace("[Service]", f"[Service]\n{own}")
    venue.machine.type("cat > /run/systemd/system/probe.service", stdin=unit)
    venue.machine.type("systemctl daemon-reload; systemctl start probe")
    lines = venue.machine.ask("journalctl -u probe -o cat --no-pager").splitlines()
    (found,) = [json.loads(line) for line in lines if line.startswith("{")]
    broken = {name: found[name] for name in ALLOWED if found[name] != "done"}
    open_doors = [name for name in FORBIDDEN if found[name] == "done"]
    assert not broken, f"the walls break what the product needs: {broken}"
    assert not open_doors, f"not held: {open_doors}"
    assert set(found) == {*ALLOWED, *FORBIDDEN}
    process = venue.machine.type(f"cat /proc/{venue.pid()}/status")
    for fact in ("NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"):
        assert fact in process, fact
    return f"{len(FORBIDDEN)} forbidden deeds refused, {len(ALLOWED)} needed ones done"


def names_and_tls(venue: Venue) -> str:
    """The wallet is found by its name and spoken to by TLS, and a guest pays that way."""
    authority = (Path(__file__).parents[1] / "certificates/authority.pem").read_text()
    place = "/usr/local/share/ca-certificates/venue.crt"
    venue.machine.type(f"cat > {place} && update-ca-certificates --fresh", stdin=authority)
    venue.machine.type("echo nameserver 127.0.0.1 > /etc/resolv.conf")
    url = f"https://{NAME}:{PORT}/rest/v1"
    setting = f"[Service]\nEnvironment=PAYSERA_WORKER_WALLET__BASE_URL={url}\n"
    venue.machine.type(f"mkdir -p $(dirname {OVERRIDE}) && cat > {OVERRIDE}", stdin=setting)
    venue.machine.type("systemctl daemon-reload")
    with gateway(venue.wallet.port) as names:
        venue.machine.type(f"systemctl restart {UNIT}")
        venue.await_status("wallet ok")
        paying = venue.paying()
        venue.agree(venue.guest("table2"))
        settled = paying.settle()
        assert names.asked > 0
    return f"{url} looked up and trusted; {settled}"


def silent_names(venue: Venue) -> str:
    """A stop is quick although a name server, asked for the wallet's name, says nothing."""
    with silent_name_server() as wire:
        venue.machine.type(f"systemctl restart {UNIT}")
        wire.recv(512)
        began_s = time.monotonic()
        venue.stop()
        took_s = time.monotonic() - began_s
    assert took_s < STOP_S_MAX, f"the stop took {took_s:.1f} s"
    assert venue.states() == ("inactive", "dead", "success"), venue.states()
    venue.machine.type(f"rm {OVERRIDE} && systemctl daemon-reload")
    venue.start()
    venue.await_status("wallet ok")
    return f"clean after {took_s:.1f} s"


def instance(venue: Venue) -> str:
    """A second worker on the same server has settings, key and journal of its own."""
    venue.stop()
    head = (Path(__file__).parents[2] / "systemd/paysera-worker@.service").read_text()
    assert "paysera-worker@cafe" in head.partition("[Unit]")[0]
    config, journal = "/etc/paysera-worker/cafe/worker.toml", "/var/lib/paysera-worker-cafe"
    venue.machine.type(f"install -D -m 0644 /etc/paysera-worker/worker.toml {config}")
    venue.machine.type(f"sed -i 's#^path = .*#path = \"{journal}/journal.db\"#' {config}")
    key = "/etc/paysera-worker/cafe/wallet.mac_key"
    venue.machine.type(f"install -m 0600 /dev/stdin {key}", stdin=MAC_KEY)
    venue.machine.type("systemctl enable --now paysera-worker@cafe")
    paid = venue.paid()
    venue.agree(venue.guest("table3"))
    until("the instance is paid", lambda: venue.paid() == paid + 1)
    until("its table is free", lambda: venue.wallet.ledger()["waiting_spots"] == 0)
    status = venue.verb(f"status --config {config}")
    assert "is well" in status, status
    until(
        "its visit is over", lambda: "visits open    0" in venue.verb(f"status --config {config}")
    )
    venue.machine.type("systemctl disable --now paysera-worker@cafe")
    assert venue.machine.type(f"stat -c '%a %U' {journal}").strip() == "700 paysera-worker"
    venue.start()
    return f"paysera-worker@cafe paid from {journal}"
