"""Tenants in SQLite or PostgreSQL: tables, migrations, connections, encryption; `tenants.sql` puts them together.

Imported only by who keeps something in a database; needs the extra `sql`.
"""
