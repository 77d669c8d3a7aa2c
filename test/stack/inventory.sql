-- The `inventory` database of the Debezium tutorial, for PostgreSQL. Every table keeps the default REPLICA IDENTITY, as
-- people's tables do: a delete then carries the primary key and nothing else that can be relied upon.
CREATE SCHEMA inventory;

CREATE TABLE inventory.customers (
  id serial PRIMARY KEY,
  first_name varchar(255) NOT NULL,
  last_name varchar(255) NOT NULL,
  email varchar(255) NOT NULL UNIQUE
);

CREATE TABLE inventory.addresses (
  id serial PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES inventory.customers (id),
  street varchar(255) NOT NULL,
  city varchar(255) NOT NULL,
  state varchar(255) NOT NULL,
  zip varchar(255) NOT NULL,
  type varchar(8) NOT NULL CHECK (type IN ('SHIPPING', 'BILLING', 'LIVING'))
);

CREATE TABLE inventory.products (
  id serial PRIMARY KEY,
  name varchar(255) NOT NULL,
  description varchar(512),
  weight double precision
);

CREATE TABLE inventory.products_on_hand (
  product_id integer PRIMARY KEY REFERENCES inventory.products (id),
  quantity integer NOT NULL
);

CREATE TABLE inventory.orders (
  order_number serial PRIMARY KEY,
  order_date date NOT NULL,
  purchaser integer NOT NULL REFERENCES inventory.customers (id),
  quantity integer NOT NULL,
  product_id integer NOT NULL REFERENCES inventory.products (id)
);

INSERT INTO inventory.customers (id, first_name, last_name, email) VALUES
  (1001, 'Sally', 'Thomas', 'sally.thomas@acme.com'),
  (1002, 'George', 'Bailey', 'gbailey@foobar.com'),
  (1003, 'Edward', 'Walker', 'ed@walker.com'),
  (1004, 'Anne', 'Kretchmar', 'annek@noanswer.org');

INSERT INTO inventory.addresses (id, customer_id, street, city, state, zip, type) VALUES
  (10, 1001, '3183 Moore Avenue', 'Euless', 'Texas', '76036', 'SHIPPING'),
  (11, 1001, '2389 Hidden Valley Road', 'Harrisburg', 'Pennsylvania', '17116', 'BILLING'),
  (12, 1002, '281 Riverside Drive', 'Augusta', 'Georgia', '30901', 'BILLING'),
  (13, 1003, '3787 Brownton Road', 'Columbus', 'Mississippi', '39701', 'SHIPPING'),
  (14, 1003, '2458 Lost Creek Road', 'Bethlehem', 'Pennsylvania', '18018', 'SHIPPING'),
  (15, 1003, '4800 Simpson Square', 'Hillsdale', 'Oklahoma', '73743', 'BILLING'),
  (16, 1004, '1289 University Hill Road', 'Canehill', 'Arkansas', '72717', 'LIVING');

INSERT INTO inventory.products (id, name, description, weight) VALUES
  (101, 'scooter', 'Small 2-wheel scooter', 3.14),
  (102, 'car battery', '12V car battery', 8.1),
  (103, '12-pack drill bits', '12-pack of drill bits with sizes ranging from #40 to #3', 0.8),
  (104, 'hammer', '12oz carpenter''s hammer', 0.75),
  (105, 'hammer', '14oz carpenter''s hammer', 0.875),
  (106, 'hammer', '16oz carpenter''s hammer', 1.0),
  (107, 'rocks', 'box of assorted rocks', 5.3),
  (108, 'jacket', 'water resistant black wind breaker', 0.1),
  (109, 'spare tire', '24 inch spare tire', 22.2);

INSERT INTO inventory.products_on_hand (product_id, quantity) VALUES
  (101, 3), (102, 8), (103, 18), (104, 4), (105, 5), (106, 0), (107, 44), (108, 2), (109, 5);

INSERT INTO inventory.orders (order_number, order_date, purchaser, quantity, product_id) VALUES
  (10001, '2016-01-16', 1001, 1, 102),
  (10002, '2016-01-17', 1002, 2, 105),
  (10003, '2016-02-19', 1002, 2, 106),
  (10004, '2016-02-21', 1003, 1, 107);

SELECT setval('inventory.customers_id_seq', 1004);
SELECT setval('inventory.addresses_id_seq', 16);
SELECT setval('inventory.products_id_seq', 109);
SELECT setval('inventory.orders_order_number_seq', 10004);
