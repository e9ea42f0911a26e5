/* Values to and from the engine's binary form, which no setting of the session changes. */
#include "postgres.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- to the engine: text whose type it infers, or bytes ---- */

enum reclaim_status postgres_fail_nul(const struct statement *statement,
				      struct reclaim_error *error)
{
	return fail(error, RECLAIM_INVALID,
		    "%s: a text has a NUL character, which this engine can't keep",
		    statement->name);
}

static enum reclaim_status bind_text(struct arena *arena, const struct statement *statement,
				     const struct value *value, const char **ret_text,
				     struct reclaim_error *error)
{
	const char *data = value->data ? value->data : "";
	if (memchr(data, '\0', value->size)) {
		return postgres_fail_nul(statement, error);
	}
	*ret_text = arena_copy(arena, data, value->size);
	return *ret_text ? RECLAIM_OK : fail_no_memory(error);
}

static enum reclaim_status bind_one(struct arena *arena, const struct statement *statement,
				    const struct value *value, struct bound *bound, int at,
				    struct reclaim_error *error)
{
	const char **slot = &bound->values[at];
	switch (value->type) {
	case VALUE_NULL:
		return RECLAIM_OK;
	case VALUE_INT:
		*slot = arena_printf(arena, "%" PRId64, value->number);
		break;
	case VALUE_REAL:
		*slot = arena_printf(arena, "%.17g", value->real);
		break;
	case VALUE_TEXT:
		return bind_text(arena, statement, value, slot, error);
	case VALUE_BLOB:
		*slot = arena_copy(arena, value->data ? value->data : "", value->size);
		bound->lengths[at] = (int)value->size;
		bound->formats[at] = 1;
		break;
	}
	return *slot ? RECLAIM_OK : fail_no_memory(error);
}

enum reclaim_status postgres_bind(struct arena *arena, const struct statement *statement,
				  const struct value *params, struct bound *ret_bound,
				  struct reclaim_error *error)
{
	size_t count = (size_t)statement->slot_count;
	struct bound bound = { .count = statement->slot_count };
	bound.values = arena_take(arena, count * sizeof(*bound.values));
	bound.lengths = arena_take(arena, count * sizeof(*bound.lengths));
	bound.formats = arena_take(arena, count * sizeof(*bound.formats));
	if (!bound.values || !bound.lengths || !bound.formats) {
		return fail_no_memory(error);
	}
	for (int i = 0; i < bound.count; i++) {
		int slot = statement->slots[i];
		if (slot < 0 || slot >= statement->param_count) {
			return fail(error, RECLAIM_INTERNAL, "%s: a parameter too many",
				    statement->name);
		}
		enum reclaim_status status =
			bind_one(arena, statement, &params[slot], &bound, i, error);
		if (status != RECLAIM_OK) {
			return status;
		}
	}
	*ret_bound = bound;
	return RECLAIM_OK;
}

/* ---- from the engine ---- */

/* Bytes of one cell, in network order. */
struct cell {
	const unsigned char *data;
	int size;
};

static uint64_t unsigned_of(struct cell cell)
{
	uint64_t number = 0;
	for (int i = 0; i < cell.size; i++) {
		number = number << 8 | cell.data[i];
	}
	return number;
}

static bool text_of(struct arena *arena, const char *data, size_t size, struct value *ret_value)
{
	*ret_value = value_bytes(VALUE_TEXT, arena_copy(arena, data, size), size);
	return ret_value->data != NULL;
}

static bool read_signed(struct arena *arena, struct cell cell, struct value *ret_value)
{
	(void)arena;
	int unused = 64 - 8 * cell.size;
	*ret_value = value_int((int64_t)(unsigned_of(cell) << unused) >> unused);
	return true;
}

static bool read_unsigned(struct arena *arena, struct cell cell, struct value *ret_value)
{
	(void)arena;
	*ret_value = value_int((int64_t)unsigned_of(cell));
	return true;
}

static bool read_real(struct arena *arena, struct cell cell, struct value *ret_value)
{
	(void)arena;
	uint64_t bits = unsigned_of(cell);
	uint32_t half = (uint32_t)bits;
	float single;
	*ret_value = (struct value){ .type = VALUE_REAL };
	memcpy(&single, &half, sizeof(single));
	if (cell.size == sizeof(single)) {
		ret_value->real = (double)single;
	} else {
		memcpy(&ret_value->real, &bits, sizeof(ret_value->real));
	}
	return true;
}

