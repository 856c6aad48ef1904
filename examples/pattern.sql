-- A trade over 100, and the next of its symbol that is dearer still.
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM OutStream (symbol STRING, first DOUBLE, second DOUBLE)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO OutStream
SELECT e1.symbol AS symbol, e1.price AS first, e2.price AS second
FROM PATTERN (
    EVERY e1=StockStream[price > 100.0] -> e2=StockStream[symbol = e1.symbol AND price > e1.price]
);
