CREATE TABLE leads (id INTEGER PRIMARY KEY, company TEXT NOT NULL, employees INTEGER, owner TEXT);
CREATE TABLE territories (id INTEGER PRIMARY KEY, min_employees INTEGER NOT NULL, owner TEXT NOT NULL);
INSERT INTO leads VALUES (7, 'Hafen GmbH', NULL, NULL), (8, 'Kiosk', NULL, NULL);
INSERT INTO territories VALUES (1, 0, 'noor'), (2, 200, 'mira');
