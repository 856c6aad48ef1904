-- A stock of parts: deliveries add, orders take, and an order for more than there is goes to Short.
CREATE STREAM Delivery (sku STRING, qty INT);
CREATE STREAM Orders (id INT, sku STRING, qty INT);
CREATE TABLE Stock (sku STRING PRIMARY KEY, qty INT);

INSERT INTO Stock VALUES ('bolt', 10), ('nut', 0);

UPSERT INTO Stock SELECT sku, qty FROM Delivery ON Stock.sku = Delivery.sku SET qty = Stock.qty + Delivery.qty;

INSERT INTO Short SELECT id, sku FROM Orders
WHERE NOT EXISTS (SELECT 1 FROM Stock WHERE Stock.sku = Orders.sku AND Stock.qty >= Orders.qty);

UPDATE Stock SET qty = Stock.qty - Orders.qty FROM Orders WHERE Stock.sku = Orders.sku AND Stock.qty >= Orders.qty;
