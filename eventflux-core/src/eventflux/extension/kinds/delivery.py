"""What becomes of payloads after a sink has taken them.

A sink that hands payloads to a client which sends them later learns only then that one could not be delivered. It asks
for a receipt while it publishes, keeps it beside the payloads, and gives it back with a payload that failed.
"""

from __future__ import annotations

from typing import Final, Protocol

from eventflux.extension.kinds.rows import Payload

Receipt = object


class Deliveries(Protocol):
    """Whom a sink tells."""

    def receipt(self) -> Receipt:
        """For the payloads that are being published now; to be asked for inside ``publish``."""
        ...

    def failed(self, receipt: Receipt, payload: Payload, error: Exception) -> None:
        """A payload that ``publish`` had taken could not be delivered: the error policy of the sink decides.

        May be called on any thread, inside ``publish`` and ``flush`` too. `ConnectionUnavailableError` says that only
        the connection was at fault.
        """
        ...

    def interrupted(self, error: Exception) -> None:
        """The connection is gone, but the sink mends it by itself; once an interruption."""
        ...

    def restored(self) -> None:
        """The connection is there again; without an interruption nothing happens."""
        ...


class _NoDeliveries:
    def receipt(self) -> Receipt:
        return None

    def failed(self, receipt: Receipt, payload: Payload, error: Exception) -> None:
        pass

    def interrupted(self, error: Exception) -> None:
        pass

    def restored(self) -> None:
        pass


NO_DELIVERIES: Final[Deliveries] = _NoDeliveries()
