/* Where the scene's ledgers are: files in its folder, or databases of their own on the server of RECLAIM_TEST_DB. */
#ifndef SCENE_ENGINE_H
#define SCENE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether they are on a server. */
bool engine_is_remote(void);
/* No database is known any more: the next test gets fresh ones. */
void engine_reset(void);
/* Tells the databases whose engine has a clock of its own how far ahead the scene's is. */
void engine_clock(int64_t ahead);

/* The URL of that profile's ledger, whose database is fresh when a test first asks. */
const char *ledger_url(void **state, const char *profile);

#endif
