"""Topics within the process, shared by all managers. Delivery is synchronous, in the order of subscription."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ClassVar

Subscriber = Callable[[object], None]


class InMemoryBroker:
    """Where ``inMemory`` sources and sinks meet; tests publish and subscribe here too."""

    # Guards the table only: subscribers are called without it.
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _subscribers: ClassVar[dict[str, tuple[Subscriber, ...]]] = {}

    @classmethod
    def subscribe(cls, topic: str, subscriber: Subscriber) -> None:
        """Have a function called with each payload of a topic."""
        with cls._lock:
            cls._subscribers[topic] = (*cls._subscribers.get(topic, ()), subscriber)

    @classmethod
    def unsubscribe(cls, topic: str, subscriber: Subscriber) -> bool:
        """Forget a function; False if it was not subscribed. A call that is running goes on."""
        with cls._lock:
            present = cls._subscribers.get(topic, ())
            if subscriber not in present:
                return False
            kept = list(present)
            kept.remove(subscriber)
            if kept:
                cls._subscribers[topic] = tuple(kept)
            else:
                del cls._subscribers[topic]
            return True

    @classmethod
    def publish(cls, topic: str, payload: object) -> int:
        """Call the subscribers of a topic, one after the other; how many there were."""
        subscribers = cls._subscribers.get(topic, ())
        for subscriber in subscribers:
            subscriber(payload)
        return len(subscribers)

    @classmethod
    def reset(cls) -> None:
        """Forget all subscriptions."""
        with cls._lock:
            cls._subscribers.clear()
