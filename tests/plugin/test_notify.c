/* The service manager's socket: what it is told, and when nobody is. */
#include "../../plugin/notify.h"
#include "suite.h"
#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1;
static char received[256];

/* A manager with a socket of this name, which begins with '/' or '@'. */
static void listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, strlen(name));
    if (*name == '@') {
        address.sun_path[0] = '\0';
    }
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    ck_assert_int_eq(bind(manager, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
}

/* The next datagram; "" when there is none. */
static const char *heard(void)
{
    ssize_t length = recv(manager, received, sizeof received - 1, MSG_DONTWAIT);
    received[length > 0 ? length : 0] = '\0';
    return received;
}

START_TEST(a_manager_is_told_readiness_status_and_the_end)
{
    char path[64];
    lfrec_notify notify;
    snprintf(path, sizeof path, "/tmp/lfrec-notify-%ld", (long)getpid());
    listen_at(path);
    lfrec_notify_open(&notify);
    lfrec_notify_ready(&notify);
    ck_assert_str_eq(heard(), "READY=1");
    static const char one[] = "catching up", other[] = "serving";
    lfrec_notify_status(&notify, one);
    ck_assert_str_eq(heard(), "STATUS=catching up");
    lfrec_notify_status(&notify, one);
    ck_assert_str_eq(heard(), "");
    lfrec_notify_status(&notify, other);
    ck_assert_str_eq(heard(), "STATUS=serving");
    unsigned long long since;
    lfrec_notify_reloaded(&notify);
    ck_assert_int_eq(sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%llu", &since), 1);
    ck_assert_str_eq(heard(), "READY=1");
    lfrec_notify_stopping(&notify);
    ck_assert_str_eq(heard(), "STOPPING=1\nSTATUS=stopping");
    lfrec_notify_close(&notify);
    lfrec_notify_ready(&notify);
    ck_assert_str_eq(heard(), "");
    unlink(path);
}
END_TEST

START_TEST(signs_of_life_come_at_half_of_the_limit)
{
    char name[64], pid[32];
    lfrec_notify notify;
    snprintf(name, sizeof name, "@lfrec-notify-%ld", (long)getpid());
    listen_at(name);
    setenv("WATCHDOG_USEC", "2000000", 1);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    lfrec_notify_open(&notify);
    lfrec_notify_alive(&notify, 5000);
    ck_assert_str_eq(heard(), "WATCHDOG=1");
    lfrec_notify_alive(&notify, 5999);
    ck_assert_str_eq(heard(), "");
    lfrec_notify_alive(&notify, 6000);
    ck_assert_str_eq(heard(), "WATCHDOG=1");
    lfrec_notify_close(&notify);
    setenv("WATCHDOG_PID", "1", 1); /* another process is watched */
    lfrec_notify_open(&notify);
    lfrec_notify_alive(&notify, 5000);
    ck_assert_str_eq(heard(), "");
    lfrec_notify_close(&notify);
}
END_TEST

START_TEST(without_a_manager_nothing_happens)
{
    lfrec_notify notify;
    unsetenv("NOTIFY_SOCKET");
    setenv("WATCHDOG_USEC", "1000", 1);
    for (int round = 0; round < 4; round++) {
        lfrec_notify_open(&notify);
        lfrec_notify_ready(&notify);
        lfrec_notify_status(&notify, "serving");
        lfrec_notify_alive(&notify, 1);
        lfrec_notify_stopping(&notify);
        lfrec_notify_close(&notify);
        static const char *const odd[] = {"", "/nowhere/to/be/found", "relative", "/"};
        setenv("NOTIFY_SOCKET", odd[round], 1);
    }
    char long_path[300];
    memset(long_path, 'x', sizeof long_path);
    long_path[0] = '/';
    long_path[sizeof long_path - 1] = '\0';
    setenv("NOTIFY_SOCKET", long_path, 1);
    lfrec_notify_open(&notify);
    ck_assert_int_eq(notify.socket, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("service manager");
    TCase *tests = tcase_create("notify");
    tcase_add_test(tests, a_manager_is_told_readiness_status_and_the_end);
    tcase_add_test(tests, signs_of_life_come_at_half_of_the_limit);
    tcase_add_test(tests, without_a_manager_nothing_happens);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