static bool read_text(struct arena *arena, struct cell cell, struct value *ret_value)
{
	return text_of(arena, (const char *)cell.data, (size_t)cell.size, ret_value);
}

static bool read_bytes(struct arena *arena, struct cell cell, struct value *ret_value)
{
	if (!read_text(arena, cell, ret_value)) {
		return false;
	}
	ret_value->type = VALUE_BLOB;
	return true;
}

/* A byte that says the version, then text. */
static bool read_jsonb(struct arena *arena, struct cell cell, struct value *ret_value)
{
	int skip = cell.size > 0 ? 1 : 0;
	return text_of(arena, (const char *)cell.data + skip, (size_t)(cell.size - skip),
		       ret_value);
}

static bool read_uuid(struct arena *arena, struct cell cell, struct value *ret_value)
{
	char uuid[UUID_TEXT_SIZE];
	if (cell.size != 16) {
		return read_bytes(arena, cell, ret_value);
	}
	uuid_print(cell.data, uuid);
	return text_of(arena, uuid, UUID_TEXT_SIZE - 1, ret_value);
}

/* Microseconds between 1970 and 2000, the engine's own beginning. */
#define EPOCH INT64_C(946684800000000)
#define USEC_PER_DAY (86400 * USEC_PER_SEC)
/* 0001-01-01 and 9999-12-31, by that count: what other engines can say too. */
#define FIRST_DAY (-730119)
#define LAST_DAY 2921939

/* A date before or behind what four digits can say, as this engine reads it; no time of ours. */
static void print_far_date(struct text *text, int64_t days)
{
	/* The Gregorian calendar in cycles of 400 years, each year from March on; day 0 is 2000-03-01. */
	int64_t day = days - 60;
	int64_t cycle = (day >= 0 ? day : day - 146096) / 146097;
	int64_t rest = day - cycle * 146097;
	int64_t year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
	int64_t of_year = rest - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	int64_t of_month = of_year - (153 * month + 2) / 5 + 1;
	year += 2000 + cycle * 400 + (month >= 10);
	text_printf(text, "%04" PRId64 "-%02" PRId64 "-%02" PRId64, year > 0 ? year : 1 - year,
		    month < 10 ? month + 3 : month - 9, of_month);
}

static bool print_far(struct arena *arena, int64_t time, const char *zone,
		      struct value *ret_value)
{
	TEXT_CLEANUP struct text text = { 0 };
	int64_t days = time / USEC_PER_DAY - (time % USEC_PER_DAY < 0);
	int64_t clock = (time - days * USEC_PER_DAY) / USEC_PER_SEC;
	print_far_date(&text, days);
	text_printf(&text, " %02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%06" PRId64 "%s%s",
		    clock / 3600, clock / 60 % 60, clock % 60,
		    time - days * USEC_PER_DAY - clock * USEC_PER_SEC, zone,
		    days < FIRST_DAY ? " BC" : "");
	return !text.failed && text_of(arena, text_string(&text), text.size, ret_value);
}

static bool read_instant(struct arena *arena, struct cell cell, enum time_format format,
			 struct value *ret_value)
{
	struct value number;
	TEXT_CLEANUP struct text text = { 0 };
	read_signed(arena, cell, &number);
	int64_t time = number.number;
	if (time == INT64_MAX || time == INT64_MIN) {
		const char *infinity = time < 0 ? "-infinity" : "infinity";
		return text_of(arena, infinity, strlen(infinity), ret_value);
	}
	if (time < FIRST_DAY * USEC_PER_DAY || time >= (LAST_DAY + 1) * USEC_PER_DAY) {
		return print_far(arena, time, format == TIME_ZONED ? "+00" : "", ret_value);
	}
	time_print(&text, time + EPOCH, format);
	return !text.failed && text_of(arena, text_string(&text), text.size, ret_value);
}

static bool read_zoned(struct arena *arena, struct cell cell, struct value *ret_value)
{
	return read_instant(arena, cell, TIME_ZONED, ret_value);
}

static bool read_unzoned(struct arena *arena, struct cell cell, struct value *ret_value)
{
	return read_instant(arena, cell, TIME_UTC, ret_value);
}

