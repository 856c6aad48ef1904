-- The volume of each symbol so far, each in a partition of its own.
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM OutStream (symbol STRING, volume BIGINT)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

PARTITION WITH (symbol OF StockStream) BEGIN
    INSERT INTO OutStream SELECT symbol, SUM(volume) AS volume FROM StockStream;
END;
