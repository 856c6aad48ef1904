"""Avro schemas: from the options, from a file, from a registry, or made of a stream's attributes."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from fastavro.schema import SchemaParseException, UnknownType, parse_schema

from eventflux.extension.kinds.mapper import MapperContext
from eventflux.io.http.client import HttpClient, RequestError
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, ConnectionUnavailableError, MappingError
from eventflux.types.schema import Schema

AvroSchema = Any
"""As the library has it: texts, lists and maps."""

HEADER: Final = struct.Struct(">bI")
_REGISTRY_SECONDS: Final = 10.0
_LARGEST_ANSWER: Final = 4 << 20
_TYPES: Final[Mapping[AttributeType, AvroSchema]] = {
    AttributeType.BOOL: "boolean",
    AttributeType.INT: "int",
    AttributeType.LONG: "long",
    AttributeType.FLOAT: "float",
    AttributeType.DOUBLE: "double",
    AttributeType.STRING: "string",
    AttributeType.OBJECT: "bytes",
}


def configured_schema(ctx: MapperContext) -> AvroSchema | None:
    """The schema that the options give; None: none, or a registry has it.

    Raises:
        ConfigError: It can't be read, or the options contradict each other.
    """
    text, file = ctx.options.optional_text("schema"), ctx.options.optional_text("schema.file")
    registry = ctx.options.optional_text("schema.registry")
    if sum(each is not None for each in (text, file, registry)) > 1:
        raise ConfigError("only one of schema, schema.file and schema.registry can be given", key="schema")
    if file is not None:
        try:
            text = Path(file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"schema file {file!r} can't be read: {error}", key="schema.file", value=file) from error
    return None if text is None else parsed_schema(text)


def parsed_schema(text: str) -> AvroSchema:
    """A schema from its JSON.

    Raises:
        ConfigError: It is none.
    """
    try:
        return parse_schema(json.loads(text))
    except (ValueError, TypeError, KeyError, SchemaParseException, UnknownType) as error:
        raise ConfigError(f"the Avro schema can't be read: {error}", key="schema") from error


def schema_of(stream: str, schema: Schema) -> AvroSchema:
    """A record with the attributes of a stream, each of which may be null."""
    return parse_schema(
        {
            "type": "record",
            "name": stream,
            "fields": [
                {"name": attribute.name, "type": ["null", _TYPES[attribute.type]], "default": None}
                for attribute in schema
            ],
        }
    )


class SchemaRegistry:
    """Schemas by number and by subject, from a Confluent-compatible registry; each is asked for once."""

    def __init__(self, url: str, username: str | None, password: str | None) -> None:
        """Nothing is asked yet."""
        self._url = url.rstrip("/")
        if username is not None:
            scheme, _, rest = self._url.partition("://")
            self._url = f"{scheme}://{quote(username, safe='')}:{quote(password or '', safe='')}@{rest}"
        self._client = HttpClient(_REGISTRY_SECONDS, most_bytes=_LARGEST_ANSWER)
        self._lock = threading.Lock()  # guards both
        self._by_number: dict[int, AvroSchema] = {}
        self._by_subject: dict[tuple[str, str], tuple[int, AvroSchema]] = {}

    def schema(self, number: int) -> AvroSchema:
        """The schema of a number.

        Raises:
            ConnectionUnavailableError: The registry doesn't answer.
            MappingError: It has none.
        """
        with self._lock:
            found = self._by_number.get(number)
            if found is None:
                answer = self._asked(f"/schemas/ids/{number}")
                found = self._by_number[number] = _parsed(answer)
            return found

    def subject(self, name: str, version: str) -> tuple[int, AvroSchema]:
        """Number and schema of a version of a subject.

        Raises:
            ConnectionUnavailableError: The registry doesn't answer.
            MappingError: It has none.
        """
        with self._lock:
            found = self._by_subject.get((name, version))
            if found is None:
                answer = self._asked(f"/subjects/{quote(name, safe='')}/versions/{quote(version, safe='')}")
                number = answer.get("id")
                if not isinstance(number, int):
                    raise MappingError("the schema registry gave no number")
                found = self._by_subject[name, version] = number, _parsed(answer)
            return found

    def _asked(self, path: str) -> Mapping[str, object]:
        try:
            answer = self._client.request("GET", self._url + path, {"Accept": "application/json"})
        except RequestError as error:
            raise MappingError(f"schema registry: {error.message}") from error
        if answer.status >= 500:
            raise ConnectionUnavailableError(f"schema registry: {answer.status} {answer.reason}")
        if not answer.is_success:
            raise MappingError(f"schema registry has no {path}: {answer.status} {answer.reason}")
        try:
            value = json.loads(answer.body)
        except ValueError as error:
            raise MappingError("the schema registry did not answer with JSON") from error
        return value if isinstance(value, dict) else {}


def _parsed(answer: Mapping[str, object]) -> AvroSchema:
    text = answer.get("schema")
    if not isinstance(text, str):
        raise MappingError("the schema registry gave no schema")
    try:
        return parsed_schema(text)
    except ConfigError as error:
        raise MappingError(error.message) from error
