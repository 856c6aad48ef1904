-- Three departures in a row, of one carrier at one airport, that left an hour late or later: with SKIP TO NEXT ROW a fourth
-- one makes a second row.
--
--     eventflux run --why examples/flights/delay_streaks.sql
--
-- Rows are matched in the order in which they come, here that of departure. A cancelled flight, which has no delay, ends a streak.

CREATE STREAM Departures (
    ts BIGINT, carrier STRING, flight INT, tailnum STRING, origin STRING, dest STRING, dep_delay INT, distance INT
) WITH (
    'type' = 'source', 'extension' = 'file', 'format' = 'csv',
    'file.path' = '${FLIGHTS:examples/flights/flights-2013-01.csv.gz}', 'file.mode' = 'once', 'csv.header' = 'true'
);

CREATE STREAM Streaks (carrier STRING, origin STRING, since BIGINT, ts BIGINT, minutes LONG)
WITH ('type' = 'sink', 'extension' = 'stdout', 'format' = 'json');

INSERT INTO Streaks
SELECT carrier, origin, since, ts, minutes
FROM Departures MATCH_RECOGNIZE (
    PARTITION BY carrier, origin
    MEASURES A.ts AS since, C.ts AS ts, SUM(dep_delay) AS minutes
    ONE ROW PER MATCH
    AFTER MATCH SKIP TO NEXT ROW
    PATTERN (A B C)
    DEFINE A AS dep_delay >= 60, B AS dep_delay >= 60, C AS dep_delay >= 60
);
