-- Card payments from Kafka; a card that pays twice within ten seconds at different places, the second time more, is an alert.
CREATE STREAM Payments (card STRING, place STRING, amount DOUBLE) WITH (
    'type' = 'source', 'extension' = 'kafka', 'format' = 'json',
    'kafka.brokers' = '${KAFKA_BROKERS:localhost:9092}', 'kafka.topic' = 'payments', 'kafka.group' = 'card-alerts',
    'kafka.auto.offset.reset' = 'earliest', 'kafka.commit.interval' = '1s');

CREATE STREAM Alerts (card STRING, before STRING, place STRING, amount DOUBLE) WITH (
    'type' = 'sink', 'extension' = 'kafka', 'format' = 'json',
    'kafka.brokers' = '${KAFKA_BROKERS:localhost:9092}', 'kafka.topic' = 'alerts', 'kafka.key' = '{{card}}');

INSERT INTO Alerts
SELECT e1.card AS card, e1.place AS before, e2.place AS place, e2.amount AS amount
FROM PATTERN (EVERY e1=Payments -> e2=Payments[card = e1.card AND place != e1.place AND amount > e1.amount])
WITHIN 10 SECONDS;
