/* The last result of a sweep, as the turn row keeps it, in words. Apart, because jansson's names and ours collide. */
#ifndef APP_SUMMARY_H
#define APP_SUMMARY_H

#include "text.h"

/* ": 3 requeued, 1 failed"; nothing for a text that is no result. */
void summarize_sweep(struct text *out, const char *result);

#endif
