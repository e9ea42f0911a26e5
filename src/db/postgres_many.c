/*
 * One statement for many rows of parameters: where there is a text for all of them at once, its parameters are arrays;
 * else it is prepared, and bound many times. Either way one round trip.
 */
#include "postgres.h"

#include <inttypes.h>
#include <string.h>

/* So many in one round trip; and their texts not much larger than this. */
#define TOGETHER 500
#define TOGETHER_BYTES ((size_t)8 << 20)

/* ---- a row of parameters after the other ---- */

struct counting {
	int64_t *changed;
	size_t count;
	bool writes;
};

static bool count_changed(void *context, int place, const PGresult *answer)
{
	struct counting *counting = context;
	const char *changed = PQcmdTuples((PGresult *)(uintptr_t)answer);
	/* The first answer is the preparation's, the last the end's. */
	if (place > 0 && (size_t)place <= counting->count) {
		struct value count = value_string(changed);
		counting->changed[place - 1] =
			counting->writes ? value_integer(&count, 0) : PQntuples(answer);
	}
	return true;
}

static enum reclaim_status run_each(struct postgres *pg, const struct statement *statement,
				    const struct value *params, size_t count,
				    int64_t *ret_changed, struct reclaim_error *error)
{
	ARENA_CLEANUP struct arena arena = { 0 };
	struct trip TRIP_CLEANUP trip = { 0 };
	struct counting counting = { ret_changed, count, statement->writes };
	enum reclaim_status status = RECLAIM_OK;
	struct bound *bound = arena_take(&arena, count * sizeof(*bound));
	if (!bound) {
		return fail_no_memory(error);
	}
	for (size_t i = 0; status == RECLAIM_OK && i < count; i++) {
		status = postgres_bind(&arena, statement,
				       params + i * (size_t)statement->param_count, &bound[i],
				       error);
	}
	if (status != RECLAIM_OK) {
		return status;
	}
	trip_start(&trip, pg);
	trip_prepare(&trip, statement->sql);
	for (size_t i = 0; i < count; i++) {
		trip_send_prepared(&trip, &bound[i]);
	}
	return trip_end(&trip, count_changed, &counting)
		       ? RECLAIM_OK
		       : postgres_fail(pg, &trip, statement->name, statement->sql,
				       /* commits= */ false, error);
}

/* ---- all rows at once ---- */

/* An element of an array's text. */
static void add_element(struct text *array, const struct value *value)
{
	switch (value->type) {
	case VALUE_NULL:
		text_add(array, "NULL");
		return;
	case VALUE_INT:
		text_printf(array, "%" PRId64, value->number);
		return;
	case VALUE_REAL:
		text_printf(array, "%.17g", value->real);
		return;
	case VALUE_TEXT:
	case VALUE_BLOB:
		break;
	}
	text_add_char(array, '"');
	for (size_t at = 0, run; at < value->size; at += run) {
		const char *data = value->data + at;
		for (run = 0;
		     at + run < value->size && data[run] != '"' && data[run] != '\\';) {
			run++;
		}
		text_add_bytes(array, data, run);
		if (at + run < value->size) {
			text_add_char(array, '\\');
			text_add_bytes(array, data + run++, 1);
		}
	}
	text_add_char(array, '"');
}

static enum reclaim_status check_element(const struct statement *statement,
					 const struct value *value, struct reclaim_error *error)
{
	if (value->type == VALUE_BLOB) {
		return fail(error, RECLAIM_INTERNAL, "%s: bytes in the place of a text",
			    statement->name);
	}
	return value->type == VALUE_TEXT && value->size &&
			       memchr(value->data, '\0', value->size)
		       ? postgres_fail_nul(statement, error)
		       : RECLAIM_OK;
}

