/* The four systems' own tables on SQLite, and what their own programs do with them. */
#include "scene.h"

/* {now} is the scene's time in the shape of the host. */
#define FOUNDRY                                                                                \
	"CREATE TABLE foundry_tasks (task_id VARCHAR(64) PRIMARY KEY, task_type VARCHAR(64) "  \
	"NOT NULL,"                                                                            \
	" status VARCHAR(16) NOT NULL DEFAULT 'pending', claimed_by VARCHAR(64), claimed_at "  \
	"DATETIME,"                                                                            \
	" updated_at DATETIME NOT NULL);"                                                      \
	"CREATE TABLE worker_heartbeats (worker_id VARCHAR(64) NOT NULL UNIQUE,"               \
	" status VARCHAR(16) NOT NULL, last_seen DATETIME NOT NULL);"                          \
	"CREATE TABLE task_audit_log (log_id INTEGER PRIMARY KEY, task_id VARCHAR(64) NOT "    \
	"NULL,"                                                                                \
	" action VARCHAR(32) NOT NULL, details TEXT, timestamp DATETIME NOT NULL);"

/* A trigger of the host sets updated_at on every update. */
#define SEEDCORE(columns)                                                                      \
	"CREATE TABLE tasks (id TEXT PRIMARY KEY, status TEXT NOT NULL DEFAULT 'created',"     \
	" attempts INTEGER NOT NULL DEFAULT 0, type TEXT, description TEXT, error TEXT,"       \
	" run_after TIMESTAMP, created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT "       \
	"NULL" columns ");"                                                                    \
	"CREATE TRIGGER touch AFTER UPDATE ON tasks BEGIN"                                     \
	" UPDATE tasks SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = "      \
	"NEW.id;"                                                                              \
	" END;"
#define SEEDCORE_ADD                                                                           \
	"INSERT INTO tasks (id, status, type, created_at, updated_at)"                         \
	" VALUES (%s, 'queued', 'graph', {now}, {now})"

#define DELEGATIONS                                                                            \
	"CREATE TABLE delegations (delegation_id TEXT PRIMARY KEY, caller_id TEXT, callee_id " \
	"TEXT,"                                                                                \
	" task_preview TEXT, status TEXT NOT NULL DEFAULT 'queued', last_heartbeat TEXT,"      \
	" deadline TEXT NOT NULL, result_preview TEXT, error_detail TEXT,"                     \
	" retry_count INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL, updated_at TEXT "  \
	"NOT NULL,"                                                                            \
	" idempotency_key TEXT);"

#define CLOACINA                                                                               \
	"CREATE TABLE task_executions (id BLOB PRIMARY KEY NOT NULL, pipeline_execution_id "   \
	"BLOB NOT NULL,"                                                                       \
	" task_name TEXT NOT NULL, status TEXT NOT NULL, claimed_by BLOB, heartbeat_at TEXT,"  \
	" started_at TEXT, completed_at TEXT, attempt INTEGER NOT NULL DEFAULT 1,"             \
	" max_attempts INTEGER NOT NULL DEFAULT 3, error_details TEXT, last_error TEXT, "      \
	"retry_at TEXT,"                                                                       \
	" recovery_attempts INTEGER NOT NULL DEFAULT 0, last_recovery_at TEXT,"                \
	" created_at TEXT NOT NULL, updated_at TEXT NOT NULL);"                                \
	"CREATE TABLE execution_events (id BLOB PRIMARY KEY NOT NULL, pipeline_execution_id "  \
	"BLOB NOT NULL,"                                                                       \
	" task_execution_id BLOB, event_type TEXT NOT NULL, event_data TEXT, created_at TEXT " \
	"NOT NULL);"                                                                           \
	"CREATE TABLE task_outbox (id INTEGER PRIMARY KEY, task_execution_id BLOB NOT NULL,"   \
	" created_at TEXT NOT NULL);"

