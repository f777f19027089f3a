"""Tenants: what is known about a customer, and the resolvers that know them."""
