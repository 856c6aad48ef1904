-- The mean price of the last three trades.
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM OutStream (symbol STRING, mean DOUBLE)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO OutStream SELECT symbol, AVG(price) AS mean FROM StockStream WINDOW LENGTH(3);
