-- Takes measurements of devices over WebSocket, shows the average of each to whoever is connected.
CREATE STREAM Measured (device STRING, celsius DOUBLE) WITH (
    'type' = 'source', 'extension' = 'websocket', 'format' = 'json',
    'websocket.server.port' = '${IN_PORT:8765}', 'websocket.server.host' = '127.0.0.1', 'websocket.path' = '/devices');
CREATE STREAM Averages (device STRING, celsius DOUBLE) WITH (
    'type' = 'sink', 'extension' = 'websocket', 'format' = 'json',
    'websocket.server.port' = '${OUT_PORT:8766}', 'websocket.server.host' = '127.0.0.1');
INSERT INTO Averages SELECT device, AVG(celsius) AS celsius FROM Measured GROUP BY device;
