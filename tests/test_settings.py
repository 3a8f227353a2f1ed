"""Settings: environment, file, twins, and a sentence for every bad value."""

from __future__ import annotations

from pathlib import Path

import pytest

from parcelhook.errors import SettingsError
from parcelhook.settings import CATALOGUE, describe, load


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults() -> None:
    settings = load({})
    assert (settings.data, settings.host, settings.port) == (Path("data"), "127.0.0.1", 8080)
    assert settings.retry_schedule == (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)
    assert settings.egress_allow == ()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "parcelhook.toml").write_text('port = 9000\nretry_schedule = [1, 2.5]\nlog_format = "json"\n')
    settings = load({"PARCELHOOK_PORT": "9001"})
    assert (settings.port, settings.retry_schedule, settings.log_format) == (9001, (1.0, 2.5), "json")
    other = tmp_path / "other.toml"
    other.write_text("port = 9002\n")
    assert load({"PARCELHOOK_CONFIG": str(other)}).port == 9002


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("phk_0123456789abcdef\n")
    assert load({"PARCELHOOK_API_KEY_FILE": str(tmp_path / "key")}).api_key == "phk_0123456789abcdef"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PARCELHOOK_PORT": "http"}, 'PORT is a number from 0 to 65535, not "http"'),
        ({"PARCELHOOK_PORT": "70000"}, "PORT"),
        ({"PARCELHOOK_RETRY_SCHEDULE": "5,soon"}, "RETRY_SCHEDULE"),
        ({"PARCELHOOK_RETRY_SCHEDULE": ""}, "RETRY_SCHEDULE"),
        ({"PARCELHOOK_RETRY_SCHEDULE": ",".join("1" * 11)}, "RETRY_SCHEDULE"),
        ({"PARCELHOOK_EGRESS_ALLOW": "10.0.0.0/40"}, "10.0.0.0/40"),
        ({"PARCELHOOK_EGRESS_CA_FILE": "nowhere.pem"}, "nowhere.pem"),
        ({"PARCELHOOK_LOG_FORMAT": "xml"}, "LOG_FORMAT"),
        ({"PARCELHOOK_RETENTION_DAYS": "-1"}, "RETENTION_DAYS"),
        ({"PARCELHOOK_DATABASE_URL": "mysql://x/y"}, "DATABASE_URL is an address such as postgresql://"),
        ({"PARCELHOOK_ROLE": "boss"}, 'ROLE is "all", "api" or "worker", not "boss"'),
        ({"PARCELHOOK_ROLE": "api"}, "needs PARCELHOOK_DATABASE_URL"),
        ({"PARCELHOOK_NATS_URL": "nats://x:4222"}, "NATS_URL needs PARCELHOOK_DATABASE_URL"),
        (
            {
                "PARCELHOOK_DATABASE_URL": "postgresql://x/y",
                "PARCELHOOK_NATS_URL": "nats://u:pl4in@x:4222,http://u:pl4in@x",
            },
            'not "x"',
        ),
        ({"PARCELHOOK_NATS_REPLICAS": "9"}, "NATS_REPLICAS is a number from 1 to 5"),
        (
            {"PARCELHOOK_TRACES_URL": "collector:4318"},
            "TRACES_URL is an address such as http://collector:4318/v1/traces",
        ),
        ({"PARCELHOOK_TRACES_SHARE": "2"}, "TRACES_SHARE is a number from 0 to 1"),
        ({"PARCELHOOK_PROT": "1"}, "PARCELHOOK_PROT is not a setting"),
        ({"PARCELHOOK_PORT_FILE": "x"}, "PORT_FILE is not a setting"),
        ({"PARCELHOOK_API_KEY_FILE": "nowhere"}, "nowhere cannot be read"),
        ({"PARCELHOOK_API_KEY": "a", "PARCELHOOK_API_KEY_FILE": "b"}, "both set"),
        ({"PARCELHOOK_CONFIG": "nowhere.toml"}, "nowhere.toml"),
    ],
)
def test_a_bad_value_is_a_sentence(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(environment)
    assert words in refused.value.message


@pytest.mark.parametrize("text", ["colour = 1", "port = ", 'port = "x"'])
def test_a_bad_file_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "parcelhook.toml").write_text(text)
    with pytest.raises(SettingsError):
        load({})


def test_they_are_all_told_and_secrets_are_masked() -> None:
    told = describe({"PARCELHOOK_API_KEY": "phk_secret", "PARCELHOOK_PORT": "1"})
    assert [setting.key for setting, _, _ in told] == [setting.key for setting in CATALOGUE]
    found = {setting.key: (value, origin) for setting, value, origin in told}
    assert found["API_KEY"] == ("••••••", "environment")
    assert found["PORT"] == ("1", "environment")
    assert found["HOST"] == ("127.0.0.1", "default")
    assert "phk_secret" not in repr(load({"PARCELHOOK_API_KEY": "phk_secret"}))
