#include "log.h"
#include "clock.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048, KEYS = 32, THIN_FIRST_MS = 10000, THIN_MOST_MS = 300000, THIN_FORGET_MS = 600000 };

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

static const char *level_name(int level)
{
    return level <= LFREC_LOG_ERROR     ? "error"
           : level <= LFREC_LOG_WARNING ? "warning"
           : level <= LFREC_LOG_INFO    ? "info"
                                        : "debug";
}

/* Appends text with control characters escaped; returns the new length, at most room. */
static size_t append_escaped(char *line, size_t length, size_t room, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p && length + 4 <= room; p++) {
        if (*p >= 0x20 && *p != 0x7f) {
            line[length++] = (char)*p;
        } else if (*p == '\n' || *p == '\r' || *p == '\t') {
            line[length++] = '\\';
            line[length++] = *p == '\n' ? 'n' : *p == '\r' ? 'r' : 't';
        } else {
            static const char hex[] = "0123456789abcdef";
            line[length++] = '\\';
            line[length++] = 'x';
            line[length++] = hex[*p >> 4];
            line[length++] = hex[*p & 15];
        }
    }
    return length;
}

/* One write a line keeps the lines of several processes apart. A log that cannot be written has nowhere to complain. */
static void put(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(STDERR_FILENO, bytes, length);
        if (wrote <= 0) {
            return;
        }
        bytes += wrote;
        length -= (size_t)wrote;
    }
}

static void write_line(int level, const char *text, uint64_t hidden)
{
    char line[LINE_MAX_BYTES + 512];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = 0;
    if (status[0]) {
        length = (size_t)snprintf(line, sizeof line, "\r\033[K");
    }
    length += strftime(line + length, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    length += (size_t)snprintf(line + length, 32, ".%03dZ %s ", (int)(now.tv_nsec / 1000000), level_name(level));
    length = append_escaped(line, length, LINE_MAX_BYTES, text);
    if (hidden > 0) {
        length += (size_t)snprintf(line + length, 64, " (and %llu more like this)", (unsigned long long)hidden);
    }
    line[length++] = '\n';
    length += (size_t)snprintf(line + length, sizeof status, "%s", status);
    put(line, length);
}

void lfrec_log_level(int level)
{
    pthread_mutex_lock(&lock);
    shown_level = level;
    pthread_mutex_unlock(&lock);
}

void lfrec_log(int level, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&lock);
    if (level <= shown_level) {
        write_line(level, text, 0);
    }
    pthread_mutex_unlock(&lock);
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

void lfrec_log_thinned(int level, const char *key, const char *format, ...)
{
    pthread_mutex_lock(&lock);
    if (level <= shown_level) {
        int64_t now = lfrec_clock_ms();
        thinned_key *row = key_row(key_hash(key), now);
        row->last = now;
        if (now < row->next) {
            row->hidden++;
        } else {
            char text[LINE_MAX_BYTES];
            va_list arguments;
            va_start(arguments, format);
            vsnprintf(text, sizeof text, format, arguments);
            va_end(arguments);
            write_line(level, text, row->hidden);
            row->hidden = 0;
            row->next = now + row->pause;
            row->pause = row->pause * 2 < THIN_MOST_MS ? row->pause * 2 : THIN_MOST_MS;
        }
    }
    pthread_mutex_unlock(&lock);
}

void lfrec_log_status(const char *text)
{
    pthread_mutex_lock(&lock);
    if (text || status[0]) {
        char line[sizeof status + 16];
        size_t length = append_escaped(status, 0, sizeof status - 1, text ? text : "");
        status[length] = '\0';
        int total = snprintf(line, sizeof line, "\r\033[K%s", status);
        put(line, (size_t)total);
    }
    pthread_mutex_unlock(&lock);
}
