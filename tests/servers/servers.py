"""The servers: how each is started, and what it hides from the app or changes on the way to it.

A row that stands under `hidings` has the answer given there, to what then arrived, and no other: when a server
changes its ways the tests say so, and the list is to be mended, here and in `docs/servers.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from ..conformance.answers import MALFORMED, MALFORMED_CREDENTIALS, NO_CREDENTIALS, SIGNATURE, lacking
from ..conformance.row import ANONYMOUS, Answer, reached
from ..conformance.tokens import GOOD
from .rows import READER, Expected

_IN: Final = reached(GOOD)
_LACKING: Final = lacking("admin")

Colour: TypeAlias = Literal["wsgi", "asgi"]
SocketRefusal: TypeAlias = Literal["answer", "status"]
"""`answer`: the documented one, by the extension websocket.http.response; `status`: 403 and nothing else."""


Closing: TypeAlias = Literal["yes", "no", "from Python 3.13"]


class Hiding(NamedTuple):
    """One habit of a server."""

    why: str
    """As it stands in the documentation, under the server's name."""
    rows: Mapping[str, tuple[Expected, ...]]
    """The answers to the rows that it shows in."""


class Limit(NamedTuple):
    """What a server does not do, or refuses by itself, and the documentation says so."""

    why: str
    """As it stands in the documentation, under the server's name."""
    outcomes: Mapping[str, str]
    """What comes of the rows that it shows in: see `judging.Verdict`."""


class Server(NamedTuple):
    """One way to serve an app."""

    name: str
    colour: Colour
    command: str
    """As it stands in the documentation: `app.py` is here, and port 8000 is free."""
    closes: Closing
    """Whether what the stores keep running is ended when the server is terminated."""
    hidings: tuple[Hiding, ...] = ()
    limits: tuple[Limit, ...] = ()
    refuses_sockets_with: SocketRefusal | None = None
    unread_subprotocols: bool = False
    """Whether only one field of subprotocols is read."""

    @property
    def closes_here(self) -> bool:
        """The same, for this Python: since 3.13, processes of multiprocessing run what `atexit` was told."""
        return self.closes == "yes" or (self.closes != "no" and sys.version_info >= (3, 13))

    @property
    def hidden(self) -> dict[str, tuple[Expected, ...]]:
        """All rows that are not answered as the contract has it."""
        return {row: expected for hiding in self.hidings for row, expected in hiding.rows.items()}

    @property
    def limited(self) -> dict[str, str]:
        """What comes of the rows that show its limits."""
        return {row: outcome for limit in self.limits for row, outcome in limit.outcomes.items()}


def _things(answers: Mapping[str, Answer]) -> dict[str, tuple[Expected, ...]]:
    return {row: (Expected(answer, "/v1/things"),) for row, answer in answers.items()}


_ONLY_THE_LAST: Final = _things(
    {
        "twice-good-forged": SIGNATURE,
        "twice-forged-good": _IN,
        "twice-good-good": _IN,
        "twice-good-basic": NO_CREDENTIALS,
        "twice-basic-good": _IN,
        "twice-good-empty": NO_CREDENTIALS,
        "twice-empty-good": _IN,
        "twice-good-latin-1": MALFORMED,
        "twice-latin-1-good": _IN,
        "twice-utf-8-good": _IN,
        "twice-in-two-cases": SIGNATURE,
        "twice-apart": _IN,
    }
)
_BLANK_BEFORE_COLON: Final = _things(
    {f"{blank}-before-colon-{place}": _IN for blank in ("blank", "tab") for place in ("alone", "behind")}
)
_LAST_LINE: Final = _things(
    {
        "folded-inside-token": NO_CREDENTIALS,
        "folded-second-token": NO_CREDENTIALS,
        "folded-after-another-scheme": _IN,
        "folded-after-comma": _IN,
    }
)
_STRIPPED: Final = _things({"vertical-tab-behind": _IN, "form-feed-in-front": _IN, "bare-cr-behind": _IN})
_KEPT_SLASH: Final = {
    "encoded-slash": (Expected(NO_CREDENTIALS, "/static/x%2Fy"),),
    "encoded-dots-and-slash": (Expected(NO_CREDENTIALS, "/static/..%2Fv1/things"),),
    "disguised-encoded-slash": (Expected(_LACKING, "/admin%2Fx"),),
}
_NOT_ASCII: Final = _things(
    dict.fromkeys(
        [
            "latin-1-behind",
            "no-break-space-behind",
            "next-line-behind",
            "utf-8-behind",
            "no-utf-8",
            "twice-latin-1-good",
            "twice-utf-8-good",
        ],
        NO_CREDENTIALS,
    )
)
_LEADING_SLASHES: Final = {
    "doubled-slash-in-front": (Expected(ANONYMOUS, "/static/x"),),
    "disguised-doubled-slash-in-front": (Expected(_LACKING, "/admin/x"),),
    "disguised-tripled-slash-in-front": (Expected(_LACKING, "/admin/x"),),
}

