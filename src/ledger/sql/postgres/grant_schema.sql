GRANT USAGE ON SCHEMA {schema} TO sweeper
