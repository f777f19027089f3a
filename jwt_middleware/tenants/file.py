"""Tenants kept in a TOML file that may be edited while the process runs.

::

    [[tenants]]
    id = "acme"
    applications = ["shop", { id = "admin", scopes = ["read"] }]
    keys = [{ secret_env = "ACME_SECRET", kid = "2026-11" }]
"""

from __future__ import annotations

import logging
import os
import threading
import tomllib
import weakref
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.grammar import escaped
from jwt_middleware.tenants.entries import TenantEntry
from jwt_middleware.tenants.key_sources import KeySource
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Tenant
from jwt_middleware.tenants.static import StaticTenants

_log = logging.getLogger("jwt_middleware")

_ONE_SOURCE = Problem(
    "key",
    "not exactly one source",
    "name one of secret, secret_env (an environment variable), secret_file, pem_file (paths) and jwk",
)

_Stamp: TypeAlias = tuple[int, int, int] | None
"""Modification time, size and inode of a file; None where it cannot be read."""


class FileTenants:
    """The tenants of a TOML file, in memory. An edited file is picked up within about two `check_interval`s (seconds).

    The same holds for the files that its keys are in.

    Raises ConfigurationError when the file cannot be used at the start. Later a file that cannot be used is logged
    with the reason, and the last good content stays. Write a new version beside the file and rename it: the change
    is then seen whole. A thread looks at the file from the first look-up on, in each process; `close` ends it.
    """

    in_memory = True

    def __init__(self, path: str | os.PathLike[str], *, check_interval: float = 1.0) -> None:
        self.path = Path(path)
        self._check_interval = check_interval
        self._beside: tuple[Path, ...] = ()
        self.reload()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None

    def resolve(self, issuer: str) -> Tenant | None:
        """The tenant that has this issuer in the last good version of the file, or None."""
        watcher = self._watcher
        # A forked child sees its parent's thread as dead and starts one of its own.
        if watcher is None or not watcher.is_alive():
            self._watch()
        return self._tenants.resolve(issuer)

    def reload(self) -> None:
        """Read the file now. Raises ConfigurationError and keeps the last good content when it cannot be used."""
        self._seen = self._loaded = self._stamps()
        entries = tenant_entries(read_toml(self.path))
        # Files that it names count as parts of it, those too that are not there yet.
        self._beside = tuple(_named_files(entries, self.path.parent))
        self._seen = self._loaded = self._stamps()
        self._tenants = load(self.path)

    def close(self) -> None:
        """End the watching thread. A later look-up starts it again."""
        with self._lock:
            watcher, self._watcher = self._watcher, None
            self._stop.set()
        if watcher is not None and watcher is not threading.current_thread():
            watcher.join()

    def __len__(self) -> int:
        return len(self._tenants)

    def __repr__(self) -> str:
        return f"FileTenants({str(self.path)!r})"

    def _stamps(self) -> tuple[_Stamp, ...]:
        return tuple(map(_stamp, (self.path, *self._beside)))

    def _watch(self) -> None:
        with self._lock:
            if self._watcher is not None and self._watcher.is_alive():
                return
            self._stop = threading.Event()
            arguments = (weakref.ref(self), self._stop, self._check_interval)
            self._watcher = threading.Thread(target=_watch, args=arguments, name="jwt_middleware-file", daemon=True)
            self._watcher.start()

    def _look(self) -> None:
        """Load a changed file once two looks in a row saw the same: whoever writes it may be in the middle."""
        seen, self._seen = self._seen, self._stamps()
        if self._seen == seen and seen != self._loaded:
            try:
                self.reload()
                _log.info("tenants file %s: loaded anew, %d tenants", self.path, len(self))
            except ConfigurationError as error:
                _log.error("tenants file %s: kept the last good content; %s", self.path, escaped(str(error), 4000))


def load(path: Path) -> StaticTenants:
    """The tenants of a TOML file. Raises ConfigurationError with every problem, by tenant; no secret is in it."""
    entries = tenant_entries(read_toml(path))
    problems: list[Problem] = []
    tenants = [tenant for entry in entries if (tenant := _built(entry, path.parent, problems)) is not None]
    if problems:
        raise ConfigurationError(problems, f"tenants file {str(path)!r} cannot be used")
    return StaticTenants(tenants)


