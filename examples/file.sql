-- From one file to another: the paths are IN and OUT.
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH (
    'type' = 'source', 'extension' = 'file', 'format' = 'json', 'file.path' = '${IN}', 'file.mode' = 'once'
);

CREATE STREAM OutStream (symbol STRING, price DOUBLE)
WITH ('type' = 'sink', 'extension' = 'file', 'format' = 'csv', 'file.path' = '${OUT}');

INSERT INTO OutStream SELECT symbol, price FROM StockStream WHERE price > 100.0;
