"""Every setting, in one place: its default, its unit and a sentence. `parcelhook settings` prints them.

Each comes from the environment (`PARCELHOOK_PORT`), or from the same key in lower case in `parcelhook.toml` (`port`) in
the working folder or where `PARCELHOOK_CONFIG` points; the environment wins. A secret may be given as a file instead
(`PARCELHOOK_API_KEY_FILE`). A bad value stops the start with a sentence.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from parcelhook.errors import SettingsError
from parcelhook.webhooks.addresses import parse_networks
from parcelhook.webhooks.retry import DEFAULT_SCHEDULE_S

PREFIX = "PARCELHOOK_"
CONFIG_FILE = "parcelhook.toml"


class Setting(Struct, frozen=True, kw_only=True):
    """One setting as it is told to people."""

    key: str
    default: str
    unit: str
    sentence: str
    secret: bool = False


CATALOGUE: tuple[Setting, ...] = (
    Setting(key="DATA", default="./data", unit="folder", sentence="Where the embedded store and the encryption key lie; made for the owner alone."),
    Setting(key="DATABASE_URL", default="", unit="URL", sentence="A PostgreSQL server to keep everything in, such as postgresql://user:password@host:5432/parcelhook, which many nodes may share. Empty: the embedded store in DATA.", secret=True),
    Setting(key="ROLE", default="all", unit="all, api or worker", sentence="What this node does where many share a PostgreSQL store: answer requests (api), deliver (worker), or both."),
    Setting(key="NATS_URL", default="", unit="URLs", sentence="NATS servers with JetStream, comma-separated, such as nats://host1:4222,nats://host2:4222, that events are accepted into before they come into the store. Needs DATABASE_URL; empty: they come into the store at once.", secret=True),
    Setting(key="NATS_REPLICAS", default="1", unit="servers", sentence="On how many of the NATS servers an event is before it counts as accepted: 3 where there are three or more."),
    Setting(key="HOST", default="127.0.0.1", unit="address", sentence="The address that the server listens on; 0.0.0.0 for all."),
    Setting(key="PORT", default="8080", unit="port", sentence="The port that the server listens on; 0 for any free one."),
    Setting(key="PUBLIC_URL", default="", unit="URL", sentence="The address that people open the dashboard at, such as https://hooks.company.example, where a proxy stands in front; with https:// its cookies are sent over TLS only."),
    Setting(key="API_KEY", default="", unit="at least 20 characters", sentence="The first API key of the first account; if none is given, one is made at the first start and shown once.", secret=True),
    Setting(key="SECRET_KEY", default="", unit="Fernet keys", sentence="What endpoint credentials are encrypted with; several, comma-separated, while one is rotated (newest first). Empty: a key is made in DATA; with DATABASE_URL one must be given.", secret=True),
    Setting(key="EGRESS_ALLOW", default="", unit="CIDRs", sentence="Networks that endpoints may lie in beside the public internet, comma-separated, such as 10.1.0.0/16."),
    Setting(key="EGRESS_PROXY", default="", unit="URL", sentence="A proxy that all webhooks leave through, such as http://host:3128 or socks5://user:password@host:1080; gives them one static IP.", secret=True),
    Setting(key="EGRESS_SOURCE", default="", unit="address or interface", sentence="The local address that webhooks are sent from, for a static IP without a proxy."),
    Setting(key="EGRESS_CA_FILE", default="", unit="file", sentence="The certificate authorities (PEM) that endpoints are trusted by, in place of the public ones."),
    Setting(key="RETRY_SCHEDULE", default=",".join(str(wait) for wait in DEFAULT_SCHEDULE_S), unit="seconds", sentence="The wait before each retry, comma-separated, up to 10; each is spread by 20 % either way."),
    Setting(key="RETENTION_DAYS", default="30", unit="days", sentence="How long events, deliveries and the log are kept; 0 keeps them for ever."),
    Setting(key="STOP_GRACE", default="10", unit="seconds", sentence="How long a stop waits for requests in flight before they are cut; they are sent again at the next start."),
    Setting(key="TRACES_URL", default="", unit="URL", sentence="Where traces go: an OpenTelemetry collector's address for OTLP over HTTP, such as http://collector:4318/v1/traces. Empty: nothing is traced."),
    Setting(key="TRACES_SHARE", default="0.01", unit="0 to 1", sentence="The share of events that are traced, each from its acceptance to its receipt."),
    Setting(key="LOG_FORMAT", default="text", unit="text or json", sentence="How the server's own log is written."),
)  # fmt: skip


class Settings(Struct, frozen=True, kw_only=True):
    """All settings, checked."""

    data: Path
    database_url: str
    role: str
    nats_url: str
    nats_replicas: int
    host: str
    port: int
    public_url: str
    api_key: str
    secret_keys: tuple[str, ...]
    egress_allow: tuple[IPv4Network | IPv6Network, ...]
    egress_proxy: str
    egress_source: str
    egress_ca_file: str
    retry_schedule: tuple[float, ...]
    retention_days: int
    stop_grace_s: float
    log_format: str
    traces_url: str
    traces_share: float

    def __repr__(self) -> str:
        """Without secrets."""
        return f"Settings(data={str(self.data)!r}, host={self.host!r}, port={self.port})"


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in force; SettingsError naming the first that is wrong."""
    texts = {key: text for key, text, _ in _texts(os.environ if environment is None else environment)}
    ca_file = texts["EGRESS_CA_FILE"]
    if ca_file and not Path(ca_file).is_file():
        raise SettingsError(f'{PREFIX}EGRESS_CA_FILE: there is no file "{ca_file}".')
    if texts["LOG_FORMAT"] not in {"text", "json"}:
        raise SettingsError(f'{PREFIX}LOG_FORMAT is "text" or "json", not "{texts["LOG_FORMAT"]}".')
    role = texts["ROLE"]
    if role not in {"all", "api", "worker"}:
        raise SettingsError(f'{PREFIX}ROLE is "all", "api" or "worker", not "{role}".')
    if role != "all" and not texts["DATABASE_URL"]:
        raise SettingsError(
            f'{PREFIX}ROLE "{role}" needs {PREFIX}DATABASE_URL: the embedded store has one node, which does all.'
        )
    if texts["NATS_URL"] and not texts["DATABASE_URL"]:
        raise SettingsError(f"{PREFIX}NATS_URL needs {PREFIX}DATABASE_URL: the embedded store accepts by itself.")
    return Settings(
        role=role,
        nats_url=_nats_url(texts["NATS_URL"]),
        nats_replicas=int(_number(texts, "NATS_REPLICAS", 1, 5)),
        data=Path(texts["DATA"]).expanduser(),
        database_url=_database_url(texts["DATABASE_URL"]),
        host=texts["HOST"],
        port=int(_number(texts, "PORT", 0, 65_535)),
        public_url=_url(texts["PUBLIC_URL"]),
        api_key=texts["API_KEY"],
        secret_keys=tuple(key.strip() for key in texts["SECRET_KEY"].split(",") if key.strip()),
        egress_allow=parse_networks(texts["EGRESS_ALLOW"]),
        egress_proxy=texts["EGRESS_PROXY"],
        egress_source=texts["EGRESS_SOURCE"],
        egress_ca_file=ca_file,
        retry_schedule=_schedule(texts["RETRY_SCHEDULE"]),
        retention_days=int(_number(texts, "RETENTION_DAYS", 0, 36_500)),
        stop_grace_s=_number(texts, "STOP_GRACE", 0, 600),
        log_format=texts["LOG_FORMAT"],
        traces_url=_traces_url(texts["TRACES_URL"]),
        traces_share=_number(texts, "TRACES_SHARE", 0, 1),
    )


