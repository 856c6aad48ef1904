-- Electricity meters report by radio: readings come out of order, and some far too late. Each quarter of an hour is summed up once, two minutes behind.
CREATE STREAM Reading (meter STRING, ts BIGINT, wh INT, WATERMARK FOR ts AS ts - INTERVAL '2' MINUTE)
WITH ('late.stream' = 'TooLate');
CREATE STREAM TooLate (meter STRING, ts BIGINT, wh INT);

INSERT INTO Quarter SELECT meter, SUM(wh) AS wh FROM Reading WINDOW('timeBatch', 15 MINUTES, 0) GROUP BY meter;
INSERT INTO Missed SELECT meter, wh FROM TooLate;
