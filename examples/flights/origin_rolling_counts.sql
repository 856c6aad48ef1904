-- For each departure: how many have left the same airport within the last hour, this one included.
--
--     eventflux run examples/flights/origin_rolling_counts.sql

CREATE STREAM Departures (
    ts BIGINT, carrier STRING, flight INT, tailnum STRING, origin STRING, dest STRING, dep_delay INT, distance INT
) WITH (
    'type' = 'source', 'extension' = 'file', 'format' = 'csv',
    'file.path' = '${FLIGHTS:examples/flights/flights-2013-01.csv.gz}', 'file.mode' = 'once', 'csv.header' = 'true'
);

CREATE STREAM OriginCounts (ts BIGINT, origin STRING, last_hour BIGINT)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO OriginCounts
SELECT ts, origin, COUNT(*) AS last_hour
FROM Departures WINDOW('externalTime', ts, 1 HOUR)
GROUP BY origin;