_FRAGMENT: Final = Hiding(
    "A fragment in the request target (which no client should send) is cut off before the app sees it.",
    {"fragment": (Expected(ANONYMOUS, "/healthz"),)},
)
_SCRIPT_NAME: Final = Hiding(
    "A field `SCRIPT_NAME` from 127.0.0.1 moves the app below that path.",
    {
        "mounted-by-script-name-underscore-lacking": (Expected(reached(READER), "/x"),),
        "mounted-by-script-name-underscore-anonymous": (Expected(ANONYMOUS, "/healthz"),),
    },
)
_ROOT_PATH: Final = Hiding(
    "A field `Daphne-Root-Path`, from whomever, becomes `root_path`.",
    {
        "mounted-by-daphne-root-path-lacking": (Expected(reached(READER), "/admin/x"),),
        "mounted-by-daphne-root-path-anonymous": (Expected(ANONYMOUS, "/v1/healthz"),),
    },
)
_ABSOLUTE_FORM: Final = Hiding(
    "A request target in absolute form is handed over whole as the path, so that no rule opens it.",
    {
        "absolute-form": (Expected(NO_CREDENTIALS, "http://api.example/healthz"),),
        "absolute-form-closed": (Expected(NO_CREDENTIALS, "http://api.example/v1/things"),),
        "absolute-form-of-another-host": (Expected(NO_CREDENTIALS, "http://other.example/healthz"),),
        "disguised-absolute-form": (Expected(_LACKING, "http://api.example/admin/x"),),
    },
)

_SHORT_FIELDS: Final = Limit("A header field may have 8190 bytes", {"long": "=", "too-long": "431"})

_ASGI: Final = (
    Server(
        "granian-asgi",
        "asgi",
        "granian --interface asgi app:app --port 8000",
        "yes",
        (_FRAGMENT,),
        refuses_sockets_with="answer",
    ),
    Server(
        "uvicorn-h11",
        "asgi",
        "uvicorn app:app --http h11 --ws wsproto --port 8000",
        "yes",
        (_ABSOLUTE_FORM,),
        refuses_sockets_with="answer",
    ),
    Server(
        "uvicorn-httptools",
        "asgi",
        "uvicorn app:app --http httptools --ws websockets --port 8000",
        "yes",
        (
            _FRAGMENT,
            Hiding(
                "A field in the trailer of a chunked body counts as a header field, if it arrives with the head.",
                {
                    "authorization-in-a-trailer": (Expected(_IN, "/v1/things", "POST"),),
                    "authorization-in-a-trailer-too": (Expected(MALFORMED_CREDENTIALS, "/v1/things", "POST"),),
                },
            ),
        ),
        refuses_sockets_with="answer",
    ),
    Server(
        "hypercorn",
        "asgi",
        "hypercorn app:app --bind 127.0.0.1:8000",
        "yes",
        (
            _ABSOLUTE_FORM,
            Hiding(
                "Methods become upper case.",
                {
                    "lower-case-get": (Expected(ANONYMOUS, "/catalogue"),),
                    "lower-case-post": (Expected(_LACKING, "/upload", "POST"),),
                },
            ),
        ),
        refuses_sockets_with="answer",
        unread_subprotocols=True,
    ),
    Server(
        "daphne",
        "asgi",
        "daphne app:app --bind 127.0.0.1 --port 8000",
        "no",
        (_ABSOLUTE_FORM, _ROOT_PATH),
        (Limit("A line of more than 16 KiB closes the connection without an answer.", {"16-kilobytes": "closed"}),),
        refuses_sockets_with="status",
    ),
)
_WSGI: Final = (
    Server(
        "gunicorn",
        "wsgi",
        "gunicorn app:app --bind 127.0.0.1:8000",
        "yes",
        (_FRAGMENT, _SCRIPT_NAME),
        (
            _SHORT_FIELDS,
            Limit(
                "The first closes the connection after each answer",
                {"another-token-on-the-same-connection": "= closed", "pipelined-after-a-refusal": "= closed"},
            ),
        ),
    ),
    Server(
        "gunicorn-threads",
        "wsgi",
        "gunicorn app:app --bind 127.0.0.1:8000 --threads 4",
        "yes",
        (_FRAGMENT, _SCRIPT_NAME),
        (
            _SHORT_FIELDS,
            Limit("with `--threads`, connections are kept", {"another-token-on-the-same-connection": "="}),
        ),
    ),
    Server(
        "waitress",
        "wsgi",
        "waitress-serve --listen=127.0.0.1:8000 app:app",
        "no",
        (_FRAGMENT, Hiding("Several slashes at the beginning of the path become one.", _LEADING_SLASHES)),
    ),
    Server(
        "cheroot",
        "wsgi",
        "python -m cheroot app:app --bind 127.0.0.1:8000",
        "no",
        (
            Hiding("Of several Authorization fields only the last one arrives.", _ONLY_THE_LAST),
            Hiding("A blank between a field's name and the colon is ignored.", _BLANK_BEFORE_COLON),
            Hiding("Of a value folded over several lines only the last line arrives.", _LAST_LINE),
            Hiding("Form feeds, vertical tabs and carriage returns around a value are stripped.", _STRIPPED),
            Hiding("An encoded slash stays `%2F`, so that no rule opens the path.", _KEPT_SLASH),
            Hiding(
                "Three slashes at the beginning of the path become one.",
                {"disguised-tripled-slash-in-front": (Expected(_LACKING, "/admin/x"),)},
            ),
            Hiding(
                "The chunks of a body that the app did not read are taken for the next request.",
                {
                    "chunk-size-that-looks-like-a-request": (
                        Expected(NO_CREDENTIALS, "/v1/things", "POST"),
                        Expected(ANONYMOUS, "/feed", "ADD"),
                    )
                },
            ),
        ),
        (
            Limit(
                "Most are refused with 400",
                dict.fromkeys(
                    ["refused-with-chunked-body-then-another", "refused-with-big-chunked-body-then-another"], "= 400"
                ),
            ),
        ),
    ),
    Server(
        "granian-wsgi",
        "wsgi",
        "granian --interface wsgi app:app --port 8000",
        "from Python 3.13",
        (_FRAGMENT, Hiding("The value of a field that is not ASCII arrives empty.", _NOT_ASCII)),
    ),
)
SERVERS: Final = (*_ASGI, *_WSGI)
"""Those for ASGI first: pytest then starts each once for all tests that want it."""
