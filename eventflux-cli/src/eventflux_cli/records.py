"""Recorded events: rows of JSON lines, CSV, Arrow or Parquet files, with their timestamps, for one stream."""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

from eventflux import AttributeType, EventDataError, EventFluxError, Schema
from eventflux_cli.moments import milliseconds

Record = tuple[int, tuple[Any, ...]]

_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0"})
_GUESSED: Final = ("timestamp", "ts", "time", "_timestamp")


def read_records(path: Path, stream: str, schema: Schema, timestamp_field: str | None) -> Iterator[Record]:
    """The rows of a file with their timestamps, in its order.

    Args:
        path: `.jsonl`, `.ndjson`, `.json` (a line an event), `.csv` (with a header), `.arrow`, `.parquet`; also `.gz`.
        stream: For messages.
        schema: Attributes of the stream; what else is in the file is passed over.
        timestamp_field: Holds milliseconds since the epoch or a time; None: `timestamp`, `ts` or `time`, if there.

    Raises:
        EventDataError: A row does not fit.
        EventFluxError: The file can't be read.
    """
    rows = _rows(path, schema)
    for number, row in enumerate(rows, 1):
        field = timestamp_field or next((name for name in _GUESSED if name in row), None)
        if field is None or row.get(field) is None:
            wanted = f"field {timestamp_field!r}" if timestamp_field else "timestamp"
            raise EventDataError(
                f"{path}: row {number} has no {wanted}",
                stream=stream,
                row=number,
                hint="name it: --timestamp-field NAME",
            )
        yield _moment(row[field], path, number), tuple(row.get(attribute.name) for attribute in schema)


def _moment(value: Any, path: Path, number: int) -> int:
    if isinstance(value, bool):
        pass
    elif isinstance(value, (int, float)):
        return int(value)
    elif isinstance(value, datetime):
        return milliseconds(value)
    elif isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            try:
                return milliseconds(datetime.fromisoformat(value.replace("Z", "+00:00")))
            except ValueError:
                pass
    raise EventDataError(f"{path}: row {number}: {value!r} is no timestamp", row=number)


def _rows(path: Path, schema: Schema) -> Iterator[Mapping[str, Any]]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    is_packed = bool(suffixes) and suffixes[-1] == ".gz"
    kind = suffixes[-2] if is_packed and len(suffixes) > 1 else (suffixes[-1] if suffixes else "")
    match kind:
        case ".jsonl" | ".ndjson" | ".json":
            with _opened(path, is_packed=is_packed) as file:
                yield from _json_rows(file, path)
        case ".csv":
            with _opened(path, is_packed=is_packed) as file:
                yield from _csv_rows(file, path, schema)
        case ".arrow" | ".feather" | ".parquet":
            yield from _arrow_rows(path, kind)
        case _:
            raise EventFluxError(f"{path}: events are read from .jsonl, .csv, .arrow and .parquet files")


def _opened(path: Path, *, is_packed: bool) -> TextIO:
    try:
        file: Any = gzip.open(path) if is_packed else path.open("rb")  # noqa: SIM115 - the reader closes it
    except OSError as error:
        raise EventFluxError(f"the events {str(path)!r} cannot be read: {error.strerror}") from error
    return io.TextIOWrapper(file, "utf-8", newline="")


def _json_rows(file: TextIO, path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise EventDataError(f"{path}:{number}: {error}", row=number) from error
        if not isinstance(row, dict):
            raise EventDataError(f"{path}:{number}: an event is an object", row=number)
        yield row


def _csv_rows(file: TextIO, path: Path, schema: Schema) -> Iterator[Mapping[str, Any]]:
    types = {attribute.name: attribute.type for attribute in schema}
    for number, row in enumerate(csv.DictReader(file), 2):
        values: dict[str, Any] = {}
        for name, text in row.items():
            kind = types.get(name)
            try:
                values[name] = text if kind is None else _value(text, kind)
            except ValueError as error:
                raise EventDataError(f"{path}:{number}: {name}: {error}", row=number, attribute=name) from error
        yield values


def _value(text: str | None, kind: AttributeType) -> Any:
    if text is None or (not text and kind is not AttributeType.STRING):
        return None
    match kind:
        case AttributeType.INT | AttributeType.LONG:
            return int(text)
        case AttributeType.FLOAT | AttributeType.DOUBLE:
            return float(text)
        case AttributeType.BOOL:
            folded = text.strip().lower()
            if folded not in _TRUE | _FALSE:
                raise ValueError(f"{text!r} is neither true nor false")
            return folded in _TRUE
        case _:
            return text


def _arrow_rows(path: Path, kind: str) -> Iterator[Mapping[str, Any]]:
    try:
        if kind == ".parquet":
            parquet = importlib.import_module("pyarrow.parquet")
            batches = parquet.ParquetFile(path).iter_batches()
        else:
            reader = importlib.import_module("pyarrow.ipc").open_file(path)
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
    except ImportError as error:
        raise EventFluxError(f"{path}: reading {kind} files needs pyarrow", hint="pip install pyarrow") from error
    except OSError as error:
        raise EventFluxError(f"the events {str(path)!r} cannot be read: {error}") from error
    for batch in batches:
        yield from batch.to_pylist()


def row_writer(
    path: str, names: tuple[str, ...], stdout: TextIO
) -> tuple[Callable[[int, tuple[Any, ...]], None], TextIO]:
    """A function that writes rows: CSV into a `.csv` file, else JSON lines; and the file to close at the end."""
    if path != "-" and path.endswith(".csv"):
        file: TextIO = Path(path).open("w", encoding="utf-8", newline="")  # noqa: SIM115 - the caller closes it
        writer = csv.writer(file)
        writer.writerow(("timestamp", *names))
        return lambda timestamp, row: writer.writerow((timestamp, *row)), file
    out = stdout if path == "-" else Path(path).open("w", encoding="utf-8")  # noqa: SIM115 - the caller closes it

    def write(timestamp: int, row: tuple[Any, ...]) -> None:
        document = {"timestamp": timestamp, **dict(zip(names, row, strict=True))}
        out.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")

    return write, out
