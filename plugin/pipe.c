#include "pipe.h"
#include "clock.h"
#include "codec.h"
#include "daemon.h"
#include "lines.h"
#include "log.h"
#include "operator_config.h"
#include "progress.h"
#include "signals.h"
#include "training.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_FULL = 65536, TICK_MS = 1000, STOP_LIMIT_MS = 10000 };

typedef struct pipe_face {
    const lfrec_config *options;
    lfrec_codec codec;
    lfrec_decoded decoded;
    lfrec_lines lines;
    lfrec_buffer output; /* lines not yet written */
    lfrec_operator *op;
    lfrec_training training;
    lfrec_signals *signals;
    lfrec_progress_line progress;
    uint64_t rows, bad;
    bool stop;
    int code;
} pipe_face;

static void give_up(pipe_face *f, const char *why)
{
    if (f->code == LFREC_EXIT_CLEAN) {
        lfrec_log(LFREC_LOG_ERROR, "%s", why);
        f->code = LFREC_EXIT_FAILED;
    }
}

static void write_output(pipe_face *f)
{
    size_t done = 0;
    while (done < f->output.length && !f->code) {
        ssize_t wrote = write(STDOUT_FILENO, f->output.bytes + done, f->output.length - done);
        if (wrote >= 0) {
            done += (size_t)wrote;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, TICK_MS);
        } else if (errno != EINTR) {
            give_up(f, errno == EPIPE ? "standard output was closed by its reader" : strerror(errno));
        }
    }
    f->output.length = 0;
}

static bool on_list(void *context, const lfrec_recommendation *list)
{
    pipe_face *f = context;
    lfrec_recommendation shown = *list;
    shown.forgotten = false; /* a line cannot be null; no items say it */
    if (lfrec_encode_recommendation(&shown, &f->output) != LFREC_ENCODED || !lfrec_buffer_reserve(&f->output, 1)) {
        give_up(f, "no memory for a list, or a list that is no JSON");
        return false;
    }
    f->output.bytes[f->output.length++] = '\n';
    if (f->output.length >= OUTPUT_FULL) {
        write_output(f);
    }
    return f->code == LFREC_EXIT_CLEAN;
}

static void show_progress(pipe_face *f, bool last)
{
    int64_t now = lfrec_clock_ms();
    if (!last && !lfrec_progress_due(&f->progress, now)) {
        return;
    }
    lfrec_progress_sample sample = {.stats = lfrec_operator_stats_of(f->op), .events = f->rows, .bad = f->bad, .lag = -2};
    if (last) {
        lfrec_progress_close(&f->progress, &sample, now);
    } else {
        lfrec_progress_show(&f->progress, &sample, now);
    }
}

static void look_at_signals(pipe_face *f)
{
    lfrec_signals_seen seen = lfrec_signals_look(f->signals);
    f->stop |= seen.stop;
    f->training.demanded |= seen.retrain;
}

/* Trains if one is due, waits for it, and writes what it changed. A stop cancels it. */
static void train_if_due(pipe_face *f, bool last)
{
    int64_t now = lfrec_clock_ms();
    uint64_t fresh = lfrec_operator_stats_of(f->op).events - f->training.events_then;
    bool at_end = last && fresh > 0 && lfrec_config_retrains(f->options);
    if (!(at_end || lfrec_training_due(&f->training, now)) || !lfrec_training_begin(&f->training, now)) {
        return;
    }
    write_output(f); /* whoever reads us need not wait for the training */
    lfrec_training_result result = LFREC_TRAINING_NOTHING;
    while (result == LFREC_TRAINING_NOTHING) {
        struct pollfd ready[2] = {
            {.fd = lfrec_retrain_fd(f->training.retrain), .events = POLLIN},
            {.fd = lfrec_signals_fd(f->signals), .events = POLLIN},
        };
        poll(ready, 2, TICK_MS);
        look_at_signals(f);
        if (f->stop) {
            lfrec_retrain_cancel(f->training.retrain);
        }
        result = lfrec_training_step(&f->training, lfrec_clock_ms());
    }
    if (result == LFREC_TRAINING_ADOPTED) {
        while (!f->code && lfrec_operator_republish(f->op, 1000) > 0) {
        }
    }
}

