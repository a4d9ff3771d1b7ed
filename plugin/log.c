#include "log.h"
#include "clock.h"
#include "log_line.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX_BYTES = 2048, KEYS = 32, THIN_FIRST_MS = 10000, THIN_MOST_MS = 300000, THIN_FORGET_MS = 600000 };

typedef struct thinned_key {
    uint64_t hash;
    int64_t last;    /* when the key was last used */
    int64_t next;    /* not to be shown again before */
    int64_t pause;   /* between two showings */
    uint64_t hidden; /* since the last showing */
    bool used;
} thinned_key;

/* Everything below is guarded by the mutex. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int shown_level = LFREC_LOG_INFO;
static thinned_key keys[KEYS];
static char status[256];

static int configured_level = LFREC_LOG_INFO;
static lfrec_log_format line_format = LFREC_LOG_TEXT;
static int file = -1; /* -1: standard error */
static char *file_path;

/* One write a line keeps the lines of several processes apart. A log that cannot be written has nowhere to complain. */
static void put(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(fd, bytes, length);
        if (wrote <= 0) {
            return;
        }
        bytes += wrote;
        length -= (size_t)wrote;
    }
}

static void write_record(const lfrec_log_record *record)
{
    /* Around the line: what takes a terminal's status line away and brings it back. */
    char bytes[8 + LFREC_LOG_LINE_MAX + sizeof status];
    size_t length = 0;
    bool below = file < 0 && status[0];
    if (below) {
        length = (size_t)snprintf(bytes, 8, "\r\033[K");
    }
    length += lfrec_log_line(line_format, record, bytes + length);
    if (below) {
        length += (size_t)snprintf(bytes + length, sizeof status, "%s", status);
    }
    put(file < 0 ? STDERR_FILENO : file, bytes, length);
}

static void write_message(int level, const lfrec_log_field *fields, size_t count, uint64_t hidden, const char *format,
                          va_list arguments) LFREC_LOG_FORMAT(5, 0);

static void write_message(int level, const lfrec_log_field *fields, size_t count, uint64_t hidden, const char *format,
                          va_list arguments)
{
    char text[TEXT_MAX_BYTES];
    vsnprintf(text, sizeof text, format, arguments);
    const lfrec_log_record record = {
        .milliseconds = llround(lfrec_clock_date() * 1000),
        .level = level,
        .text = text,
        .hidden = hidden,
        .fields = fields,
        .field_count = count,
    };
    write_record(&record);
}

void lfrec_log_level(int level)
{
    pthread_mutex_lock(&lock);
    shown_level = configured_level = level;
    pthread_mutex_unlock(&lock);
}

int lfrec_log_toggle_debug(void)
{
    pthread_mutex_lock(&lock);
    int usual = configured_level < LFREC_LOG_DEBUG ? configured_level : LFREC_LOG_INFO;
    int level = shown_level = shown_level < LFREC_LOG_DEBUG ? LFREC_LOG_DEBUG : usual;
    pthread_mutex_unlock(&lock);
    return level;
}

void lfrec_log_set_format(lfrec_log_format format)
{
    pthread_mutex_lock(&lock);
    line_format = format;
    pthread_mutex_unlock(&lock);
}

/* ---- the file ---- */

/* Readable by the owner and the group: ids of people may be in it. */
static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static void use_file(int fd)
{
    if (file >= 0) {
        close(file);
    }
    file = fd;
}

bool lfrec_log_open(const char *path, char error[LFREC_LOG_ERROR_MAX])
{
    char *copy = *path ? strdup(path) : NULL;
    int fd = copy ? open_file(path) : -1;
    if (*path && fd < 0) {
        snprintf(error, LFREC_LOG_ERROR_MAX, "cannot open %s for writing: %s", path, copy ? strerror(errno) : "no memory");
        free(copy);
        return false;
    }
    pthread_mutex_lock(&lock);
    use_file(fd);
    free(file_path);
    file_path = copy;
    pthread_mutex_unlock(&lock);
    return true;
}

