"""Protocol Buffers, in both directions: messages of a class, or of a descriptor set that ``protoc`` has written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor as Kinds
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, EncodeError, Message
from google.protobuf.message_factory import GetMessageClass

from eventflux.extension.kinds.mapper import MapperContext, SinkMapper
from eventflux.extension.kinds.rows import EventLike, Payload
from eventflux.extension.nearest import suggestion
from eventflux.io.field_paths import ABSENT
from eventflux.io.mappers.plain_values import plain_converter
from eventflux.io.mappers.records import RecordSourceMapper, bytes_of
from eventflux.io.mappers.source_fields import Find
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, MappingError

# Descriptors are of whichever implementation of the library is there; all have these attributes, no class is theirs.
Descriptor = Any
FieldDescriptor = Any
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_DURATION: Final = "google.protobuf.Duration"
_WRAPPERS: Final = "google.protobuf."
_REPEATED: Final = 3  # LABEL_REPEATED, for versions before `is_repeated`
_Steps = tuple[FieldDescriptor, ...]


class ProtobufSourceMapper(RecordSourceMapper):
    """Messages -> rows."""

    def configure(self, ctx: MapperContext) -> None:
        self._class = message_class(ctx)
        self._types = {attribute.name: attribute.type for attribute in ctx.schema}
        self.bind(ctx, self._finder, plain_converter)

    def records(self, payload: Payload) -> Sequence[object]:
        message = self._class()
        try:
            message.ParseFromString(bytes_of(payload, "Protocol Buffers"))
        except (DecodeError, UnicodeDecodeError) as error:
            raise MappingError(f"not a message of {message.DESCRIPTOR.full_name}: {error}") from error
        return (message,)

    def _finder(self, where: str | None, name: str) -> Find:
        steps = field_steps(self._class.DESCRIPTOR, where or name, is_path=where is not None, key=f"mapping.{name}")
        if steps is None:
            return lambda _record, _properties: ABSENT
        wants_name = self._types.get(name) is not AttributeType.INT and self._types.get(name) is not AttributeType.LONG

        def find(record: object, _properties: Mapping[str, object]) -> object:
            message: Any = record
            for step in steps[:-1]:
                if not message.HasField(step.name):
                    return None
                message = getattr(message, step.name)
            return _read(message, steps[-1], wants_name=wants_name)

        return find


class ProtobufSinkMapper(SinkMapper):
    """Rows -> messages."""

    def configure(self, ctx: MapperContext) -> None:
        if ctx.template is not None or ctx.named_templates:
            raise ConfigError("the protobuf mapper takes no template", key="template")
        self._class = message_class(ctx)
        self._fields: list[FieldDescriptor] = []
        for name in ctx.schema.names:
            steps = field_steps(self._class.DESCRIPTOR, name, is_path=False, key="message")
            if steps is None:
                known = [field.name for field in self._class.DESCRIPTOR.fields]
                raise ConfigError(
                    f"message {self._class.DESCRIPTOR.full_name} has no field for attribute {name!r}",
                    key="message",
                    hint=suggestion(name, known, self._class.DESCRIPTOR.full_name),
                )
            self._fields.append(steps[0])

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        return [self._encoded(event) for event in events]

    def _encoded(self, event: EventLike) -> bytes:
        message = self._class()
        for field, value in zip(self._fields, event.data, strict=True):
            if value is None:
                continue
            try:
                _write(message, field, value)
            except (TypeError, ValueError, AttributeError, KeyError) as error:
                raise MappingError(f"field {field.name!r} can't hold {value!r}: {error}") from error
        try:
            packed: bytes = message.SerializeToString()
        except EncodeError as error:
            raise MappingError(f"the message can't be written: {error}") from error
        return packed


def message_class(ctx: MapperContext) -> type[Message]:
    """The class that the options name.

    Raises:
        ConfigError: There is none.
    """
    options = ctx.options
    path, file, name = (options.optional_text(each) for each in ("class", "descriptor.file", "message"))
    if (path is None) == (file is None):
        raise ConfigError("the protobuf mapper needs either 'class' or 'descriptor.file' and 'message'", key="class")
    if file is not None:
        if name is None:
            raise ConfigError("descriptor.file needs 'message', the full name of a message", key="message")
        return _described_class(file, name)
    module_name, _, class_name = (path or "").partition(":")
    try:
        found = getattr(import_module(module_name), class_name) if class_name else None
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"class {path!r} can't be imported: {error}", key="class", value=path) from error
    if not (isinstance(found, type) and issubclass(found, Message)):
        raise ConfigError(f"{path!r} is no message class; it must be module:Message", key="class", value=path)
    return found


def field_steps(descriptor: Descriptor, where: str, *, is_path: bool, key: str) -> _Steps | None:
    """The fields that a path goes through; None: there is none of that name, which is an error in a path."""
    steps: list[FieldDescriptor] = []
    names = where.removeprefix("$.").split(".") if is_path else [where]
    for position, name in enumerate(names):
        field = _field(descriptor, name)
        if field is None:
            if not is_path:
                return None
            raise ConfigError(
                f"message {descriptor.full_name} has no field {name!r}",
                key=key,
                value=where,
                hint=suggestion(name, [each.name for each in descriptor.fields], descriptor.full_name),
            )
        steps.append(field)
        if position < len(names) - 1:
            if field.message_type is None or _is_repeated(field):
                raise ConfigError(f"field {field.name!r} of {descriptor.full_name} is no message", key=key, value=where)
            descriptor = field.message_type
    return tuple(steps)


def _described_class(file: str, name: str) -> type[Message]:
    pool = DescriptorPool()
    try:
        described = FileDescriptorSet.FromString(Path(file).read_bytes())
        for each in described.file:
            pool.Add(each) if hasattr(pool, "Add") else pool.AddSerializedFile(each.SerializeToString())
        return GetMessageClass(pool.FindMessageTypeByName(name))
    except OSError as error:
        raise ConfigError(f"descriptor file {file!r} can't be read: {error.strerror}", key="descriptor.file") from error
    except (DecodeError, TypeError) as error:
        raise ConfigError(
            f"{file!r} is no descriptor set: {error}",
            key="descriptor.file",
            hint="protoc --include_imports --descriptor_set_out=FILE writes one",
        ) from error
    except KeyError as error:
        raise ConfigError(f"descriptor file {file!r} has no message {name!r}", key="message", value=name) from error


def _field(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    found: FieldDescriptor | None = descriptor.fields_by_name.get(name)
    if found is None:
        folded = name.casefold()
        near = [field for field in descriptor.fields if folded in {field.name.casefold(), field.json_name.casefold()}]
        found = near[0] if len(near) == 1 else None
    return found


def _is_repeated(field: FieldDescriptor) -> bool:
    repeated = getattr(field, "is_repeated", None)
    return bool(field.label == _REPEATED) if repeated is None else bool(repeated)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _read(message: Any, field: FieldDescriptor, *, wants_name: bool) -> object:
    value = getattr(message, field.name)
    if _is_repeated(field):
        if _is_map(field):
            inner = field.message_type.fields_by_name["value"]
            return {str(key): _single(value[key], inner, wants_name=True) for key in value}
        return [_single(each, field, wants_name=True) for each in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _single(value, field, wants_name=wants_name)


def _single(value: Any, field: FieldDescriptor, *, wants_name: bool) -> object:
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value) if wants_name else None
        return value if known is None else known.name
    if field.message_type is None:
        return value
    full_name = field.message_type.full_name
    if full_name == _TIMESTAMP:
        return value.seconds * 1000 + value.nanos // 1_000_000
    if full_name == _DURATION:
        return value.ToMilliseconds()
    if full_name.startswith(_WRAPPERS) and full_name.endswith("Value") and "value" in field.message_type.fields_by_name:
        return value.value
    return {
        inner.name: _read(value, inner, wants_name=True)
        for inner in field.message_type.fields
        if _is_repeated(inner) or not inner.has_presence or value.HasField(inner.name)
    }


def _write(message: Any, field: FieldDescriptor, value: Any) -> None:
    target: Any
    if _is_map(field):
        target = getattr(message, field.name)
        inner = field.message_type.fields_by_name["value"]
        for key, each in value.items():
            if inner.message_type is None:
                target[key] = each
            else:
                _fill(target[key], each)
    elif _is_repeated(field):
        target = getattr(message, field.name)
        for each in value:
            if field.message_type is None:
                target.append(_scalar(field, each))
            else:
                _fill(target.add(), each)
    elif field.message_type is not None:
        _fill(getattr(message, field.name), value)
    else:
        setattr(message, field.name, _scalar(field, value))


def _fill(message: Any, value: Any) -> None:
    descriptor: Descriptor = message.DESCRIPTOR
    if descriptor.full_name in {_TIMESTAMP, _DURATION}:
        message.FromMilliseconds(value)
    elif isinstance(value, Mapping):
        message.SetInParent()
        for name, each in value.items():
            if each is not None:
                _write(message, descriptor.fields_by_name[name], each)
    elif descriptor.full_name.startswith(_WRAPPERS) and "value" in descriptor.fields_by_name:
        message.value = value
    else:
        raise TypeError(f"{descriptor.full_name} wants a map")


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None and isinstance(value, str):
        return field.enum_type.values_by_name[value].number
    if field.type == Kinds.TYPE_BYTES and isinstance(value, str):
        return value.encode()
    return value
