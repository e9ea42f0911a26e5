/* Tables as found: the information schema. */
#include "look_up.h"
#include "mariadb.h"

#include <string.h>
#include <strings.h>

#include <mysqld_error.h>

/* Parameters: the schema (NULL: the connection's), the table. */
static const int both[] = { 0, 1 };

#define OF_TABLE "TABLE_SCHEMA = coalesce(?, database()) AND TABLE_NAME = ?"

static const struct statement kind_of_table = {
	.name = "look up table",
	.sql = "SELECT TABLE_TYPE LIKE '%VIEW%' FROM information_schema.TABLES WHERE " OF_TABLE,
	.slots = both,
	.slot_count = 2,
	.param_count = 2,
};

/* An absent default is NULL, or the word. */
static const struct statement columns_of_table = {
	.name = "look up columns",
	.sql = "SELECT COLUMN_NAME, lower(COLUMN_TYPE), IS_NULLABLE = 'YES', 0,"
	       " (COLUMN_DEFAULT IS NOT NULL AND COLUMN_DEFAULT <> 'NULL')"
	       " OR lower(EXTRA) LIKE '%auto_increment%' OR lower(EXTRA) LIKE '%generated%',"
	       " COLLATION_NAME, DATA_TYPE"
	       " FROM information_schema.COLUMNS WHERE " OF_TABLE " ORDER BY ORDINAL_POSITION",
	.slots = both,
	.slot_count = 2,
	.param_count = 2,
};

static const struct statement indexes_of_table = {
	.name = "look up indexes",
	.sql = "SELECT INDEX_NAME, concat(INDEX_NAME, ' (', group_concat(coalesce(COLUMN_NAME, "
	       "'')"
	       " ORDER BY SEQ_IN_INDEX SEPARATOR ', '), ')'),"
	       " max(CASE WHEN SEQ_IN_INDEX = 1 THEN coalesce(COLUMN_NAME, '') ELSE '' END),"
	       " max(NON_UNIQUE = 0), 0, 1 FROM information_schema.STATISTICS WHERE " OF_TABLE
	       " GROUP BY INDEX_NAME ORDER BY INDEX_NAME",
	.slots = both,
	.slot_count = 2,
	.param_count = 2,
};

static const struct statement key_of_table = {
	.name = "look up key",
	.sql = "SELECT COLUMN_NAME, SEQ_IN_INDEX FROM information_schema.STATISTICS"
	       " WHERE " OF_TABLE " AND INDEX_NAME = 'PRIMARY'",
	.slots = both,
	.slot_count = 2,
	.param_count = 2,
};

/* Two texts that differ in a byte are two texts there: neither case nor a space at the end is overlooked. */
static bool is_exact(const char *collation)
{
	static const char *const ends[] = { "_nopad_bin", "_0900_bin" };
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t size = strlen(collation), end = strlen(ends[i]);
		if (size >= end && strcmp(collation + size - end, ends[i]) == 0) {
			return true;
		}
	}
	return strcmp(collation, "binary") == 0 || !*collation;
}

static enum column_kind kind_of(const struct value *type)
{
	static const struct {
		const char *type;
		enum column_kind kind;
	} kinds[] = {
		{ "tinyblob", COLUMN_BYTES },   { "blob", COLUMN_BYTES },
		{ "mediumblob", COLUMN_BYTES }, { "longblob", COLUMN_BYTES },
		{ "binary", COLUMN_BYTES },     { "varbinary", COLUMN_BYTES },
		{ "tinyint", COLUMN_NUMBER },   { "smallint", COLUMN_NUMBER },
		{ "mediumint", COLUMN_NUMBER }, { "int", COLUMN_NUMBER },
		{ "bigint", COLUMN_NUMBER },    { "uuid", COLUMN_UUID },
		{ "datetime", COLUMN_INSTANT }, { "timestamp", COLUMN_INSTANT },
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!value_is_null(type) && strcasecmp(kinds[i].type, type->data) == 0) {
			return kinds[i].kind;
		}
	}
	return COLUMN_PLAIN;
}

