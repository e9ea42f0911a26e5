/* Rows: copied out of the client, cell by cell, in our five types. */
#include "mariadb.h"

#define BINARY_CHARSET 63

/* What a column's cells are read as. */
enum kind { KIND_NULL, KIND_INT, KIND_REAL, KIND_TIME, KIND_BITS, KIND_TEXT, KIND_BLOB };

struct cell {
	enum kind kind;
	enum enum_field_types type;
	bool is_unsigned;
	union {
		int64_t number;
		double real;
		MYSQL_TIME time;
		unsigned char bits[8];
	};
	unsigned long size;
	my_bool is_null, is_cut;
};

static const struct {
	enum enum_field_types type;
	enum kind kind;
} kinds[] = {
	{ MYSQL_TYPE_TINY, KIND_INT },       { MYSQL_TYPE_SHORT, KIND_INT },
	{ MYSQL_TYPE_INT24, KIND_INT },      { MYSQL_TYPE_LONG, KIND_INT },
	{ MYSQL_TYPE_LONGLONG, KIND_INT },   { MYSQL_TYPE_YEAR, KIND_INT },
	{ MYSQL_TYPE_FLOAT, KIND_REAL },     { MYSQL_TYPE_DOUBLE, KIND_REAL },
	{ MYSQL_TYPE_DATE, KIND_TIME },      { MYSQL_TYPE_NEWDATE, KIND_TIME },
	{ MYSQL_TYPE_TIME, KIND_TIME },      { MYSQL_TYPE_DATETIME, KIND_TIME },
	{ MYSQL_TYPE_TIMESTAMP, KIND_TIME }, { MYSQL_TYPE_BIT, KIND_BITS },
	{ MYSQL_TYPE_DECIMAL, KIND_TEXT },   { MYSQL_TYPE_NEWDECIMAL, KIND_TEXT },
	{ MYSQL_TYPE_JSON, KIND_TEXT },      { MYSQL_TYPE_ENUM, KIND_TEXT },
	{ MYSQL_TYPE_SET, KIND_TEXT },       { MYSQL_TYPE_NULL, KIND_NULL },
};

static enum kind kind_of(const MYSQL_FIELD *field)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == field->type) {
			return kinds[i].kind;
		}
	}
	return field->charsetnr == BINARY_CHARSET ? KIND_BLOB : KIND_TEXT;
}

static enum column_kind column_kind_of(const MYSQL_FIELD *field)
{
	switch (kind_of(field)) {
	case KIND_INT:
		return COLUMN_NUMBER;
	case KIND_BLOB:
		return COLUMN_BYTES;
	case KIND_TIME: {
		bool whole = field->type == MYSQL_TYPE_DATETIME ||
			     field->type == MYSQL_TYPE_TIMESTAMP;
		return whole ? COLUMN_INSTANT : COLUMN_PLAIN;
	}
	case KIND_NULL:
	case KIND_REAL:
	case KIND_BITS:
	case KIND_TEXT:
		break;
	}
	return COLUMN_PLAIN;
}

static void prepare_cell(struct cell *cell, const MYSQL_FIELD *field, MYSQL_BIND *bind)
{
	static const enum enum_field_types types[] = {
		[KIND_NULL] = MYSQL_TYPE_NULL,   [KIND_INT] = MYSQL_TYPE_LONGLONG,
		[KIND_REAL] = MYSQL_TYPE_DOUBLE, [KIND_TIME] = MYSQL_TYPE_DATETIME,
		[KIND_BITS] = MYSQL_TYPE_BLOB,   [KIND_TEXT] = MYSQL_TYPE_STRING,
		[KIND_BLOB] = MYSQL_TYPE_BLOB,
	};
	cell->kind = kind_of(field);
	cell->type = field->type;
	cell->is_unsigned = field->flags & UNSIGNED_FLAG;
	*bind = (MYSQL_BIND){
		.buffer_type = cell->kind == KIND_TIME ? field->type : types[cell->kind],
		.buffer = &cell->number,
		.buffer_length = cell->kind == KIND_BITS ? sizeof(cell->bits) : 0,
		.is_unsigned = cell->is_unsigned,
		.length = &cell->size,
		.is_null = &cell->is_null,
		.error = &cell->is_cut,
	};
}

static bool print_time(struct arena *arena, const struct cell *cell, struct value *ret_value)
{
	const MYSQL_TIME *t = &cell->time;
	const char *text;
	if (cell->type == MYSQL_TYPE_TIME) {
		text = arena_printf(arena, "%s%02u:%02u:%02u.%06lu", t->neg ? "-" : "",
				    t->day * 24 + t->hour, t->minute, t->second,
				    t->second_part);
	} else if (cell->type == MYSQL_TYPE_DATE || cell->type == MYSQL_TYPE_NEWDATE) {
		text = arena_printf(arena, "%04u-%02u-%02u", t->year, t->month, t->day);
	} else {
		text = arena_printf(arena, "%04u-%02u-%02u %02u:%02u:%02u.%06lu", t->year,
				    t->month, t->day, t->hour, t->minute, t->second,
				    t->second_part);
	}
	*ret_value = value_string(text);
	return text != NULL;
}

