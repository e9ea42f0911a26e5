-- What a role gives is not shown to its members: with one there is no telling. Who has some columns may have all that are needed.
SELECT concat(group_concat(w.word ORDER BY w.place SEPARATOR ', '), ' on ', asked.id) AS what,
	concat('GRANT ', group_concat(w.word ORDER BY w.place SEPARATOR ', '), ' ON ',
		CASE WHEN asked.id LIKE '%.%' THEN concat('`', replace(asked.db, '`', '``'), '`.') ELSE '' END,
		'`', replace(asked.name, '`', '``'), '` TO ', me.name) AS "grant",
	0 AS partly
FROM (SELECT concat('''', substring_index(current_user(), '@', 1), '''@''', substring_index(current_user(), '@', -1), '''') AS name) AS me,
	(SELECT i.id, CASE WHEN i.id LIKE '%.%' THEN substring_index(i.id, '.', 1) ELSE database() END AS db,
		substr(i.id, locate('.', i.id) + 1) AS name FROM (SELECT :id AS id) AS i) AS asked,
	(SELECT 1 AS place, 'SELECT' AS word UNION ALL SELECT 2, 'INSERT' UNION ALL SELECT 3, 'UPDATE' UNION ALL SELECT 4, 'DELETE') AS w
WHERE coalesce(nullif(current_role(), 'NONE'), '') = ''
	AND find_in_set(w.word, replace(:rights, ', ', ',')) > 0
	AND NOT EXISTS (SELECT 1 FROM information_schema.USER_PRIVILEGES AS p WHERE p.GRANTEE = me.name AND p.PRIVILEGE_TYPE = w.word)
	AND NOT EXISTS (SELECT 1 FROM information_schema.SCHEMA_PRIVILEGES AS p
		WHERE p.GRANTEE = me.name AND p.PRIVILEGE_TYPE = w.word AND asked.db LIKE p.TABLE_SCHEMA ESCAPE '\')
	AND NOT EXISTS (SELECT 1 FROM information_schema.TABLE_PRIVILEGES AS p
		WHERE p.GRANTEE = me.name AND p.PRIVILEGE_TYPE = w.word AND p.TABLE_SCHEMA = asked.db AND p.TABLE_NAME = asked.name)
	AND NOT EXISTS (SELECT 1 FROM information_schema.COLUMN_PRIVILEGES AS p
		WHERE p.GRANTEE = me.name AND p.PRIVILEGE_TYPE = w.word AND p.TABLE_SCHEMA = asked.db AND p.TABLE_NAME = asked.name)
HAVING what IS NOT NULL
