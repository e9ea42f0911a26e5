/* The active workers' bytes in the lock file. */
#include "evidence.h"

#include <stdlib.h>
#include <string.h>

void watch_init(struct watch *watch)
{
	*watch = (struct watch){ .lockfile = { .fd = -1 } };
}

void watch_finish(struct watch *watch)
{
	lockfile_close(&watch->lockfile);
	arena_finish(&watch->arena);
	watch_init(watch);
}

static int by_key(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;
	return strcmp(x->key, y->key);
}

static bool is_told(const struct watch *watch, const char *key)
{
	const struct watched wanted = { .key = key };
	const struct watched *known =
		watch->count
			? bsearch(&wanted, watch->workers, watch->count, sizeof(wanted), by_key)
			: NULL;
	return known && known->told;
}

/* A worker that is active and has a byte of its own; its slot stays 0 when it is none. */
static bool read_worker(const struct watch *old, const struct profile *profile,
			const struct value *row, struct arena *arena,
			struct watched *ret_worker)
{
	struct text TEXT_CLEANUP key = { 0 };
	bool ignored;
	const struct value *label = &row[WORKER_CELL_STATE];
	const char *state = label->type == VALUE_TEXT ? label->data : NULL;
	int64_t slot = value_integer(&row[WORKER_CELL_SLOT], -1);
	if (slot <= 0 || worker_presence(&profile->workers, state, &ignored) != WORKER_ACTIVE) {
		return true;
	}
	value_print(&key, &row[WORKER_CELL_KEY]);
	ret_worker->key = arena_string(arena, text_string(&key));
	ret_worker->slot = slot;
	ret_worker->inode = value_integer(&row[WORKER_CELL_INODE], -1);
	ret_worker->told = is_told(old, text_string(&key));
	return ret_worker->key != NULL;
}

static bool read_workers(struct watch *watch, const struct ledger *ledger,
			 const struct result *rows)
{
	struct arena arena = { 0 };
	struct watched *workers = arena_take(&arena, sizeof(*workers) * rows->rows);
	size_t count = 0;
	bool complete = workers != NULL;
	for (size_t i = 0; complete && i < rows->rows; i++) {
		workers[count] = (struct watched){ 0 };
		complete = read_worker(watch, ledger->profile, result_cell(rows, i, 0), &arena,
				       &workers[count]);
		count += workers[count].slot > 0;
	}
	if (!complete) {
		arena_finish(&arena);
		return false;
	}
	if (count > 0) {
		qsort(workers, count, sizeof(*workers), by_key);
	}
	arena_finish(&watch->arena);
	watch->arena = arena;
	watch->workers = workers;
	watch->count = count;
	return true;
}

enum reclaim_status watch_refresh(struct watch *watch, struct ledger *ledger,
				  struct reclaim_error *error)
{
	struct result RESULT_CLEANUP rows = { 0 };
	/* Each time anew: whoever removed it has parted old workers from new ones. */
	struct lockfile lockfile;
	enum reclaim_status status = ledger_plan(ledger, error);
	if (!status) {
		status = look_workers(ledger, &rows, error);
	}
	if (!status) {
		status = lockfile_open(db_lock_path(ledger->db), /* to_hold= */ false,
				       &lockfile, error);
	}
	if (status) {
		return status;
	}
	lockfile_close(&watch->lockfile);
	watch->lockfile = lockfile;
	return read_workers(watch, ledger, &rows) ? RECLAIM_OK : fail_no_memory(error);
}

bool watch_saw_death(struct watch *watch)
{
	bool saw = false;
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *worker = &watch->workers[i];
		if (!worker->told && lockfile_probe(&watch->lockfile, worker->slot,
						    worker->inode) == EVIDENCE_DEAD) {
			worker->told = true;
			saw = true;
		}
	}
	return saw;
}