/* The values of one parameter, as an array's text. */
static enum reclaim_status make_array(struct arena *arena, const struct statement *statement,
				      const struct value *first, size_t count,
				      struct value *ret_array, struct reclaim_error *error)
{
	TEXT_CLEANUP struct text array = { 0 };
	enum reclaim_status status = RECLAIM_OK;
	for (size_t i = 0; !status && i < count; i++) {
		const struct value *value = first + i * (size_t)statement->param_count;
		status = check_element(statement, value, error);
		text_add_char(&array, i ? ',' : '{');
		add_element(&array, value);
	}
	text_add_char(&array, '}');
	char *copy = array.failed ? NULL : arena_copy(arena, text_string(&array), array.size);
	if (!status && !copy) {
		status = fail_no_memory(error);
	}
	if (!status) {
		*ret_array = value_bytes(VALUE_TEXT, copy, array.size);
	}
	return status;
}

/* The answer has the places of the rows of parameters that have changed something. */
static bool count_places(void *context, int place, const PGresult *answer)
{
	struct counting *counting = context;
	RESULT_CLEANUP struct result result = { 0 };
	int bad = -1;
	if (place > 0) {
		return true;
	}
	bool copied = postgres_copy(answer, &result, &bad);
	for (size_t i = 0; copied && i < result.rows; i++) {
		int64_t at = value_integer(result_cell(&result, i, 0), 0);
		if (at > 0 && (size_t)at <= counting->count) {
			counting->changed[at - 1]++;
		}
	}
	return copied;
}

static enum reclaim_status run_at_once(struct postgres *pg, const struct statement *statement,
				       const struct value *params, size_t count,
				       int64_t *ret_changed, struct reclaim_error *error)
{
	ARENA_CLEANUP struct arena arena = { 0 };
	struct trip TRIP_CLEANUP trip = { 0 };
	struct counting counting = { ret_changed, count, /* writes= */ true };
	enum reclaim_status status = RECLAIM_OK;
	struct bound bound;
	size_t width = (size_t)statement->param_count;
	struct value *arrays = arena_take(&arena, width * sizeof(*arrays));
	if (!arrays) {
		return fail_no_memory(error);
	}
	for (size_t i = 0; !status && i < width; i++) {
		status = make_array(&arena, statement, params + i, count, &arrays[i], error);
	}
	if (!status) {
		status = postgres_bind(&arena, statement, arrays, &bound, error);
	}
	if (status) {
		return status;
	}
	memset(ret_changed, 0, count * sizeof(*ret_changed));
	trip_start(&trip, pg);
	trip_send(&trip, statement->sql, &bound);
	return trip_end(&trip, count_places, &counting)
		       ? RECLAIM_OK
		       : postgres_fail(pg, &trip, statement->name, statement->sql,
				       /* commits= */ false, error);
}

/* How many of the rows of parameters go together; one at least. */
static size_t some_of(const struct statement *statement, const struct value *params,
		      size_t count)
{
	size_t width = (size_t)statement->param_count, bytes = 0, some = 0;
	while (some < count && some < TOGETHER && bytes < TOGETHER_BYTES) {
		for (size_t i = 0; i < width; i++) {
			bytes += params[some * width + i].size;
		}
		some++;
	}
	return some;
}

enum reclaim_status postgres_run_many(struct db *db, const struct statement *statement,
				      const struct value *params, size_t count,
				      int64_t *ret_changed, struct reclaim_error *error)
{
	struct postgres *pg = (struct postgres *)db;
	enum reclaim_status status = RECLAIM_OK;
	if (!pg->handle) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s': %s: the connection was lost before, and the "
			    "transaction with it",
			    pg->shown, statement->name);
	}
	for (size_t at = 0, some; status == RECLAIM_OK && at < count; at += some) {
		const struct value *first = params + at * (size_t)statement->param_count;
		some = some_of(statement, first, count - at);
		bool at_once = statement->at_once && some > 1;
		status =
			at_once ? run_at_once(pg, statement->at_once, first, some,
					      ret_changed + at, error)
				: run_each(pg, statement, first, some, ret_changed + at, error);
	}
	return status;
}
