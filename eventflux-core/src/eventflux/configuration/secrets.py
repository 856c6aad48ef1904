"""Which configuration values are secret, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

MASK: Final = "****"
_SECRET: Final = re.compile(
    r"password|passwd|passphrase|secret|token|credential|api[-_.]?key|private[-_.]?key|sasl\.jaas|authorization",
    re.IGNORECASE,
)
# The user info of a URL: what stands between `://` and the last `@` before the path.
_USER_INFO: Final = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^/\s@]*@")


def is_secret(path: Sequence[str]) -> bool:
    """Whether the value under a key is never shown."""
    return _SECRET.search(".".join(path)) is not None


def masked(path: Sequence[str], value: object) -> object:
    """The value as it may be shown."""
    if value is not None and is_secret(path):
        return MASK
    if isinstance(value, str):
        return without_user_info(value)
    if isinstance(value, list):
        return [without_user_info(item) if isinstance(item, str) else item for item in value]
    return value


def without_user_info(text: str) -> str:
    """A text with the user info of the URLs in it masked: `redis://****@host`."""
    return _USER_INFO.sub(rf"\g<1>{MASK}@", text)


def user_info_of(text: str) -> bool:
    """Whether a text holds a URL with user info."""
    return _USER_INFO.search(text) is not None
