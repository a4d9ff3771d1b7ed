#include "http.h"
#include "clock.h"
#include "http_address.h"
#include "http_lookup.h"
#include "http_request.h"
#include "log.h"
#include "page.h"
#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS = 64, /* a thread each: a question about a user holds one up to LFREC_HTTP_LOOKUP_MS */
    IDLE_S = 10,      /* a connection that says nothing for so long is closed */
    BACKLOG = 32,
    LOOKUPS_A_TURN = 8,
    STUCK_MS = 60000 /* the longest legitimate turn of the daemon's loop is a rebalance or a stop, below half of that */
};

struct lfrec_http {
    struct MHD_Daemon *server;
    lfrec_board *board;
    lfrec_lookups *lookups;
    bool loopback;
    char address[LFREC_ADDRESS_MAX];
};

/* ---- answers ---- */

struct answer {
    unsigned code;
    const char *type;
    char *body; /* of malloc; NULL: text */
    const char *text;
    size_t length; /* of text; of body it is its strlen */
};

static struct answer plain(unsigned code, const char *text)
{
    return (struct answer){.code = code, .type = "text/plain; charset=utf-8", .text = text, .length = strlen(text)};
}

static struct answer no_memory(void)
{
    return plain(MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for the answer\n");
}

static struct answer json(unsigned code, char *body)
{
    return body ? (struct answer){.code = code, .type = "application/json", .body = body} : no_memory();
}

static struct answer json_error(unsigned code, const char *why)
{
    json_t *error = json_pack("{s:s}", "error", why);
    char *body = error ? json_dumps(error, JSON_COMPACT) : NULL;
    json_decref(error);
    return json(code, body);
}

static struct answer page(void)
{
    size_t length;
    const char *text = lfrec_page(&length);
    return (struct answer){.code = MHD_HTTP_OK, .type = "text/html; charset=utf-8", .text = text, .length = length};
}

static struct answer metrics(lfrec_http *http)
{
    lfrec_buffer text = {0};
    if (!lfrec_board_metrics(http->board, &text) || !lfrec_buffer_reserve(&text, 1)) {
        lfrec_buffer_free(&text);
        return no_memory();
    }
    text.bytes[text.length] = '\0';
    return (struct answer){.code = MHD_HTTP_OK, .type = "text/plain; version=0.0.4; charset=utf-8", .body = text.bytes};
}

static struct answer health(lfrec_http *http)
{
    return lfrec_board_silent_ms(http->board, lfrec_clock_ms()) < STUCK_MS
               ? plain(MHD_HTTP_OK, "ok\n")
               : plain(MHD_HTTP_SERVICE_UNAVAILABLE, "the main loop has not turned for a minute: see the log\n");
}

static struct answer readiness(lfrec_http *http)
{
    const char *why = lfrec_board_not_ready(http->board);
    if (!why) {
        return plain(MHD_HTTP_OK, "ready\n");
    }
    size_t room = strlen(why) + sizeof "not ready: \n";
    char *body = malloc(room);
    if (!body) {
        return no_memory();
    }
    snprintf(body, room, "not ready: %s\n", why);
    return (struct answer){.code = MHD_HTTP_SERVICE_UNAVAILABLE, .type = "text/plain; charset=utf-8", .body = body};
}

static struct answer user(lfrec_http *http, const char *encoded)
{
    char bytes[LFREC_ID_MAX];
    lfrec_id id = {.bytes = bytes};
    const char *fault = lfrec_request_id(encoded, bytes, &id.length);
    if (fault) {
        return json_error(MHD_HTTP_BAD_REQUEST, fault);
    }
    json_t *found = NULL;
    switch (lfrec_lookups_ask(http->lookups, id, LFREC_HTTP_LOOKUP_MS, &found)) {
    case LFREC_LOOKUP_FOUND: {
        char *body = json_dumps(found, JSON_COMPACT | JSON_REAL_PRECISION(7));
        json_decref(found);
        return json(MHD_HTTP_OK, body);
    }
    case LFREC_LOOKUP_UNKNOWN:
        return json_error(MHD_HTTP_NOT_FOUND,
                          "this instance has no ratings of such a user; another one may own the partition");
    case LFREC_LOOKUP_BUSY:
        return json_error(MHD_HTTP_SERVICE_UNAVAILABLE, "the stream processor is busy; ask again in a moment");
    case LFREC_LOOKUP_NO_MEMORY: break;
    }
    return no_memory();
}

/* id: of a query /users?id=ID, NULL without one. */
static struct answer answer_to(lfrec_http *http, const char *path, const char *id)
{
    static const char users[] = "/users/";
    if (strcmp(path, "/") == 0) {
        return page();
    }
    if (strcmp(path, "/status") == 0) {
        return json(MHD_HTTP_OK, lfrec_board_status(http->board));
    }
    if (strncmp(path, users, sizeof users - 1) == 0) {
        return user(http, path + sizeof users - 1);
    }
    if (strcmp(path, "/users") == 0 && id) {
        return user(http, id);
    }
    if (strcmp(path, "/metrics") == 0) {
        return metrics(http);
    }
    if (strcmp(path, "/healthz") == 0) {
        return health(http);
    }
    if (strcmp(path, "/readyz") == 0) {
        return readiness(http);
    }
    return plain(MHD_HTTP_NOT_FOUND, "there is: / /status /users/ID /metrics /healthz /readyz\n");
}

/* ---- libmicrohttpd ---- */

/* libmicrohttpd takes texts as void *, and with PERSISTENT only reads them. */
static void *writable(const void *bytes)
{
    union {
        const void *in;
        void *out;
    } pointer = {.in = bytes};
    return pointer.out;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, const struct answer *a)
{
    struct MHD_Response *response =
        a->body ? MHD_create_response_from_buffer(strlen(a->body), a->body, MHD_RESPMEM_MUST_FREE)
                : MHD_create_response_from_buffer(a->length, writable(a->text), MHD_RESPMEM_PERSISTENT);
    if (!response) {
        free(a->body);
        return MHD_NO; /* closes the connection */
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "X-Frame-Options", "DENY");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    if (a->code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result queued = MHD_queue_response(connection, a->code, response);
    MHD_destroy_response(response);
    return queued;
}

/* Called once with the headers, and again when all of the request is there. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state)
{
    static char seen;
    lfrec_http *http = context;
    (void)version;
    (void)upload;
    if (!*state) {
        *state = &seen;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0; /* a body is passed over */
        return MHD_YES;
    }
    struct answer a;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        a = plain(MHD_HTTP_METHOD_NOT_ALLOWED, "there is nothing to be changed here: GET or HEAD\n");
    } else if (http->loopback && !lfrec_request_host_is_local(
                                     MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST))) {
        a = plain(MHD_HTTP_MISDIRECTED_REQUEST, "ask for localhost or a numeric address\n");
    } else {
        a = answer_to(http, path, MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "id"));
    }
    return send_answer(connection, &a);
}

