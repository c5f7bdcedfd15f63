"""Lists that come in pages, and the doubt about whether they are all there."""

from datetime import timedelta

import pytest

from worker.adapters.wallet import WalletClient, shapes
from worker.domain.ids import LocationId, SpotId
from worker.domain.outcome import Done, Refused, Unknown
from worker.domain.wallet import Spot, SpotList, SpotStatus, TransactionStatus

from .clockwork import LoopClock
from .stage import Scene, Stage, no, says

HALL = LocationId(9975)


def spots(*ids: int, **metadata: object) -> Scene:
    rows = [{"id": one, "status": "waiting", "identifier": f"T-{one}"} for one in ids]
    return says(200, {"spots": rows, **({"_metadata": metadata} if metadata else {})})


def transactions(first: int, count: int, **metadata: object) -> Scene:
    rows = [
        {"transaction_key": f"key-{number}", "status": "reserved"}
        for number in range(first, first + count)
    ]
    return says(200, {"transactions": rows, **({"_metadata": metadata} if metadata else {})})


async def spot_ids(client: WalletClient) -> tuple[list[str], bool]:
    outcome = await client.list_waiting_spots(HALL)
    assert isinstance(outcome, Done)
    return [spot.spot_id for spot in outcome.value.spots], outcome.value.is_complete


async def test_a_list_without_metadata_is_the_whole_list(
    stage: Stage, client: WalletClient
) -> None:
    """It is asked for without limit and offset, as the vendor's example does."""
    stage.plays(spots(1, 2))

    assert await spot_ids(client) == (["1", "2"], True)
    assert stage.targets() == ["GET /spots?status=waiting&location_id=9975"]


@pytest.mark.parametrize("more", [{"total": 5}, {"has_next": True}])
async def test_metadata_leads_to_the_next_pages(
    stage: Stage, client: WalletClient, more: dict[str, object]
) -> None:
    """Limit and offset are taken from the page itself."""
    stage.plays(
        spots(1, 2, offset=0, limit=2, **more),
        spots(3, 4, offset=2, limit=2, **more),
        spots(5, offset=4, limit=2, total=5, has_next=False),
    )

    assert await spot_ids(client) == (["1", "2", "3", "4", "5"], True)
    assert stage.targets()[1:] == [
        "GET /spots?status=waiting&location_id=9975&limit=2&offset=2",
        "GET /spots?status=waiting&location_id=9975&limit=2&offset=4",
    ]


@pytest.mark.parametrize(
    "second",
    [
        spots(1, 2, offset=0, limit=2, total=5),
        spots(offset=2, limit=2, total=5),
        spots(3, offset=2, limit=2, total=3),
        no(400, "invalid_parameters"),
    ],
    ids=["the same again", "empty", "shrunk", "refused"],
)
async def test_a_list_in_doubt_is_not_complete(
    stage: Stage, client: WalletClient, second: Scene
) -> None:
    """What was read is given, but absence from it says nothing (F24)."""
    stage.plays(spots(1, 2, offset=0, limit=2, total=5), second)

    ids, is_complete = await spot_ids(client)

    assert (ids[:2], is_complete) == (["1", "2"], False)
    assert len(stage.seen) == 2


async def test_endless_pages_end_at_the_cap(stage: Stage, client: WalletClient) -> None:
    """A list that never ends is not complete."""
    stage.plays(*(spots(number, has_next=True, limit=1, offset=number) for number in range(99)))

    ids, is_complete = await spot_ids(client)

    assert (len(ids), is_complete) == (shapes.PAGES_MAX, False)
    assert len(stage.seen) == shapes.PAGES_MAX


async def test_rows_of_other_locations_and_statuses_are_left_out(
    stage: Stage, client: WalletClient
) -> None:
    """In case the filters are ignored; that makes nothing incomplete."""
    rows = [
        {"id": 1, "status": "waiting", "place_info": {"location_id": 9975}},
        {"id": 2, "status": "waiting", "place_info": {"location_id": 1}},
        {"id": 3, "status": "open", "place_info": {"location_id": 9975}},
        {"id": 4, "status": "waiting", "place_info": {"title": "x"}},
    ]
    stage.plays(says(200, {"spots": rows}))

    assert await spot_ids(client) == (["1", "4"], True)


