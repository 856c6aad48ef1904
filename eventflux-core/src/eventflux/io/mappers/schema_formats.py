"""What XML, Avro and Protocol Buffers say about themselves; the code behind is imported when a mapper is made."""

from __future__ import annotations

from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.lazy import LazyFactory
from eventflux.io.mappers.source_fields import IGNORE_PARAMETER, MISSING_PARAMETER, TEXT, TIMESTAMP_PARAMETERS

_AVRO_SCHEMA: Final = (
    Parameter("schema", TEXT, "The schema as JSON; made of the stream's attributes if there is none.", optional=True),
    Parameter("schema.file", TEXT, "File with the schema.", optional=True),
    Parameter(
        "schema.registry",
        TEXT,
        "URL of a schema registry; payloads then begin with a byte 0 and the number of their schema.",
        optional=True,
    ),
    Parameter("schema.registry.username", TEXT, "For the registry.", optional=True),
    Parameter("schema.registry.password", TEXT, "For the registry.", optional=True, secret=True),
)
_AVRO_SUBJECT: Final = (
    Parameter("schema.subject", TEXT, "Subject in the registry; <stream>-value if not given.", optional=True),
    Parameter("schema.version", TEXT, "Its version.", default="latest"),
)
_PROTOBUF: Final = (
    Parameter("class", TEXT, "Message class, as module:Message.", optional=True),
    Parameter("descriptor.file", TEXT, "Descriptor set of protoc, instead of a class.", optional=True),
    Parameter("message", TEXT, "With descriptor.file: full name of the message.", optional=True),
)

AVRO_SOURCE: Final = Extension(
    name="avro",
    kind=ExtensionKind.SOURCE_MAPPER,
    description="Avro records, alone or as a container file; needs the extra avro.",
    factory=LazyFactory("eventflux.io.mappers.avro", "AvroSourceMapper", extra="avro"),
    parameters=(*_AVRO_SCHEMA, *_AVRO_SUBJECT, MISSING_PARAMETER, IGNORE_PARAMETER, *TIMESTAMP_PARAMETERS),
    examples=(
        Example(
            "CREATE STREAM Orders (id BIGINT, total DOUBLE) WITH ('type' = 'source', 'extension' = 'inMemory', "
            "'inMemory.topic' = 'orders', 'format' = 'avro', 'avro.schema.registry' = 'http://localhost:8081');",
            "Records whose schemas a registry knows.",
        ),
    ),
)
AVRO_SINK: Final = Extension(
    name="avro",
    kind=ExtensionKind.SINK_MAPPER,
    description="An Avro record an event; needs the extra avro.",
    factory=LazyFactory("eventflux.io.mappers.avro", "AvroSinkMapper", extra="avro"),
    parameters=(*_AVRO_SCHEMA, *_AVRO_SUBJECT),
    examples=(
        Example(
            "@sink(type='inMemory', topic='orders', @map(type='avro')) define stream Orders (id long, total double);",
            "Records of the stream's own schema, every field of which may be null.",
        ),
    ),
)
PROTOBUF_SOURCE: Final = Extension(
    name="protobuf",
    kind=ExtensionKind.SOURCE_MAPPER,
    description="A message an event; mappings are paths of fields, such as customer.name; needs the extra protobuf.",
    factory=LazyFactory("eventflux.io.mappers.protobuf", "ProtobufSourceMapper", extra="protobuf"),
    parameters=(*_PROTOBUF, MISSING_PARAMETER, IGNORE_PARAMETER, *TIMESTAMP_PARAMETERS),
    examples=(
        Example(
            "@source(type='inMemory', topic='orders', @map(type='protobuf', class='shop_pb2:Order', "
            "@attributes(id='id', who='customer.name'))) define stream Orders (id long, who string);",
            "A field of a message inside of the message.",
        ),
    ),
)
PROTOBUF_SINK: Final = Extension(
    name="protobuf",
    kind=ExtensionKind.SINK_MAPPER,
    description="A message an event, with the fields of the attributes' names; needs the extra protobuf.",
    factory=LazyFactory("eventflux.io.mappers.protobuf", "ProtobufSinkMapper", extra="protobuf"),
    parameters=_PROTOBUF,
    examples=(
        Example(
            "@sink(type='inMemory', topic='orders', @map(type='protobuf', descriptor.file='shop.desc', "
            "message='shop.Order')) define stream Orders (id long, total double);",
            "Messages of a descriptor set.",
        ),
    ),
)

XML_SOURCE: Final = Extension(
    name="xml",
    kind=ExtensionKind.SOURCE_MAPPER,
    description="Elements of XML texts; document types and entities are refused.",
    factory=LazyFactory("eventflux.io.mappers.xml", "XmlSourceMapper"),
    parameters=(
        Parameter(
            "enclosing.element",
            TEXT,
            "Path of the elements that are events: //order. Without it they stand in <events>, or the root is one.",
            optional=True,
            aliases=("enclosing-element",),
        ),
        Parameter("namespaces", TEXT, "Prefixes that paths use, as in p=urn:a q=urn:b.", optional=True),
        MISSING_PARAMETER,
        IGNORE_PARAMETER,
        *TIMESTAMP_PARAMETERS,
    ),
    examples=(
        Example(
            "@source(type='inMemory', topic='orders', @map(type='xml', enclosing.element='//order', "
            "@attributes(id='@id', total='price/total'))) define stream Orders (id string, total double);",
            "An XML attribute and an element below another one.",
        ),
    ),
)

XML_SINK: Final = Extension(
    name="xml",
    kind=ExtensionKind.SINK_MAPPER,
    description="<events><event>…</event></events> with an element an attribute; nulls are left out.",
    factory=LazyFactory("eventflux.io.mappers.xml", "XmlSinkMapper"),
    parameters=(
        Parameter("enclosing.element", TEXT, "Name of the outer element; empty: none.", default="events"),
        Parameter("event.element", TEXT, "Name of the element around the attributes.", default="event"),
    ),
    examples=(
        Example(
            "@sink(type='log', @map(type='xml', @payload('<alert symbol=\"{{symbol}}\">{{price}}</alert>'))) "
            "define stream O (symbol string, price double);",
            "A template; values are escaped.",
        ),
    ),
)
