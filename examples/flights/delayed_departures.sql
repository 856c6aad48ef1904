-- Departures that left an hour late or later, one line of JSON each.
--
--     eventflux run examples/flights/delayed_departures.sql
--
-- Cancelled flights have no delay: a comparison with null is false, so they do not pass.

CREATE STREAM Departures (
    ts BIGINT, carrier STRING, flight INT, tailnum STRING, origin STRING, dest STRING, dep_delay INT, distance INT
) WITH (
    'type' = 'source', 'extension' = 'file', 'format' = 'csv',
    'file.path' = '${FLIGHTS:examples/flights/flights-2013-01.csv.gz}', 'file.mode' = 'once', 'csv.header' = 'true'
);

CREATE STREAM Delayed (ts BIGINT, carrier STRING, flight INT, origin STRING, dest STRING, dep_delay INT)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO Delayed
SELECT ts, carrier, flight, origin, dest, dep_delay
FROM Departures
WHERE dep_delay >= 60;
