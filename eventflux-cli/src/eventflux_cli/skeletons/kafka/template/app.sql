-- {{ name }}: large orders, from one topic to another.
CREATE STREAM Orders (id BIGINT, customer STRING, amount DOUBLE);

CREATE STREAM LargeOrders (id BIGINT, customer STRING, amount DOUBLE);

INSERT INTO LargeOrders SELECT id, customer, amount FROM Orders WHERE amount > ${LIMIT:1000};
