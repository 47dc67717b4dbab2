/*
 * Loaded before libc (LD_PRELOAD): looks at every operation on a file below TORTURE_DIR. It writes each one that changes something
 * to TORTURE_LOG, with its bytes, so that a state of the disk after a power cut can be rebuilt; and it lets operations fail as
 * TORTURE_FAULTS says, a file of lines `operation errno part-of-the-path`, read at each operation. With TORTURE_KILL, a line
 * `letter part-of-the-path number moment`, the process ends by SIGKILL before, within or after that operation (`within`: a write
 * of which half is done).
 *
 * A record is: one byte for the operation, two texts and the bytes, each with its length in 4 bytes, and the offset in 8.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define REAL(name) ((__typeof__(&name))find(#name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *watched, *faults;
static size_t watched_length;
static int log_fd = -1;
static char kill_operation, kill_part[256], kill_moment[16];
static int kill_number = -1;

static void *find(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  watched = getenv("TORTURE_DIR");
  faults = getenv("TORTURE_FAULTS");
  watched_length = watched ? strlen(watched) : 0;
  const char *log = getenv("TORTURE_LOG");
  const char *death = getenv("TORTURE_KILL");
  if (death && sscanf(death, "%c %255s %d %15s", &kill_operation, kill_part, &kill_number, kill_moment) != 4) abort();
  if (log && watched) log_fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_watched(const char *path) { return watched && path && !strncmp(path, watched, watched_length); }

/* The shared memory of a WAL is made from the log at the next opening. */
static int is_lasting(const char *path) {
  size_t length = strlen(path);
  return length < 4 || strcmp(path + length - 4, "-shm");
}

static int path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_BYTES - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_watched(path);
}

