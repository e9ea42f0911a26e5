/* What every contract test includes: a folder of its own, connections, and short ways to ask them. */
#ifndef CONTRACT_H
#define CONTRACT_H

#include "unit.h"

#include "db.h"

/* cmocka's fail_msg calls a macro whose name is a function of ours. */
#define FAIL_WITH(...)                                                                         \
	do {                                                                                   \
		print_error(__VA_ARGS__);                                                      \
		print_error("\n");                                                             \
		_fail(__FILE__, __LINE__);                                                     \
	} while (0)

/* cmocka's set-up and tear-down: *state is the path of a fresh folder. */
int folder_setup(void **state);
int folder_teardown(void **state);
#define in_folder(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

/* Text that lives until the tear-down of the test. */
const char *format(const char *text, ...) PRINTF_LIKE(1, 2);

/* RECLAIM_TEST_DB, or a file in the folder. */
const char *engine_url(void **state);
const char *file_url(void **state, const char *name);

/* A path in the folder. */
const char *in(void **state, const char *name);

struct db *open_with(const char *url, const struct db_options *options);
/* Made if it is missing, as our own ledger's. */
struct db *open_ours(const char *url);
/* With a table t (n), and closed. */
void close_made(struct db *db);

/* SQL without parameters. Our own tables are called reclaim_… in it, whatever the engine calls them. */
void script(struct db *db, const char *sql);
/* The first integer of the answer, or -1. */
int64_t ask(struct db *db, const char *sql);
/* The first row of the answer as text, its cells divided by '|'; NULL is "". */
const char *ask_row(struct db *db, const char *sql);
/* How many rows it changed. */
int64_t change(struct db *db, const char *sql);
struct statement plain(const char *name, const char *sql, bool writes);

/* That a call failed with that status, and that its message holds each of the parts (NULL at the end). */
void assert_failed(enum reclaim_status status, enum reclaim_status expected,
		   const struct reclaim_error *error, ...);

/* That a file can't be opened, and that the message names it. */
void assert_no_open(const char *url, const struct db_options *options, const char *part);

/* Runs `test` in a child process, as an unprivileged user if we are root; 0 is success. */
int in_child(int (*test)(void *context), void *context, bool drop_rights);

#endif
