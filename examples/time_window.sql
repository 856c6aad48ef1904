-- For each trade: how many there were of its symbol within the last five seconds.
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM OutStream (symbol STRING, trades BIGINT)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO OutStream
SELECT symbol, COUNT(*) AS trades
FROM StockStream WINDOW TIME(5 SECONDS)
GROUP BY symbol;
