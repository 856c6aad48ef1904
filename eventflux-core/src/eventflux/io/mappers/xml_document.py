"""XML texts as trees, without document types and entities.

Those could make a small text large, or read files: they are refused.
"""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from eventflux.types.errors import MappingError

DEEPEST: Final = 256
_SEPARATOR: Final = "}"


class _Refused(Exception):  # noqa: N818 - ends the parser, never leaves this module
    pass


def parse_document(text: bytes | str) -> Element:
    """The root element; names with a namespace are ``{uri}name``, as in the standard library.

    Raises:
        MappingError: It isn't well-formed, or has something that is not taken.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise _Refused(f"elements are nested more than {DEEPEST} deep")
        builder.start(_name(name), {_name(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_name(name))

    def refuse(*_facts: object) -> None:
        raise _Refused("document types and entities are not taken")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.UnparsedEntityDeclHandler = refuse
    try:
        parser.Parse(text, True)  # noqa: FBT003 - the library's way to say that this is all
    except expat.ExpatError as error:
        raise MappingError(f"not XML: {error}") from error
    except _Refused as error:
        raise MappingError(f"not XML that is taken here: {error}") from error
    return builder.close()


def _name(name: str) -> str:
    return f"{{{name}" if _SEPARATOR in name else name
