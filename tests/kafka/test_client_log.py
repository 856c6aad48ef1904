import logging

from eventflux_kafka import client_log


def test_what_the_client_repeats_is_logged_once_a_minute_with_a_count(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(client_log.time, "monotonic", lambda: now[0])
    repeats = client_log.RepeatsOnceAMinute()

    def passes(text):
        record = logging.LogRecord("client", logging.WARNING, "", 1, text, (), None)
        return record.getMessage() if repeats.filter(record) else None

    assert passes("FAIL [rdkafka#producer-1] refused (after 3ms)") == "FAIL [rdkafka#producer-1] refused (after 3ms)"
    assert passes("FAIL [rdkafka#producer-1] refused (after 12ms)") is None
    assert passes("FAIL another") == "FAIL another"
    now[0] += 59
    assert passes("FAIL [rdkafka#producer-1] refused (after 5ms)") is None
    now[0] += 2
    assert passes("FAIL [rdkafka#producer-2] refused (after 1ms)") == (
        "FAIL [rdkafka#producer-2] refused (after 1ms) (and 2 times more)"
    )
    assert passes("FAIL [rdkafka#producer-1] refused (after 1ms)") is None
