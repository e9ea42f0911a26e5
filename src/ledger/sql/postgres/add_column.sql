-- Everybody waits behind us for the table while we wait for it: not for long.
SET LOCAL lock_timeout = '2s';
ALTER TABLE {relation} ADD COLUMN IF NOT EXISTS {column} {type}
