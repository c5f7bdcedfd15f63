"""The compose files keep their promises, alone and one over the other."""

from pathlib import Path

import pytest

from tests.image import compose, kubernetes
from tests.image.compose import Mount, Override, Reset, Service
from worker import settings
from worker.sandbox import SandboxOptions
from worker.settings import loading

ROOT = Path(__file__).parents[2]
ALONE = ("compose.yaml",)
BOTH = ("compose.yaml", "compose.sandbox.yaml")


def worker(names: tuple[str, ...] = ALONE) -> Service:
    """The worker as the files describe it."""
    return compose.project(ROOT, names)["worker"]


def every_service() -> list[Service]:
    """All services that either command line starts."""
    return [*compose.project(ROOT, ALONE).values(), *compose.project(ROOT, BOTH).values()]


def test_one_file_is_laid_over_another_as_compose_does() -> None:
    """Mappings merge, lists grow, mounts are one per target, marks take away or replace."""
    below: dict[str, compose.Node] = {
        "environment": {"A": "1", "B": "2"},
        "cap_drop": ["ALL"],
        "volumes": ["./a:/x:ro", "v:/y"],
        "command": ["run"],
        "secrets": ["key"],
        "tmpfs": ["/tmp"],
        "read_only": True,
    }
    above: dict[str, compose.Node] = {
        "environment": {"B": "3"},
        "cap_drop": ["ALL", "NET_RAW"],
        "volumes": ["./b:/x:ro"],
        "command": ["sandbox"],
        "secrets": Reset(),  # type: ignore[dict-item]  # a mark, before it is acted on
        "tmpfs": Override(["/run"]),  # type: ignore[dict-item]  # likewise
    }

    assert compose.merged(below, above) == {
        "environment": {"A": "1", "B": "3"},
        "cap_drop": ["ALL", "NET_RAW"],
        "volumes": ["./b:/x:ro", "v:/y"],
        "command": ["sandbox"],
        "tmpfs": ["/run"],
        "read_only": True,
    }


def test_a_key_that_nobody_here_understands_is_an_error(tmp_path: Path) -> None:
    """Otherwise a misspelt `read_only` would pass for hardening."""
    (tmp_path / "compose.yaml").write_text("services: {a: {image: b, readonly: true}}\n")

    with pytest.raises(AssertionError, match="readonly"):
        compose.project(tmp_path, ALONE)


@pytest.mark.parametrize("service", every_service(), ids=lambda one: f"{one.name}-{one.network}")
def test_every_container_is_hardened(service: Service) -> None:
    """Read-only, without rights, bounded, and with a temporary folder that runs nothing."""
    assert service.is_read_only
    assert service.cap_drop == ("ALL",)
    assert service.security == ("no-new-privileges:true",)
    assert 0 < service.pids_max <= 64
    assert 0 < service.memory_max == service.memory_and_swap_max
    (temporary,) = service.tmpfs
    assert temporary.startswith("/tmp:")
    assert {"noexec", "nosuid", "nodev"} < set(temporary.partition(":")[2].split(","))
    assert ":latest" not in service.image
    assert ":" in service.image


def test_a_worker_gets_settings_key_and_journal_where_it_looks_for_them() -> None:
    """The same places as the defaults of the settings; only the journal can be written."""
    mounts = {mount.target: mount for mount in worker().mounts}

    assert mounts[str(loading.DEFAULT_CONFIG)].is_read_only
    assert mounts[f"{loading.SECRETS_DIR}/wallet.mac_key"].is_read_only
    journal = settings.JournalSettings().path.parent
    assert mounts[str(journal)] == Mount("journal", str(journal), is_read_only=False)
    assert len(mounts) == 3


def test_no_key_stands_in_the_file_that_goes_live() -> None:
    """Nothing in the environment of the real worker, and no health check but the image's own."""
    found = worker()

    assert found.environment == {}
    assert found.health_command == ()
    assert found.command == ()
    assert "MAC_KEY:" not in (ROOT / "compose.yaml").read_text().replace("MAC_KEY_FILE:", "")


