-- A tick each second: eventflux run --log-all examples/trigger.sql
CREATE TRIGGER FiveTriggerStream AT EVERY 1 SECOND;

INSERT INTO OutStream SELECT triggered_time FROM FiveTriggerStream;
