#include "progress.h"
#include "log.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TERMINAL_MS = 250, LOG_MS = 10000, RATE_MS = 1000, LINE_ROOM = 240 };

void lfrec_progress_open(lfrec_progress_line *p, bool off, int64_t now)
{
    memset(p, 0, sizeof *p);
    p->off = off;
    p->terminal = !off && lfrec_log_on_terminal();
    p->shown = p->measured = now;
}

bool lfrec_progress_due(const lfrec_progress_line *p, int64_t now)
{
    return !p->off && now - p->shown >= (p->terminal ? TERMINAL_MS : LOG_MS);
}

static void measure(lfrec_progress_line *p, uint64_t events, int64_t now)
{
    if (now - p->measured >= RATE_MS) {
        p->rate = 1000.0 * (double)(events - p->measured_events) / (double)(now - p->measured);
        p->measured = now;
        p->measured_events = events;
    }
}

static void append(char line[LINE_ROOM], const char *format, ...) LFREC_LOG_FORMAT(2, 3);
static void append(char line[LINE_ROOM], const char *format, ...)
{
    size_t length = strlen(line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + length, LINE_ROOM - length, format, arguments);
    va_end(arguments);
}

static void compose(char line[LINE_ROOM], const lfrec_progress_sample *s, double rate)
{
    line[0] = '\0';
    append(line, "%" PRIu64 " events (%.0f/s), %" PRIu64 " users, %" PRIu64 " items, %" PRIu64 " ratings", s->events,
           rate, s->stats.users, s->stats.items, s->stats.ratings);
    if (!isnan(s->stats.recent_rmse)) {
        append(line, ", RMSE %.3f", s->stats.recent_rmse);
        if (!isnan(s->stats.rmse)) {
            append(line, " (all %.3f, means %.3f)", s->stats.rmse, s->stats.means_rmse);
        }
    }
    append(line, ", model %" PRIu64 "%s", s->stats.model_version, s->training ? " (training)" : "");
    append(line, ", %" PRIu64 " lists", s->stats.published);
    if (s->stats.stale_users > 0) {
        append(line, ", %" PRIu64 " to come", s->stats.stale_users);
    }
    if (s->waiting > 0) {
        append(line, ", %" PRIu64 " under way", s->waiting);
    }
    if (s->bad > 0) {
        append(line, ", %" PRIu64 " bad", s->bad);
    }
    if (s->lag >= 0) {
        append(line, ", lag %" PRId64, s->lag);
    } else if (s->lag == -1) {
        append(line, ", lag unknown");
    }
    if (s->catching_up) {
        append(line, ", catching up");
    }
}

static void log_figures(const lfrec_progress_sample *s, double rate, const char *line)
{
    const lfrec_log_field fields[] = {
        LFREC_LOG_INTEGER("events", (int64_t)s->events),
        LFREC_LOG_REAL("events_per_second", rate),
        LFREC_LOG_INTEGER("bad", (int64_t)s->bad),
        LFREC_LOG_INTEGER("lag", s->lag), /* below 0: not known */
        LFREC_LOG_INTEGER("users", (int64_t)s->stats.users),
        LFREC_LOG_INTEGER("items", (int64_t)s->stats.items),
        LFREC_LOG_INTEGER("ratings", (int64_t)s->stats.ratings),
        LFREC_LOG_REAL("rmse", s->stats.recent_rmse),
        LFREC_LOG_REAL("rmse_all", s->stats.rmse),
        LFREC_LOG_REAL("rmse_means", s->stats.means_rmse),
        LFREC_LOG_INTEGER("model", (int64_t)s->stats.model_version),
        LFREC_LOG_INTEGER("published", (int64_t)s->stats.published),
        LFREC_LOG_INTEGER("to_publish", (int64_t)s->stats.stale_users),
        LFREC_LOG_INTEGER("in_flight", (int64_t)s->waiting),
    };
    lfrec_log_with(LFREC_LOG_INFO, fields, sizeof fields / sizeof *fields, "%s", line);
}

void lfrec_progress_show(lfrec_progress_line *p, const lfrec_progress_sample *sample, int64_t now)
{
    char line[LINE_ROOM];
    measure(p, sample->events, now);
    if (p->terminal) {
        compose(line, sample, p->rate);
        lfrec_log_status(line);
    } else if (sample->events != p->shown_events) {
        double rate = 1000.0 * (double)(sample->events - p->shown_events) / (double)(now - p->shown);
        compose(line, sample, rate);
        log_figures(sample, rate, line);
    }
    p->shown = now;
    p->shown_events = sample->events;
}

void lfrec_progress_close(lfrec_progress_line *p, const lfrec_progress_sample *sample, int64_t now)
{
    char line[LINE_ROOM];
    if (p->off) {
        return;
    }
    lfrec_log_status(NULL);
    int64_t passed = now - p->shown;
    double rate = passed > 0 ? 1000.0 * (double)(sample->events - p->shown_events) / (double)passed : 0;
    compose(line, sample, rate);
    log_figures(sample, rate, line);
}
