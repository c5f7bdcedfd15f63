"""A real Chromium without a window, told what to do over two pipes.

Chromium reads its commands on descriptor 3 and answers on 4, each a JSON text with a zero byte
behind it, so no library and no port are needed.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
WHY_NOT: Final = "Chromium is not installed: apt install chromium"
PATIENCE_S: Final = 60.0
FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
Json = dict[str, Any]


class Tab:
    """One open page."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser = browser
        self._session = session

    async def command(self, method: str, **params: object) -> Json:
        """Do one thing of the DevTools protocol."""
        return await self._browser.command(method, self._session, **params)

    async def look(
        self,
        url: str,
        *,
        width: int = 1440,
        height: int = 1000,
        scheme: str = "light",
        motion: str = "no-preference",
        scale: float = 1.0,
    ) -> None:
        """Open an address on a screen of this kind."""
        await self.command("Page.enable")
        await self.command("Runtime.enable")
        await self.command("Log.enable")
        await self.command("Network.enable")
        await self.command("Accessibility.enable")
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=width < 600,
        )  # fmt: skip
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]
        await self.command("Emulation.setEmulatedMedia", features=features)
        await self.command("Page.navigate", url=url)

    async def js(self, expression: str) -> Any:
        """Work out an expression in the page."""
        done = await self.command(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    async def until(self, expression: str, patience_s: float = 30.0) -> Any:
        """Wait until an expression is true in the page; give it."""
        found = None
        try:
            async with asyncio.timeout(patience_s):
                while not found:
                    with contextlib.suppress(AssertionError):  # The page may still be loading.
                        found = await self.js(expression)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            body = await self.js("document.body.innerText")
            raise AssertionError(f"never true: {expression}; the page says:\n{body}") from None
        return found

    async def press(self, key: str) -> None:
        """Press a key by its DOM name."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.command(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key,
                windowsVirtualKeyCode=code, **(text if kind == "keyDown" else {}),
            )  # fmt: skip

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        await self.command("Input.insertText", text=text)

    async def picture(self, path: Path, *, whole: bool = False) -> None:
        """Keep a picture of the screen, or of the whole page."""
        shot = await self.command(
            "Page.captureScreenshot", format="png", captureBeyondViewport=whole
        )
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    async def tree(self) -> list[Json]:
        """Give what a screen reader is given."""
        nodes: list[Json] = (await self.command("Accessibility.getFullAXTree"))["nodes"]
        return [node for node in nodes if not node["ignored"]]

    def heard(self, method: str) -> list[Json]:
        """Give what the page reported of one kind."""
        return [
            event["params"]
            for event in self._browser.events
            if event["method"] == method and event.get("sessionId") == self._session
        ]


class Browser:
    """The process and its two pipes."""

    def __init__(self, reader: asyncio.StreamReader, write: Callable[[bytes], object]) -> None:
        self._reader = reader
        self._write = write
        self._count = 0
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self.events: list[Json] = []

    async def command(self, method: str, session: str | None = None, **params: object) -> Json:
        """Do one thing of the DevTools protocol."""
        self._count += 1
        told: Json = {"id": self._count, "method": method, "params": params}
        if session is not None:
            told["sessionId"] = session
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[self._count] = answer
        self._write(json.dumps(told).encode() + b"\0")
        done = await asyncio.wait_for(answer, PATIENCE_S)
        assert "error" not in done, f"{method}: {done['error']}"
        result: Json = done["result"]
        return result

    async def listen(self) -> None:
        """Sort what the browser says until it ends."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                told = json.loads((await self._reader.readuntil(b"\0"))[:-1])
                if "id" in told:
                    self._waiting.pop(told["id"]).set_result(told)
                else:
                    self.events.append(told)

    async def tab(self) -> Tab:
        """Open a tab with a memory of its own."""
        context = (await self.command("Target.createBrowserContext"))["browserContextId"]
        target = await self.command(
            "Target.createTarget", url="about:blank", browserContextId=context
        )
        attached = await self.command(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        return Tab(self, attached["sessionId"])


@asynccontextmanager
async def a_browser(folder: Path) -> AsyncIterator[Browser]:
    """Start Chromium with an empty profile, and end it."""
    assert CHROMIUM is not None, WHY_NOT
    its_in, our_out = os.pipe()
    our_in, its_out = os.pipe()
    process = await asyncio.create_subprocess_exec(
        "/bin/bash", "-c", f'exec "$@" 3<&{its_in} 4>&{its_out}', "bash",
        CHROMIUM, *FLAGS, f"--user-data-dir={folder}",
        pass_fds=(its_in, its_out),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "TZ": "Europe/Vilnius", "LANGUAGE": "en", "LANG": "en_GB.UTF-8"},
    )  # fmt: skip
    os.close(its_in)
    os.close(its_out)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(our_in, "rb")
    )
    out = os.fdopen(our_out, "wb", buffering=0)
    browser = Browser(reader, out.write)
    listening = asyncio.create_task(browser.listen())
    try:
        yield browser
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        transport.close()
        out.close()
