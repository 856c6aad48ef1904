"""`eventflux tail`: events of a stream of a running app, as they come."""

from __future__ import annotations

import argparse
import csv
import json
import sys

from eventflux_cli.exit_codes import ExitCode
from eventflux_cli.remote import RemoteApp


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("stream", metavar="STREAM")
    parser.add_argument("--url", default="http://localhost:9090", metavar="URL", help="of the app's endpoint")
    parser.add_argument("--token", metavar="TOKEN", help="of that endpoint")
    parser.add_argument("--limit", type=int, metavar="N", help="end after so many events")
    parser.add_argument("--output", choices=("json", "csv"), default="json")


def run(options: argparse.Namespace) -> ExitCode:
    """Carry it out."""
    writer = csv.writer(sys.stdout)
    for number, event in enumerate(RemoteApp(options.url, options.token).tail(options.stream), 1):
        if options.output == "csv":
            if number == 1:
                writer.writerow(["timestamp", *event["data"]])
            writer.writerow([event["timestamp"], *event["data"].values()])
        else:
            print(json.dumps(event, ensure_ascii=False))
        sys.stdout.flush()
        if number == options.limit:
            break
    return ExitCode.SUCCESS
