"""Tables in databases, over DB-API."""
