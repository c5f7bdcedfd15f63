"""The page as people meet it: in a real browser, on a real socket, with and without a mouse."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from tests.listener.browser import CHROMIUM, WHY_NOT, Browser, Tab, a_browser
from tests.listener.door import TOKEN, a_door
from tests.listener.scene import HALL, a_visit, an_end, in_parts, on_hold
from worker.domain.visit import End, Step, Visit

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT),
    pytest.mark.timeout(180),
]

BUILD: Final = Path(__file__).parents[2] / "build"
READY: Final = "document.querySelectorAll('.spot').length >= 24"
LIVE: Final = "document.body.dataset.contact === 'good'"

CONTRAST: Final = """
(() => {
  const lum = (c) => {
    const line = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = c.map((v) => line(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const rgba = (text) => [...text.match(/[0-9.]+/g).map(Number), 1].slice(0, 4);
  const over = (top, low) => [0, 1, 2].map((i) => top[i] * top[3] + low[i] * (1 - top[3]));
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility() || element.closest(".unseen, noscript, .skip")) continue;
    let ground = [255, 255, 255], opacity = 1;
    const line = [];
    for (let e = element; e; e = e.parentElement) line.unshift(e);
    for (const e of line) {
      const style = getComputedStyle(e);
      const back = rgba(style.backgroundColor);
      if (back[3] > 0) ground = over(back, ground);
      opacity *= Number(style.opacity);
    }
    const ink = rgba(getComputedStyle(element).color);
    ink[3] *= opacity;
    const [a, b] = [lum(over(ink, ground)), lum(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push([element.className, element.textContent.slice(0, 30), ratio]);
  }
  return poor;
})()
"""


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with a_browser(tmp_path / "profile") as opened:
        yield opened


def paid_in_part(now: datetime) -> Visit:
    """Give a visit that ended a moment ago."""
    return a_visit(152, "table5", Step.CLOSED, minor=3000, ago_s=9, now=now)


async def tile(tab: Tab, name: str, place: int = HALL) -> str:
    """Give what stands on a table's tile, on one line."""
    text = await tab.js(f"document.querySelector('#place-{place} [data-key=\"{name}\"]').innerText")
    return " ".join(str(text).replace("\xa0", " ").split())


async def test_the_page_shows_the_floor_the_takings_and_the_last_visits(browser: Browser) -> None:
    """Each table with its state in words, what it owes and since when; nothing from elsewhere."""
    async with a_door() as door:
        tab = await browser.tab()
        await tab.look(f"http://127.0.0.1:{door.port}/")
        await tab.until(READY)

        assert re.fullmatch(r"table 3 billed 36.50 EUR 4 min", await tile(tab, "table3"))
        assert re.fullmatch(r"table 9 waiting asking the till \d+ s", await tile(tab, "table9"))
        assert re.fullmatch(r"table 11 reserved 58.40 EUR 2 min", await tile(tab, "table11"))
        assert re.fullmatch(r"table 4 paid 42.80 EUR \d+ s", await tile(tab, "table4"))
        assert re.fullmatch(r"table 17 parked 22.40 EUR \d+ min", await tile(tab, "table17"))
        assert await tile(tab, "table1") == "table 1 free"
        text = " ".join(str(await tab.js("document.body.innerText")).replace("\xa0", " ").split())
        assert "One thing needs a look" in text
        assert re.search(r"[0-9.,]+ EUR taken today in \d+ payments", text)
        assert "1 waiting 3 billed 1 reserved 2 paid 1 parked" in text
        assert re.search(r"table4 ?Main hall Paid 1 min v-0130 42.80 EUR", text)
        assert re.search(r"table2 ?Main hall Left", text)
        assert "The till knows of every payment." in text
        asked = {one["request"]["url"] for one in tab.heard("Network.requestWillBeSent")}
        home = f"http://127.0.0.1:{door.port}/"
        assert {url for url in asked if not url.startswith(home)} == set()
        assert tab.heard("Log.entryAdded") == []
        assert tab.heard("Runtime.exceptionThrown") == []
        assert tab.heard("Runtime.consoleAPICalled") == []


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"),
    [("light", 1440, 1000, "light"), ("dark", 1440, 1000, "dark"), ("phone", 390, 844, "light")],
)
async def test_every_word_can_be_read_and_nothing_runs_off_the_screen(
    browser: Browser, name: str, width: int, height: int, scheme: str
) -> None:
    """Contrast of 4.5 to 1 for all text, by day, by night and on a phone; a picture is kept."""
    async with a_door() as door:
        tab = await browser.tab()
        await tab.look(
            f"http://127.0.0.1:{door.port}/", width=width, height=height, scheme=scheme,
            motion="reduce", scale=2.0 if name == "phone" else 1.0,
        )  # fmt: skip
        await tab.until(READY)
        await tab.picture(BUILD / f"status-page-{name}.png")

        assert await tab.js(CONTRAST) == []
        assert await tab.js("document.documentElement.scrollWidth") <= width
        overflowing = await tab.js(
            "[...document.querySelectorAll('.spot *')].filter((e) => e.getClientRects().length &&"
            " e.getBoundingClientRect().right > e.closest('.spot').getBoundingClientRect().right)"
            ".map((e) => e.textContent)"
        )
        assert overflowing == []
        assert (BUILD / f"status-page-{name}.png").stat().st_size > 20_000


async def test_bills_in_parts_and_on_hold_say_what_is_still_to_come(browser: Browser) -> None:
    """What is paid of a split bill, what a held one waits for, and an end that is paid in part."""
    async with a_door() as door:
        door.behind.more = lambda now: [
            in_parts(a_visit(150, "table1", Step.OFFERED, minor=4000, now=now), 1500, 2500, paid=1),
            on_hold(a_visit(151, "table2", Step.OFFERED, minor=10_000, now=now)),
        ]
        door.behind.past = lambda now: [
            replace(in_parts(paid_in_part(now), 1000, 2000, paid=1), end=End.PART_PAID)
        ]
        tab = await browser.tab()
        await tab.look(f"http://127.0.0.1:{door.port}/", motion="reduce")
        await tab.until(READY)
        await tab.picture(BUILD / "status-page-parts.png", whole=True)
        text = " ".join(str(await tab.js("document.body.innerText")).replace("\xa0", " ").split())

        assert await tile(tab, "table1") == "table 1 billed 15.00 EUR of it paid 40.00 EUR 1 min"
        assert (
            await tile(tab, "table2")
            == "table 2 reserved waiting for the final amount 100.00 EUR 1 min"
        )
        assert re.search(r"table5 ?Main hall Paid in part [\w ]+ v-0152 10.00 EUR", text)
        how = "[...document.querySelectorAll('tbody tr')][0].innerHTML"
        assert "#g-paid" in await tab.js(how), "it is marked as money that came in"
        assert await tab.js(CONTRAST) == []
        assert await tab.js("document.documentElement.scrollWidth") <= 1440


async def test_it_moves_only_for_those_who_like_it(browser: Browser) -> None:
    """`prefers-reduced-motion` stops every animation."""
    async with a_door() as door:
        for motion, wanted in (("reduce", 0), ("no-preference", 1)):
            tab = await browser.tab()
            await tab.look(f"http://127.0.0.1:{door.port}/", motion=motion)
            await tab.until(READY)

            assert await tab.js("Math.min(1, document.getAnimations().length)") == wanted


async def test_a_change_shows_without_a_reload_and_is_said_aloud(browser: Browser) -> None:
    """The table that pays turns on the open page, and the polite live region says so, once."""
    async with a_door() as door:
        tab = await browser.tab()
        await tab.look(f"http://127.0.0.1:{door.port}/")
        await tab.until(READY)
        assert await tab.js("document.getElementById('news').textContent") == ""
        await tab.js("window.isTheSame = true")

        door.behind.more = lambda now: [
            a_visit(150, "table7", Step.CONFIRMING, minor=2599, ago_s=90, now=now, reserved_at=now)
        ]

        said = await tab.until("document.getElementById('news').textContent")
        assert said.replace("\xa0", " ") == "table7 is reserved, 25.99 EUR."
        assert "reserved" in await tile(tab, "table7")
        assert await tab.js("window.isTheSame")
        live = await tab.js("document.getElementById('news').getAttribute('aria-live')")
        assert live == "polite"


async def test_the_page_says_when_it_has_lost_the_worker_and_finds_it_again(
    browser: Browser,
) -> None:
    """What is shown stays, greyed and dated; a worker that is back is picked up by itself."""
    async with a_door() as door:
        tab = await browser.tab()
        await tab.look(f"http://127.0.0.1:{door.port}/")
        await tab.until(READY)
    await tab.until("document.body.dataset.contact === 'lost'")
    lost = await tab.js("document.getElementById('lost').innerText")

    assert re.fullmatch(
        r"The worker does not answer. What you see is from [\d:]{8}. This page keeps trying.", lost
    )
    assert "billed" in await tile(tab, "table3")
    assert (await tab.js("document.title")).startswith("No contact")
    role = await tab.js("document.getElementById('lost').getAttribute('role')")
    assert role == "status"
    assert await tab.js("document.getElementById('lost').checkVisibility()")
    async with a_door(port=door.port):
        await tab.until(LIVE)

        assert await tab.js("document.getElementById('lost').hidden")


async def test_a_token_is_asked_for_once_and_leaks_nowhere(browser: Browser) -> None:
    """It is typed, kept for this tab alone, and travels in one header; never in an address."""
    async with a_door(token=TOKEN) as door:
        tab = await browser.tab()
        await tab.look(f"http://127.0.0.1:{door.port}/", scheme="dark")
        await tab.until("document.activeElement.id === 'token'")
        await tab.type("not-the-token-at-all")
        await tab.press("Enter")
        await tab.until("document.getElementById('gate-wrong').textContent")
        assert await tab.js("document.querySelectorAll('.spot').length") == 0
        await tab.js("document.getElementById('token').focus()")
        await tab.type(TOKEN)
        await tab.press("Enter")
        await tab.until(READY)

        assert await tab.js("document.getElementById('gate').hidden")
        assert await tab.js("document.getElementById('token').value") == ""
        assert TOKEN not in str(await tab.js("document.documentElement.outerHTML"))
        assert await tab.js("localStorage.length + document.cookie.length") == 0
        assert TOKEN not in await tab.js("location.href")
        told = [one["request"]["url"] for one in tab.heard("Network.requestWillBeSent")]
        assert [url for url in told if TOKEN in url] == []
        await tab.command("Page.reload")
        await tab.until(READY)

        other = await browser.tab()
        await other.look(f"http://127.0.0.1:{door.port}/")
        await other.until("!document.getElementById('gate').hidden")


async def test_what_strangers_wrote_is_text_and_stays_text(browser: Browser) -> None:
    """A table's name and a reason come from outside; neither becomes markup or breaks the page."""
    evil = "<img src=x onerror=\"document.title='owned'\">\u202e'\"]7"
    async with a_door() as door:
        door.behind.more = lambda now: [
            a_visit(150, evil, Step.OFFERED, ago_s=90, now=now),
            a_visit(151, "x" * 500, Step.OFFERED, ago_s=90, now=now),
        ]
        door.behind.past = lambda now: [an_end(152, evil, End.LEFT, ago_s=30, now=now)]
        tab = await browser.tab()
        await tab.look(f"http://127.0.0.1:{door.port}/", width=390, height=844)
        await tab.until(READY)
        await tab.until("document.body.innerText.includes('onerror')")

        assert (
            await tab.js("document.querySelectorAll('img, iframe, script:not([src])').length") == 0
        )
        assert "owned" not in await tab.js("document.title")
        assert tab.heard("Runtime.exceptionThrown") == []
        assert await tab.js("document.documentElement.scrollWidth") <= 390


async def test_a_screen_reader_is_given_landmarks_lists_and_a_real_table(browser: Browser) -> None:
    """Whoever does not see the colours is told the same, in an order that makes sense."""
    async with a_door() as door:
        tab = await browser.tab()
        await tab.look(f"http://127.0.0.1:{door.port}/")
        await tab.until(READY)
        tree = await tab.tree()
        headings = await tab.js(
            "[...document.querySelectorAll('#view h1, #view h2')].map((e) => e.textContent)"
        )

    def names(role: str) -> list[str]:
        return [
            str(node.get("name", {}).get("value", ""))
            for node in tree
            if node["role"]["value"] == role
        ]

    for landmark in ("banner", "main", "contentinfo"):
        assert len(names(landmark)) == 1, landmark
    assert headings == ["One thing needs a look", "Main hall", "Terrace", "Last visits", "Pulse"]
    assert set(headings) == set(names("heading"))
    assert {"Main hall", "Terrace", "Last visits", "Pulse"} <= set(names("region"))
    assert {"Main hall", "Terrace", "Tables by state", "What needs a look"} <= set(names("list"))
    assert names("columnheader") == ["Ended", "Table", "How", "Lasted", "Visit", "Amount"]
    assert names("table") == ["The visits that ended last, newest first"]
    assert "Taken today" in names("group")
    assert [name for name in names("image") if name == ""] == []
    assert [node for node in tree if node["role"]["value"] == "SvgRoot"] == []


async def test_the_keyboard_alone_is_enough(browser: Browser) -> None:
    """The first stop is the way past the head, it can be seen, and it leads to the floor."""
    async with a_door() as door:
        tab = await browser.tab()
        await tab.look(f"http://127.0.0.1:{door.port}/")
        await tab.until(READY)
        await tab.press("Tab")

        assert await tab.js("document.activeElement.className") == "skip"
        assert await tab.js("document.activeElement.getBoundingClientRect().top") >= 0
        assert await tab.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await tab.press("Enter")
        await tab.until("document.activeElement.id === 'floor'")


async def test_a_worker_that_serves_nobody_new_says_so(browser: Browser) -> None:
    """Draining lasts until somebody ends it, and whoever passes by must see that it still does."""
    async with a_door() as door:
        tab = await browser.tab()
        await tab.look(f"http://127.0.0.1:{door.port}/")
        await tab.until(READY)
        assert await tab.js("document.getElementById('mode').textContent") == "sandbox"

        door.behind.is_draining = True

        await tab.until("document.getElementById('mode').textContent.includes('draining')")
        shown = await tab.js("document.getElementById('mode').textContent")
        assert shown == "sandbox, draining: no new visits"
        assert await tab.js("getComputedStyle(document.getElementById('mode')).fontWeight") == "600"


async def test_an_empty_floor_says_what_will_happen(browser: Browser) -> None:
    """The first morning is no error."""
    async with a_door() as door:
        door.behind.is_empty = True
        tab = await browser.tab()
        await tab.look(f"http://127.0.0.1:{door.port}/")
        await tab.until(LIVE)
        text = str(await tab.js("document.body.innerText"))

        assert "No table was seen yet" in text
        assert "No visit has ended yet." in text
