"""The server of ``adaptive-calib serve``: Bokeh's, for reading only, on loopback unless another address is asked for.

On loopback everybody on this machine may look; on any other address only who has the token, which is printed with the
address of the page, and kept by the browser in a cookie.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import secrets
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlparse

import panel as pn
from bokeh.server.auth_provider import AuthProvider
from tornado.web import RequestHandler
from tornado.websocket import WebSocketClosedError

from adaptive_calib.store import Store
from adaptive_calib.web import pages
from adaptive_calib.web.results import Watched

__all__ = ["make_server"]

_COOKIE = "adaptive-calib-token"
#: Days for which a browser keeps the token.
_DAYS = 30


def make_server(
    open_store: Callable[[str], Store],
    name: str,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
) -> tuple[Any, str]:
    """Return a server that listens, and the URL of its first page.

    Parameters
    ----------
    open_store : callable
        Opens a store for reading.
    name : str
        File or URL of the store.
    address : str
        The address to listen on.
    port : int
        0 for any free one.
    token : str, optional
        Of those who may look; by default a new one, and none on loopback.

    Raises
    ------
    OSError
        If the port is in use.
    """
    pn.extension("tabulator", notifications=False)
    watched = Watched(open_store, name)
    for run in watched.runs[-1:]:  # so that the first page does not wait
        pages.warm(watched, run)
    if token is None and not _is_loopback(address):
        token = secrets.token_urlsafe(24)
    apps: Any = {  # functions proper: of other callables Panel would show the result without its template
        "/": lambda: pages.list_page(watched),
        "/run": lambda: pages.run_page(watched),
        "/compare": lambda: pages.compare_page(watched),
    }
    # any origin, of which it warns, as `_Visitors` checks them
    logging.getLogger("bokeh.server.util").setLevel(logging.ERROR)
    with _handler_of_ctrl_c_kept(), warnings.catch_warnings():
        # of Python 3.12 and 3.13, at tornado's look for a loop before it makes one
        warnings.filterwarnings("ignore", "There is no current event loop", DeprecationWarning)
        server: Any = pn.io.server.get_server(
            apps, port=port, address=address, websocket_origin="*", auth_provider=_Visitors(token),
        )  # fmt: skip
    server.io_loop.asyncio_loop.set_exception_handler(_report)
    host = socket.gethostname() if address in ("0.0.0.0", "::") else f"[{address}]" if ":" in address else address
    return server, f"http://{host}:{server.port}/" + ("" if token is None else f"?token={token}")


@contextmanager
def _handler_of_ctrl_c_kept() -> Iterator[None]:
    """Set the handler of SIGINT again that Panel replaces, though the server may not be all that this process does."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _report(loop: Any, context: dict[str, Any]) -> None:
    """Report an error as always, but not that a page was closed while something was sent to it."""
    if not isinstance(context.get("exception"), WebSocketClosedError):
        loop.default_exception_handler(context)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class _Refused(RequestHandler):
    """What somebody without the token sees."""

    def get(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.write("This page needs a token: open the address that `adaptive-calib serve` printed, with ?token=...\n")


class _Visitors(AuthProvider):
    """Lets in who has the token, in the address or in a cookie; without a token, whose browser names this machine.

    A page of somebody else that has its name resolved to 127.0.0.1 keeps that name in ``Host`` and ``Origin``.
    """

    def __init__(self, token: str | None) -> None:
        self._token = token
        super().__init__()

    @property
    def get_user(self) -> Any:
        """Return the function that names the visitor who sends a request, None for a stranger."""
        return lambda request: "visitor" if self._may_look(request) else None

    def _may_look(self, request: RequestHandler) -> bool:
        if self._token is None:
            hosts = [f"//{request.request.host}", request.request.headers.get("Origin", "//localhost")]
            return all(_is_loopback(urlparse(host).hostname or "") for host in hosts)
        given = request.get_query_argument("token", "")
        if hmac.compare_digest(given.encode(), self._token.encode()):
            request.set_cookie(_COOKIE, given, httponly=True, samesite="Strict", expires_days=_DAYS)
            return True
        return hmac.compare_digest((request.get_cookie(_COOKIE) or "").encode(), self._token.encode())

    @property
    def login_url(self) -> str:
        """Where strangers are sent."""
        return "/refused"

    @property
    def login_handler(self) -> type[RequestHandler]:
        """What is there."""
        return _Refused
