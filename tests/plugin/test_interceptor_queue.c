/* The queue between an application's threads and the interceptor's: order, bounds, wake-ups. */
#include "../../plugin/interceptor_queue.h"
#include "suite.h"
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef LFREC_TEST_QUICK
enum { WRITERS = 3, EACH = 1000 };
#else
enum { WRITERS = 3, EACH = 20000 };
#endif

static lfrec_queued message(int32_t partition, int64_t offset, const char *key, const char *value)
{
    return (lfrec_queued){
        .kind = LFREC_QUEUED_MESSAGE,
        .partition = partition,
        .offset = offset,
        .key = key,
        .key_length = key ? strlen(key) : 7, /* not looked at without a key */
        .value = value,
        .value_length = value ? strlen(value) : 9,
    };
}

static bool readable(const lfrec_queue *queue)
{
    return poll(&(struct pollfd){.fd = lfrec_queue_fd(queue), .events = POLLIN}, 1, 0) == 1;
}

START_TEST(what_is_put_is_taken_in_order_and_whole)
{
    lfrec_queue *queue;
    lfrec_queued out;
    ck_assert(lfrec_queue_open(&queue, 1 << 20));
    ck_assert(!lfrec_queue_take(queue, &out));
    lfrec_queued first = message(3, 1234567890123, "u1", "u1,i9,4.5"), second = message(0, 1, NULL, ""),
                 third = message(1, 2, "", NULL);
    ck_assert(lfrec_queue_put(queue, &first) && lfrec_queue_put(queue, &second) && lfrec_queue_put(queue, &third));
    ck_assert(lfrec_queue_take(queue, &out));
    ck_assert_int_eq(out.partition, 3);
    ck_assert_int_eq(out.offset, 1234567890123);
    ck_assert_uint_eq(out.key_length, 2);
    ck_assert_mem_eq(out.key, "u1", 2);
    ck_assert_uint_eq(out.value_length, 9);
    ck_assert_mem_eq(out.value, "u1,i9,4.5", 9);
    ck_assert(lfrec_queue_take(queue, &out));
    ck_assert_ptr_null(out.key);
    ck_assert_ptr_nonnull(out.value); /* empty is not null */
    ck_assert_uint_eq(out.value_length, 0);
    ck_assert(lfrec_queue_take(queue, &out));
    ck_assert_ptr_nonnull(out.key);
    ck_assert_ptr_null(out.value);
    ck_assert(!lfrec_queue_take(queue, &out));
    lfrec_queue_close(queue);
}
END_TEST

START_TEST(a_full_queue_takes_nothing_and_loses_nothing)
{
    lfrec_queue *queue;
    lfrec_queued out;
    char large[4096];
    memset(large, 'x', sizeof large);
    ck_assert(lfrec_queue_open(&queue, 8192));
    lfrec_queued too_large = {.value = large, .value_length = sizeof large};
    ck_assert(!lfrec_queue_put(queue, &too_large)); /* half of the limit cannot hold it and its head */
    int64_t taken = 0, put = 0;
    for (lfrec_queued in = message(0, 0, "key", "value"); lfrec_queue_put(queue, &in); in.offset = ++put) {
        ck_assert_int_lt(put, 8192);
    }
    ck_assert_int_gt(put, 0);
    for (; lfrec_queue_take(queue, &out); taken++) {
        ck_assert_int_eq(out.offset, taken);
    }
    ck_assert_int_eq(taken, put);
    lfrec_queued again = message(0, 99, NULL, "v");
    ck_assert(lfrec_queue_put(queue, &again));
    ck_assert(lfrec_queue_take(queue, &out));
    ck_assert_int_eq(out.offset, 99);
    lfrec_queue_close(queue);
}
END_TEST

START_TEST(a_resting_reader_is_woken_once)
{
    lfrec_queue *queue;
    lfrec_queued out, in = message(0, 0, "k", "v");
    ck_assert(lfrec_queue_open(&queue, 1 << 16));
    ck_assert(lfrec_queue_put(queue, &in));
    ck_assert(!readable(queue)); /* nobody rests */
    ck_assert(!lfrec_queue_rest(queue));
    ck_assert(lfrec_queue_take(queue, &out) && !lfrec_queue_take(queue, &out));
    ck_assert(lfrec_queue_rest(queue));
    ck_assert(!readable(queue));
    ck_assert(lfrec_queue_put(queue, &in));
    ck_assert(readable(queue));
    ck_assert(lfrec_queue_take(queue, &out));
    ck_assert(lfrec_queue_rest(queue)); /* and the wake is used up */
    ck_assert(!readable(queue));
    lfrec_queue_wake(queue);
    ck_assert(readable(queue));
    lfrec_queue_close(queue);
    lfrec_queue_close(NULL);
}
END_TEST

typedef struct writer {
    lfrec_queue *queue;
    int32_t partition;
} writer;

static void *write_all(void *context)
{
    const writer *w = context;
    for (int64_t offset = 0; offset < EACH; offset++) {
        char value[32];
        snprintf(value, sizeof value, "%d:%lld", (int)w->partition, (long long)offset);
        lfrec_queued in = message(w->partition, offset, "k", value);
        while (!lfrec_queue_put(w->queue, &in)) {
            poll(NULL, 0, 1);
        }
    }
    return NULL;
}

START_TEST(many_threads_put_and_each_ones_order_holds)
{
    lfrec_queue *queue;
    pthread_t threads[WRITERS];
    writer writers[WRITERS];
    int64_t next[WRITERS] = {0};
    ck_assert(lfrec_queue_open(&queue, 1 << 16));
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){queue, i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_all, &writers[i]), 0);
    }
    for (size_t taken = 0; taken < (size_t)WRITERS * EACH;) {
        lfrec_queued out;
        if (lfrec_queue_take(queue, &out)) {
            char value[32];
            snprintf(value, sizeof value, "%d:%lld", (int)out.partition, (long long)out.offset);
            ck_assert_int_eq(out.offset, next[out.partition]++);
            ck_assert_uint_eq(out.value_length, strlen(value));
            ck_assert_mem_eq(out.value, value, out.value_length);
            taken++;
        } else if (lfrec_queue_rest(queue)) { /* must be woken, or this never ends */
            poll(&(struct pollfd){.fd = lfrec_queue_fd(queue), .events = POLLIN}, 1, -1);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    lfrec_queue_close(queue);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interceptor's queue");
    TCase *tests = tcase_create("queue");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, what_is_put_is_taken_in_order_and_whole);
    tcase_add_test(tests, a_full_queue_takes_nothing_and_loses_nothing);
    tcase_add_test(tests, a_resting_reader_is_woken_once);
    tcase_add_test(tests, many_threads_put_and_each_ones_order_holds);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
