-- The server: takes prices from other apps, keeps an average a symbol, prints it.
CREATE STREAM Prices (symbol STRING, price DOUBLE) WITH (
    'type' = 'source', 'extension' = 'grpc', 'format' = 'json', 'grpc.port' = '${GRPC_PORT:50051}');

CREATE STREAM Averages (symbol STRING, average DOUBLE) WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO Averages
SELECT symbol, AVG(price) AS average
FROM Prices WINDOW('length', 10)
PARTITION BY symbol;
