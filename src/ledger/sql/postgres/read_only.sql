SELECT 'the server is a standby' AS why, NULL::text AS fix
WHERE pg_catalog.pg_is_in_recovery()
UNION ALL
SELECT 'default_transaction_read_only is on (source: ' || source || ')',
	CASE source
		WHEN 'client' THEN NULL
		WHEN 'database user' THEN format('ALTER ROLE %I IN DATABASE %I SET default_transaction_read_only = off', current_user, current_database())
		ELSE format('ALTER ROLE %I SET default_transaction_read_only = off', current_user)
	END
FROM pg_catalog.pg_settings
WHERE name = 'default_transaction_read_only' AND setting = 'on'
