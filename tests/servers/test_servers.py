"""Every row of the table at every server, over TCP; sockets; how a server ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import h11
import pytest

from .judging import Verdict, judged
from .process import running
from .report import OUTCOMES
from .rows import ROWS, WireRow
from .servers import SERVERS, Server
from .sockets import SOCKETS, fault
from .wire import converse

PROGRAMS: Final = {
    colour: f"from tests.servers.served import in_{colour}\n\napp = in_{colour}()\n" for colour in ("wsgi", "asgi")
}
IN_ASGI: Final = [server for server in SERVERS if server.colour == "asgi"]
NAMES: Final = [server.name for server in SERVERS]


@pytest.fixture(scope="module", params=SERVERS, ids=NAMES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, int]]:
    """A server that runs, and its port."""
    server: Server = request.param
    with running(server.command, PROGRAMS[server.colour], tmp_path_factory.mktemp(server.name)) as started:
        yield server, started.port


def test_a_server_answers_every_row_as_the_contract_has_it_or_refuses_it_itself(
    served: tuple[Server, int], record_property: Callable[[str, object], None]
) -> None:
    server, port = served
    verdicts = {row.id: _asked(row, server, port) for row in ROWS}
    record_property(OUTCOMES, {"server": server.name} | {row: verdict.outcome for row, verdict in verdicts.items()})
    faults = [fault for verdict in verdicts.values() for fault in verdict.faults]
    assert not faults, "\n".join(faults)


def _asked(row: WireRow, server: Server, port: int) -> Verdict:
    sendings = [(each.octets, [expected.method for expected in each.expected]) for each in row.sendings]
    try:
        return judged(row, server, converse(port, sendings))
    except h11.RemoteProtocolError as error:
        return Verdict("!", (f"{server.name}, {row.id}: {error}",))


@pytest.mark.parametrize("served", IN_ASGI, ids=NAMES[: len(IN_ASGI)], indirect=True)
def test_a_handshake_is_refused_with_the_answer_where_the_server_can_send_one(served: tuple[Server, int]) -> None:
    server, port = served
    faults = [found for row in SOCKETS if (found := fault(row, server, port))]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("server", SERVERS, ids=NAMES)
def test_stores_are_closed_when_the_server_is_terminated_where_it_says_so(server: Server, tmp_path: Path) -> None:
    with running(server.command, PROGRAMS[server.colour], tmp_path) as started:
        started.end()
    assert bool([*tmp_path.glob("closed-*")]) is server.closes_here
