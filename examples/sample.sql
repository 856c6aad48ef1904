-- Each line of standard input is an event; what is left of it is a line on standard output.
--
--     echo '{"symbol": "ACME", "price": 120.5, "volume": 10}' | eventflux run examples/sample.sql
SET 'app.name' = 'Sample';

CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM OutStream (symbol STRING, price DOUBLE)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO OutStream SELECT symbol, price FROM StockStream WHERE volume > 5;