def describe(environment: Mapping[str, str] | None = None) -> list[tuple[Setting, str, str]]:
    """Every setting with its value (secrets masked) and where that comes from: environment, file or default."""
    found = []
    for key, text, origin in _texts(os.environ if environment is None else environment):
        setting = next(setting for setting in CATALOGUE if setting.key == key)
        found.append((setting, "••••••" if setting.secret and text else text, origin))
    return found


def _texts(environment: Mapping[str, str]) -> list[tuple[str, str, str]]:
    known = {setting.key for setting in CATALOGUE}
    allowed = known | {f"{setting.key}_FILE" for setting in CATALOGUE if setting.secret}
    beside = {"CONFIG", "URL", "ENDPOINT_PASSWORD"}  # where the file is; what the command line takes beside
    for name in environment:
        key = name.removeprefix(PREFIX)
        if name.startswith(PREFIX) and key not in allowed | beside:
            raise SettingsError(f"{name} is not a setting. `parcelhook settings` lists all.")
    file = _file(environment, allowed)
    texts = []
    for setting in CATALOGUE:
        for origin, source in (("environment", _from_environment(environment)), ("file", file)):
            text = _given(setting, source)
            if text is not None:
                texts.append((setting.key, text, origin))
                break
        else:
            texts.append((setting.key, setting.default, "default"))
    return texts


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(PREFIX): text for name, text in environment.items() if name.startswith(PREFIX)}


