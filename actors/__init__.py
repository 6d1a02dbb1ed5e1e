"""The pipeline: what RabbitMQ carries, what SMTP hears, and what time sets off."""