static void on_bad(pipe_face *f, const lfrec_row *row, const char *reason, const char *text)
{
    f->bad++;
    lfrec_log_thinned(LFREC_LOG_WARNING, reason, "line %" PRIu64 ": %s: %s", row->line, reason, text);
}

static void on_row(pipe_face *f, const lfrec_row *row)
{
    char text[LFREC_BAD_TEXT_MAX];
    lfrec_bad bad = lfrec_decode(&f->codec, NULL, 0, row->bytes, row->length, &f->decoded, text);
    f->rows++;
    if (bad == LFREC_BAD_NO_MEMORY) {
        give_up(f, "no memory for an event");
    } else if (bad) {
        on_bad(f, row, lfrec_bad_name(bad), text);
    } else {
        switch (lfrec_operator_learn(f->op, &f->decoded.event, 0, true)) {
        case LFREC_LEARNED:
        case LFREC_UNCHANGED: train_if_due(f, false); break;
        case LFREC_REFUSED: on_bad(f, row, "refused", "the operator refuses this event"); break;
        case LFREC_OUT_OF_MEMORY: give_up(f, "out of memory");
        }
    }
}

/* Waits for input or a signal, then reads. */
static void read_input(pipe_face *f)
{
    struct pollfd ready[2] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = lfrec_signals_fd(f->signals), .events = POLLIN},
    };
    if (poll(ready, 1, 0) == 0) { /* about to wait: let the lists out first */
        write_output(f);
        poll(ready, 2, f->options->retrain_seconds > 0 || !f->progress.off ? TICK_MS : -1);
    }
    if (ready[0].revents) {
        size_t room;
        char *space = lfrec_lines_space(&f->lines, &room);
        ssize_t got = read(STDIN_FILENO, space, room);
        if (got > 0) {
            lfrec_lines_added(&f->lines, (size_t)got);
        } else if (got == 0) {
            lfrec_lines_finish(&f->lines);
        } else if (errno != EINTR && errno != EAGAIN) {
            give_up(f, strerror(errno));
        }
    }
    train_if_due(f, false);
}

static void run(pipe_face *f)
{
    while (!f->stop && !f->code) {
        lfrec_row row;
        switch (lfrec_lines_next(&f->lines, &row)) {
        case LFREC_LINES_ROW: on_row(f, &row); break;
        case LFREC_LINES_TOO_LONG:
            f->rows++;
            on_bad(f, &row, lfrec_bad_name(LFREC_BAD_TOO_LARGE), "the row is longer than an event may be");
            break;
        case LFREC_LINES_MORE:
            look_at_signals(f);
            show_progress(f, false);
            read_input(f);
            break;
        case LFREC_LINES_END:
            train_if_due(f, true);
            write_output(f);
            return;
        }
    }
    write_output(f);
}

int lfrec_pipe_run(const lfrec_config *o)
{
    char error[LFREC_OPERATOR_ERROR_MAX];
    pipe_face f = {.options = o, .codec = {.format = o->format, .scale_min = o->scale_min, .scale_max = o->scale_max}};
    lfrec_operator_options options = lfrec_operator_options_from(o);
    if (!lfrec_operator_open(&f.op, &options, on_list, &f, error)) {
        lfrec_log(LFREC_LOG_ERROR, "%s", error);
        return LFREC_EXIT_CONFIG;
    }
    bool opened = false;
    if (!lfrec_signals_open(&f.signals, STOP_LIMIT_MS)) {
        give_up(&f, "cannot wait for signals");
    } else if (!lfrec_training_open(&f.training, f.op, o->retrain_events, o->retrain_seconds, error)) {
        give_up(&f, error);
    } else if (!lfrec_lines_open(&f.lines, o->format, LFREC_VALUE_MAX)) {
        give_up(&f, "no memory for the input");
    } else {
        opened = true;
        lfrec_progress_open(&f.progress, o->quiet, lfrec_clock_ms());
        run(&f);
        show_progress(&f, true);
        lfrec_lines_close(&f.lines);
    }
    if (f.training.retrain) {
        lfrec_training_close(&f.training);
    }
    if (opened && f.bad > 0) {
        lfrec_log(LFREC_LOG_WARNING, "%" PRIu64 " of %" PRIu64 " rows were no events", f.bad, f.rows);
    }
    lfrec_signals_close(f.signals);
    lfrec_operator_close(f.op);
    lfrec_buffer_free(&f.output);
    return f.code;
}
