"""What all tests may ask for: a RabbitMQ, a PostgreSQL, and a migrated database in it."""

pytest_plugins = ["tests.support.rabbitmq", "tests.support.postgres", "tests.support.database"]
