CREATE STREAM Trade (ts BIGINT, symbol STRING, price DOUBLE, volume BIGINT, account BIGINT)
WITH ('type' = 'source', 'extension' = 'file', 'format' = 'json', 'file.path' = '${INPUT}', 'file.mode' = 'once');
CREATE STREAM Out (symbol STRING, value DOUBLE)
WITH ('type' = 'sink', 'extension' = 'file', 'format' = 'json', 'file.path' = '${OUTPUT}', 'file.append' = 'false');

INSERT INTO Out
SELECT symbol, price * volume AS value
FROM Trade
WHERE price > 500.0;
