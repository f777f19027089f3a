"""What a server made of a row: as the contract has it, the server's own refusal, or one of its known habits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..conformance.row import json_bytes, reached
from ..conformance.tokens import claims_of
from .rows import Expected, WireRow
from .served import HANDED
from .servers import Server
from .wire import Conversation, Reply

_BEARER = re.compile(r"[ \t]*bearer +([\w.-]+)[ \t]*", re.IGNORECASE | re.ASCII)


class Verdict(NamedTuple):
    """On one row at one server."""

    outcome: str
    """For the table: `=` for each answer of the contract, the status of an answer of the server's own, `closed`."""
    faults: tuple[str, ...]
    """Why it cannot be left at that."""


def judged(row: WireRow, server: Server, conversation: Conversation) -> Verdict:
    """The verdict on one conversation."""
    expected = server.hidden.get(row.id)
    is_habit = expected is not None
    marks = [*_marks(row, row.expected if expected is None else expected, conversation)]
    faults = [*_faults(row, marks, conversation)]
    outcome = "=" if set(marks) == {"="} else " ".join(marks)
    if (is_habit and outcome != "=") or outcome != server.limited.get(row.id, outcome):
        faults.append(f"the server has changed its habits ({outcome}): mend the list and the documentation")
    if is_habit:
        outcome = "hidden"
    return Verdict(outcome, tuple(f"{server.name}, {row.id}: {fault}" for fault in faults))


def _marks(row: WireRow, expected: tuple[Expected, ...], conversation: Conversation) -> Iterator[str]:
    for wanted, reply in zip(expected, conversation.replies, strict=False):
        if any(each.is_met_by(reply) for each in (wanted, *_alternatives(row, wanted))):
            yield "="
        else:
            yield str(reply.status) if reply.handed is None else f"!{reply.status}"
    if len(conversation.replies) < len(expected):
        yield "closed"


def _alternatives(row: WireRow, wanted: Expected) -> Iterator[Expected]:
    return (wanted._replace(answer=answer) for answer in row.or_else)


def _faults(row: WireRow, marks: list[str], conversation: Conversation) -> Iterator[str]:
    if not conversation.is_closed:
        yield "the connection was left open"
    if marks[: row.certain] != ["="] * row.certain:
        yield f"{row.certain} answers should be certain, got {marks}"
    for number, (mark, reply) in enumerate(zip(marks, conversation.replies, strict=False), 1):
        if mark.startswith("!") or not ("=" in mark or mark.startswith("4")):
            yield f"answer {number} is not the contract's: {_told(reply)}"
        elif mark != "=" and number < len(conversation.replies):
            yield f"answered on after refusing with {mark}"
        if not _is_deserved(reply):
            yield f"answer {number} has an identity that nothing that arrived can give: {_told(reply)}"


def _told(reply: Reply) -> str:
    headers = {name: value for name, value in reply.headers.items() if name != HANDED}
    return f"{reply.status} {headers} {reply.body!r}, to {reply.handed}"


def _is_deserved(reply: Reply) -> bool:
    """Whether an identity is the one of the only token that arrived, in the only Authorization field."""
    if reply.handed is None or reply.status != 200 or b'"subject"' not in reply.body:
        return True
    fields = reply.handed["fields"]
    found = _BEARER.fullmatch(fields[0]) if len(fields) == 1 else None
    if found is None:
        return False
    answer = reached(found[1], tenant=claims_of(found[1])["iss"])
    return reply.body == json_bytes(answer.members or {})
