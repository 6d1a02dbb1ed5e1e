"""PostgreSQL: the tables, their migrations, and one named function per statement."""
