"""Queues and exchanges of RabbitMQ; needs the extra rabbitmq."""
