-- Sends the readings of a file.
CREATE STREAM Measured (sensor STRING, celsius DOUBLE) WITH (
    'type' = 'source', 'extension' = 'file', 'file.path' = '${READINGS:readings.csv}', 'file.mode' = 'once', 'format' = 'csv');
CREATE STREAM Readings (sensor STRING, celsius DOUBLE) WITH (
    'type' = 'sink', 'extension' = 'tcp', 'tcp.url' = 'tcp://127.0.0.1:${PORT:9892}', 'tcp.ack' = 'true');
INSERT INTO Readings SELECT sensor, celsius FROM Measured;
