CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, placed TEXT NOT NULL, status TEXT NOT NULL, total_cents INTEGER NOT NULL);
CREATE TABLE refunds (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, amount_cents INTEGER NOT NULL, reason TEXT);
INSERT INTO orders VALUES (1042, 'ada@shop.example', '2026-11-02', 'delivered', 12900), (1050, 'ada@shop.example', '2026-12-01', 'open', 4500), (1051, 'bob@shop.example', '2026-12-02', 'open', 900);
INSERT INTO refunds VALUES (1, 1042, 2900, 'late');
