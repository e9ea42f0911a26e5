/* The four systems' own tables on each engine, and what their own programs do with them. */
#include "scene.h"

/* {now} is the scene's time in the shape of the host, %s the id of its task; the others are of the engine. */
#define FOUNDRY                                                                                \
	"CREATE TABLE foundry_tasks (task_id VARCHAR(64) PRIMARY KEY, task_type VARCHAR(64) "  \
	"NOT NULL,"                                                                            \
	" status VARCHAR(16) NOT NULL DEFAULT 'pending', claimed_by VARCHAR(64), claimed_at "  \
	"{plain},"                                                                             \
	" updated_at {plain} NOT NULL);"                                                       \
	"CREATE TABLE worker_heartbeats (worker_id VARCHAR(64) NOT NULL UNIQUE,"               \
	" status VARCHAR(16) NOT NULL, last_seen {plain} NOT NULL);"                           \
	"CREATE TABLE task_audit_log (log_id {serial}, task_id VARCHAR(64) NOT NULL,"          \
	" action VARCHAR(32) NOT NULL, details TEXT, timestamp {plain} NOT NULL);"

#define SEEDCORE(columns)                                                                      \
	"CREATE TABLE tasks (id {uuid} PRIMARY KEY, status VARCHAR(9) NOT NULL DEFAULT "       \
	"'created',"                                                                           \
	" attempts INTEGER NOT NULL DEFAULT 0, type TEXT, description TEXT, error TEXT,"       \
	" run_after {zoned}, created_at {zoned} NOT NULL, updated_at {zoned} NOT "             \
	"NULL" columns ");"                                                                    \
	"{touch}"
#define SEEDCORE_ADD                                                                           \
	"INSERT INTO tasks (id, status, type, created_at, updated_at)"                         \
	" VALUES (%s, 'queued', 'graph', {now}, {now})"

#define DELEGATIONS                                                                            \
	"CREATE TABLE delegations (delegation_id VARCHAR(64) PRIMARY KEY, caller_id {uuid},"   \
	" callee_id {uuid},"                                                                   \
	" task_preview TEXT, status VARCHAR(16) NOT NULL DEFAULT 'queued', last_heartbeat "    \
	"{instant},"                                                                           \
	" deadline {instant} NOT NULL, result_preview TEXT, error_detail TEXT,"                \
	" retry_count INTEGER NOT NULL DEFAULT 0, created_at {instant} NOT NULL, updated_at "  \
	"{instant} NOT NULL,"                                                                  \
	" idempotency_key TEXT);"

#define CLOACINA                                                                               \
	"CREATE TABLE task_executions (id {bytes} PRIMARY KEY NOT NULL,"                       \
	" pipeline_execution_id {bytes} NOT NULL,"                                             \
	" task_name TEXT NOT NULL, status VARCHAR(16) NOT NULL, claimed_by {bytes},"           \
	" heartbeat_at {instant}, started_at {instant}, completed_at {instant},"               \
	" attempt INTEGER NOT NULL DEFAULT 1,"                                                 \
	" max_attempts INTEGER NOT NULL DEFAULT 3, error_details TEXT, last_error TEXT, "      \
	"retry_at {instant},"                                                                  \
	" recovery_attempts INTEGER NOT NULL DEFAULT 0, last_recovery_at {instant},"           \
	" created_at {instant} NOT NULL, updated_at {instant} NOT NULL);"                      \
	"CREATE TABLE execution_events (id {bytes} PRIMARY KEY NOT NULL,"                      \
	" pipeline_execution_id {bytes} NOT NULL,"                                             \
	" task_execution_id {bytes}, event_type TEXT NOT NULL, event_data TEXT,"               \
	" created_at {instant} NOT NULL);"                                                     \
	"CREATE TABLE task_outbox (id {serial}, task_execution_id {bytes} NOT NULL,"           \
	" created_at {instant} NOT NULL);"

