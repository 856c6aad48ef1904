import dataclasses

import pytest
from tests.redis.server import free_port

from eventflux import ConfigError, StateError
from eventflux_redis import RedisConfig, RedisPersistenceStore
from eventflux_redis.client import open_client
from eventflux_redis.config import masked


def test_defaults():
    config = dataclasses.asdict(RedisConfig())
    assert {name: config[name] for name in list(config)[:5]} == {
        "url": "redis://localhost:6379",
        "max_connections": 10,
        "connection_timeout_ms": 5000,
        "key_prefix": "eventflux:",
        "ttl_seconds": None,
    }


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"max_connections": 0}, "max_connections must be at least 1"),
        ({"ttl_seconds": 0}, "ttl_seconds must be at least 1"),
        ({"retry_attempts": -1}, "retry_attempts must not be negative"),
        ({"compression": "rar"}, "compression must be one of"),
    ],
)
def test_values_that_cannot_work_are_refused(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        RedisConfig(**settings)


@pytest.mark.parametrize("url", ["http://localhost", "redis+cluster://:7000", "redis+sentinel://host:port/x"])
def test_other_urls_are_refused(url):
    with pytest.raises(ConfigError, match="is not a url of Redis"):
        open_client(RedisConfig(url=url))


def test_passwords_are_not_shown():
    config = RedisConfig(url="redis://me:secret@host:1/0")
    assert "secret" not in repr(config)
    assert masked(config.url) == "redis://me:***@host:1/0"
    assert masked("redis://host:1") == "redis://host:1"


def test_a_password_in_the_message_of_a_wrong_url_is_not_shown():
    with pytest.raises(ConfigError) as caught:
        open_client(RedisConfig(url="redus://me:secret@host"))
    assert "secret" not in str(caught.value)


def test_an_unreachable_server_is_an_error_at_once():
    config = RedisConfig(url=f"redis://127.0.0.1:{free_port()}", connection_timeout_ms=500)
    with pytest.raises(StateError, match="Redis connection failed"):
        RedisPersistenceStore(config)
