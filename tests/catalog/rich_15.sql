-- What version 15 added.
CREATE PUBLICATION by_schema FOR TABLES IN SCHEMA app;
CREATE PUBLICATION narrow FOR TABLE "we;rd ""name"""."Order" ("select", "Mixed Case", "größe") WHERE ("größe" > 3);
