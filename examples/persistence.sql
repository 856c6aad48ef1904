-- The volume so far, over restarts: run it twice with --persistence-dir state.
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM OutStream (volume BIGINT)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO OutStream SELECT SUM(volume) AS volume FROM StockStream;