def test_a_worker_comes_back_after_a_crash_and_after_a_reboot() -> None:
    """`on-failure` would stay down after an orderly reboot, since the worker then ends with 0."""
    assert worker().restart == "unless-stopped"
    assert worker(BOTH).restart == "unless-stopped"


def test_a_stop_leaves_time_for_what_is_in_flight() -> None:
    """The worker needs at most 10 s."""
    assert worker().stop_grace_s >= 20


def test_the_sandbox_reaches_nothing_and_only_the_worker_reaches_it() -> None:
    """One network of loopback alone: neither rule about addresses had to be loosened."""
    found = compose.project(ROOT, BOTH)

    assert set(found) == {"sandbox", "worker"}
    assert found["sandbox"].network == "none"
    assert found["worker"].network == "service:sandbox"
    assert found["worker"].waits_for == ("sandbox",)
    assert found["sandbox"].command[0] == "sandbox"
    assert "--customers" in found["sandbox"].command
    assert "--seed" in found["sandbox"].command
    assert found["sandbox"].image == found["worker"].image


def test_a_worker_beside_the_sandbox_needs_no_secret_and_no_settings_of_yours() -> None:
    """Its settings are the repository's own; its journal is in another project's volume."""
    mounts = {mount.target: mount.source for mount in worker(BOTH).mounts}

    assert mounts == {
        "/etc/paysera-worker/worker.toml": "./config/worker.sandbox.toml",
        "/var/lib/paysera-worker": "journal",
    }
    names = [compose.read(ROOT / name)["name"] for name in BOTH]
    assert len(set(map(str, names))) == 2


def test_the_sandbox_settings_can_be_used_as_they_stand(tmp_path: Path) -> None:
    """With the sample key in the environment they load without a warning, for loopback only."""
    environ = dict(worker(BOTH).environment)
    path = ROOT / "config/worker.sandbox.toml"

    found = settings.load(path, environ, secrets_dir=tmp_path)

    assert found.wallet.base_url == "http://127.0.0.1:8800/rest/v1"
    assert found.warnings == ()
    assert "8800" in compose.project(ROOT, BOTH)["sandbox"].command


def test_the_sample_key_is_the_one_that_the_sandbox_knows() -> None:
    """Published by Paysera, and the same in all places."""
    known = SandboxOptions()
    path = ROOT / "config/worker.sandbox.toml"
    found = settings.load(path, dict(worker(BOTH).environment), secrets_dir=ROOT / "nowhere")

    assert found.wallet.client_id == known.client_id
    assert found.wallet.mac_key.get_secret_value() == known.mac_key
    assert [location.id for location in found.locations] == [known.location_id]
    assert known.mac_key in path.read_text()


def test_the_manifest_of_the_page_runs_one_worker_as_hardened_as_compose_does() -> None:
    """One replica, replaced and never doubled; the same user; no variables of strangers."""
    said, pod = kubernetes.manifest(), kubernetes.pod()
    spec = kubernetes.within(said, "spec")
    user = kubernetes.within(pod, "securityContext")

    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert pod["enableServiceLinks"] is False
    assert (user["runAsUser"], user["runAsGroup"], user["fsGroup"]) == (10001, 10001, 10001)
    assert user["runAsNonRoot"] is True
    for kind in ("initContainers", "containers"):
        closed = kubernetes.within(kubernetes.container(kind), "securityContext")
        assert closed["readOnlyRootFilesystem"] is True
        assert closed["allowPrivilegeEscalation"] is False
        assert closed["capabilities"] == {"drop": ["ALL"]}
    assert kubernetes.probe("readinessProbe") == ("paysera-worker", "status")


def test_a_service_of_kubernetes_would_put_variables_that_are_an_error() -> None:
    """Why the manifest has no service links: the worker refuses what it does not know."""
    environ = {**worker(BOTH).environment, "PAYSERA_WORKER_SERVICE_HOST": "10.0.0.1"}

    with pytest.raises(settings.SettingsError, match="service_host"):
        settings.load(ROOT / "config/worker.sandbox.toml", environ, secrets_dir=ROOT / "nowhere")