async def test_a_row_that_can_not_be_read_makes_the_list_incomplete(
    stage: Stage, client: WalletClient
) -> None:
    """The others are served all the same."""
    stage.plays(says(200, {"spots": [{"id": 1, "status": "waiting"}, {"id": None}]}))

    assert await spot_ids(client) == (["1"], False)


async def test_a_first_page_that_is_refused_is_the_answer(
    stage: Stage, client: WalletClient
) -> None:
    """There is nothing to give."""
    stage.otherwise = no(403, "forbidden")

    assert isinstance(await client.list_waiting_spots(HALL), Refused)


async def test_transactions_are_collected_from_all_pages_once_each(
    stage: Stage, client: WalletClient
) -> None:
    """A full page has a next one even if it does not say so; doubles are one (F24)."""
    stage.plays(transactions(0, 200), transactions(199, 7))

    outcome = await client.list_transactions(
        [TransactionStatus.RESERVED, TransactionStatus.CONFIRMED]
    )

    assert isinstance(outcome, Done)
    assert [row.key for row in outcome.value] == [f"key-{number}" for number in range(206)]
    assert stage.targets() == [
        "GET /transactions?status=reserved,confirmed&limit=200&offset=0",
        "GET /transactions?status=reserved,confirmed&limit=200&offset=200",
    ]


async def test_transactions_with_a_missing_page_are_unknown(
    stage: Stage, client: WalletClient
) -> None:
    """Half a list would look like an answer."""
    stage.plays(transactions(0, 200, total=400, offset=0, limit=200))
    stage.otherwise = says(500, b"")

    outcome = await client.list_transactions([TransactionStatus.NEW])

    assert isinstance(outcome, Unknown)
    assert "page is missing" in outcome.why


async def test_a_search_since_a_moment_speaks_the_servers_time(
    stage: Stage, client: WalletClient, clock: LoopClock
) -> None:
    """Our clock may be days off; the moment is meant as it was, with a minute to spare."""
    clock.wall_off_s = 5000.0
    right = int(clock.now().timestamp())
    stage.plays(no(401, "invalid_timestamp"), says(200, {"time": right}))
    stage.otherwise = says(200, {"transactions": []})
    await client.list_transactions([TransactionStatus.NEW])

    await client.list_transactions([TransactionStatus.NEW], clock.now() - timedelta(seconds=100))

    asked = stage.targets()[-1]
    since = int(asked.split("from=")[1].split("&")[0])
    assert since == pytest.approx(right - 160, abs=2)


@pytest.mark.parametrize("status", [403, 405, 501])
async def test_a_spot_that_is_not_shown_singly_is_looked_for_in_its_list(
    stage: Stage, client: WalletClient, status: int
) -> None:
    """Where it was seen is remembered, and so is the refusal, for a while."""
    stage.plays(spots(1, 2), no(status, "forbidden"), spots(1, 2), spots(1))
    await client.list_waiting_spots(HALL)

    assert await client.look_at_spot(SpotId("2")) == Done(
        Spot(SpotId("2"), SpotStatus.WAITING, "T-2", None, None)
    )
    assert await client.look_at_spot(SpotId("2")) == Done(
        Spot(SpotId("2"), shapes.SPOT_STATUS_OF_ABSENT, "", HALL, None)
    )
    assert stage.targets().count("GET /spot/2") == 1


async def test_a_spot_that_was_never_seen_keeps_its_refusal(
    stage: Stage, client: WalletClient
) -> None:
    """Without its location there is no list to look into."""
    stage.plays(no(403, "forbidden"))

    outcome = await client.look_at_spot(SpotId("2"))

    assert isinstance(outcome, Refused)
    assert outcome.status == 403


async def test_absence_from_half_a_list_is_unknown(stage: Stage, client: WalletClient) -> None:
    """The spot may be on the part that could not be read (F24)."""
    stage.plays(
        spots(1, 2), no(403, "forbidden"), says(200, {"spots": [{"id": 1, "status": "waiting"}, 7]})
    )
    await client.list_waiting_spots(HALL)

    assert isinstance(await client.look_at_spot(SpotId("2")), Unknown)


def test_an_empty_list_is_complete() -> None:
    """Nothing is everything there is."""
    assert SpotList((), is_complete=True).spots == ()
