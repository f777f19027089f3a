"""`jwt-middleware console`: the pages for tenants, served by themselves."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from jwt_middleware.cli import leave_without
from jwt_middleware.cli.api_settings import SettingsFile, api_settings
from jwt_middleware.cli.store import PATIENCE, Store, opened
from jwt_middleware.cli.terminal import Json, fail, note, print_json, reporting
from jwt_middleware.tenants.cached import CachedTenants

if TYPE_CHECKING:
    from jwt_middleware.console import Console
    from jwt_middleware.tenants.sql import SQLTenants

DEFAULT_PORT: Final = 8088
MAX_CONNECTIONS: Final = 256
SECONDS_TO_END: Final = 3


def console_command(
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 is any free one.")] = DEFAULT_PORT,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where tenants reach it: https://console.example.")
    ] = None,
    api_url: Annotated[
        str, typer.Option(metavar="URL", help="The API's own address, for the lines that tenants copy.")
    ] = "https://api.example.com",
    settings: SettingsFile = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Serve the pages on which tenants refresh their secret and check tokens, until Ctrl-C.

    Put a server that speaks https in front of it, and name its address with --base-url.
    Requests are not logged, because the addresses of links are secret.
    """
    with reporting(), _until_ctrl_c(), opened(store) as tenants, _listen(host, port) as listener:
        console = _console(tenants, settings, base_url or _own_address(host, listener), api_url)
        if json:
            print_json({"url": console.base_url})
        else:
            typer.echo(f"The console is at {console.base_url}/")
        note(f"A link to a new secret: jwt-middleware tenant link TENANT --base-url {console.base_url}")
        _serve(console, listener)


def _console(tenants: SQLTenants, file: Path | None, base_url: str, api_url: str) -> Console:
    try:
        import uvicorn  # noqa: F401 (what serves it is asked for before it is made)

        from jwt_middleware.console import Console
    except ModuleNotFoundError as missing:
        leave_without(missing, "console", ("jinja2", "starlette", "uvicorn"))
    remembered = CachedTenants(tenants, store_timeout=PATIENCE)
    return Console(api_settings(file, tenants=remembered), base_url=base_url, api_url=api_url)


def _own_address(host: str, listener: socket.socket) -> str:
    if not _is_loopback(host):
        fail("--base-url", "missing", "other machines reach it over https only: name the address at which they do")
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        fail("--host, --port", f"cannot listen at {host} port {port}: {error.strerror}", "choose another port, or 0")


def _serve(console: Console, listener: socket.socket) -> None:
    import uvicorn

    settings = uvicorn.Config(
        console.app,
        access_log=False,
        log_config=None,
        server_header=False,
        ws="none",  # its log has addresses
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )
    uvicorn.Server(settings).run(sockets=[listener])


@contextmanager
def _until_ctrl_c() -> Iterator[None]:
    """Or until the process is asked to end: uvicorn ends in order on either signal, and then raises it anew."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        note("Ended.")
    finally:
        signal.signal(signal.SIGTERM, previous)
