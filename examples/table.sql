-- The last price of each symbol in a table, and by how much a trade differs from it.
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM OutStream (symbol STRING, price DOUBLE, before DOUBLE)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

CREATE TABLE Prices (symbol STRING PRIMARY KEY, price DOUBLE);

INSERT INTO OutStream
SELECT s.symbol AS symbol, s.price AS price, p.price AS before
FROM StockStream AS s
JOIN Prices AS p ON s.symbol = p.symbol;

UPSERT INTO Prices SELECT symbol, price FROM StockStream ON Prices.symbol = symbol;
