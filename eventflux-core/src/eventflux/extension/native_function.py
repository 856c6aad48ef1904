"""Functions of shared libraries, as declarations hold them."""

from __future__ import annotations

from eventflux.types.record import record


@record(frozen=True, slots=True)
class NativeFunction:
    """Stands as the factory of a function that a shared library brings: the engine calls it by its address."""

    address: int

    def __call__(self) -> object:
        """Never: it runs in the engine only.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a function of a shared library cannot be called from Python")