const struct host hosts[] = {
	{ .name = "foundry",
	  .profile = "foundry",
	  .tables = FOUNDRY,
	  .add = "INSERT INTO foundry_tasks (task_id, task_type, updated_at)"
		 " VALUES (%s, 'build', {now})",
	  .status = "SELECT status FROM foundry_tasks WHERE task_id = %s",
	  .complete = "UPDATE foundry_tasks SET status = 'completed', updated_at = {now}"
		      " WHERE task_id = %s AND status = 'claimed'",
	  .beat = "UPDATE worker_heartbeats SET last_seen = {now} WHERE %s IS NOT NULL",
	  .patience = 301 * S,
	  .done = "completed",
	  .recovered = "pending" },
	{ .name = "seedcore",
	  .profile = "seedcore",
	  .tables = SEEDCORE(
		  ", owner_id TEXT, lease_expires_at TIMESTAMP, last_heartbeat TIMESTAMP"),
	  .add = SEEDCORE_ADD,
	  .status = "SELECT status FROM tasks WHERE id = %s",
	  .complete =
		  "UPDATE tasks SET status = 'completed' WHERE id = %s AND status = 'running'",
	  .beat = "UPDATE tasks SET last_heartbeat = {now}, lease_expires_at = {now+600} WHERE "
		  "id = %s",
	  .patience = 601 * S,
	  .done = "completed",
	  .recovered = "queued" },
	{ .name = "seedcore-old",
	  .profile = "seedcore",
	  .tables = SEEDCORE(""),
	  .add = SEEDCORE_ADD,
	  .status = "SELECT status FROM tasks WHERE id = %s",
	  .complete =
		  "UPDATE tasks SET status = 'completed' WHERE id = %s AND status = 'running'",
	  .beat = "UPDATE tasks SET description = 'half done' WHERE id = %s",
	  .claim = "UPDATE tasks SET status = 'running' WHERE id = %s AND status = 'queued'",
	  .patience = 901 * S,
	  .done = "completed",
	  .recovered = "queued" },
	{ .name = "delegations",
	  .profile = "delegations",
	  .tables = DELEGATIONS,
	  .add = "INSERT INTO delegations (delegation_id, callee_id, deadline, created_at, "
		 "updated_at)"
		 " VALUES (%s, '" WORKER "', {now+21600}, {now}, {now})",
	  .status = "SELECT status FROM delegations WHERE delegation_id = %s",
	  .complete = "UPDATE delegations SET status = 'completed', result_preview = 'mine',"
		      " updated_at = {now} WHERE delegation_id = %s AND status = 'in_progress'",
	  .beat = "UPDATE delegations SET last_heartbeat = {now} WHERE delegation_id = %s",
	  .patience = 601 * S,
	  .done = "completed",
	  .recovered = "stuck" },
	{ .name = "cloacina",
	  .profile = "cloacina",
	  .tables = CLOACINA,
	  .add = "INSERT INTO task_executions (id, pipeline_execution_id, task_name, status, "
		 "created_at,"
		 " updated_at) VALUES (%s, x'00112233445566778899aabbccddeeff', 'load', "
		 "'Ready', {now}, {now})",
	  .bytes = true,
	  .status = "SELECT status FROM task_executions WHERE id = %s",
	  .complete = "UPDATE task_executions SET status = 'Completed', claimed_by = NULL, "
		      "heartbeat_at = NULL,"
		      " completed_at = {now}, updated_at = {now} WHERE id = %s AND status = "
		      "'Running'",
	  .beat = "UPDATE task_executions SET heartbeat_at = {now} WHERE id = %s",
	  .patience = 61 * S,
	  .done = "Completed",
	  .recovered = "Ready" },
};
const size_t host_count = COUNT_OF(hosts);

const struct host *host_named(const char *name)
{
	for (size_t i = 0; i < host_count; i++) {
		if (strcmp(hosts[i].name, name) == 0) {
			return &hosts[i];
		}
	}
	return NULL;
}

static enum time_format shape_of(const struct host *host)
{
	return strcmp(host->profile, "delegations") == 0 ? TIME_RFC3339
	       : strcmp(host->profile, "cloacina") == 0  ? TIME_ZONED
							 : TIME_UTC;
}

static const char *id_of(const struct host *host, const char *id)
{
	TEXT_CLEANUP struct text text = { 0 };
	for (const char *at = id; *at; at++) {
		if (*at == '\'') {
			text_add_char(&text, '\'');
		}
		if (!host->bytes || *at != '-') {
			text_add_char(&text, *at);
		}
	}
	return format("%s'%s'", host->bytes ? "x" : "", text_string(&text));
}

/* The id and the times in their places. */
static const char *spelled(const struct host *host, const char *sql, const char *id)
{
	TEXT_CLEANUP struct text text = { 0 };
	int64_t now = clock_read();
	for (const char *at = sql; *at;) {
		if (strncmp(at, "{now", 4) == 0) {
			text_add_char(&text, '\'');
			time_print(&text, now + strtoll(at + 4, NULL, 10) * S, shape_of(host));
			text_add_char(&text, '\'');
			at = strchr(at, '}') + 1;
		} else if (strncmp(at, "%s", 2) == 0) {
			text_add(&text, id_of(host, id));
			at += 2;
		} else {
			text_add_char(&text, *at++);
		}
	}
	return format("%s", text_string(&text));
}

struct ledger *open_host(void **state, const struct host *host)
{
	struct db *db = open_with(ledger_url(state, host->profile),
				  &(struct db_options){ .create = true });
	script(db, host->tables);
	db_close(db);
	struct ledger *ledger = open_ledger(state, host->profile, NULL, NULL);
	OK(ledger_plan(ledger, &error));
	return ledger;
}

void host_runs(struct db *db, const struct host *host, const char *sql, const char *id)
{
	assert_int_equal(change(db, spelled(host, sql, id)), 1);
}

void host_add(struct ledger *ledger, const struct host *host, const char *id)
{
	host_runs(ledger->db, host, host->add, id);
}

const char *host_begin(struct ledger *ledger, const struct host *host, const char *id)
{
	if (host->claim) {
		host_runs(ledger->db, host, host->claim, id);
		return NULL;
	}
	const char *token = claim(ledger, WORKER, /* lease= */ 0);
	OK(verb_renew(ledger, id, token, /* lease= */ 0, /* progress= */ NULL, &error));
	return token;
}

const char *host_status(struct ledger *ledger, const struct host *host, const char *id)
{
	return ask_text(ledger, spelled(host, host->status, id));
}
