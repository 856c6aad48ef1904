"""Kafka for EventFlux: a source and a sink. Importing this loads no client; see `eventflux_kafka.plugin`."""
