/* What a database holds that nobody has described yet: its tables, and what stands in their columns. Never writes. */
#ifndef LEDGER_CATALOG_H
#define LEDGER_CATALOG_H

#include "render.h"

/* Tables and views that this connection finds or may read, by the names a profile would use; one column. */
enum reclaim_status catalog_tables(struct db *db, struct result *ret_names,
				   struct reclaim_error *error);

/* A column of a table, and those that tell what its values mean; a name that is NULL: there is none. */
struct catalog_column {
	const struct table *table;
	const char *name, *claimed, *finished, *error;
};
/*
 * The values that occur in a column, with COLUMN_VALUES_R_…, the most frequent first and no more than `limit`; at most
 * a million rows are counted.
 */
enum reclaim_status catalog_values(struct db *db, const struct catalog_column *column,
				   int64_t limit, struct result *ret_counts,
				   struct reclaim_error *error);
/* Claimed and finished of the newest `limit` rows whose column `name` has one of these values; `count` 0: of all. */
enum reclaim_status catalog_spans(struct db *db, const struct catalog_column *column,
				  const char *const *values, size_t count, int64_t limit,
				  struct result *ret_spans, struct reclaim_error *error);
/* One value of a column that is not NULL; no row: there is none. */
enum reclaim_status catalog_sample(struct db *db, const struct catalog_column *column,
				   struct result *ret_value, struct reclaim_error *error);
/* What the table's definition says of a column: rows of "default" or "limit", and SQL. */
enum reclaim_status catalog_says(struct db *db, const struct catalog_column *column,
				 struct result *ret_says, struct reclaim_error *error);
/* Whether this connection is not shown all rows of a table: HIDDEN_R_…; no row: it is. */
enum reclaim_status catalog_hidden(struct db *db, const struct table *table,
				   struct result *ret_hidden, struct reclaim_error *error);

#endif
