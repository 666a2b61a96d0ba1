"""An assistant: a psycopg2 pool behind one service."""
