"""The only SQL for customers, consents, products, locations and orders."""
