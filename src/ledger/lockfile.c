/* Open-file-description locks on single bytes. */
#include "lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Slots are 62-bit: they fit every off_t, and two workers never draw the same. */
#define SLOT_MASK INT64_C(0x3fffffffffffffff)

/* Whoever may use the database may register there, and nobody else; a link in its place leads nowhere. */
static int open_to_hold(const char *name, const char *path)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
	struct stat database;
	int fd = open(name, flags | O_CREAT | O_EXCL, 0600);
	if (fd < 0) {
		return errno == EEXIST ? open(name, flags) : -1;
	}
	if (stat(path, &database) == 0) {
		/* Where the owner can't be the same, the rights still are. */
		(void)!fchown(fd, database.st_uid, database.st_gid);
		(void)!fchmod(fd, database.st_mode & 0666);
	}
	return fd;
}

enum reclaim_status lockfile_open(const char *path, bool to_hold, struct lockfile *ret_lockfile,
				  struct reclaim_error *error)
{
	struct lockfile lockfile = { .fd = -1 };
	struct text TEXT_CLEANUP name = { 0 };
	struct stat found;
	if (!path) {
		*ret_lockfile = lockfile;
		return RECLAIM_OK;
	}
	text_printf(&name, "%s-workers", path);
	if (name.failed) {
		return fail_no_memory(error);
	}
	lockfile.fd = to_hold ? open_to_hold(name.data, path)
			      : open(name.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (lockfile.fd < 0 && !to_hold) {
		*ret_lockfile = lockfile; /* nobody has registered here: nothing is proven */
		return RECLAIM_OK;
	}
	if (lockfile.fd < 0 || fstat(lockfile.fd, &found) < 0) {
		enum reclaim_status status =
			fail(error, RECLAIM_UNAVAILABLE,
			     "the workers' lock file '%s' can't be opened: %s", name.data,
			     strerror(errno));
		lockfile_close(&lockfile);
		return status;
	}
	lockfile.inode = (int64_t)found.st_ino;
	*ret_lockfile = lockfile;
	return RECLAIM_OK;
}

void lockfile_close(struct lockfile *lockfile)
{
	if (lockfile->fd >= 0) {
		close(lockfile->fd);
	}
	*lockfile = (struct lockfile){ .fd = -1 };
}

static struct flock byte_lock(short type, int64_t slot)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = slot, .l_len = 1
	};
}

enum reclaim_status lockfile_hold(struct lockfile *lockfile, uint64_t random, int64_t *ret_slot,
				  struct reclaim_error *error)
{
	int64_t slot = (int64_t)(random & (uint64_t)SLOT_MASK) | 1;
	struct flock lock = byte_lock(F_WRLCK, slot);
	if (fcntl(lockfile->fd, F_OFD_SETLK, &lock) < 0) {
		return fail(error, RECLAIM_UNAVAILABLE,
			    "the workers' lock file can't be locked: %s", strerror(errno));
	}
	*ret_slot = slot;
	return RECLAIM_OK;
}

enum evidence lockfile_probe(const struct lockfile *lockfile, int64_t slot, int64_t inode)
{
	struct flock lock = byte_lock(F_RDLCK, slot);
	if (lockfile->fd < 0 || slot <= 0 || inode != lockfile->inode ||
	    fcntl(lockfile->fd, F_OFD_GETLK, &lock) < 0) {
		return EVIDENCE_UNKNOWN;
	}
	return lock.l_type == F_UNLCK ? EVIDENCE_DEAD : EVIDENCE_ALIVE;
}
