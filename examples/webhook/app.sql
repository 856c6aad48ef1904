-- Orders come in over HTTP; those above 100 go out over HTTP.
CREATE STREAM Orders (id INT, customer STRING, total DOUBLE) WITH (
    'type' = 'source', 'extension' = 'http', 'format' = 'json',
    'http.mode' = 'webhook', 'http.host' = '127.0.0.1', 'http.port' = '${ORDERS_PORT:8080}', 'http.path' = '/orders');

CREATE STREAM Large (id INT, customer STRING, total DOUBLE) WITH (
    'type' = 'sink', 'extension' = 'http', 'format' = 'json',
    'http.url' = '${LARGE_URL:http://127.0.0.1:8081/large}', 'http.headers.X-Customer' = '{{customer}}');

INSERT INTO Large SELECT id, customer, total FROM Orders WHERE total > 100;