/* Whether the operation is to fail; errno says how. */
static int fails(const char *operation, const char *path) {
  if (!faults || !is_watched(path)) return 0;
  int fd = REAL(open)(faults, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[2048];
  ssize_t length = REAL(read)(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  char *rest, *line = strtok_r(text, "\n", &rest);
  for (; line; line = strtok_r(NULL, "\n", &rest)) {
    char wanted[32], part[256];
    int code;
    if (sscanf(line, "%31s %d %255s", wanted, &code, part) != 3) continue;
    if (strcmp(wanted, operation) || (strcmp(part, "*") && !strstr(path, part))) continue;
    errno = code;
    return 1;
  }
  return 0;
}

/* Counts an operation; true when the process is to end at it. */
static int is_last(char operation, const char *path) {
  if (kill_number < 0 || operation != kill_operation || !is_watched(path)) return 0;
  if (strcmp(kill_part, "*") && !strstr(path, kill_part)) return 0;
  return kill_number-- == 0;
}

static void end_at(int last, const char *moment) {
  if (last && !strcmp(kill_moment, moment)) kill(getpid(), SIGKILL);
}

static char *put(char *at, const void *bytes, uint32_t length) {
  memcpy(at, &length, 4);
  if (length) memcpy(at + 4, bytes, length);
  return at + 4 + length;
}

static void record(char operation, const char *path, const char *second, int64_t offset, const void *bytes, size_t length) {
  if (log_fd < 0) return;
  int before = errno;
  char *text = malloc(1 + 12 + 8 + strlen(path) + strlen(second) + length), *end = text;
  *end++ = operation;
  end = put(end, path, strlen(path));
  end = put(end, second, strlen(second));
  memcpy(end, &offset, 8);
  end = put(end + 8, bytes, length);
  if (REAL(write)(log_fd, text, end - text) != end - text) abort();
  free(text);
  errno = before;
}

static int opened(const char *name, int directory, const char *path, int flags, mode_t mode) {
  int is_new = is_watched(path) && (flags & O_CREAT) && access(path, F_OK) != 0;
  if (fails(is_new ? "create" : "open", path)) return -1;
  pthread_mutex_lock(&lock);
  int fd = !strcmp(name, "openat") ? REAL(openat)(directory, path, flags, mode) : REAL(open)(path, flags | O_LARGEFILE, mode);
  if (fd >= 0 && is_watched(path) && is_lasting(path)) {
    if (is_new) record('C', path, "", 0, "", 0);
    else if (flags & O_TRUNC) record('T', path, "", 0, "", 0);
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

#define MODE(flags)                     \
  mode_t mode = 0;                      \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list rest;                       \
    va_start(rest, flags);              \
    mode = va_arg(rest, int);           \
    va_end(rest);                       \
  }

int open(const char *path, int flags, ...) { MODE(flags) return opened("open", 0, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened("open", 0, path, flags, mode); }
int openat(int directory, const char *path, int flags, ...) { MODE(flags) return opened("openat", directory, path, flags, mode); }

static ssize_t written(int fd, const void *bytes, size_t length, int64_t offset) {
  char path[PATH_BYTES];
  int seen = path_of(fd, path);
  if (seen && fails("write", path)) return -1;
  pthread_mutex_lock(&lock);
  int64_t at = offset;
  if (seen && offset < 0) {
    struct stat status;
    at = fcntl(fd, F_GETFL) & O_APPEND ? (fstat(fd, &status), status.st_size) : lseek(fd, 0, SEEK_CUR);
  }
  int last = seen && is_last('W', path);
  end_at(last, "before");
  if (last && !strcmp(kill_moment, "within")) length = length / 2;
  ssize_t done = offset < 0 ? REAL(write)(fd, bytes, length) : REAL(pwrite64)(fd, bytes, length, offset);
  end_at(last, "within");
  end_at(last, "after");
  if (seen && done > 0 && is_lasting(path)) record('W', path, "", at, bytes, done);
  /* What the process says on its standard output, it says of what it has done. */
  if (fd == 1 && done > 0) record('A', "", "", 0, bytes, done);
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return fd == log_fd ? REAL(write)(fd, bytes, length) : written(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return written(fd, bytes, length, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return written(fd, bytes, length, offset); }

static ssize_t written_all(int fd, const struct iovec *parts, int count, int64_t offset) {
  ssize_t sum = 0;
  for (int part = 0; part < count; part++) {
    ssize_t done = written(fd, parts[part].iov_base, parts[part].iov_len, offset < 0 ? -1 : offset + sum);
    if (done < 0) return sum ? sum : -1;
    sum += done;
    if ((size_t)done < parts[part].iov_len) break;
  }
  return sum;
}

ssize_t writev(int fd, const struct iovec *parts, int count) { return written_all(fd, parts, count, -1); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return written_all(fd, parts, count, offset); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) { return written_all(fd, parts, count, offset); }

static int read_fails(int fd) {
  char path[PATH_BYTES];
  return faults && path_of(fd, path) && fails("read", path);
}

ssize_t read(int fd, void *bytes, size_t length) { return read_fails(fd) ? -1 : REAL(read)(fd, bytes, length); }
ssize_t pread(int fd, void *bytes, size_t length, off_t offset) { return read_fails(fd) ? -1 : REAL(pread64)(fd, bytes, length, offset); }
ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) { return read_fails(fd) ? -1 : REAL(pread64)(fd, bytes, length, offset); }

/* An operation on an open file that changes or syncs it. */
#define ON_FILE(fault, letter, offset, call)                                         \
  char path[PATH_BYTES];                                                             \
  int seen = path_of(fd, path);                                                      \
  if (seen && fails(fault, path)) return -1;                                         \
  pthread_mutex_lock(&lock);                                                         \
  int last = seen && is_last(letter, path);                                           \
  end_at(last, "before");                                                            \
  int result = call;                                                                 \
  end_at(last, "after");                                                             \
  if (seen && result == 0 && is_lasting(path)) record(letter, path, "", offset, "", 0); \
  pthread_mutex_unlock(&lock);                                                       \
  return result;

int ftruncate(int fd, off_t length) { ON_FILE("truncate", 'T', length, REAL(ftruncate64)(fd, length)) }
int ftruncate64(int fd, off64_t length) { ON_FILE("truncate", 'T', length, REAL(ftruncate64)(fd, length)) }
int fsync(int fd) { ON_FILE("fsync", 'S', 0, REAL(fsync)(fd)) }
int fdatasync(int fd) { ON_FILE("fsync", 'S', 0, REAL(fdatasync)(fd)) }

/* An operation on names. */
#define ON_NAME(fault, letter, second, call)                                    \
  if (fails(fault, path)) return -1;                                            \
  pthread_mutex_lock(&lock);                                                    \
  int last = is_last(letter, path);                                              \
  end_at(last, "before");                                                       \
  int result = call;                                                            \
  end_at(last, "after");                                                        \
  if (result == 0 && is_watched(path) && is_lasting(path)) record(letter, path, second, 0, "", 0); \
  pthread_mutex_unlock(&lock);                                                  \
  return result;

int rename(const char *path, const char *to) { ON_NAME("rename", 'R', to, REAL(rename)(path, to)) }
int link(const char *path, const char *to) { ON_NAME("link", 'L', to, REAL(link)(path, to)) }
int unlink(const char *path) { ON_NAME("unlink", 'U', "", REAL(unlink)(path)) }
int mkdir(const char *path, mode_t mode) { ON_NAME("mkdir", 'M', "", REAL(mkdir)(path, mode)) }
int rmdir(const char *path) { ON_NAME("rmdir", 'D', "", REAL(rmdir)(path)) }