/* What the hosts' own schema scripts say on each engine. */
static const struct dialect {
	const char *engine;
	bool uuids; /* 16 bytes are a type of their own, and so are all instants */
	struct {
		const char *name, *text;
	} words[7];
} dialects[] = {
	{ "sqlite",
	  false,
	  { { "{plain}", "DATETIME" },
	    { "{zoned}", "TIMESTAMP" },
	    { "{instant}", "TEXT" },
	    { "{uuid}", "TEXT" },
	    { "{bytes}", "BLOB" },
	    { "{serial}", "INTEGER PRIMARY KEY" },
	    { "{touch}", "CREATE TRIGGER touch AFTER UPDATE ON tasks BEGIN UPDATE tasks SET"
			 " updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = "
			 "NEW.id; END;" } } },
	{ "mariadb",
	  false,
	  { { "{plain}", "DATETIME(6)" },
	    { "{zoned}", "DATETIME(6)" },
	    { "{instant}", "TEXT" },
	    { "{uuid}", "VARCHAR(100)" },
	    { "{bytes}", "BINARY(16)" },
	    { "{serial}", "BIGINT AUTO_INCREMENT PRIMARY KEY" },
	    { "{touch}", "CREATE TRIGGER touch BEFORE UPDATE ON tasks FOR EACH ROW"
			 " SET NEW.updated_at = utc_timestamp(6);" } } },
	{ "postgres",
	  true,
	  { { "{plain}", "timestamp" },
	    { "{zoned}", "timestamptz" },
	    { "{instant}", "timestamptz" },
	    { "{uuid}", "uuid" },
	    { "{bytes}", "uuid" },
	    { "{serial}", "bigserial PRIMARY KEY" },
	    { "{touch}", "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
			 " NEW.updated_at := statement_timestamp(); RETURN NEW; END $$;"
			 "CREATE TRIGGER touch BEFORE UPDATE ON tasks"
			 " FOR EACH ROW EXECUTE FUNCTION touch();" } } },
};

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
		 " updated_at) VALUES (%s, %s, 'load', 'Ready', {now}, {now})",
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

static const struct dialect *dialect_of(const struct db *db)
{
	for (size_t i = 0; i < COUNT_OF(dialects); i++) {
		if (runs_on(db, dialects[i].engine)) {
			return &dialects[i];
		}
	}
	FAIL_WITH("no dialect of %s", db->driver->name);
	return NULL;
}

static enum time_format shape_of(const struct dialect *dialect, const struct host *host)
{
	return dialect->uuids                              ? TIME_ZONED
	       : strcmp(host->profile, "delegations") == 0 ? TIME_RFC3339
	       : strcmp(host->profile, "cloacina") == 0    ? TIME_ZONED
							   : TIME_UTC;
}

static void add_id(struct text *text, const char *id, bool bytes)
{
	text_add(text, bytes ? "x'" : "'");
	for (const char *at = id; *at; at++) {
		if (!bytes || *at != '-') {
			text_add(text, *at == '\'' ? "'" : "");
			text_add_char(text, *at);
		}
	}
	text_add_char(text, '\'');
}

static void add_time(struct text *text, int64_t time, enum time_format shape)
{
	text_add_char(text, '\'');
	time_print(text, time, shape);
	text_add_char(text, '\'');
}

/* A word in braces, or what stands for itself; where the next begins. */
static const char *add_word(struct text *text, const struct dialect *dialect, const char *at)
{
	for (size_t i = 0; i < COUNT_OF(dialect->words); i++) {
		size_t size = strlen(dialect->words[i].name);
		if (strncmp(at, dialect->words[i].name, size) == 0) {
			text_add(text, dialect->words[i].text);
			return at + size;
		}
	}
	text_add_char(text, *at);
	return at + 1;
}

/* The id, the times and the engine's words in their places. */
static const char *spelled(const struct db *db, const struct host *host, const char *sql,
			   const char *id)
{
	TEXT_CLEANUP struct text text = { 0 };
	const struct dialect *dialect = dialect_of(db);
	int64_t now = clock_read();
	for (const char *at = sql; *at;) {
		if (strncmp(at, "{now", 4) == 0) {
			add_time(&text, now + strtoll(at + 4, NULL, 10) * S,
				 shape_of(dialect, host));
			at = strchr(at, '}') + 1;
		} else if (strncmp(at, "%s", 2) == 0) {
			add_id(&text, id, host->bytes && !dialect->uuids);
			at += 2;
		} else {
			at = add_word(&text, dialect, at);
		}
	}
	return format("%s", text_string(&text));
}

struct ledger *open_host(void **state, const struct host *host)
{
	struct db *db = open_with(ledger_url(state, host->profile),
				  &(struct db_options){ .create = true });
	script(db, spelled(db, host, host->tables, ""));
	db_close(db);
	struct ledger *ledger = open_ledger(state, host->profile, NULL, NULL);
	OK(ledger_plan(ledger, &error));
	return ledger;
}

void host_runs(struct db *db, const struct host *host, const char *sql, const char *id)
{
	assert_int_equal(change(db, spelled(db, host, sql, id)), 1);
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
	return ask_text(ledger, spelled(ledger->db, host, host->status, id));
}
