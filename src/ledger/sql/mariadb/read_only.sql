-- Who may write all the same has a right that says so.
SELECT 'the server is read_only' AS why,
	CASE WHEN @@global.innodb_read_only THEN NULL ELSE 'SET GLOBAL read_only = OFF' END AS fix
FROM (SELECT concat('''', substring_index(current_user(), '@', 1), '''@''', substring_index(current_user(), '@', -1), '''') AS name) AS me
WHERE @@global.innodb_read_only OR (concat(@@global.read_only) NOT IN ('0', 'OFF') AND NOT EXISTS (
	SELECT 1 FROM information_schema.USER_PRIVILEGES AS p
	WHERE p.GRANTEE = me.name AND p.PRIVILEGE_TYPE IN ('READ_ONLY ADMIN', 'READ ONLY ADMIN', 'CONNECTION_ADMIN')))
