#include "snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 1 << 20 }; /* bytes a write: a disk that is full shows before all is tried */

static bool fail(char error[LFREC_SNAPSHOT_ERROR_MAX], const char *what, const char *path, int code)
{
    snprintf(error, LFREC_SNAPSHOT_ERROR_MAX, "%s %s: %s", what, path, strerror(code));
    return false;
}

/* path and suffix in one piece; NULL: no memory. */
static char *with_suffix(const char *path, const char *suffix)
{
    size_t bytes = strlen(path) + strlen(suffix) + 1;
    char *whole = malloc(bytes);
    if (whole) {
        snprintf(whole, bytes, "%s%s", path, suffix);
    }
    return whole;
}

int lfrec_snapshot_lock(const char *path, char error[LFREC_SNAPSHOT_ERROR_MAX])
{
    char *name = with_suffix(path, ".lock");
    if (!name) {
        fail(error, "cannot lock", path, ENOMEM);
        return -1;
    }
    int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (file < 0) {
        fail(error, "cannot open", name, errno);
    } else if (fcntl(file, F_SETLK, &whole) != 0) {
        if (errno == EACCES || errno == EAGAIN) {
            snprintf(error, LFREC_SNAPSHOT_ERROR_MAX,
                     "%s: another process has this snapshot; each instance needs one of its own", path);
        } else {
            fail(error, "cannot lock", name, errno);
        }
        close(file);
        file = -1;
    }
    free(name);
    return file;
}

static bool write_all(int file, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, bytes, length < STEP ? length : STEP);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* A rename lasts when its folder does. */
static bool sync_folder_of(const char *path)
{
    char *folder = with_suffix(path, "");
    if (!folder) {
        errno = ENOMEM;
        return false;
    }
    char *slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder] = '\0';
    }
    int file = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = file >= 0 && fsync(file) == 0;
    int code = errno;
    if (file >= 0) {
        close(file);
    }
    free(folder);
    errno = code;
    return synced;
}

bool lfrec_snapshot_save(const char *path, const void *bytes, size_t length, char error[LFREC_SNAPSHOT_ERROR_MAX])
{
    char *part = with_suffix(path, ".tmp");
    if (!part) {
        return fail(error, "cannot write", path, ENOMEM);
    }
    bool good = true;
    int file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        good = fail(error, "cannot make", part, errno);
    } else if (!write_all(file, bytes, length)) {
        good = fail(error, "cannot write", part, errno);
    } else if (fsync(file) != 0) {
        good = fail(error, "cannot flush", part, errno);
    }
    if (file >= 0 && close(file) != 0 && good) {
        good = fail(error, "cannot close", part, errno);
    }
    if (good && rename(part, path) != 0) {
        good = fail(error, "cannot rename to", path, errno);
    } else if (good && !sync_folder_of(path)) {
        good = fail(error, "cannot flush the folder of", path, errno);
    } else if (!good && file >= 0) {
        unlink(part); /* the room of a full disk */
    }
    free(part);
    return good;
}

lfrec_snapshot_found lfrec_snapshot_load(const char *path, lfrec_snapshot_bytes *bytes, lfrec_snapshot *snapshot,
                                         char error[LFREC_SNAPSHOT_ERROR_MAX])
{
    *bytes = (lfrec_snapshot_bytes){0};
    *snapshot = (lfrec_snapshot){0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        int code = errno;
        fail(error, "cannot open", path, code);
        return code == ENOENT ? LFREC_SNAPSHOT_NONE : LFREC_SNAPSHOT_BAD;
    }
    struct stat about;
    void *map = MAP_FAILED;
    if (fstat(file, &about) != 0) {
        fail(error, "cannot read", path, errno);
    } else if (!S_ISREG(about.st_mode) || about.st_size == 0 || (uintmax_t)about.st_size > SIZE_MAX) {
        snprintf(error, LFREC_SNAPSHOT_ERROR_MAX, "%s is no file with something in it", path);
    } else {
        map = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (map == MAP_FAILED) {
            fail(error, "cannot map", path, errno);
        }
    }
    close(file);
    if (map == MAP_FAILED) {
        return LFREC_SNAPSHOT_BAD;
    }
    char why[LFREC_SNAPSHOT_ERROR_MAX];
    if (!lfrec_snapshot_open(snapshot, map, (size_t)about.st_size, why)) {
        munmap(map, (size_t)about.st_size);
        int room = (int)LFREC_SNAPSHOT_ERROR_MAX / 2 - 8;
        snprintf(error, LFREC_SNAPSHOT_ERROR_MAX, "%.*s: %.*s", room, path, room, why);
        return LFREC_SNAPSHOT_BAD;
    }
    *bytes = (lfrec_snapshot_bytes){map, (size_t)about.st_size};
    return LFREC_SNAPSHOT_GOOD;
}

void lfrec_snapshot_unload(lfrec_snapshot_bytes *bytes, lfrec_snapshot *snapshot)
{
    lfrec_snapshot_close(snapshot);
    if (bytes->bytes) {
        munmap(bytes->bytes, bytes->length);
    }
    *bytes = (lfrec_snapshot_bytes){0};
}
