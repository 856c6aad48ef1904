"""A Kafka broker of one's own for tests, examples and benchmarks: on free ports, in a folder, killed at will.

It runs Kafka's own broker and controller in one Java process (KRaft). Its jars come from Maven once, into
``~/.cache/eventflux/kafka-<version>``; `EVENTFLUX_KAFKA_JARS` names a folder that has them already.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from typing_extensions import Self

KAFKA_VERSION: Final = "4.1.0"
START_SECONDS: Final = 60.0
_CLUSTER_ID: Final = "ZXZlbnRmbHV4LXRlc3RzMA"
_POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>eventflux</groupId> <artifactId>broker</artifactId> <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId> <artifactId>kafka_2.13</artifactId> <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId> <artifactId>log4j-slf4j-impl</artifactId> <version>2.24.3</version>
    </dependency>
  </dependencies>
</project>
"""
_LOGGING: Final = """rootLogger.level = WARN
rootLogger.appenderRefs = out
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n
"""


class KafkaUnavailableError(Exception):
    """No broker can be started here; the text says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files of a broker: its key and certificate in one, and the certificates that a client's must be signed by.

    Attributes:
        identity: Key and certificate of the broker.
        client_ca: Clients need a certificate of these authorities; None: they need none.
    """

    identity: Path
    client_ca: Path | None = None


@dataclass(slots=True, kw_only=True)
class KafkaBroker:
    """One broker; what it has acknowledged survives SIGKILL of its process.

    Attributes:
        folder: Where it keeps everything.
        tls: Name of a further listener, in capitals -> the files with which it listens with TLS: `tls_address`.
        users: Name -> password of those who may come in with SASL PLAIN: `sasl_address`.
        settings: Further properties of the broker.
    """

    folder: Path
    tls: Mapping[str, TlsFiles] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Host and port without TLS."""
        return f"127.0.0.1:{self._ports['PLAINTEXT']}"

    def tls_address(self, listener: str) -> str:
        """Host and port with TLS."""
        return f"localhost:{self._ports[listener]}"

    @property
    def sasl_address(self) -> str:
        """Host and port for users with passwords."""
        return f"127.0.0.1:{self._ports['SASL_PLAINTEXT']}"

    @property
    def log(self) -> str:
        """What it has printed."""
        file = self.folder / "out.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def start(self) -> None:
        """Start and wait until it answers.

        Raises:
            KafkaUnavailableError: Java or the jars are missing, or it did not start; with what it printed.
        """
        java = _java()
        if not self._ports:
            self._prepare(java)
        with (self.folder / "out.log").open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [
                    *java,
                    f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}",
                    "kafka.Kafka",
                    str(self.folder / "server.properties"),
                ],
                stdout=out,
                stderr=out,
            )
        admin = self.admin()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if admin.list_topics(timeout=0.5).brokers:
                    return
            except KafkaException:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise KafkaUnavailableError(f"the broker did not start:\n{self.log[-4000:]}")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Let it end by itself, for a while."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        self.kill()

    def admin(self) -> AdminClient:
        """A client that administers it."""
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0, "reconnect.backoff.max.ms": 200})

    def create_topic(self, name: str, partitions: int = 1, **config: str) -> None:
        """Make a topic and wait until it is there."""
        admin = self.admin()
        for made in admin.create_topics([NewTopic(name, partitions, 1, config=config)]).values():
            made.result(20)
        while True:
            found = admin.list_topics(timeout=10).topics.get(name)
            leaders = [] if found is None else [each.leader for each in found.partitions.values()]
            if len(leaders) == partitions and min(leaders) >= 0:
                return
            time.sleep(0.02)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self, java: list[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        names = ["PLAINTEXT", "CONTROLLER", *self.tls]
        names += ["SASL_PLAINTEXT"] if self.users else []
        self._ports.update(zip(names, _free_ports(len(names)), strict=True))
        (self.folder / "log4j2.properties").write_text(_LOGGING)
        properties = "\n".join(f"{name}={value}" for name, value in self._properties().items())
        (self.folder / "server.properties").write_text(properties + "\n")
        command = [*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c"]
        made = subprocess.run(  # noqa: S603 - our own command
            [*command, str(self.folder / "server.properties")], capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            raise KafkaUnavailableError(f"the broker's storage was not made:\n{made.stdout}{made.stderr}")

    def _properties(self) -> dict[str, Any]:
        hosts = {name: "localhost" if name in self.tls else "127.0.0.1" for name in self._ports}
        protocols = [f"{name}:SSL" for name in self.tls]
        protocols += [f"{name}:{name}" for name in ("PLAINTEXT", "SASL_PLAINTEXT")]
        listeners = [f"{name}://127.0.0.1:{port}" for name, port in self._ports.items()]
        advertised = [f"{name}://{hosts[name]}:{port}" for name, port in self._ports.items() if name != "CONTROLLER"]
        properties: dict[str, Any] = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self._ports['CONTROLLER']}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": ",".join(["CONTROLLER:PLAINTEXT", *protocols]),
            "listeners": ",".join(listeners),
            "advertised.listeners": ",".join(advertised),
            "log.dirs": self.folder / "data",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 500,
            "auto.create.topics.enable": "false",
            # Tests write messages of other times; they are not to vanish for that.
            "log.retention.ms": -1,
            # A broker that was killed is let in again as soon as its last session has ended.
            "broker.heartbeat.interval.ms": 100,
            "broker.session.timeout.ms": 1000,
        }
        for name, files in self.tls.items():
            prefix = f"listener.name.{name.lower()}.ssl"
            properties |= {f"{prefix}.keystore.type": "PEM", f"{prefix}.keystore.location": files.identity}
            if files.client_ca is not None:
                properties |= {
                    f"{prefix}.truststore.type": "PEM",
                    f"{prefix}.truststore.location": files.client_ca,
                    f"{prefix}.client.auth": "required",
                }
        if self.users:
            users = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
            module = "org.apache.kafka.common.security.plain.PlainLoginModule"
            properties |= {
                "sasl.enabled.mechanisms": "PLAIN",
                "listener.name.sasl_plaintext.plain.sasl.jaas.config": f"{module} required {users};",
            }
        return {**properties, **self.settings}


def jars() -> Path:
    """The folder with the broker's jars; they are fetched if they are not there.

    Raises:
        KafkaUnavailableError: They can't be had.
    """
    named = os.environ.get("EVENTFLUX_KAFKA_JARS")
    if named:
        if not list(Path(named).glob("kafka_2.13-*.jar")):
            raise KafkaUnavailableError(f"EVENTFLUX_KAFKA_JARS: {named} has no kafka_2.13-*.jar")
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eventflux"
    folder = cache / f"kafka-{KAFKA_VERSION}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailableError(
            "no Kafka broker: mvn (Debian: maven) fetches it, or EVENTFLUX_KAFKA_JARS names a folder with its jars"
        )
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as made:
        (Path(made) / "pom.xml").write_text(_POM)
        fetched = subprocess.run(  # noqa: S603 - our own command
            [maven, "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"],
            cwd=made,
            capture_output=True,
            text=True,
            check=False,
        )
        if fetched.returncode != 0:
            raise KafkaUnavailableError(
                f"Maven could not fetch the broker:\n{(fetched.stdout + fetched.stderr)[-2000:]}"
            )
        try:
            (Path(made) / "jars").rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
    return folder


def _java() -> list[str]:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if java is None:
        raise KafkaUnavailableError("no Kafka broker: it needs Java 17 (Debian: openjdk-17-jre-headless)")
    folder = jars()
    return [java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{folder}/*"]


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has at the moment, each another one."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
