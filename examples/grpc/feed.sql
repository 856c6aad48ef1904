-- The client: reads lines of JSON from standard input and sends them on; what is not acknowledged is sent again.
CREATE STREAM Lines (symbol STRING, price DOUBLE) WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM Prices (symbol STRING, price DOUBLE) WITH (
    'type' = 'sink', 'extension' = 'grpc', 'format' = 'json', 'grpc.url' = '${GRPC_URL:grpc://localhost:50051}');

INSERT INTO Prices SELECT symbol, price FROM Lines WHERE price > 0;
