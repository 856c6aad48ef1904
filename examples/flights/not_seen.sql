-- Flights that were not seen again: a flight number that left an airport, and did not leave it again within 30 hours.
--
--     eventflux run examples/flights/not_seen.sql
--
-- Time is that of departure (WATERMARK), so it runs out as the rows tell it. A cancelled flight is not seen.

CREATE STREAM Departures (
    ts BIGINT, carrier STRING, flight INT, tailnum STRING, origin STRING, dest STRING, dep_delay INT, distance INT,
    WATERMARK FOR ts AS ts
) WITH (
    'type' = 'source', 'extension' = 'file', 'format' = 'csv',
    'file.path' = '${FLIGHTS:examples/flights/flights-2013-01.csv.gz}', 'file.mode' = 'once', 'csv.header' = 'true'
);

CREATE STREAM NotSeen (ts BIGINT, carrier STRING, flight INT, origin STRING, again BIGINT)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO Seen
SELECT e1.ts AS ts, e1.carrier AS carrier, e1.flight AS flight, e1.origin AS origin, e2.ts AS again
FROM PATTERN (
    EVERY e1=Departures[dep_delay IS NOT NULL]
    -> e2=Departures[carrier = e1.carrier AND flight = e1.flight AND origin = e1.origin AND dep_delay IS NOT NULL]
) WITHIN 30 HOURS ON TIMEOUT INSERT INTO NotSeen;