/* Big numbers without a sign don't fit into ours: they stay digits. */
static bool take_number(struct arena *arena, const struct cell *cell, struct value *ret_value)
{
	if (!cell->is_unsigned || cell->number >= 0) {
		*ret_value = value_int(cell->number);
		return true;
	}
	*ret_value =
		value_string(arena_printf(arena, "%llu", (unsigned long long)cell->number));
	return ret_value->data != NULL;
}

static struct value take_bits(const struct cell *cell)
{
	uint64_t number = 0;
	for (unsigned long i = 0; i < cell->size && i < sizeof(cell->bits); i++) {
		number = number << 8 | cell->bits[i];
	}
	return value_int((int64_t)number);
}

static bool take_bytes(struct arena *arena, MYSQL_STMT *statement, unsigned column,
		       const struct cell *cell, struct value *ret_value)
{
	char *data = arena_take(arena, cell->size + 1);
	MYSQL_BIND bind = {
		.buffer_type = cell->kind == KIND_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB,
		.buffer = data,
		.buffer_length = cell->size,
	};
	if (!data ||
	    (cell->size > 0 && mysql_stmt_fetch_column(statement, &bind, column, 0) != 0)) {
		return false;
	}
	*ret_value = value_bytes(cell->kind == KIND_TEXT ? VALUE_TEXT : VALUE_BLOB, data,
				 cell->size);
	return true;
}

static bool take_cell(struct arena *arena, MYSQL_STMT *statement, unsigned column,
		      const struct cell *cell, struct value *ret_value)
{
	*ret_value = value_null();
	if (cell->is_null) {
		return true;
	}
	switch (cell->kind) {
	case KIND_NULL:
		return true;
	case KIND_INT:
		return take_number(arena, cell, ret_value);
	case KIND_REAL:
		*ret_value = (struct value){ .type = VALUE_REAL, .real = cell->real };
		return true;
	case KIND_TIME:
		return print_time(arena, cell, ret_value);
	case KIND_BITS:
		*ret_value = take_bits(cell);
		return true;
	case KIND_TEXT:
	case KIND_BLOB:
		return take_bytes(arena, statement, column, cell, ret_value);
	}
	return false;
}

/* The rows lie in the client's memory: their number is known. */
static bool fetch_rows(MYSQL_STMT *statement, const struct cell *cells, struct result *result,
		       bool *ret_no_memory)
{
	size_t rows = (size_t)mysql_stmt_num_rows(statement);
	result->cells =
		arena_take(&result->arena, rows * result->columns * sizeof(*result->cells));
	*ret_no_memory = !result->cells;
	for (size_t row = 0; row < rows && !*ret_no_memory; row++) {
		int code = mysql_stmt_fetch(statement);
		if (code != 0 && code != MYSQL_DATA_TRUNCATED) {
			return false;
		}
		struct value *to = result->cells + row * result->columns;
		for (unsigned i = 0; i < result->columns && !*ret_no_memory; i++) {
			*ret_no_memory =
				!take_cell(&result->arena, statement, i, &cells[i], &to[i]);
		}
	}
	result->rows = rows;
	return !*ret_no_memory;
}

bool maria_fetch_all(MYSQL_STMT *statement, struct result *result, bool *ret_no_memory)
{
	ARENA_CLEANUP struct arena arena = { 0 };
	MYSQL_RES *fields = mysql_stmt_result_metadata(statement);
	*ret_no_memory = false;
	if (!fields) {
		return mysql_stmt_errno(statement) == 0;
	}
	result->columns = mysql_num_fields(fields);
	struct cell *cells = arena_take(&arena, result->columns * sizeof(*cells));
	MYSQL_BIND *binds = arena_take(&arena, result->columns * sizeof(*binds));
	result->kinds = arena_take(&result->arena, result->columns * sizeof(*result->kinds));
	*ret_no_memory = !cells || !binds || !result->kinds;
	for (unsigned i = 0; i < result->columns && !*ret_no_memory; i++) {
		const MYSQL_FIELD *field = mysql_fetch_field_direct(fields, i);
		prepare_cell(&cells[i], field, &binds[i]);
		result->kinds[i] = column_kind_of(field);
	}
	bool done = !*ret_no_memory && mysql_stmt_bind_result(statement, binds) == 0 &&
		    mysql_stmt_store_result(statement) == 0 &&
		    fetch_rows(statement, cells, result, ret_no_memory);
	mysql_free_result(fields);
	return done;
}
