"""The desk and its letter-box: strange letters, and a death between doing and answering."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.operator.ledgers import an_evening
from tests.service.world import FakeClock
from worker.adapters.journal.letterbox import FileLetterBox, box_path, new_request_id
from worker.adapters.journal.sqlite import SqliteJournal
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import VisitId
from worker.ports import Owed, Reply, Request
from worker.service.requests import Desk, RequestLoop


class Scene:
    """A journal with its letter-box; the file's times are set by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wall_s = 0.0
        self.box = FileLetterBox(path, lambda: self.wall_s)
        self.told: list[Owed] = []
        self.journal = SqliteJournal.open(path)
        self.desk = self.hire()

    def hire(self) -> Desk:
        """Begin anew with the same journal, as after a restart."""
        return Desk(journal=self.journal, clock=FakeClock(), wallet=None, on_back=self.told.append)

    def post(self, verb: str, **words: str) -> Request:
        request = Request(new_request_id(), verb, words, "ann")
        self.box.put(request)
        self.wall_s = self.letter(request, "request").stat().st_mtime
        return request

    def letter(self, request: Request, kind: str) -> Path:
        return box_path(self.path) / f"{request.request_id}.{kind}"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    an_evening(tmp_path / "journal.db")
    made = Scene(tmp_path / "journal.db")
    yield made
    await made.journal.aclose()


async def test_a_request_is_done_once_also_over_a_death_before_the_answer(scene: Scene) -> None:
    """Killed between the journal and the answer, the next life answers and does nothing again."""
    request = scene.post("resolve", visit="v-0002", verdict="paid", note="bank")
    (taken,) = scene.box.take()
    assert taken == request
    first = await scene.desk.handle(taken)
    assert [owed.notice.visit_id for owed in scene.told] == [2]

    scene.desk = scene.hire()  # The one before died here.
    (again,) = scene.box.take()
    assert await scene.desk.handle(again) == first
    assert len(scene.told) == 1
    assert len(await scene.journal.kept_notices(VisitId(2))) == 1
    scene.box.answer(request.request_id, first)
    assert scene.box.reply(request.request_id) == first
    assert scene.box.take() == []
    assert list(box_path(scene.path).iterdir()) == []


async def test_a_request_that_was_taken_back_or_is_old_is_not_done(scene: Scene) -> None:
    """Whoever gave up waiting was told that nothing happens."""
    request = scene.post("drain")
    assert scene.box.take_back(request.request_id)
    assert scene.box.take() == []
    old = scene.post("drain")
    scene.wall_s += 61
    assert scene.box.take() == []
    assert not scene.letter(old, "request").exists()
    taken = scene.post("drain")
    assert len(scene.box.take()) == 1
    assert not scene.box.take_back(taken.request_id)


async def test_strange_letters_ask_for_nothing(scene: Scene, tmp_path: Path) -> None:
    """A link, a pipe, a folder, too much, no JSON, another name: none is read or followed."""
    scene.post("drain")
    scene.box.take()
    folder = box_path(scene.path)
    for path in folder.iterdir():
        path.unlink()
    secret = tmp_path / "secret"
    secret.write_text('{"verb": "drain", "words": {}, "who": "x"}')
    names = [f"{letter * 26}.request" for letter in "abcdef"]
    (folder / names[0]).symlink_to(secret)
    os.mkfifo(folder / names[1])
    (folder / names[2]).write_text('{"verb": "drain", "pad": "' + "x" * 20_000 + '"}')
    (folder / names[3]).write_text("[" * 5000)
    (folder / names[4]).write_text('["drain"]')
    (folder / "drain.request").write_text(secret.read_text())
    scene.wall_s = secret.stat().st_mtime
    for request in scene.box.take():
        reply = await scene.desk.handle(request)
        assert reply == Reply(2, "The request can not be read. Nothing was changed.")
        scene.box.answer(request.request_id, reply)
    assert await scene.journal.draining_since() is None
    assert secret.exists()


async def test_a_folder_that_others_may_write_into_is_not_read(scene: Scene) -> None:
    """Whoever can write there could hand out money's fate."""
    scene.post("drain")
    box_path(scene.path).chmod(0o777)
    with pytest.raises(JournalUnavailable, match="chmod 0700"):
        scene.box.take()


async def test_the_loop_answers_within_a_moment_and_ends_when_told(scene: Scene) -> None:
    """It runs beside the payments and never keeps the worker from stopping."""
    stop = asyncio.Event()
    loop = asyncio.create_task(RequestLoop(box=scene.box, desk=scene.desk).run(stop))
    request = scene.post("repost", visit="1")
    for _ in range(2000):
        reply = scene.box.reply(request.request_id)
        if reply is not None:
            break
        await asyncio.sleep(0.005)
    stop.set()
    await loop
    assert reply == Reply(0, "The till is told again of v-0001, 1 notice, at once.")
