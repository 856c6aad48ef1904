-- Each trade beside the last dear one of the same symbol.
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM OutStream (symbol STRING, price DOUBLE, dear DOUBLE)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO DearStream SELECT symbol, price FROM StockStream WHERE price > 100.0;

INSERT INTO OutStream
SELECT s.symbol AS symbol, s.price AS price, d.price AS dear
FROM StockStream AS s UNIDIRECTIONAL
JOIN DearStream WINDOW LENGTH(10) AS d ON s.symbol = d.symbol AND s.price < d.price;
