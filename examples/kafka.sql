-- From one topic to another; needs the package eventflux-kafka and a broker.
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH (
    'type' = 'source', 'extension' = 'kafka', 'format' = 'json',
    'kafka.brokers' = '${KAFKA_BROKERS:localhost:9092}', 'kafka.topic' = 'trades', 'kafka.group' = 'stock'
);

CREATE STREAM OutStream (symbol STRING, price DOUBLE)
WITH (
    'type' = 'sink', 'extension' = 'kafka', 'format' = 'json',
    'kafka.brokers' = '${KAFKA_BROKERS:localhost:9092}', 'kafka.topic' = 'dear'
);

INSERT INTO OutStream SELECT symbol, price FROM StockStream WHERE price > 100.0;
