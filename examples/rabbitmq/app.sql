-- Readings of a queue; those that are too hot go to an exchange, routed by their place.
CREATE STREAM Readings (place STRING, celsius DOUBLE) WITH (
    'type' = 'source', 'extension' = 'rabbitmq', 'rabbitmq.host' = '${RABBITMQ_HOST:localhost}',
    'rabbitmq.port' = '${RABBITMQ_PORT:5672}', 'rabbitmq.queue' = 'readings', 'format' = 'json');
CREATE STREAM Hot (place STRING, celsius DOUBLE) WITH (
    'type' = 'sink', 'extension' = 'rabbitmq', 'rabbitmq.host' = '${RABBITMQ_HOST:localhost}',
    'rabbitmq.port' = '${RABBITMQ_PORT:5672}', 'rabbitmq.exchange' = 'alerts', 'rabbitmq.declare.exchange' = 'true',
    'rabbitmq.exchange.type' = 'topic', 'rabbitmq.routing.key' = 'hot.{{place}}', 'format' = 'json');

INSERT INTO Hot SELECT place, celsius FROM Readings WHERE celsius > 80;
