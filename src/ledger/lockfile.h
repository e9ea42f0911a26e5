/*
 * Proof of death between processes that share a file: a lock file beside the database, one byte for each worker, held
 * by an open-file-description lock for as long as the worker or a guardian of one of its commands lives. The file is
 * never unlinked. Sound across containers that share the volume.
 */
#ifndef LEDGER_LOCKFILE_H
#define LEDGER_LOCKFILE_H

#include "judge.h"

struct lockfile {
	int fd; /* -1: none */
	int64_t inode;
};

/* `path` is the database's (db_lock_path); NULL gives a lock file that proves nothing. Read-only openers get evidence
 * only. */
enum reclaim_status lockfile_open(const char *path, bool to_hold, struct lockfile *ret_lockfile,
				  struct reclaim_error *error);
void lockfile_close(struct lockfile *lockfile);

/* Holds one byte of its own, chosen at random; the lock lives in `fd` and every copy of it that a fork makes. */
enum reclaim_status lockfile_hold(struct lockfile *lockfile, uint64_t random, int64_t *ret_slot,
				  struct reclaim_error *error);
/* Whether the process that registered with this slot and inode still holds it. */
enum evidence lockfile_probe(const struct lockfile *lockfile, int64_t slot, int64_t inode);

#endif
