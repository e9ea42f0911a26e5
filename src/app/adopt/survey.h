/* Looks a table up and reads what can tell what it means. Never writes. */
#ifndef APP_SURVEY_H
#define APP_SURVEY_H

#include "evidence.h"
#include "ledger.h"

struct survey {
	struct table *table;
	struct arena arena;
	struct evidence_of_table found;
};

/* NOT_FOUND names the table, and what it could be. */
enum reclaim_status survey_table(struct db *db, const char *name, struct survey *ret_survey,
				 struct reclaim_error *error);
void survey_finish(struct survey *survey);

#endif