/* Kinds and collations. */
static bool tell_types(struct table *table, const struct result *columns)
{
	for (size_t i = 0; i < table->column_count; i++) {
		const char *collation = cell_string(&table->arena, columns, i, 5);
		if (!collation) {
			return false;
		}
		table->columns[i].collation = is_exact(collation) ? NULL : collation;
		table->columns[i].kind = kind_of(result_cell(columns, i, 6));
	}
	return true;
}

static void take_key(struct table *table, const struct result *result)
{
	for (size_t row = 0; row < result->rows; row++) {
		for (size_t i = 0; i < table->column_count; i++) {
			if (string_equal(table->columns[i].name,
					 result_cell(result, row, 0)->data)) {
				table->columns[i].key =
					(int)value_integer(result_cell(result, row, 1), 0);
			}
		}
	}
}

/* Without a right to it a table is not even listed; who reads it is told, and what to grant. */
static bool see_denied(struct db *db, struct table *table)
{
	struct text TEXT_CLEANUP sql = { 0 };
	struct mariadb *mariadb = (struct mariadb *)db;
	text_add(&sql, "SELECT 1 FROM ");
	for (const char *at = table->name; *at; at += *at == '.') {
		size_t size = strcspn(at, ".");
		text_add_char(&sql, '`');
		text_add_quoted(&sql, at, size, '`');
		text_add(&sql, at[size] ? "`." : "`");
		at += size;
	}
	text_add(&sql, " LIMIT 0");
	if (sql.failed) {
		return false;
	}
	if (!maria_say(mariadb, text_string(&sql))) {
		struct maria_answer answer;
		struct reclaim_error error = { 0 };
		maria_answer(mariadb, NULL, &answer);
		if (answer.code == ER_TABLEACCESS_DENIED_ERROR) {
			maria_fail(mariadb, &answer, "look up table", /* commits= */ false,
				   &error);
			table->denied = arena_string(&table->arena, error.message);
			return table->denied;
		}
		mariadb->broken |= maria_is_lost(answer.code);
	}
	return true;
}

static enum reclaim_status describe(struct db *db, struct table *table,
				    struct reclaim_error *error)
{
	const char *name = table->name, *dot = strchr(name, '.');
	const struct value names[] = {
		dot ? value_bytes(VALUE_TEXT, name, (size_t)(dot - name)) : value_null(),
		value_string(dot ? dot + 1 : name),
	};
	RESULT_CLEANUP struct result kind = { 0 }, columns = { 0 }, indexes = { 0 },
				     key = { 0 };
	enum reclaim_status status = maria_run(db, &kind_of_table, names, &kind, error);
	table->any_case = true;
	if (status == RECLAIM_OK && kind.rows == 0 && !see_denied(db, table)) {
		return fail_no_memory(error);
	}
	if (status != RECLAIM_OK || kind.rows == 0) {
		return status;
	}
	table->exists = true;
	table->is_view = cell_flag(&kind, 0, 0);
	status = maria_run(db, &columns_of_table, names, &columns, error);
	if (status == RECLAIM_OK) {
		status = maria_run(db, &indexes_of_table, names, &indexes, error);
	}
	if (status == RECLAIM_OK) {
		status = maria_run(db, &key_of_table, names, &key, error);
	}
	if (status != RECLAIM_OK) {
		return status;
	}
	if (!take_columns(table, &columns) || !tell_types(table, &columns) ||
	    !take_indexes(table, &indexes)) {
		return fail_no_memory(error);
	}
	take_key(table, &key);
	return RECLAIM_OK;
}

enum reclaim_status maria_look_up(struct db *db, const char *name, struct table **ret_table,
				  struct reclaim_error *error)
{
	return look_up(db, name, /* at_once= */ false, describe, ret_table, error);
}