def _file(environment: Mapping[str, str], allowed: set[str]) -> dict[str, str]:
    named = environment.get(f"{PREFIX}CONFIG")
    path = Path(named or CONFIG_FILE)
    if not path.is_file():
        if named:
            raise SettingsError(f'{PREFIX}CONFIG: there is no file "{named}".')
        return {}
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise SettingsError(f"{path} is not valid TOML: {fault}.") from None
    for key in content:
        if key.upper() not in allowed:
            raise SettingsError(f'{path}: "{key}" is not a setting. `parcelhook settings` lists all.')
    return {
        key.upper(): ",".join(str(part) for part in value) if isinstance(value, list) else str(value)
        for key, value in content.items()
    }


def _given(setting: Setting, source: Mapping[str, str]) -> str | None:
    text = source.get(setting.key)
    path = source.get(f"{setting.key}_FILE") if setting.secret else None
    if text is not None and path is not None:
        raise SettingsError(f"{PREFIX}{setting.key} and {PREFIX}{setting.key}_FILE are both set; keep one.")
    if path is not None:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as fault:
            raise SettingsError(f"{PREFIX}{setting.key}_FILE: {path} cannot be read: {fault.strerror}.") from None
    return None if text is None else text.strip()


def _number(texts: Mapping[str, str], key: str, low: float, high: float) -> float:
    text = texts[key]
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise SettingsError(f'{PREFIX}{key} is a number from {low:g} to {high:g}, not "{text}".')
    return number


def _url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/") or parts.query):
        raise SettingsError(f'{PREFIX}PUBLIC_URL is an address such as https://hooks.company.example, not "{text}".')
    return text.rstrip("/")


def _database_url(text: str) -> str:
    if text and urlsplit(text).scheme not in {"postgresql", "postgres"}:
        raise SettingsError(
            f"{PREFIX}DATABASE_URL is an address such as postgresql://user:password@host:5432/parcelhook, "
            "or empty for the embedded store."
        )
    return text


def _nats_url(text: str) -> str:
    for part in filter(None, (part.strip() for part in text.split(","))):
        if urlsplit(part).scheme not in {"nats", "tls"} or not urlsplit(part).hostname:
            shown = part.rpartition("@")[2]
            raise SettingsError(
                f'{PREFIX}NATS_URL is one or several of nats://host:4222, comma-separated, not "{shown}".'
            )
    return text


def _traces_url(text: str) -> str:
    if text and (urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).hostname):
        raise SettingsError(f'{PREFIX}TRACES_URL is an address such as http://collector:4318/v1/traces, not "{text}".')
    return text


def _schedule(text: str) -> tuple[float, ...]:
    try:
        waits = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        waits = ()
    if not 1 <= len(waits) <= 10 or not all(0 <= wait <= 604_800 for wait in waits):
        raise SettingsError(
            f'{PREFIX}RETRY_SCHEDULE is 1 to 10 waits in seconds of at most 7 days, such as 5,30,120, not "{text}".'
        )
    return waits
