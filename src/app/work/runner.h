/* One running command: its payload, its pipes, what is kept of its output, and what its end means. */
#ifndef APP_RUNNER_H
#define APP_RUNNER_H

#include "guardian.h"
#include "loop.h"
#include "text.h"

#define RESULT_KEPT ((size_t)1 << 20)
#define ERROR_KEPT ((size_t)4096)

/* Exit statuses with a meaning of their own. */
enum { STATUS_NOT_NOW = 75, STATUS_NEVER_RETRY = 100 };

/* What a command is told of its task. NULL strings are empty. */
struct errand {
	const char *id, *token, *kind, *queue, *payload;
	int64_t attempt; /* -1: the ledger counts none */
};

/* What all commands of a worker have in common. */
struct running {
	struct loop *loop;
	const char *path;
	char *const *argv;
	int64_t kill_grace;
	struct rlimit files;
};

struct run {
	struct loop *loop;
	struct guardian guardian;
	struct source out, err, news;
	struct text kept; /* the beginning of stdout */
	struct text tail; /* the end of stderr */
	uint64_t dropped; /* bytes of stdout that were not kept */
	pid_t group;      /* 0: the command was not started */
	int exec_error;   /* errno; 0: it runs, or ran */
	int unwatched;    /* errno; 0: the loop tells of it */
	int status;       /* of waitpid, once it has ended */
	bool ended;
	bool by_order; /* it was told to end */
	bool orphaned; /* its guardian was ended by somebody, and nobody knows how the command did */
};

/* `lock` as the guardian takes it. A failure says why there is no process, and has started nothing. */
enum reclaim_status run_start(struct run *run, const struct running *running,
			      const struct errand *errand, int lock,
			      struct reclaim_error *error);
void run_finish(struct run *run);

enum ending {
	ENDING_COMPLETED,
	ENDING_NOT_NOW,
	ENDING_FAILED,
	ENDING_FAILED_FOR_GOOD,
	ENDING_NO_PROCESS, /* the command was not even tried */
};
enum ending run_ending(const struct run *run);
/* The result as JSON; adds nothing when there was no output. */
void run_result(const struct run *run, struct text *ret_json);
/* "exit status 3: …", "killed by signal SIGKILL: …" with the end of stderr. */
void run_error(const struct run *run, const char *command, struct text *ret_message);

#endif
