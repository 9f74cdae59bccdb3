"""`orrery ui`: the dashboard, a web page that shows runs and lets a person act."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from orrery.cli import SUCCEEDED
from orrery.cli.options import HubTokenFile, HubUrl, Json, Store, Words, read_hub
from orrery.cli.screen import out, say, write_json
from orrery.dashboard.board import Board
from orrery.dashboard.token import Running, find_running, forget_running, kept_token, note_running
from orrery.errors import MissingExtraError, RequestError
from orrery.journal import open_journal
from orrery.runtime.session import store_url

if TYPE_CHECKING:
    from orrery.dashboard.web.access import Access


def ui(
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    allow_host: Words = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    insecure_network: bool = False,
    no_browser: Annotated[bool, Parameter(negative=())] = False,
    link: Annotated[bool, Parameter(negative=())] = False,
    new_token: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
    store: Store = None,
    hub: HubUrl = None,
    hub_token_file: HubTokenFile = None,
    hub_state: Path | None = None,
) -> int:
    """Show runs on a web page, live, until Ctrl-C. Runs do not need it: they go on when it ends.

    The page opens with a link that has a token in it. The token lies in .orrery/ui.token, which only you can read.

    Args:
        port: Where to listen; 8642 unless given, or the next that is free. 0 takes a free one.
        host: The address to listen at; loopback unless given.
        allow_host: A name besides that address by which it is reached; can be repeated.
        tls_cert: The certificate for https, a PEM file.
        tls_key: Its key, if that is not in the same file.
        insecure_network: Listen beyond loopback without TLS: everybody on the way can read and change everything.
        no_browser: Open no browser.
        link: Print the link of the dashboard that runs in this folder, and start none.
        new_token: Make another token; links and pages that were opened with the old one are closed.
        hub_state: The folder of the hub's registry, where it is not the usual one.
    """
    if link:
        return _print_link(as_json=json)
    try:
        from orrery.dashboard.web.server import Address, serve
    except ImportError as error:
        raise MissingExtraError("ui", needed_for="the dashboard") from error
    address = Address(host, port, tuple(allow_host or ()), tls_cert, tls_key, insecure_network)
    fleet, token, url = read_hub(hub, hub_token_file), kept_token(anew=new_token), _absolute(store_url(store))
    with address.bind() as listening:
        access = address.access(listening, token)
        board = Board(open_journal(url), url, Path.cwd(), fleet, hub_state)

        def began() -> None:
            note_running(Running(access.url, os.getpid()))
            _announce(access, url, usual_port=port is None, as_json=json)
            if not (no_browser or json) and _somebody_looks():
                threading.Thread(target=webbrowser.open, args=(access.link,), daemon=True).start()

        try:
            asyncio.run(serve(board, listening, access, address, began))
        finally:
            forget_running(os.getpid())
            board.close()
    if not json:
        say(out(), "the dashboard has stopped; runs go on", "dim")
    return SUCCEEDED


def _print_link(*, as_json: bool) -> int:
    running = find_running()
    if running is None:
        raise RequestError("no dashboard runs in this folder; `orrery ui` starts one")
    link = f"{running.url}/login?token={kept_token()}"
    if as_json:
        write_json({"url": running.url, "link": link, "pid": running.pid})
    else:
        print(link)
    return SUCCEEDED


def _announce(access: Access, store: str, *, usual_port: bool, as_json: bool) -> None:
    if as_json:
        write_json({"url": access.url, "link": access.link, "pid": os.getpid(), "store": store})
        return
    from orrery.dashboard.web.server import DEFAULT_PORT

    console = out()
    if usual_port and access.port != DEFAULT_PORT:
        say(console, f"port {DEFAULT_PORT} is taken, so this is port {access.port}")
    if console.is_terminal:
        say(console, f"dashboard at {access.url}; Ctrl-C ends", "bold")
        print(access.link, flush=True)  # as it is, however wide the screen
    else:  # what is no terminal may be kept, and the link opens everything
        say(console, f"dashboard at {access.url}; `orrery ui --link` prints the link that opens it")
    sys.stdout.flush()


def _somebody_looks() -> bool:
    """Whether a person sits at this machine, with a screen on which a browser can open."""
    if not sys.stdout.isatty():
        return False
    has_screen = (
        os.name == "nt" or sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return bool(has_screen) and "SSH_CONNECTION" not in os.environ


def _absolute(store: str) -> str:
    """The URL of a store that means the same from every folder."""
    path = store.removeprefix("sqlite:///")
    return store if path == store or not path else f"sqlite:///{Path(path).absolute()}"
