-- Claims of an insurance: policies are in a database, claims that make no sense go to a fault stream, sums outlive the process.
SET 'app.name' = 'Claims';

CREATE STREAM Claims (policy STRING, amount STRING, filed LONG) WITH ('error.strategy' = 'stream');

CREATE TABLE Policies (policy STRING PRIMARY KEY, kind STRING, cover DOUBLE)
    WITH ('extension' = 'sqlite', 'sqlite.path' = '${CLAIMS_DB}');

CREATE STREAM Paid (kind STRING, amount DOUBLE, filed LONG);

CREATE FUNCTION amountOf(text STRING) RETURNS DOUBLE LANGUAGE python AS $$ return float(text) $$;

INSERT INTO Valued SELECT policy, amountOf(amount) AS amount, filed FROM Claims;

INSERT INTO Paid
SELECT Policies.kind, Valued.amount, Valued.filed
FROM Valued JOIN Policies ON Policies.policy = Valued.policy;

INSERT INTO Rejected SELECT policy, amount, CAST(_error AS STRING) AS why FROM !Claims;

CREATE AGGREGATION ByKind WITH ('extension' = 'sqlite', 'sqlite.path' = '${CLAIMS_DB}') AS
SELECT kind, SUM(amount) AS total, COUNT(*) AS claims
FROM Paid GROUP BY kind AGGREGATE BY filed EVERY DAYS...YEARS;
