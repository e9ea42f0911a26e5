/* What the keeper says to the ledger: on our own one beat for all claims, on a host's each claim's renewal. */
#include "clock.h"
#include "incarnation.h"
#include "keeper.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

/* ---- becoming a worker ---- */

/* A lock of its own, or none: without one there is no proof, and the lease decides. */
static void hold_lock(struct reclaim_keeper *keeper, struct lockfile *ret_lockfile,
		      struct incarnation *incarnation)
{
	struct lockfile lockfile = { .fd = -1 };
	const char *path = db_lock_path(keeper->ledger->db);
	int64_t slot = -1;
	if (lockfile_open(path, /* to_hold= */ true, &lockfile, NULL) == RECLAIM_OK &&
	    lockfile.fd >= 0 &&
	    lockfile_hold(&lockfile, ledger_random(keeper->ledger), &slot, NULL) ==
		    RECLAIM_OK) {
		incarnation->slot = slot;
		incarnation->lock_inode = lockfile.inode;
	} else {
		lockfile_close(&lockfile);
	}
	*ret_lockfile = lockfile;
}

static void become(struct reclaim_keeper *keeper, const char *worker, struct lockfile *lockfile,
		   int64_t sent)
{
	pthread_mutex_lock(&keeper->mutex);
	struct lockfile old = keeper->lockfile;
	keeper->lockfile = *lockfile;
	memcpy(keeper->worker, worker, strlen(worker) + 1);
	pthread_mutex_unlock(&keeper->mutex);
	/* A guardian has a copy, and the lock with it, for as long as its command lives. */
	lockfile_close(&old);
	keeper_acknowledge(keeper, sent);
}

static enum reclaim_status register_worker(struct reclaim_keeper *keeper,
					   struct reclaim_error *error)
{
	struct incarnation incarnation;
	struct lockfile lockfile;
	char worker[RECLAIM_ID_SIZE];
	incarnation_read(&incarnation);
	hold_lock(keeper, &lockfile, &incarnation);
	int64_t sent = boot_now();
	enum reclaim_status status = worker_register(
		keeper->ledger, keeper->name, keeper->lease, &incarnation, &worker, error);
	if (status) {
		lockfile_close(&lockfile);
		return status;
	}
	become(keeper, worker, &lockfile, sent);
	return RECLAIM_OK;
}

static bool owner_is_uuid(const struct ledger *ledger)
{
	const char *name = ledger->profile->roles[ROLE_OWNER];
	const struct column *column = name ? table_column(ledger->plan->table, name) : NULL;
	return column && (column->kind == COLUMN_BYTES || column->kind == COLUMN_UUID);
}

/* The owner to claim as: the name that was given, else one that nobody else has. */
static void make_owner(struct reclaim_keeper *keeper, char (*ret_owner)[RECLAIM_ID_SIZE])
{
	struct incarnation own;
	char uuid[UUID_TEXT_SIZE];
	incarnation_read(&own);
	if (keeper->named) {
		snprintf(*ret_owner, sizeof(*ret_owner), "%s", keeper->name);
	} else if (owner_is_uuid(keeper->ledger)) {
		uuid_v7(&keeper->ledger->random, machine_now(), uuid);
		snprintf(*ret_owner, sizeof(*ret_owner), "%s", uuid);
	} else {
		snprintf(*ret_owner, sizeof(*ret_owner), "%s:%lld:%08x", own.host,
			 (long long)own.pid,
			 (unsigned)(ledger_random(keeper->ledger) & 0xffffffffu));
	}
}

static enum reclaim_status take_name(struct reclaim_keeper *keeper, struct reclaim_error *error)
{
	struct lockfile none = { .fd = -1 };
	char worker[RECLAIM_ID_SIZE];
	int64_t sent = boot_now();
	make_owner(keeper, &worker);
	enum reclaim_status status = RECLAIM_OK;
	if (keeper->ledger->plan->has_worker_beat) {
		status = verb_beat(keeper->ledger, worker, /* status= */ NULL, error);
	}
	if (!status) {
		become(keeper, worker, &none, sent);
	}
	return status;
}

