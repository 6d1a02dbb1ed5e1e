"""GraphQL and HTTP in: translate, call, shape."""