/* The engine's numbers for its own types never change. What has no reader is to be read as text. */
static const struct {
	Oid type;
	const char *name;
	enum column_kind kind;
	bool (*read)(struct arena *arena, struct cell cell, struct value *ret_value);
} types[] = {
	{ 16, "bool", COLUMN_PLAIN, read_unsigned },
	{ 17, "bytea", COLUMN_BYTES, read_bytes },
	{ 18, "char", COLUMN_PLAIN, read_text },
	{ 19, "name", COLUMN_TEXT, read_text },
	{ 20, "int8", COLUMN_NUMBER, read_signed },
	{ 21, "int2", COLUMN_NUMBER, read_signed },
	{ 23, "int4", COLUMN_NUMBER, read_signed },
	{ 25, "text", COLUMN_TEXT, read_text },
	{ 26, "oid", COLUMN_OPAQUE, read_unsigned },
	{ 114, "json", COLUMN_JSON, read_text },
	{ 199, "_json", COLUMN_JSON_LIST, NULL },
	{ 700, "float4", COLUMN_PLAIN, read_real },
	{ 701, "float8", COLUMN_PLAIN, read_real },
	{ 705, "unknown", COLUMN_TEXT, read_text },
	{ 1042, "bpchar", COLUMN_TEXT, read_text },
	{ 1043, "varchar", COLUMN_TEXT, read_text },
	{ 1114, "timestamp", COLUMN_INSTANT, read_unzoned },
	{ 1184, "timestamptz", COLUMN_ZONED, read_zoned },
	{ 1186, "interval", COLUMN_SPAN, NULL },
	{ 2950, "uuid", COLUMN_UUID, read_uuid },
	{ 3802, "jsonb", COLUMN_JSONB, read_jsonb },
	{ 3807, "_jsonb", COLUMN_JSONB_LIST, NULL },
};

enum column_kind postgres_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].name, name) == 0) {
			return types[i].kind;
		}
	}
	return COLUMN_OPAQUE;
}

static enum column_kind kind_of(Oid type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].type == type) {
			return types[i].kind;
		}
	}
	return COLUMN_OPAQUE;
}

/* Types that somebody made: enums and their like are text. */
#define FIRST_MADE 16384

/* False: no memory; *ret_known false: a type that is not read. */
static bool read_cell(struct arena *arena, Oid type, struct cell cell, struct value *ret_value,
		      bool *ret_known)
{
	*ret_known = true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].type == type && types[i].read) {
			return types[i].read(arena, cell, ret_value);
		}
	}
	const char *data = (const char *)cell.data;
	*ret_known = type >= FIRST_MADE &&
		     utf8_invalid_at(data, (size_t)cell.size) == (size_t)cell.size;
	return !*ret_known || read_text(arena, cell, ret_value);
}

static bool copy_row(const PGresult *answer, int row, struct result *result, int *ret_bad)
{
	for (int i = 0; i < (int)result->columns; i++) {
		struct value *value = &result->cells[(size_t)row * result->columns + (size_t)i];
		struct cell cell = { (const unsigned char *)PQgetvalue(answer, row, i),
				     PQgetlength(answer, row, i) };
		bool known = true;
		*value = value_null();
		if (!PQgetisnull(answer, row, i) &&
		    !read_cell(&result->arena, PQftype(answer, i), cell, value, &known)) {
			return false;
		}
		if (!known) {
			*ret_bad = i;
		}
	}
	return true;
}

bool postgres_copy(const PGresult *answer, struct result *result, int *ret_bad)
{
	bool counts = strncmp(PQcmdStatus((PGresult *)(uintptr_t)answer), "SELECT", 6) != 0;
	const char *changed = PQcmdTuples((PGresult *)(uintptr_t)answer);
	*ret_bad = -1;
	result->changed = counts && *changed ? strtoll(changed, NULL, 10) : 0;
	result->rows = (size_t)PQntuples(answer);
	result->columns = (size_t)PQnfields(answer);
	result->cells = arena_take(&result->arena,
				   result->rows * result->columns * sizeof(*result->cells));
	result->kinds = arena_take(&result->arena, result->columns * sizeof(*result->kinds));
	bool copied = result->cells && result->kinds;
	for (size_t i = 0; copied && i < result->columns; i++) {
		result->kinds[i] = kind_of(PQftype(answer, (int)i));
	}
	for (int row = 0; copied && row < (int)result->rows; row++) {
		copied = copy_row(answer, row, result, ret_bad);
	}
	return copied;
}