enum reclaim_status beat_first(struct reclaim_keeper *keeper, struct reclaim_error *error)
{
	enum reclaim_status status = keeper_connect(keeper, error);
	if (status) {
		return status;
	}
	return keeper->registers ? register_worker(keeper, error) : take_name(keeper, error);
}

/* ---- a beat on our own ledger ---- */

/* Claims by id and token, copied: the table of those held may change. */
struct claim_list {
	struct arena arena;
	struct held_claim *claims;
	size_t count, room;
	bool failed;
};

static void list_add(struct claim_list *list, const char *id, const char *token)
{
	if (list->count == list->room) {
		list->failed = true;
		return;
	}
	struct held_claim *claim = &list->claims[list->count];
	claim->id = arena_string(&list->arena, id);
	claim->token = arena_string(&list->arena, token);
	list->failed = list->failed || !claim->id || !claim->token;
	list->count += !list->failed;
}

static void list_start(struct claim_list *list, size_t room)
{
	list->claims = arena_take(&list->arena, sizeof(*list->claims) * room);
	list->room = list->claims ? room : 0;
}

static void add_missing(void *context, const struct held *held)
{
	list_add(context, held->id, held->token);
}

/* What people want to know at night; the claim is lost whatever the answer is. */
static void explain_loss(struct ledger *ledger, const char *id, struct text *reason)
{
	struct result RESULT_CLEANUP row = { 0 };
	const struct value params[TASK_PARAMS] = { [TASK_ID] = value_string(id) };
	if (ledger_run(ledger, SQL_TASK, params, &row, NULL) || row.rows == 0) {
		text_add(reason, "the ledger does not hold it for this worker any more");
		return;
	}
	const struct value *state = result_cell(&row, 0, TASK_R_STATE);
	const struct value *owner = result_cell(&row, 0, TASK_R_OWNER);
	text_printf(reason, "the task is %s", state->data ? state->data : "gone");
	if (string_equal(state->data, state_word(STATE_RUNNING)) && owner->data) {
		text_add(reason, ", held by ");
		text_add_visible(reason, owner->data, owner->size);
	}
}

static void tell_missing(struct reclaim_keeper *keeper, const struct claim_list *missing)
{
	for (size_t i = 0; i < missing->count; i++) {
		struct text TEXT_CLEANUP reason = { 0 };
		explain_loss(keeper->ledger, missing->claims[i].id, &reason);
		keeper_lose(keeper, missing->claims[i].id, missing->claims[i].token,
			    text_string(&reason));
	}
}

static enum reclaim_status reconcile(struct reclaim_keeper *keeper,
				     const struct holding *answer, struct reclaim_error *error)
{
	struct arena ARENA_CLEANUP arena = { 0 };
	struct claim_list missing = { 0 };
	size_t count = 0, *unknown = arena_take(&arena, sizeof(*unknown) * answer->count);
	if (!unknown) {
		return fail_no_memory(error);
	}
	pthread_mutex_lock(&keeper->mutex);
	list_start(&missing, keeper->held.count);
	count = held_answer(&keeper->held, answer, unknown, add_missing, &missing);
	pthread_mutex_unlock(&keeper->mutex);
	tell_missing(keeper, &missing);
	for (size_t i = 0; i < count; i++) {
		/* What can't be released now is unknown to the next beat too. */
		verb_release(keeper->ledger, answer->claims[unknown[i]].id,
			     answer->claims[unknown[i]].token, NULL);
	}
	arena_finish(&missing.arena);
	return missing.failed ? fail_no_memory(error) : RECLAIM_OK;
}

