-- Rooms with thermometers: how far each room is from its own last three readings, and what sort of reading comes how often.
CREATE STREAM Reading (room STRING, celsius DOUBLE);

@info(name='rooms')
@purge(enable='true', interval='1 min', idle.period='1 hour')
PARTITION WITH (room OF Reading) BEGIN
    INSERT INTO #Usual SELECT room, celsius, AVG(celsius) AS usual FROM Reading WINDOW LENGTH(3);
    INSERT INTO Jump SELECT room, celsius - usual AS degrees FROM #Usual WHERE celsius - usual > 2.0;
END;

PARTITION WITH (CASE WHEN celsius < 18 THEN 'cold' WHEN celsius >= 24 THEN 'hot' END OF Reading) BEGIN
    INSERT INTO Outside SELECT room, COUNT(*) AS so_far FROM Reading;
END;
