"""Tenants in a TOML file that is edited while the process runs."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import Application, ConfigurationError, FileTenants, Key, Tenant

from ..calling import eventually, run_program
from ..making import OTHER_SECRET, SECRET

QUICK = 0.01
"""Seconds between two looks at the file."""

ACME = f'[[tenants]]\nid = "acme"\napplications = ["shop"]\nkeys = [{{ secret = "{SECRET.decode()}" }}]\n'
GLOBEX = (
    ACME.replace("acme\n", "globex\n").replace('"acme"', '"globex"').replace(SECRET.decode(), OTHER_SECRET.decode())
)
WEAK = ACME.replace(SECRET.decode(), "hunter2222")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tenants.toml"


@pytest.fixture
def tenants(path: Path) -> Iterator[FileTenants]:
    """A file with acme in it, looked at all the time."""
    path.write_text(ACME)
    tenants = FileTenants(path, check_interval=QUICK)
    yield tenants
    tenants.close()


def edit(path: Path, content: str | bytes) -> None:
    """Change the file as an editor does: write beside it, then rename."""
    beside = path.with_suffix(".new")
    beside.write_bytes(content.encode() if isinstance(content, str) else content)
    beside.replace(path)


def one(path: Path, text: str, issuer: str = "acme") -> Tenant:
    """The tenant of this issuer in a file with this text."""
    path.write_text(text)
    tenants = FileTenants(path)
    found = tenants.resolve(issuer)
    tenants.close()
    assert found is not None
    return found


def keys_of(tenants: FileTenants) -> tuple[Key, ...]:
    found = tenants.resolve("acme")
    assert found is not None
    return found.keys


def refusal(path: Path, text: str | bytes) -> str:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigurationError) as caught:
        FileTenants(path)
    return str(caught.value)


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "jwt_middleware-file"]


# What a file says


def test_a_file_says_everything_that_a_tenant_can_be_told(path: Path) -> None:
    text = """
    [[tenants]]
    id = "acme"
    issuers = ["acme", "https://acme.example/"]
    active = false
    scope_claim = "scp"
    audience_claim = "client_id"
    max_lifetime = 3600
    token_types = ["at+jwt"]

    [[tenants.keys]]
    secret = "a secret that is long enough for the longest hash, which is that of HS512"
    kid = "2026-11"
    algorithm = "HS512"
    not_after = 2027-01-01T00:00:00Z

    [[tenants.keys]]
    secret = "a secret that is long enough for HS256"
    not_after = 1800000000

    [[tenants.applications]]
    id = "shop"
    scopes = ["read"]
    active = false
    """
    acme = one(path, text)
    assert (acme.id, acme.issuers, acme.active) == ("acme", ("acme", "https://acme.example/"), False)
    assert (acme.scope_claim, acme.audience_claim, acme.max_lifetime) == ("scp", "client_id", 3600)
    assert acme.token_types is not None
    assert "at+jwt" in acme.token_types
    assert acme.applications == (Application("shop", scopes=["read"], active=False),)
    assert acme.keys == (
        Key.secret(
            "a secret that is long enough for the longest hash, which is that of HS512",
            kid="2026-11",
            algorithm="HS512",
            not_after=datetime(2027, 1, 1, tzinfo=UTC),
        ),
        Key.secret("a secret that is long enough for HS256", not_after=1_800_000_000),
    )


def test_a_short_file_says_what_is_usual(path: Path) -> None:
    acme = one(path, ACME)
    assert (acme.issuers, acme.active, acme.token_types) == (("acme",), True, None)
    assert (acme.keys, acme.applications) == ((Key.secret(SECRET),), (Application("shop"),))


def test_a_secret_may_come_from_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_SECRET", SECRET.decode())
    text = ACME.replace(f'secret = "{SECRET.decode()}"', 'secret_env = "ACME_SECRET"')
    assert one(path, text).keys == (Key.secret(SECRET),)


def test_a_secret_may_be_the_bytes_of_a_file_beside_this_one(path: Path) -> None:
    secret = bytes(range(1, 200))
    (path.parent / "acme.key").write_bytes(secret)
    assert one(path, ACME.replace(f'secret = "{SECRET.decode()}"', 'secret_file = "acme.key"')).keys == (
        Key.secret(secret),
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_line_end_in_a_secret_file_is_a_part_of_the_secret_and_warned_about(
    end: bytes, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (path.parent / "acme.key").write_bytes(SECRET + end)
    acme = one(path, ACME.replace(f'secret = "{SECRET.decode()}"', 'secret_file = "acme.key"'))
    assert acme.keys == (Key.secret(SECRET + end),)
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "tenant 'acme': key 1: the file" in record.getMessage()
    assert "ends with a line end, which is part of the secret" in record.getMessage()
    assert SECRET.decode() not in record.getMessage()


def test_tenants_are_counted_and_the_file_is_named(tenants: FileTenants, path: Path) -> None:
    assert len(tenants) == 1
    assert repr(tenants) == f"FileTenants({str(path)!r})"


# What is refused at the start


def test_a_missing_file_is_refused_by_its_name(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"tenants\.toml: cannot be read \(No such file or directory\)"):
        FileTenants(path)


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)"):
        FileTenants(tmp_path)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (ACME[:60], "is not TOML (at "),
        (ACME[:-10], "is not TOML (at "),
        ("[[tenants]\n", "is not TOML (at line 1, column 10)"),
        (b'[[tenants]]\nid = "\xff"\n', "is not TOML (not UTF-8 at byte 18)"),
        ("x = " + "[" * 100_000, "is not TOML"),
    ],
    ids=["half-written", "half a line short", "broken", "not UTF-8", "deeply nested"],
)
def test_a_file_that_is_not_toml_is_refused_with_the_place(text: str | bytes, place: str, path: Path) -> None:
    message = refusal(path, text)
    assert f"{path}: {place}" in message
    assert "half-written files are refused too" in message
    assert "acme's own" not in message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "begin each tenant with [[tenants]]"),
        ('title = "x"', "begin each tenant with [[tenants]]"),
        (ACME.replace("[[tenants]]", "[[tenant]]"), "did you mean [[tenants]] where [[tenant]] stands?"),
        (ACME.replace("[[tenants]]", "[tenants]"), "[[tenants]]"),
    ],
)
def test_a_file_without_tenants_is_refused_with_a_hint(text: str, hint: str, path: Path) -> None:
    message = refusal(path, text)
    assert "there is no [[tenants]]" in message
    assert hint in message


def test_a_weak_secret_is_refused_by_the_tenants_name_and_not_shown(path: Path) -> None:
    message = refusal(path, ACME.replace("acme", "globex").replace("globex's", "acme's") + WEAK)
    assert "tenant 'acme': key 1: secret: 10 bytes long; HS256 needs at least 32" in message
    assert "globex" not in message
    assert "hunter" not in message


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('id = "acme"', 'id = "acme"\nissuer = "acme"', "tenant 'acme': Object contains unknown field `issuer`"),
        ('id = "acme"', "id = 7", "tenant 7: Expected `str`, got `int`"),
        ('id = "acme"\n', "", "a tenant without id: Object missing required field `id`"),
        ('id = "acme"', 'id = "a/b"', "tenant 'a/b': id: has a slash"),
        ('applications = ["shop"]\n', "", "tenant 'acme': Object missing required field `applications`"),
        ('["shop"]', '"shop"', "tenant 'acme': Expected `array`, got `str`"),
        ('["shop"]', '[{ id = "shop", scope = [] }]', "unknown field `scope`"),
        ('["shop"]', '[{ id = "shop", scopes = ["a b"] }]', "tenant 'acme': scopes: 'a b' is not a scope name"),
        ('["shop"]', '["shop", "shop"]', "tenant 'acme': applications: 'shop' stands there 2 times"),
        (" }]", ', kid = "" }]', "tenant 'acme': key 1: kid: not text of 1 to 256 plain characters"),
        (" }]", ', algorithm = "RS256" }]', "tenant 'acme': key 1: algorithm: 'RS256' does not take a secret"),
        (" }]", ", not_after = 2027-01-01T00:00:00 }]", "tenant 'acme': key 1: not_after: a datetime"),
        (" }]", ", not_after = nan }]", "tenant 'acme': key 1: not_after: not a time in seconds"),
        (" }]", ', secret_env = "X" }]', "not exactly one source"),
        ("secret =", "secret_env =", "is not in the environment"),
        ("secret =", "secret_file =", "cannot be read (No such file or directory)"),
        ('secret = "', 'secret_file = "\\u0000', "tenant 'acme': key 1: secret_file: no file can have this name"),
    ],
)
def test_whatever_is_wrong_is_told_with_the_tenant_and_the_place(old: str, new: str, problem: str, path: Path) -> None:
    assert problem in refusal(path, ACME.replace(old, new))


def test_a_key_without_any_secret_is_refused(path: Path) -> None:
    text = '[[tenants]]\nid = "acme"\napplications = []\nkeys = [{ kid = "k1" }]\n'
    message = refusal(path, text)
    assert "tenant 'acme': key 1: " in message
    assert "not exactly one source" in message


def test_an_entry_that_is_no_table_is_refused(path: Path) -> None:
    assert "a tenant without id: Expected `object`, got `int`" in refusal(path, "tenants = [7]")


def test_every_problem_of_every_tenant_is_told_at_once(path: Path) -> None:
    message = refusal(path, WEAK + GLOBEX.replace('"shop"', '""') + ACME.replace('"acme"', '"initech"'))
    assert "tenant 'acme': key 1: secret" in message
    assert "tenant 'globex': id" in message
    assert "initech" not in message


def test_two_tenants_do_not_share_a_secret(path: Path) -> None:
    assert "share a secret" in refusal(path, ACME + ACME.replace('"acme"', '"initech"'))


# Edits


def test_an_edited_file_is_picked_up_without_a_restart(
    tenants: FileTenants, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert tenants.resolve("globex") is None
    edit(path, ACME + GLOBEX)
    assert eventually(lambda: tenants.resolve("globex"))
    assert tenants.resolve("acme") is not None
    assert eventually(lambda: f"tenants file {path}: loaded anew, 2 tenants" in caplog.messages)


def test_a_tenant_that_was_taken_out_is_unknown(tenants: FileTenants, path: Path) -> None:
    assert tenants.resolve("acme") is not None
    edit(path, GLOBEX)
    assert eventually(lambda: tenants.resolve("acme") is None)


def unusable() -> Iterator[tuple[str, bytes | None, str]]:
    yield "broken", b"[[tenants]\n", "is not TOML (at line 1, column 10)"
    yield "half-written", (ACME + GLOBEX)[:-20].encode(), "is not TOML"
    yield "empty", b"", "there is no [[tenants]]"
    yield "not UTF-8", b"\xff" + ACME.encode(), "not UTF-8 at byte 0"
    yield "missing", None, "cannot be read (No such file or directory)"
    yield "weak secret", WEAK.encode(), "tenant 'acme': key 1: secret: 10 bytes long"
    yield "shared secret", (ACME + ACME.replace('"acme"', '"initech"')).encode(), "share a secret"


@pytest.mark.parametrize(("content", "reason"), [pytest.param(*rest, id=name) for name, *rest in unusable()])
def test_the_last_good_content_stays_when_the_new_one_is_unusable_and_the_log_says_why(
    content: bytes | None, reason: str, tenants: FileTenants, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert tenants.resolve("acme") is not None
    if content is None:
        path.unlink()
    else:
        edit(path, content)
    assert eventually(lambda: caplog.records)
    [record] = caplog.records
    assert (record.name, record.levelname) == ("jwt_middleware", "ERROR")
    assert f"tenants file {path}: kept the last good content; " in record.getMessage()
    assert reason in record.getMessage()
    assert not any(secret in record.getMessage() for secret in ("hunter", "acme's own", "\n"))
    assert tenants.resolve("acme") is not None
    assert len(tenants) == 1


def test_a_file_that_stays_broken_is_reported_once_and_picked_up_when_it_is_mended(
    tenants: FileTenants, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tenants.resolve("acme")
    edit(path, "broken")
    assert eventually(lambda: caplog.records)
    assert not eventually(lambda: len(caplog.records) > 1, within=20 * QUICK)
    edit(path, GLOBEX)
    assert eventually(lambda: tenants.resolve("globex"))


KEY_IN_A_FILE = ACME.partition("keys")[0] + 'keys = [{ secret_file = "key" }]\n'


@pytest.mark.parametrize("before", [b"hunter2", None], ids=["weak", "missing"])
def test_a_key_that_comes_later_is_picked_up_though_the_file_that_names_it_stays(
    before: bytes | None, tenants: FileTenants, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tenants.resolve("acme")
    if before is not None:
        edit(path.parent / "key", before)
    edit(path, KEY_IN_A_FILE)
    assert eventually(lambda: caplog.records)
    edit(path.parent / "key", OTHER_SECRET)
    assert eventually(lambda: Key.secret(OTHER_SECRET) in keys_of(tenants))


def test_a_key_that_is_changed_in_its_file_is_picked_up(path: Path) -> None:
    edit(path.parent / "key", SECRET)
    edit(path, KEY_IN_A_FILE)
    tenants = FileTenants(path, check_interval=QUICK)
    assert Key.secret(SECRET) in keys_of(tenants)
    edit(path.parent / "key", OTHER_SECRET)
    assert eventually(lambda: Key.secret(OTHER_SECRET) in keys_of(tenants))
    tenants.close()


def test_a_file_is_not_read_while_somebody_is_still_writing_it(
    tenants: FileTenants, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    looks = threading.Semaphore(0)
    stat = Path.stat

    def changing(self: Path, **options: Any) -> os.stat_result:
        if self == path and looks.acquire(blocking=False):
            path.write_text(path.read_text() + "\n# more")
        return stat(self, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "stat", changing)
        looks.release(10)
        tenants.resolve("acme")
        assert eventually(lambda: caplog.messages)
        assert not looks.acquire(blocking=False)
    assert path.read_text().count("# more") == 10
    assert [message for message in caplog.messages if "loaded anew" in message] == caplog.messages
    assert len(caplog.messages) == 1


def test_a_file_may_be_read_at_once(tenants: FileTenants, path: Path) -> None:
    edit(path, GLOBEX)
    tenants.reload()
    assert tenants.resolve("globex") is not None


def test_reading_a_broken_file_at_once_raises_and_changes_nothing(tenants: FileTenants, path: Path) -> None:
    edit(path, WEAK)
    with pytest.raises(ConfigurationError, match="tenant 'acme'"):
        tenants.reload()
    assert tenants.resolve("acme") is not None


# The thread


def test_no_thread_runs_before_the_first_look_up_and_none_after_close(path: Path) -> None:
    path.write_text(ACME)
    before = watchers()
    tenants = FileTenants(path, check_interval=QUICK)
    assert watchers() == before
    tenants.resolve("acme")
    [watcher] = set(watchers()) - set(before)
    assert watcher.daemon
    tenants.close()
    assert not watcher.is_alive()


def test_closing_twice_or_before_the_first_look_up_does_nothing(tenants: FileTenants) -> None:
    tenants.close()
    tenants.resolve("acme")
    tenants.close()
    tenants.close()
    assert tenants.resolve("acme") is not None


def test_a_look_up_after_close_watches_again(tenants: FileTenants, path: Path) -> None:
    tenants.resolve("acme")
    tenants.close()
    edit(path, GLOBEX)
    tenants.resolve("acme")
    assert eventually(lambda: tenants.resolve("globex"))


def test_closing_may_happen_while_the_change_is_being_logged(tenants: FileTenants, path: Path) -> None:
    class Closing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tenants.close()

    logger, closing = logging.getLogger("jwt_middleware"), Closing()
    logger.addHandler(closing)
    try:
        tenants.resolve("acme")
        [watcher] = watchers()
        edit(path, "broken")
        assert eventually(lambda: not watcher.is_alive())
    finally:
        logger.removeHandler(closing)


def test_the_thread_ends_when_nobody_holds_the_tenants_any_more(path: Path) -> None:
    path.write_text(ACME)
    tenants = FileTenants(path, check_interval=QUICK)
    tenants.resolve("acme")
    [watcher] = watchers()
    del tenants
    gc.collect()
    assert eventually(lambda: not watcher.is_alive())


def test_many_look_ups_at_once_start_one_thread_which_close_ends(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(ACME)
    tenants = FileTenants(path, check_interval=QUICK)
    together = threading.Barrier(2)

    class Slow(threading.Thread):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            if self.name == "jwt_middleware-file":
                with suppress(threading.BrokenBarrierError):
                    together.wait(0.2)

    callers = [threading.Thread(target=tenants.resolve, args=("acme",)) for _ in range(2)]
    with monkeypatch.context() as patched:
        patched.setattr(threading, "Thread", Slow)
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    started = watchers()
    closing = threading.Thread(target=tenants.close, daemon=True)
    closing.start()
    closing.join(5)
    assert len(started) == 1
    assert not closing.is_alive()
    assert not started[0].is_alive()


FORK = """
import os, sys, time
from pathlib import Path
from jwt_middleware import FileTenants

path = Path(sys.argv[1])
tenants = FileTenants(path, check_interval=0.01)
assert tenants.resolve("acme") is not None
child = os.fork()
if child == 0:
    path.with_suffix(".new").write_text(sys.argv[2])
    path.with_suffix(".new").replace(path)
deadline = time.monotonic() + 20
while tenants.resolve("globex") is None and time.monotonic() < deadline:
    time.sleep(0.01)
found = tenants.resolve("globex") is not None
if child == 0:
    os._exit(0 if found else 1)
print("parent", found, "child", os.waitpid(child, 0)[1] == 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_picks_up_edits_as_its_parent_does(path: Path) -> None:
    path.write_text(ACME)
    done = run_program(FORK, str(path), GLOBEX)
    assert done.stdout == "parent True child True\n", done.stderr
