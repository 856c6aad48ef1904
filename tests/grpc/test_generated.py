"""The checked-in module is that of transport.proto, and its numbers are the contract with other implementations."""

import subprocess
import sys
from pathlib import Path

import pytest

from eventflux.extension import Compression, MessageType
from eventflux_grpc import transport_pb2 as pb

GENERATE = Path(__file__).parents[2] / "eventflux-grpc" / "generate.py"


def test_generated_code_is_up_to_date(tmp_path):
    """Whatever version of the generator made it: what counts is the same description of the messages."""
    pytest.importorskip("grpc_tools")
    subprocess.run([sys.executable, str(GENERATE), str(tmp_path)], check=True)
    made = (tmp_path / "eventflux_grpc" / "transport_pb2.py").read_text(encoding="utf-8")
    (line,) = [each for each in made.splitlines() if "AddSerializedFile" in each]
    serialized = eval(line.partition("AddSerializedFile(")[2].removesuffix(")"))
    assert serialized == pb.DESCRIPTOR.serialized_pb


FIELDS = {
    "TransportMessage": "id message_type payload headers timestamp source_node target_node priority compression",
    "EventRequest": "node_id filter batch_size",
    "EventFilter": "stream_names message_types start_timestamp end_timestamp",
    "HeartbeatRequest": "node_id timestamp status",
    "HeartbeatResponse": "server_timestamp server_node_id server_status cluster_info",
    "NodeStatus": "health cpu_usage memory_usage active_connections events_per_second version metadata",
    "ClusterInfo": "cluster_id total_nodes healthy_nodes leader_node cluster_version",
}


@pytest.mark.parametrize("message", FIELDS)
def test_numbers_of_fields(message):
    fields = pb.DESCRIPTOR.message_types_by_name[message].fields_by_number
    assert [fields[number].name for number in sorted(fields)] == FIELDS[message].split()
    assert sorted(fields) == list(range(1, len(fields) + 1))


def test_numbers_of_kinds():
    assert [number for _, number in pb.MessageType.items()] == [0, *(int(each) for each in MessageType)]
    assert [number for _, number in pb.CompressionType.items()] == [int(each) for each in Compression]
    service = pb.DESCRIPTOR.services_by_name["Transport"]
    assert service.full_name == "eventflux.transport.Transport"
    assert [each.name for each in service.methods] == ["SendMessage", "StreamMessages", "StreamEvents", "Heartbeat"]
