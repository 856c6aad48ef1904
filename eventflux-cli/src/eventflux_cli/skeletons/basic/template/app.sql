-- {{ name }}: readings that are too high.
CREATE STREAM Readings (sensor STRING, value DOUBLE)
WITH ('type' = 'source', 'extension' = 'stdin', 'format' = 'json');

CREATE STREAM Alerts (sensor STRING, value DOUBLE)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO Alerts SELECT sensor, value FROM Readings WHERE value > ${LIMIT:100};
