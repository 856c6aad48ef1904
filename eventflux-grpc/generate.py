"""Make transport_pb2.py and transport_pb2.pyi of transport.proto: `python generate.py [folder]`; needs grpcio-tools.

The generated module checks that the installed protobuf is of the generator's major version or the next; the little
that ours uses has been the same for many of them, so the check is taken out, and one wheel fits all.
"""

import re
import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

PACKAGE = Path(__file__).parent / "src" / "eventflux_grpc"
CHECK = re.compile(
    r"^from google\.protobuf import runtime_version.*?\n|^_runtime_version\.ValidateProtobufRuntimeVersion\(.*?^\)\n",
    re.DOTALL | re.MULTILINE,
)


def main(folder: Path) -> None:
    include = Path(grpc_tools.__file__).parent / "_proto"
    arguments = [
        f"--proto_path={PACKAGE.parent}",
        f"--proto_path={include}",
        f"--python_out={folder}",
        f"--pyi_out={folder}",
    ]
    status = protoc.main(["protoc", *arguments, str(PACKAGE / "transport.proto")])
    if status:
        sys.exit(status)
    module = folder / "eventflux_grpc" / "transport_pb2.py"
    module.write_text(CHECK.sub("", module.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE.parent)
