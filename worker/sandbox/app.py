"""The ASGI application: the vendor's routes, the control routes and the page, on one port.

Routing is done on the path's bytes as received, because an identifier in a control route may hold a
slash or a newline, and a signature covers the bytes. The framework's own router matches decoded
text, so it only hands everything on.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from .clock import Clock
from .control import PREFIX, Control
from .exchange import Exchange
from .options import SandboxOptions, check
from .state import Sandbox


def create_app(options: SandboxOptions | None = None, *, clock: Clock | None = None) -> Starlette:
    """Build a sandbox application; `app.state.sandbox` is the sandbox behind it."""
    options = SandboxOptions() if options is None else options
    check(options)
    sandbox = Sandbox(options, clock)
    exchange, control = Exchange(sandbox), Control(sandbox)

    async def everything(scope: Scope, receive: Receive, send: Send) -> None:
        raw_path = scope["raw_path"].decode("latin-1")
        is_ours = raw_path in ("/", PREFIX) or raw_path.startswith(PREFIX + "/")
        await (control if is_ours else exchange)(scope, receive, send)

    app = Starlette()
    app.router.default = everything
    app.state.sandbox = sandbox
    return app
