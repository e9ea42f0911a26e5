/* What the verbs on one claim share. */
#ifndef APP_HAND_H
#define APP_HAND_H

#include "app.h"

/* What was done to a task: nothing for people, an object for programs; or why not. */
int hand_in_answer(const struct app *app, const char *id, const struct reclaim_error *error);

/* The operator's verbs go through their ids one by one; the first failure gives the exit code. */
typedef enum reclaim_status operator_fn(struct ledger *ledger, const char *id,
					struct reclaim_error *error);
int operate(struct app *app, operator_fn *verb, enum state to, int argc, char **argv);

#endif
