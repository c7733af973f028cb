CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, status TEXT NOT NULL, total_cents INTEGER NOT NULL, note TEXT);
CREATE TABLE refunds (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id), amount_cents INTEGER NOT NULL CHECK (amount_cents > 0), reason TEXT NOT NULL);
CREATE TABLE accounts (id INTEGER PRIMARY KEY, iban TEXT NOT NULL);
INSERT INTO orders VALUES
  (1041, 'Okafor', 'shipped', 4900, 'internal: knows the owner'),
  (1042, 'Lindqvist', 'delivered', 12900, NULL),
  (1043, 'Tanaka', 'open', 2500, NULL);
INSERT INTO accounts VALUES (1, 'DE02120300000000202051');
