SET 'app.playback' = true;
CREATE STREAM A (id BIGINT, price DOUBLE) WITH (
    'type' = 'source', 'extension' = 'kafka', 'format' = 'json', 'kafka.brokers' = '${BROKERS}', 'kafka.topic' = '${A}',
    'kafka.group' = '${GROUP}-a');
CREATE STREAM B (id BIGINT, price DOUBLE) WITH (
    'type' = 'source', 'extension' = 'kafka', 'format' = 'json', 'kafka.brokers' = '${BROKERS}', 'kafka.topic' = '${B}',
    'kafka.group' = '${GROUP}-b');
CREATE STREAM Out (id BIGINT, p1 DOUBLE, p2 DOUBLE) WITH (
    'type' = 'sink', 'extension' = 'kafka', 'format' = 'json', 'kafka.brokers' = '${BROKERS}', 'kafka.topic' = '${OUT}');

INSERT INTO Out
SELECT e1.id AS id, e1.price AS p1, e2.price AS p2
FROM PATTERN (EVERY e1=A -> e2=B[id = e1.id AND price > e1.price]) WITHIN 10 SECONDS;
