/* Statements: alone in a transaction of their own, or inside an open one. */
#include "postgres.h"

/* What a trip brings back: the rows of one of its statements. */
struct fetching {
	int place; /* of the statement in the trip */
	struct result result;
	int bad; /* a column that can't be read; -1: none */
	Oid bad_type;
};

static bool fetch(void *context, int place, const PGresult *answer)
{
	struct fetching *fetching = context;
	if (place != fetching->place) {
		return true;
	}
	bool copied = postgres_copy(answer, &fetching->result, &fetching->bad);
	fetching->bad_type = fetching->bad < 0 ? 0 : PQftype(answer, fetching->bad);
	return copied;
}

static enum reclaim_status hand_over(struct postgres *pg, const struct statement *statement,
				     struct fetching *fetching, struct result *ret_result,
				     struct reclaim_error *error)
{
	if (fetching->bad >= 0) {
		result_finish(&fetching->result);
		return fail(
			error, RECLAIM_UNSUPPORTED,
			"database '%s': %s: column %d is of a type that is not read (number "
			"%u)",
			pg->shown, statement->name, fetching->bad + 1, fetching->bad_type);
	}
	if (ret_result) {
		*ret_result = fetching->result;
	} else {
		result_finish(&fetching->result);
	}
	return RECLAIM_OK;
}

static enum reclaim_status run_inside(struct postgres *pg, const struct statement *statement,
				      const struct bound *bound, struct fetching *fetching,
				      struct reclaim_error *error)
{
	struct trip TRIP_CLEANUP trip = { 0 };
	if (!pg->handle) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "database '%s': %s: the connection was lost before, and the "
			    "transaction with it",
			    pg->shown, statement->name);
	}
	if (statement->writes && pg->reading) {
		return fail(error, pg->read_only ? RECLAIM_UNAVAILABLE : RECLAIM_INTERNAL,
			    "database '%s': %s writes, and the %s is for reading", pg->shown,
			    statement->name, pg->read_only ? "connection" : "transaction");
	}
	trip_start(&trip, pg);
	trip_send(&trip, statement->sql, bound);
	return trip_end(&trip, fetch, fetching)
		       ? RECLAIM_OK
		       : postgres_fail(pg, &trip, statement->name, statement->sql,
				       /* commits= */ false, error);
}

/* A whole transaction in one round trip. `ret_lost`: the connection was. */
static enum reclaim_status run_alone(struct postgres *pg, const struct statement *statement,
				     const struct bound *bound, struct fetching *fetching,
				     bool *ret_lost, struct reclaim_error *error)
{
	struct trip TRIP_CLEANUP trip = { 0 };
	enum reclaim_status status = postgres_ready(pg, error);
	if (status != RECLAIM_OK) {
		return status;
	}
	bool writes = statement->writes && !pg->read_only;
	trip_start(&trip, pg);
	trip_send(&trip, postgres_begin_sql[writes ? DB_WRITE : DB_READ], NULL);
	trip_send(&trip, pg->settings[writes ? DB_WRITE : DB_READ], NULL);
	trip_send(&trip, statement->sql, bound);
	if (writes) {
		trip_send(&trip, postgres_settle_sql, NULL);
	}
	trip_send(&trip, "COMMIT", NULL);
	if (!trip_end(&trip, fetch, fetching)) {
		status = postgres_fail(pg, &trip, statement->name, statement->sql, writes,
				       error);
		result_finish(&fetching->result);
	}
	*ret_lost = trip.lost;
	if (status != RECLAIM_OK && !trip.lost) {
		pg->db.driver->rollback(&pg->db);
	}
	return status;
}

enum reclaim_status postgres_run(struct db *db, const struct statement *statement,
				 const struct value *params, struct result *ret_result,
				 struct reclaim_error *error)
{
	struct postgres *pg = (struct postgres *)db;
	ARENA_CLEANUP struct arena arena = { 0 };
	struct fetching fetching = { .place = db->in_transaction ? 0 : 2, .bad = -1 };
	struct bound bound;
	bool lost = false;
	enum reclaim_status status = postgres_bind(&arena, statement, params, &bound, error);
	if (status != RECLAIM_OK) {
		return status;
	}
	if (db->in_transaction) {
		status = run_inside(pg, statement, &bound, &fetching, error);
	} else {
		status = run_alone(pg, statement, &bound, &fetching, &lost, error);
	}
	if (status == RECLAIM_UNAVAILABLE && lost && !statement->writes) {
		/* Reading twice does no harm. */
		status = run_alone(pg, statement, &bound, &fetching, &lost, error);
	}
	if (status != RECLAIM_OK) {
		result_finish(&fetching.result);
		return status;
	}
	return hand_over(pg, statement, &fetching, ret_result, error);
}
