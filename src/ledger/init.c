/* init: our own tables, which only grow, or what a host's ledger gets from us. */
#include "migrate.h"

static enum reclaim_status emit_script(const struct sink *sink, enum sql sql)
{
	const struct sql_text *text = ledger_sql(sink->ledger, sql);
	return text ? sink_emit(sink, text->name, text->text)
		    : fail(sink->error, RECLAIM_UNSUPPORTED,
			   "this build has no statements for engine '%s'",
			   sink->ledger->db->driver->name);
}

/* Of our tables: what schema_done.sql writes. A program that knows less must leave them alone. */
#define SCHEMA_VERSION 1
/* It can't be read: there is none yet, or no right to it. 0: it was not written yet. */
#define NO_VERSION INT64_MIN

static enum reclaim_status read_version(struct ledger *ledger, int64_t *ret_version,
					struct reclaim_error *error)
{
	struct result RESULT_CLEANUP rows = { 0 };
	struct reclaim_error why = { 0 }; /* that there is none yet is no failure */
	enum reclaim_status status = ledger_run(ledger, SQL_SCHEMA_VERSION, NULL, &rows, &why);
	int64_t version =
		status ? NO_VERSION
		       : value_integer(result_cell(&rows, 0, SCHEMA_VERSION_R_VERSION),
				       /* otherwise= */ 0);
	if (version > SCHEMA_VERSION) {
		return fail(error, RECLAIM_UNSUPPORTED,
			    "the tables of our own ledger are of version %lld, made by a newer "
			    "program; this one knows version %d: update it",
			    (long long)version, SCHEMA_VERSION);
	}
	if (status && status != RECLAIM_INVALID && status != RECLAIM_UNAVAILABLE) {
		return fail(error, status, "%s", why.message);
	}
	*ret_version = version;
	return RECLAIM_OK;
}

enum reclaim_status ledger_check_version(struct ledger *ledger, struct reclaim_error *error)
{
	int64_t version;
	return ledger->profile->native && !ledger->db->in_transaction
		       ? read_version(ledger, &version, error)
		       : RECLAIM_OK;
}

static enum reclaim_status look_up_own(struct ledger *ledger, const char *name,
				       struct table **ret_table, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	const char *full = arena_printf(&arena, "%s%s", ledger->db->driver->own_prefix, name);
	return full ? db_look_up(ledger->db, full, ret_table, error) : fail_no_memory(error);
}

enum reclaim_status ledger_has_host_tables(struct ledger *ledger, bool *ret_has,
					   struct reclaim_error *error)
{
	if (ledger->has_host_tables) {
		*ret_has = true;
		return RECLAIM_OK;
	}
	struct table *events = NULL, *ledgers = NULL;
	enum reclaim_status status = look_up_own(ledger, "events", &events, error);
	if (!status) {
		status = look_up_own(ledger, "ledgers", &ledgers, error);
	}
	if (!status && events && ledgers) {
		*ret_has = ledger->has_host_tables = events->exists && ledgers->exists;
	}
	table_destroy(events);
	table_destroy(ledgers);
	return status;
}

/* Who may not use our tables may not see them either, on some engines: then they can't be made, of course. */
static enum reclaim_status fail_make(struct ledger *ledger, struct reclaim_error *error)
{
	struct table *events = NULL;
	struct reclaim_error why = error ? *error : (struct reclaim_error){ 0 };
	bool denied = !look_up_own(ledger, "events", &events, NULL) && events && events->denied;
	table_destroy(events);
	return !denied ? RECLAIM_UNAVAILABLE
		       : fail(error, RECLAIM_UNAVAILABLE,
			      "the audit is not to be seen, and can't be made; is it there, "
			      "then "
			      "a right to it is missing, and `reclaim check` names it: %s",
			      why.message);
}

enum reclaim_status ledger_make_host_tables(struct ledger *ledger, struct reclaim_error *error)
{
	bool there = ledger->profile->audit_is_log;
	enum reclaim_status status =
		there ? RECLAIM_OK : ledger_has_host_tables(ledger, &there, error);
	if (status || there) {
		return status;
	}
	const struct sink sink = { .ledger = ledger, .error = error };
	status = ledger_begin(ledger, error);
	if (!status) {
		status = ledger_end(ledger, emit_script(&sink, SQL_SCHEMA_HOST), error);
	}
	return status == RECLAIM_UNAVAILABLE ? fail_make(ledger, error) : status;
}

static void show_transaction(const struct sink *sink, const char *sql)
{
	if (sink->show) {
		sink->show(sink->context, "transaction", sql);
	}
}

static enum reclaim_status init_host(const struct sink *sink)
{
	enum reclaim_status status = RECLAIM_OK;
	show_transaction(sink, "BEGIN");
	if (!sink->ledger->profile->audit_is_log) {
		status = emit_script(sink, SQL_SCHEMA_HOST);
	}
	if (!status) {
		status = migrate(sink, /* indexes= */ false);
	}
	show_transaction(sink, "COMMIT");
	return status;
}

static enum reclaim_status init_own(const struct sink *sink)
{
	enum reclaim_status status = emit_script(sink, SQL_SCHEMA);
	if (!status) {
		status = emit_script(sink, SQL_SCHEMA_HOST);
	}
	const struct sql_text *functions = ledger_sql(sink->ledger, SQL_FUNCTIONS);
	if (!status && functions && functions->text) {
		status = emit_script(sink, SQL_FUNCTIONS);
	}
	return status ? status : emit_script(sink, SQL_SCHEMA_DONE);
}

enum reclaim_status ledger_init(struct ledger *ledger, plan_line_fn *show, void *context,
				struct reclaim_error *error)
{
	const struct sink sink = {
		.ledger = ledger, .show = show, .context = context, .error = error
	};
	enum reclaim_status status = ledger_check_version(ledger, error);
	if (!status && !show) {
		status = ledger_begin(ledger, error);
	}
	if (status) {
		return status;
	}
	status = ledger->profile->native ? init_own(&sink) : init_host(&sink);
	plan_destroy(ledger->plan); /* the schema is another one now */
	ledger->plan = NULL;
	status = show ? status : ledger_end(ledger, status, error);
	return status || ledger->profile->native ? status : migrate(&sink, /* indexes= */ true);
}

enum reclaim_status ledger_make_own_tables(struct ledger *ledger, struct reclaim_error *error)
{
	struct table *tasks = NULL;
	if (!ledger->profile->native) {
		return RECLAIM_OK;
	}
	int64_t version = NO_VERSION;
	enum reclaim_status status = read_version(ledger, &version, error);
	if (status || version > 0) {
		return status;
	}
	/* Who may submit need not be allowed to read the version. */
	status = look_up_own(ledger, "tasks", &tasks, error);
	bool exists = !status && tasks && tasks->exists && version == NO_VERSION;
	table_destroy(tasks);
	return status || exists
		       ? status
		       : ledger_init(ledger, /* show= */ NULL, /* context= */ NULL, error);
}
