/* Who holds a row that a sweep had to leave. */
#ifndef LEDGER_HOLDER_H
#define LEDGER_HOLDER_H

#include "ledger.h"

/* Adds whose transaction it is, in words; nothing where the engine can't tell, or nobody holds the row any more. */
void holder_print(struct text *out, struct ledger *ledger, const struct value *row);

#endif
