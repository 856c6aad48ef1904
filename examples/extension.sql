-- Price and volume added by a function of examples/custom_extension, and its window.
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM OutStream (symbol STRING, both DOUBLE, last_two DOUBLE)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO OutStream
SELECT symbol, custom:plus(price, CAST(volume AS DOUBLE)) AS both, SUM(price) AS last_two
FROM StockStream WINDOW custom:lastRows(2);
