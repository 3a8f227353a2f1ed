"""Real NATS servers for the tests, from a wheel: processes of their own on free ports; three of them make a cluster."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from types import TracebackType

from postgres import free_port

START_LIMIT_S = 30.0


class Nats:
    """One server with JetStream on disk. `kill` is kill -9, `start` brings it back with what it had."""

    def __init__(
        self, folder: Path, name: str = "n1", port: int | None = None, routes: dict[str, int] | None = None
    ) -> None:
        self.name = name
        self.port = port or free_port()
        self._monitor = free_port()
        self.monitor = f"http://127.0.0.1:{self._monitor}"
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / f"{name}.conf"
        cluster = ""
        if routes:
            others = ", ".join(f'"nats://127.0.0.1:{route}"' for other, route in routes.items() if other != name)
            cluster = f'cluster {{ name: parcelhook, listen: "127.0.0.1:{routes[name]}", routes: [{others}] }}'
        sync = "" if routes else "sync_interval: always"
        self._config.write_text(
            f'server_name: {name}\nlisten: "127.0.0.1:{self.port}"\nhttp: "127.0.0.1:{self._monitor}"\n'
            f'jetstream {{ store_dir: "{folder / name}", {sync} }}\n{cluster}\n',
            encoding="utf-8",
        )
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Nats:
        """Start it, and wait until it says that JetStream is ready."""
        program = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or "nats-server"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([program, "-c", self._config], stdout=log, stderr=log)
        return self

    def wait(self) -> Nats:
        """Until it is ready: within a cluster, once there is a leader."""
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                with closing(urllib.request.urlopen(f"http://127.0.0.1:{self._monitor}/healthz", timeout=2)):
                    return self
            except (urllib.error.URLError, OSError):
                assert self._process is not None
                assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, "NATS is not ready"
                time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop it if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(START_LIMIT_S)

    def __enter__(self) -> Nats:
        return self.start().wait()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()


class NatsCluster:
    """Three servers."""

    def __init__(self, folder: Path) -> None:
        routes = {name: free_port() for name in ("n1", "n2", "n3")}
        self.servers = {name: Nats(folder, name, routes=routes) for name in routes}

    def leader(self, stream: str) -> str:
        """Which of them leads a stream."""
        for server in self.servers.values():
            with closing(urllib.request.urlopen(server.monitor + "/jsz?streams=true", timeout=5)) as answer:
                told = json.load(answer)
            for account in told.get("account_details", []):
                for one in account.get("stream_detail", []):
                    if one["name"] == stream and one.get("cluster", {}).get("leader"):
                        return str(one["cluster"]["leader"])
        raise AssertionError(f"nobody leads {stream}")

    @property
    def url(self) -> str:
        """All of them."""
        return ",".join(server.url for server in self.servers.values())

    def __enter__(self) -> NatsCluster:
        for server in self.servers.values():
            server.start()
        for server in self.servers.values():
            server.wait()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for server in self.servers.values():
            server.stop()
