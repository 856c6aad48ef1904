-- Trades come to a webhook: curl -d '{"symbol": "ACME", "price": 120.5, "volume": 10}' localhost:${PORT}/trades
CREATE STREAM StockStream (symbol STRING, price DOUBLE, volume BIGINT)
WITH (
    'type' = 'source', 'extension' = 'http', 'format' = 'json', 'http.mode' = 'webhook',
    'http.host' = '127.0.0.1', 'http.port' = '${PORT:8080}', 'http.path' = '/trades'
);

CREATE STREAM OutStream (symbol STRING, price DOUBLE)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO OutStream SELECT symbol, price FROM StockStream WHERE price > 100.0;
