/* A connection around another one that passes every call on; what differs is put into `driver`. */
#ifndef DB_DECORATOR_H
#define DB_DECORATOR_H

#include "db.h"

struct decorator {
	struct db db;
	struct db_driver driver;
	struct db *inner;
};

/* `size` bytes that begin with a struct decorator. NULL: no memory, and `inner` is closed. */
void *decorator_create(size_t size, struct db *inner);
struct db *decorator_inner(struct db *db);

#endif
