CREATE TABLE invoices (id INTEGER PRIMARY KEY, supplier TEXT NOT NULL, amount_cents INTEGER NOT NULL, status TEXT NOT NULL);
CREATE TABLE payments (id INTEGER PRIMARY KEY, invoice_id INTEGER NOT NULL, amount_cents INTEGER NOT NULL);
INSERT INTO invoices VALUES (31, 'Papier AG', 48000, 'due'), (32, 'Licht KG', 9900, 'due');
