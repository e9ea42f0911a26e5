/* Tables as found: what the engines' look-ups share, and the shape that their answers have. */
#ifndef DB_LOOK_UP_H
#define DB_LOOK_UP_H

#include "driver.h"

/* Fills in what there is of the table of that name; one that is not there is no failure. */
typedef enum reclaim_status describe_fn(struct db *db, struct table *table,
					struct reclaim_error *error);

/* `at_once`: in one read transaction, so that its statements see one schema. */
enum reclaim_status look_up(struct db *db, const char *name, bool at_once,
			    describe_fn *describe, struct table **ret_table,
			    struct reclaim_error *error);

/* NULL is "". NULL is returned where there is no memory. */
const char *cell_string(struct arena *arena, const struct result *rows, size_t row,
			size_t column);
bool cell_flag(const struct result *rows, size_t row, size_t column);
/* Rows of name, type, nullable, place in the primary key, has a default; what an engine adds stands behind. False: no memory. */
bool take_columns(struct table *table, const struct result *rows);
/* Rows of name, definition, first column, unique, partial, valid. */
bool take_indexes(struct table *table, const struct result *rows);

#endif