/* Paths stay as they came: libmicrohttpd would end an id at a %00. */
static size_t leave_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static void on_log(void *context, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void on_log(void *context, const char *format, va_list arguments)
{
    char text[256];
    (void)context;
    if (vsnprintf(text, sizeof text, format, arguments) > 0) {
        text[strcspn(text, "\r\n")] = '\0';
        lfrec_log_thinned(LFREC_LOG_DEBUG, "http", "http: %s", text);
    }
}

/* ---- opening and closing ---- */

/* The socket, bound and listening, and in *address where; -1: error says why. */
static int listen_at(lfrec_address *address, const char *text, char error[LFREC_HTTP_ERROR_MAX])
{
    int on = 1;
    int fd = socket(address->socket.ss_family, SOCK_STREAM, 0);
    const struct sockaddr *where = (const struct sockaddr *)&address->socket;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 || bind(fd, where, address->length) != 0 ||
        listen(fd, BACKLOG) != 0 || getsockname(fd, (struct sockaddr *)&address->socket, &address->length) != 0) {
        snprintf(error, LFREC_HTTP_ERROR_MAX, "lfrec.http.listen=%s: cannot listen there: %s; choose another address",
                 text, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static bool start(lfrec_http *http, int fd)
{
    http->server =
        MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ERROR_LOG, 0, NULL,
                         NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                         (unsigned)IDLE_S, MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL, MHD_OPTION_END);
    return http->server != NULL;
}

bool lfrec_http_open(lfrec_http **out, const char *text, const char *topic, const char *library,
                     char error[LFREC_HTTP_ERROR_MAX])
{
    lfrec_address address;
    if (!lfrec_address_read(text, &address)) {
        snprintf(error, LFREC_HTTP_ERROR_MAX, "lfrec.http.listen=%s: expected PORT, IP4:PORT or [IP6]:PORT", text);
        return false;
    }
    lfrec_http *http = calloc(1, sizeof *http);
    if (http) {
        http->board = lfrec_board_open(topic, library);
        http->lookups = lfrec_lookups_open();
    }
    if (!http || !http->board || !http->lookups) {
        snprintf(error, LFREC_HTTP_ERROR_MAX, "no memory for the HTTP port");
        lfrec_http_close(http);
        return false;
    }
    int fd = listen_at(&address, text, error);
    if (fd < 0) {
        lfrec_http_close(http);
        return false;
    }
    http->loopback = address.loopback;
    lfrec_address_write(&address, http->address);
    if (!start(http, fd)) {
        snprintf(error, LFREC_HTTP_ERROR_MAX,
                 "lfrec.http.listen=%s: cannot serve it: threads, memory or descriptors are short", text);
        close(fd);
        lfrec_http_close(http);
        return false;
    }
    lfrec_log(LFREC_LOG_INFO, "http: listening on http://%s/%s", http->address,
              http->loopback ? "" : ", open to other machines and without a password");
    *out = http;
    return true;
}

const char *lfrec_http_address(const lfrec_http *http)
{
    return http->address;
}

void lfrec_http_close(lfrec_http *http)
{
    if (http) {
        if (http->server) {
            lfrec_lookups_end(http->lookups);
            MHD_stop_daemon(http->server); /* closes the socket */
        }
        lfrec_lookups_close(http->lookups);
        lfrec_board_close(http->board);
        free(http);
    }
}

lfrec_board *lfrec_http_board(lfrec_http *http)
{
    return http->board;
}

void lfrec_http_wake_by(lfrec_http *http, void (*wake)(void *context), void *context)
{
    lfrec_lookups_wake_by(http->lookups, wake, context);
}

void lfrec_http_serve(lfrec_http *http, lfrec_operator *op)
{
    lfrec_lookups_serve(http->lookups, op, LOOKUPS_A_TURN);
}
