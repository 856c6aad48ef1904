-- Takes readings from other apps and lets the hot ones through.
CREATE STREAM Readings (sensor STRING, celsius DOUBLE) WITH (
    'type' = 'source', 'extension' = 'tcp', 'tcp.host' = '127.0.0.1', 'tcp.port' = '${PORT:9892}', 'tcp.ack' = 'true');
CREATE STREAM Hot (sensor STRING, celsius DOUBLE) WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');
INSERT INTO Hot SELECT sensor, celsius FROM Readings WHERE celsius > 30;
