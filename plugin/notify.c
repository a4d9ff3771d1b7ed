#include "notify.h"
#include "clock.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A connected socket, or -1 and errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length < 2 || length >= sizeof address.sun_path || (*path != '/' && *path != '@')) {
        errno = EINVAL;
        return -1;
    }
    memcpy(address.sun_path, path, length);
    if (*path == '@') {
        address.sun_path[0] = '\0'; /* Linux: a name that is no file */
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address,
                           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    if (fd >= 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
}

void lfrec_notify_open(lfrec_notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET"), *watchdog = getenv("WATCHDOG_USEC"), *whose = getenv("WATCHDOG_PID");
    *n = (lfrec_notify){0};
    if (!path || !*path) {
        return;
    }
    int fd = connect_to(path);
    if (fd < 0) {
        lfrec_log(LFREC_LOG_WARNING, "the service manager's socket %s cannot be used: %s", path, strerror(errno));
        return;
    }
    n->socket = fd + 1;
    if (watchdog && (!whose || strtoll(whose, NULL, 10) == (long long)getpid())) {
        n->every = strtoll(watchdog, NULL, 10) / 1000 / 2; /* twice as often as must be */
    }
}

void lfrec_notify_close(lfrec_notify *n)
{
    if (n->socket > 0) {
        close(n->socket - 1);
        n->socket = 0;
    }
}

/* What the manager misses it will ask about in its own way. */
static void say(const lfrec_notify *n, const char *text)
{
    if (n->socket > 0) {
        ssize_t sent;
        do {
            sent = send(n->socket - 1, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
        } while (sent < 0 && errno == EINTR);
    }
}

void lfrec_notify_ready(lfrec_notify *n)
{
    say(n, "READY=1");
}

void lfrec_notify_reloaded(lfrec_notify *n)
{
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)lfrec_clock_us());
    say(n, text);
    say(n, "READY=1");
}

void lfrec_notify_stopping(lfrec_notify *n)
{
    say(n, "STOPPING=1\nSTATUS=stopping");
}

void lfrec_notify_status(lfrec_notify *n, const char *status)
{
    if (n->socket > 0 && n->status != status) {
        char text[128];
        snprintf(text, sizeof text, "STATUS=%s", status);
        say(n, text);
        n->status = status;
    }
}

void lfrec_notify_alive(lfrec_notify *n, int64_t now)
{
    if (n->every > 0 && now >= n->next) {
        say(n, "WATCHDOG=1");
        n->next = now + n->every;
    }
}
