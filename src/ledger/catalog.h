/* What a database holds that nobody has described yet: its tables, and what stands in their columns. Never writes. */
#ifndef LEDGER_CATALOG_H
#define LEDGER_CATALOG_H

#include "render.h"

/* Tables and views that this connection finds or may read, by the names a profile would use; one column. */
enum reclaim_status catalog_tables(struct db *db, struct result *ret_names,
				   struct reclaim_error *error);
/*
 * The values of a column that occur, each with how often, the most frequent first and no more than `limit`; at most
 * CATALOG_ROWS_MAX rows are counted.
 */
#define CATALOG_ROWS_MAX 1000000
enum reclaim_status catalog_values(struct db *db, const struct table *table, const char *column,
				   int64_t limit, struct result *ret_counts,
				   struct reclaim_error *error);
/* One value of a column that is not NULL; no row: there is none. */
enum reclaim_status catalog_sample(struct db *db, const struct table *table, const char *column,
				   struct result *ret_value, struct reclaim_error *error);
/* The labels of a column's type, one a row, where the engine has types of labels; no rows: it has none. */
enum reclaim_status catalog_labels(struct db *db, const struct column *column,
				   struct result *ret_labels, struct reclaim_error *error);

#endif