def read_toml(path: Path) -> dict[str, Any]:
    """The document in a TOML file. Raises ConfigurationError when it is missing, unreadable or not TOML."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        what, fix = f"cannot be read ({error.strerror})", "check the path and its permissions"
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        what, fix = f"is not TOML ({_position(error)})", "check the line; half-written files are refused too"
    raise ConfigurationError([Problem(str(path), what, fix)], "this file cannot be used")


def tenant_entries(document: dict[str, Any]) -> list[Any]:
    """The `[[tenants]]` of a document. Raises ConfigurationError where there are none."""
    entries = document.get("tenants")
    if isinstance(entries, list):
        return entries
    near = get_close_matches("tenants", document, n=1)
    hint = f"did you mean [[tenants]] where [[{near[0]}]] stands?" if near else "begin each tenant with [[tenants]]"
    raise ConfigurationError([Problem("tenants", "there is no [[tenants]]", hint)], "this file cannot be used")


class _KeyEntry(msgspec.Struct, forbid_unknown_fields=True):
    secret: str | None = None
    secret_env: str | None = None
    secret_file: str | None = None
    jwk: dict[str, Any] | None = None
    pem_file: str | None = None
    kid: str | None = None
    algorithm: str = "HS256"
    not_after: datetime | float | None = None


class _TenantEntry(TenantEntry, kw_only=True):
    keys: list[_KeyEntry] | None = None


def _watch(watched: weakref.ref[FileTenants], stop: threading.Event, interval: float) -> None:
    while not stop.wait(interval):
        tenants = watched()
        if tenants is None:
            return
        tenants._look()
        del tenants


def _stamp(path: Path) -> _Stamp:
    with suppress(OSError, ValueError):
        status = path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino
    return None


def _position(error: Exception) -> str:
    """Where it went wrong. Not the bytes that stand there: they may be part of a secret."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    _, _, position = str(error).rpartition("(")
    return position.rstrip(")") or "no position"


def _named_files(entries: list[Any], folder: Path) -> Iterator[Path]:
    """The files that the keys are in, as far as the entries are what they should be."""
    for entry in entries:
        keys = entry.get("keys") if isinstance(entry, dict) else None
        for key in keys if isinstance(keys, list) else ():
            for source in ("secret_file", "pem_file"):
                name = key.get(source) if isinstance(key, dict) else None
                if isinstance(name, str):
                    yield folder / name


def _built(entry: object, folder: Path, problems: list[Problem]) -> Tenant | None:
    where = f"tenant {entry['id']!r}" if isinstance(entry, dict) and "id" in entry else "a tenant without id"
    try:
        converted = msgspec.convert(entry, _TenantEntry)
        return converted.tenant(_keys(converted, folder, where))
    except msgspec.ValidationError as error:
        problems.append(Problem(where, str(error), "see the fields of [[tenants]] in the documentation"))
    except ConfigurationError as error:
        problems += [Problem(f"{where}: {inner.where}", inner.what, inner.fix) for inner in error.problems]
    return None


def _keys(entry: _TenantEntry, folder: Path, where: str) -> list[Key] | KeySource:
    """The keys of the entry, or where they are fetched from."""
    if [entry.keys, entry.jwks, entry.discover].count(None) != 2:
        fix = "name one of keys, jwks (the address of a key set) and discover (the address of an OpenID provider)"
        raise ConfigurationError([Problem("keys", "not exactly one source", fix)])
    if (source := entry.key_source()) is not None:
        return source
    problems: list[Problem] = []
    places = enumerate(entry.keys or (), 1)
    keys = [key for place in places if (key := _key(*place, folder, where, problems)) is not None]
    if problems:
        raise ConfigurationError(problems)
    return keys


def _key(number: int, entry: _KeyEntry, folder: Path, where: str, problems: list[Problem]) -> Key | None:
    try:
        if entry.jwk is not None or entry.pem_file is not None:
            return _public_key(entry, folder)
        secret = _secret(entry, folder, f"{where}: key {number}")
        return Key.secret(secret, kid=entry.kid, algorithm=entry.algorithm, not_after=entry.not_after)
    except ConfigurationError as error:
        problems += [Problem(f"key {number}: {inner.where}", inner.what, inner.fix) for inner in error.problems]
    return None


def _public_key(entry: _KeyEntry, folder: Path) -> Key:
    if [entry.secret, entry.secret_env, entry.secret_file, entry.jwk, entry.pem_file].count(None) != 4:
        raise ConfigurationError([_ONE_SOURCE])
    text: dict[str, Any] | bytes = entry.jwk or b""
    if entry.pem_file is not None:
        text = _read(folder / entry.pem_file, "pem_file")
    return Key.public(text, algorithm=entry.algorithm, kid=entry.kid, not_after=entry.not_after)


def _secret(entry: _KeyEntry, folder: Path, where: str) -> str | bytes:
    """The secret from the one place that the entry names."""
    if sum(source is not None for source in (entry.secret, entry.secret_env, entry.secret_file)) != 1:
        raise ConfigurationError([_ONE_SOURCE])
    if entry.secret_env is not None:
        return _from_environment(entry.secret_env)
    if entry.secret_file is not None:
        return _from_file(folder / entry.secret_file, where)
    return entry.secret or ""


def _from_environment(name: str) -> str:
    if name not in os.environ:
        raise ConfigurationError([Problem("secret_env", f"{name} is not in the environment", f"export {name}=...")])
    return os.environ[name]


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError([Problem(name, f"{path} cannot be read ({error.strerror})")]) from None
    except ValueError:
        raise ConfigurationError([Problem(name, "no file can have this name")]) from None


def _from_file(path: Path, where: str) -> bytes:
    secret = _read(path, "secret_file")
    if secret.endswith((b"\n", b"\r")):
        _log.warning("%s: the file %s ends with a line end, which is part of the secret", where, path)
    return secret
