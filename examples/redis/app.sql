-- Trades from a Redis stream; the average price of each symbol over its last ten trades goes to another one.
CREATE STREAM Trades (symbol STRING, price DOUBLE, volume INT) WITH (
    'type' = 'source', 'extension' = 'redis-stream', 'format' = 'json',
    'redis-stream.url' = '${REDIS_URL:redis://localhost:6379}', 'redis-stream.stream' = 'trades', 'redis-stream.start' = '0');

CREATE STREAM Averages (symbol STRING, average DOUBLE) WITH (
    'type' = 'sink', 'extension' = 'redis-stream', 'format' = 'json',
    'redis-stream.url' = '${REDIS_URL:redis://localhost:6379}', 'redis-stream.stream' = 'averages', 'redis-stream.maxlen' = '100000');

INSERT INTO Averages
SELECT symbol, AVG(price) AS average
FROM Trades WINDOW('length', 10)
PARTITION BY symbol;
