-- For each whole hour (of the departures' own time) and carrier: how many left, and how late on average.
--
--     eventflux run examples/flights/carrier_delay_by_hour.sql
--
-- The window is driven by the attribute ts, not by a clock: hours start at multiples of an hour since the epoch, and an hour
-- is reported when the first departure of a later one arrives. The hour that is open when the input ends is not reported.

CREATE STREAM Departures (
    ts BIGINT, carrier STRING, flight INT, tailnum STRING, origin STRING, dest STRING, dep_delay INT, distance INT
) WITH (
    'type' = 'source', 'extension' = 'file', 'format' = 'csv',
    'file.path' = '${FLIGHTS:examples/flights/flights-2013-01.csv.gz}', 'file.mode' = 'once', 'csv.header' = 'true'
);

CREATE STREAM CarrierHours (hour BIGINT, carrier STRING, departures BIGINT, avg_delay DOUBLE)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO CarrierHours
SELECT MIN(ts) / 3600000 * 3600000 AS hour, carrier, COUNT(*) AS departures, AVG(dep_delay) AS avg_delay
FROM Departures WINDOW('externalTimeBatch', ts, 1 HOUR, 0)
WHERE dep_delay IS NOT NULL
GROUP BY carrier;
