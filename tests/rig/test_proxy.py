"""The proxy does to a connection what it is told, counts it, and keeps TCP's own laws."""

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.operator.processes import until
from tests.rig.proxy import HostedProxy, Mode, Weather, hosted

PATIENCE_S = 30.0
SILENCE_S = 0.3
"""How long nothing must come where nothing is to come."""
FOR_EVER_S = 3600.0
REQUEST = b"GET /rest/v1/spots HTTP/1.1\r\n\r\n"
CLOSE = b"DELETE /rest/v1/spot/501 HTTP/1.1\r\n\r\n"


@dataclass
class Between:
    """A proxy and the wallet's end of it."""

    proxy: HostedProxy
    listener: socket.socket
    ends: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def call(self) -> socket.socket:
        """Call as a worker does."""
        made = socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE_S)
        return self.ends.enter_context(made)

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Give the worker's end of a new connection and the wallet's."""
        client = self.call()
        server, _ = self.listener.accept()
        server.settimeout(PATIENCE_S)
        return client, self.ends.enter_context(server)


@pytest.fixture
def between() -> Iterator[Between]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        hosted(listener.getsockname()[1], lambda sent: sent.startswith(b"DELETE ")) as proxy,
    ):
        listener.settimeout(PATIENCE_S)
        bench = Between(proxy, listener)
        with bench.ends:
            yield bench


def read(end: socket.socket, length: int) -> bytes:
    """Read so many bytes, or fewer where the stream ends."""
    found = b""
    while len(found) < length and (chunk := end.recv(length - len(found))):
        found += chunk
    return found


def require_silence(end: socket.socket) -> None:
    end.settimeout(SILENCE_S)
    with pytest.raises(TimeoutError):
        end.recv(1)
    end.settimeout(PATIENCE_S)


def require_reset(end: socket.socket) -> None:
    """Require a reset, not a goodbye; what came before it may still be read."""
    with pytest.raises(ConnectionResetError):
        read(end, 10**9)


def test_bytes_and_goodbyes_pass_both_ways(between: Between) -> None:
    """In good weather the proxy is not noticed, large bodies included."""
    client, server = between.connect()
    large = bytes(range(256)) * 4000
    client.sendall(REQUEST)
    assert read(server, len(REQUEST)) == REQUEST
    server.sendall(large)
    assert read(client, len(large)) == large
    client.shutdown(socket.SHUT_WR)
    assert server.recv(1) == b""
    server.sendall(b"last words")
    server.close()
    assert read(client, 100) == b"last words"

    fired = between.proxy.fired()
    assert fired["connections"] == 1
    assert fired["bytes_up"] == len(REQUEST)
    assert fired["bytes_down"] == len(large) + len(b"last words")


def test_a_swallowed_request_never_arrives_and_leaves_no_hole(between: Between) -> None:
    """What follows lost bytes on the same way is lost too; another connection is well."""
    client, server = between.connect()
    between.proxy.change(Weather(Mode.SWALLOW_UP))
    client.sendall(REQUEST)
    require_silence(server)
    between.proxy.change(Weather())
    client.sendall(REQUEST)
    require_silence(server)
    server.sendall(b"heard")
    assert read(client, 5) == b"heard"

    other, server = between.connect()
    other.sendall(REQUEST)
    assert read(server, len(REQUEST)) == REQUEST
    assert between.proxy.fired()["swallow_up"] == 2


def test_a_swallowed_answer_leaves_the_request_done(between: Between) -> None:
    """The wallet hears and answers; the worker hears nothing, and giving up ends both ends."""
    client, server = between.connect()
    between.proxy.change(Weather(Mode.SWALLOW_DOWN))
    client.sendall(REQUEST)
    assert read(server, len(REQUEST)) == REQUEST
    server.sendall(b"yes")
    require_silence(client)
    assert between.proxy.fired()["swallow_down"] == 1
    client.close()
    assert server.recv(1) == b""


@pytest.mark.parametrize("length", [0, 1, 10, len(REQUEST)])
def test_a_request_is_cut_by_a_reset_after_so_many_bytes(between: Between, length: int) -> None:
    """So many bytes arrive and no more; both ends are told by a reset."""
    client, server = between.connect()
    between.proxy.change(Weather(Mode.RESET_UP, bytes_passed=length))
    client.sendall(REQUEST)
    require_reset(client)
    require_reset(server)
    fired = between.proxy.fired()
    assert fired["bytes_up"] == length
    assert fired["reset_up"] == 1


def test_an_answer_is_cut_by_a_reset_after_so_many_bytes(between: Between) -> None:
    """The request got through whole before the answer was cut."""
    client, server = between.connect()
    client.sendall(REQUEST)
    assert read(server, len(REQUEST)) == REQUEST
    between.proxy.change(Weather(Mode.RESET_DOWN, bytes_passed=4))
    server.sendall(b"ab")
    assert read(client, 2) == b"ab"
    server.sendall(b"cdef")
    require_reset(client)
    fired = between.proxy.fired()
    assert fired["bytes_down"] == 4
    assert fired["reset_down"] == 1


def test_delayed_bytes_come_late_and_whole(between: Between) -> None:
    """Both ways wait; what is under way stays late when the weather clears."""
    client, server = between.connect()
    between.proxy.change(Weather(Mode.DELAY, delay_s=0.4))
    began_s = time.monotonic()
    client.sendall(REQUEST)
    until("the bytes are under way", lambda: between.proxy.fired()["delay"] == 1)
    between.proxy.change(Weather())
    assert read(server, len(REQUEST)) == REQUEST
    assert time.monotonic() - began_s >= 0.4


def test_a_late_request_lands_though_its_sender_is_gone(between: Between) -> None:
    """A worker that is killed does not take back what it sent."""
    client, server = between.connect()
    between.proxy.change(Weather(Mode.DELAY, delay_s=0.4))
    client.sendall(REQUEST)
    client.close()
    assert read(server, len(REQUEST)) == REQUEST
    assert server.recv(1) == b""


def test_what_must_never_be_late_is_not_delayed(between: Between) -> None:
    """A close of a spot that comes late could meet the next guest, and no client could help it."""
    client, server = between.connect()
    between.proxy.change(Weather(Mode.DELAY, delay_s=FOR_EVER_S))
    client.sendall(CLOSE)
    assert read(server, len(CLOSE)) == CLOSE
    between.proxy.change(Weather(Mode.THROTTLE, bytes_per_s=20.0))
    client.sendall(CLOSE)
    assert read(server, len(CLOSE)) == CLOSE


def test_a_throttled_stream_trickles_and_gushes_when_it_may(between: Between) -> None:
    """What would take minutes comes at once when the weather changes, in order and whole."""
    client, server = between.connect()
    body = bytes(range(250)) * 8
    between.proxy.change(Weather(Mode.THROTTLE, bytes_per_s=200.0))
    began_s = time.monotonic()
    client.sendall(body)
    first = read(server, 100)
    assert time.monotonic() - began_s >= 0.4
    between.proxy.change(Weather())
    assert first + read(server, len(body) - 100) == body
    assert between.proxy.fired()["throttle"] == 1


def test_a_half_closed_connection_still_carries_requests(between: Between) -> None:
    """The worker hears a goodbye on old and new connections; what it sends still arrives."""
    old_client, old_server = between.connect()
    between.proxy.change(Weather(Mode.HALF_CLOSE))
    client, server = between.connect()
    for ours, theirs in ((old_client, old_server), (client, server)):
        assert ours.recv(1) == b""
        ours.sendall(REQUEST)
        assert read(theirs, len(REQUEST)) == REQUEST
    assert between.proxy.fired()["half_close"] == 2


def test_a_closed_port_refuses_and_opens_again_where_it_was(between: Between) -> None:
    """Open connections break, new ones are refused, and afterwards all is as before."""
    client, server = between.connect()
    between.proxy.change(Weather(Mode.REFUSE))
    require_reset(client)
    require_reset(server)
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            between.call()
    between.proxy.change(Weather())
    client, server = between.connect()
    client.sendall(REQUEST)
    assert read(server, len(REQUEST)) == REQUEST
    assert between.proxy.fired()["refuse"] == 1


def test_something_can_happen_just_before_a_certain_request_goes_on(between: Between) -> None:
    """The trip springs once, at its own request alone, before the wallet hears of it."""
    client, server = between.connect()
    sprung: list[bytes] = []
    between.proxy.trip(b"DELETE ", sprung.append)
    client.sendall(REQUEST)
    assert read(server, len(REQUEST)) == REQUEST
    assert sprung == []
    for _ in range(2):
        client.sendall(CLOSE)
        assert read(server, len(CLOSE)) == CLOSE
        assert sprung == [CLOSE.partition(b"\r\n")[0]]


def test_the_bytes_of_a_dead_worker_spring_no_trip(between: Between) -> None:
    """What its predecessor sent last does not pass for a request of the worker that lives now."""
    old_client, old_server = between.connect()
    until("it is taken up", lambda: between.proxy.fired()["connections"] == 1)
    between.proxy.begin_life()
    sprung: list[bytes] = []
    between.proxy.trip(b"DELETE ", sprung.append)
    old_client.sendall(CLOSE)
    assert read(old_server, len(CLOSE)) == CLOSE
    assert sprung == []
    client, server = between.connect()
    client.sendall(CLOSE)
    assert read(server, len(CLOSE)) == CLOSE
    assert len(sprung) == 1


def test_a_tripped_request_can_vanish(between: Between) -> None:
    """It springs, and the wallet never hears of the request; a trip taken away never springs."""
    client, server = between.connect()
    sprung: list[bytes] = []
    idle = between.proxy.trip(b"PUT ", sprung.append)
    assert between.proxy.untrip(idle)
    between.proxy.trip(b"DELETE ", sprung.append, is_lost=True)
    client.sendall(CLOSE)
    require_silence(server)
    assert len(sprung) == 1
    assert not between.proxy.untrip(idle)