static enum reclaim_status beat_own(struct reclaim_keeper *keeper, const char *worker,
				    struct reclaim_error *error)
{
	struct holding answer = { 0 };
	int64_t sent = boot_now();
	enum reclaim_status status =
		worker_beat(keeper->ledger, worker, keeper->lease, &answer, error);
	if (status == RECLAIM_LOST) {
		keeper_end_registration(keeper, error->message);
	} else if (!status) {
		keeper_acknowledge(keeper, sent);
		status = reconcile(keeper, &answer, error);
	}
	holding_finish(&answer);
	return status;
}

/* ---- a beat on a host's ledger ---- */

static enum reclaim_status list_held(struct reclaim_keeper *keeper, struct claim_list *list,
				     struct reclaim_error *error)
{
	pthread_mutex_lock(&keeper->mutex);
	list_start(list, keeper->held.count);
	for (size_t i = 0; i < keeper->held.count; i++) {
		const struct held *held = &keeper->held.items[i];
		if (held->state == HOLDING_HELD) {
			list_add(list, held->id, held->token);
		}
	}
	pthread_mutex_unlock(&keeper->mutex);
	return list->failed ? fail_no_memory(error) : RECLAIM_OK;
}

/* OK: the claim has been dealt with, one way or the other. */
static enum reclaim_status renew(struct reclaim_keeper *keeper, const struct held_claim *claim,
				 struct reclaim_error *error)
{
	enum reclaim_status status = verb_renew(keeper->ledger, claim->id, claim->token,
						keeper->asked, /* progress= */ NULL, error);
	if (status == RECLAIM_LOST || status == RECLAIM_NOT_FOUND ||
	    status == RECLAIM_NOT_ALLOWED) {
		keeper_lose(keeper, claim->id, claim->token, error->message);
		return RECLAIM_OK;
	}
	/* A ledger that knows no renewal has no lease that could end. */
	return status == RECLAIM_UNSUPPORTED ? RECLAIM_OK : status;
}

static enum reclaim_status beat_host(struct reclaim_keeper *keeper, const char *worker,
				     struct reclaim_error *error)
{
	struct claim_list list = { 0 };
	int64_t now, sent = boot_now();
	enum reclaim_status status = list_held(keeper, &list, error);
	if (!status) {
		status = keeper->ledger->plan->has_worker_beat
				 ? verb_beat(keeper->ledger, worker, /* status= */ NULL, error)
				 : ledger_now(keeper->ledger, &now, error);
	}
	for (size_t i = 0; !status && i < list.count; i++) {
		status = renew(keeper, &list.claims[i], error);
	}
	if (!status) {
		keeper_acknowledge(keeper, sent);
	}
	arena_finish(&list.arena);
	return status;
}

enum reclaim_status beat_once(struct reclaim_keeper *keeper, struct reclaim_error *error)
{
	char worker[RECLAIM_ID_SIZE];
	reclaim_keeper_worker(keeper, &worker);
	if (!*worker) {
		return beat_first(keeper, error);
	}
	enum reclaim_status status = keeper_connect(keeper, error);
	if (status) {
		return status;
	}
	pthread_mutex_lock(&keeper->mutex);
	held_begin_beat(&keeper->held);
	pthread_mutex_unlock(&keeper->mutex);
	status = keeper->registers ? beat_own(keeper, worker, error)
				   : beat_host(keeper, worker, error);
	pthread_mutex_lock(&keeper->mutex);
	held_end_beat(&keeper->held);
	pthread_mutex_unlock(&keeper->mutex);
	return status;
}

void beat_last(struct reclaim_keeper *keeper)
{
	char worker[RECLAIM_ID_SIZE];
	reclaim_keeper_worker(keeper, &worker);
	if (!*worker || keeper_connect(keeper, NULL)) {
		return;
	}
	const struct workers *workers = &keeper->ledger->profile->workers;
	if (keeper->registers) {
		worker_stop(keeper->ledger, worker, NULL);
	} else if (keeper->ledger->plan->has_worker_beat && workers->stopped.count > 0) {
		verb_beat(keeper->ledger, worker, workers->stopped.items[0], NULL);
	}
}