void lfrec_log_reopen(void)
{
    pthread_mutex_lock(&lock);
    bool to_file = file_path != NULL;
    int fd = to_file ? open_file(file_path) : -1, why = errno;
    if (fd >= 0) {
        use_file(fd);
    }
    pthread_mutex_unlock(&lock);
    if (!to_file) {
        lfrec_log(LFREC_LOG_INFO, "SIGHUP: the log goes to standard error, there is no file to open anew");
    } else if (fd < 0) {
        lfrec_log(LFREC_LOG_ERROR, "SIGHUP: cannot open the log's file anew: %s; going on with the old one", strerror(why));
    } else {
        lfrec_log(LFREC_LOG_INFO, "SIGHUP: the log's file is open anew");
    }
}

/* ---- messages ---- */

void lfrec_log(int level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&lock);
    if (level <= shown_level) {
        write_message(level, NULL, 0, 0, format, arguments);
    }
    pthread_mutex_unlock(&lock);
    va_end(arguments);
}

void lfrec_log_with(int level, const lfrec_log_field *fields, size_t count, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&lock);
    if (level <= shown_level) {
        write_message(level, fields, count, 0, format, arguments);
    }
    pthread_mutex_unlock(&lock);
    va_end(arguments);
}

/* FNV-1a over the key without its digits (ports, offsets, counts). */
static uint64_t key_hash(const char *key)
{
    uint64_t hash = 1469598103934665603u;
    for (const unsigned char *p = (const unsigned char *)key; *p; p++) {
        if (*p < '0' || *p > '9') {
            hash = (hash ^ *p) * 1099511628211u;
        }
    }
    return hash;
}

/* The key's row; the one longest unused makes room for a new key. */
static thinned_key *key_row(uint64_t hash, int64_t now)
{
    thinned_key *oldest = &keys[0];
    for (size_t i = 0; i < KEYS; i++) {
        if (keys[i].used && keys[i].hash == hash) {
            oldest = &keys[i];
            break;
        }
        if (!keys[i].used || (oldest->used && keys[i].last < oldest->last)) {
            oldest = &keys[i];
        }
    }
    if (!oldest->used || oldest->hash != hash || now - oldest->last > THIN_FORGET_MS) {
        *oldest = (thinned_key){.hash = hash, .last = now, .next = now, .pause = THIN_FIRST_MS, .used = true};
    }
    return oldest;
}

static void log_thinned(int level, const char *key, const lfrec_log_field *fields, size_t count, const char *format,
                        va_list arguments) LFREC_LOG_FORMAT(5, 0);

static void log_thinned(int level, const char *key, const lfrec_log_field *fields, size_t count, const char *format,
                        va_list arguments)
{
    pthread_mutex_lock(&lock);
    if (level <= shown_level) {
        int64_t now = lfrec_clock_ms();
        thinned_key *row = key_row(key_hash(key), now);
        row->last = now;
        if (now < row->next) {
            row->hidden++;
        } else {
            write_message(level, fields, count, row->hidden, format, arguments);
            row->hidden = 0;
            row->next = now + row->pause;
            row->pause = row->pause * 2 < THIN_MOST_MS ? row->pause * 2 : THIN_MOST_MS;
        }
    }
    pthread_mutex_unlock(&lock);
}

void lfrec_log_thinned(int level, const char *key, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_thinned(level, key, NULL, 0, format, arguments);
    va_end(arguments);
}

void lfrec_log_thinned_with(int level, const char *key, const lfrec_log_field *fields, size_t count, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_thinned(level, key, fields, count, format, arguments);
    va_end(arguments);
}

/* ---- the terminal's last line ---- */

bool lfrec_log_on_terminal(void)
{
    pthread_mutex_lock(&lock);
    bool people = file < 0 && line_format == LFREC_LOG_TEXT;
    pthread_mutex_unlock(&lock);
    return people && isatty(STDERR_FILENO);
}

void lfrec_log_status(const char *text)
{
    pthread_mutex_lock(&lock);
    if (text || status[0]) {
        char line[sizeof status + 16];
        size_t length = 0;
        for (const char *p = text ? text : ""; *p && length < sizeof status - 1; p++) {
            bool control = (unsigned char)*p < 0x20 || *p == 0x7f;
            status[length++] = control ? '?' : *p;
        }
        status[length] = '\0';
        int total = snprintf(line, sizeof line, "\r\033[K%s", status);
        put(STDERR_FILENO, line, (size_t)total);
    }
    pthread_mutex_unlock(&lock);
}
