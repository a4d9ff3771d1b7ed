/* test_snapshot.c - a state written and read back is the same state; whatever is wrong with a file is found. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/bytes.h"
#include "../../plugin/operator_state.h"
#include "../../plugin/snapshot_writer.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static lfrec_id id_of(const char *text)
{
    return (lfrec_id){text, strlen(text)};
}

static bool take_list(void *context, const lfrec_recommendation *list)
{
    (void)list;
    size_t *taken = context;
    ++*taken;
    return true;
}

static size_t taken;
static char folder[] = "/tmp/lfrec-test-XXXXXX";
static char path[64];

static lfrec_operator *new_operator(void)
{
    lfrec_operator *op = NULL;
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_operator_options options = lfrec_operator_options_for(4, 0.5f, 5);
    options.min_support = 0;
    options.epochs = 3;
    ck_assert_msg(lfrec_operator_open(&op, &options, take_list, &taken, error), "%s", error);
    return op;
}

static void learn(lfrec_operator *op, lfrec_event_kind kind, const char *user, const char *item, float rating, int32_t partition)
{
    lfrec_event event = {.kind = kind, .user = id_of(user), .item = id_of(item), .rating = rating};
    lfrec_learned learned = lfrec_operator_learn(op, &event, partition, true);
    ck_assert(learned == LFREC_LEARNED || learned == LFREC_UNCHANGED);
}

static void train(lfrec_operator *op)
{
    char error[LFREC_OPERATOR_ERROR_MAX];
    lfrec_job *job = lfrec_operator_retrain_begin(op);
    ck_assert_ptr_nonnull(job);
    lfrec_job_run(job);
    ck_assert_msg(lfrec_operator_retrain_adopt(op, job, error), "%s", error);
}

/* Users u0 .. u19 in partitions 0 .. 2, items that come and go, and one user who takes all back. */
static lfrec_operator *filled_operator(bool trained)
{
    lfrec_operator *op = new_operator();
    char user[16], item[16];
    for (int u = 0; u < 20; u++) {
        for (int i = 0; i < 12; i++) {
            if ((u * 7 + i * 5) % 3 != 0) {
                snprintf(user, sizeof user, "u%d", u);
                snprintf(item, sizeof item, "i%d,\"\xC3\xA9", i);
                learn(op, LFREC_EVENT_RATE, user, item, (float)(1 + (u * i) % 5) - 0.5f, u % 3);
            }
        }
    }
    learn(op, LFREC_EVENT_RETRACT, "u3", "i1,\"\xC3\xA9", 0, 0);
    learn(op, LFREC_EVENT_FORGET, "u4", "", 0, 1);
    if (trained) {
        train(op);
        for (int u = 0; u < 20; u += 3) { /* so that there is a drift, and something to blend by */
            snprintf(user, sizeof user, "u%d", u);
            learn(op, LFREC_EVENT_RATE, user, "after the training", 5, u % 3);
            learn(op, LFREC_EVENT_RATE, user, "i9,\"\xC3\xA9", 0.5f, u % 3);
        }
        while (lfrec_operator_republish(op, 7) > 5) {
        }
    }
    return op;
}

static const lfrec_snapshot_partition partitions[] = {
    {.id = 0, .position = 100, .resume = 100, .witness_offset = 99, .witness = 7},
    {.id = 2, .position = 5000000000, .resume = 4999999999, .witness_offset = -1},
    {.id = 1, .position = 50, .resume = 0, .witness_offset = 12, .witness = UINT64_MAX},
};

static lfrec_snapshot_about about_all(void)
{
    return (lfrec_snapshot_about){.cluster = "cluster",
                                  .topic = "ratings",
                                  .made = 1700000000123,
                                  .scale_min = 0.5f,
                                  .scale_max = 5,
                                  .partitions = partitions,
                                  .partition_count = 3};
}

static void write_down(const lfrec_operator *op, const lfrec_snapshot_about *about, lfrec_buffer *out)
{
    ck_assert(lfrec_snapshot_write(op, about, out));
}

struct written {
    lfrec_buffer bytes;
    lfrec_snapshot snapshot; /* of those */
};

static struct written write_and_open(const lfrec_operator *op, const lfrec_snapshot_about *about)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    struct written w = {0};
    write_down(op, about, &w.bytes);
    ck_assert_msg(lfrec_snapshot_open(&w.snapshot, w.bytes.bytes, w.bytes.length, error), "%s", error);
    return w;
}

static void discard(struct written *w)
{
    lfrec_snapshot_close(&w->snapshot);
    lfrec_buffer_free(&w->bytes);
}

static lfrec_operator *bring_back(const lfrec_snapshot *snapshot)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    lfrec_operator *op = new_operator();
    ck_assert_msg(lfrec_snapshot_restore_model(snapshot, op, error), "%s", error);
    for (uint32_t i = 0; i < snapshot->partition_count; i++) {
        ck_assert(lfrec_snapshot_restore_partition(snapshot, op, snapshot->partitions[i].id));
    }
    return op;
}

/* Users by id, items by index, means, model and lists to come. */
static void check_same(const lfrec_operator *one, const lfrec_operator *other)
{
    lfrec_operator_state a = lfrec_operator_state_of(one), b = lfrec_operator_state_of(other);
    ck_assert_uint_eq(lfrec_store_items(a.store), lfrec_store_items(b.store));
    ck_assert_uint_eq(lfrec_store_ratings(a.store), lfrec_store_ratings(b.store));
    ck_assert_uint_eq(lfrec_store_rated_users(a.store), lfrec_store_rated_users(b.store));
    ck_assert_uint_eq(a.version, b.version);
    ck_assert_uint_eq(a.trainings, b.trainings);
    ck_assert_mem_eq(&a.error, &b.error, sizeof a.error);
    ck_assert_mem_eq(&a.means->overall, &b.means->overall, sizeof a.means->overall);
    for (uint32_t i = 0; i < lfrec_store_items(a.store); i++) {
        ck_assert_uint_eq(lfrec_store_find_item(b.store, lfrec_store_item_id(a.store, i)), i);
        ck_assert_mem_eq(&a.means->item[i], &b.means->item[i], sizeof a.means->item[i]);
        ck_assert_int_eq(memcmp(a.model.decoder + i * a.model.stride, b.model.decoder + i * b.model.stride,
                                a.model.factors * sizeof(float)),
                         0);
        ck_assert_int_eq(a.ranker.items > 0
                             ? memcmp(a.ranker.decoder + i * a.ranker.stride, b.ranker.decoder + i * b.ranker.stride,
                                      a.ranker.factors * sizeof(float))
                             : 0,
                         0);
    }
    ck_assert_uint_eq(a.ranker.items, b.ranker.items);
    ck_assert_mem_eq(&a.blend, &b.blend, sizeof a.blend);
    for (uint32_t u = 0; u < lfrec_store_user_slots(a.store); u++) {
        if (!lfrec_store_has_user(a.store, u)) {
            continue;
        }
        uint32_t v = lfrec_store_find_user(b.store, lfrec_store_user_id(a.store, u));
        ck_assert_uint_ne(v, LFREC_NO_INDEX);
        lfrec_history x = lfrec_store_history(a.store, u), y = lfrec_store_history(b.store, v);
        ck_assert_uint_eq(x.count, y.count);
        ck_assert_mem_eq(x.item, y.item, x.count * sizeof *x.item);
        ck_assert_mem_eq(x.value, y.value, x.count * sizeof *x.value);
        ck_assert_int_eq(lfrec_store_partition(a.store, u), lfrec_store_partition(b.store, v));
        ck_assert_uint_eq(lfrec_operator_published(one, u), lfrec_operator_published(other, v));
        ck_assert_int_eq(lfrec_operator_waits(one, u), lfrec_operator_waits(other, v));
        lfrec_drift of_one = lfrec_operator_drift(one, u), of_other = lfrec_operator_drift(other, v);
        ck_assert_mem_eq(&of_one, &of_other, sizeof of_one);
    }
}

static void check_round(bool trained)
{
    lfrec_operator *op = filled_operator(trained);
    lfrec_snapshot_about about = about_all();
    lfrec_buffer again = {0};
    struct written w = write_and_open(op, &about);
    ck_assert_str_eq(w.snapshot.cluster, "cluster");
    ck_assert_str_eq(w.snapshot.topic, "ratings");
    ck_assert_int_eq(w.snapshot.made, 1700000000123);
    ck_assert_uint_eq(w.snapshot.partition_count, 3);
    ck_assert_int_eq(lfrec_snapshot_partition_of(&w.snapshot, 2)->resume, 4999999999);
    ck_assert_uint_eq(lfrec_snapshot_partition_of(&w.snapshot, 1)->witness, UINT64_MAX);
    ck_assert_ptr_null(lfrec_snapshot_partition_of(&w.snapshot, 3));
    lfrec_operator *back = bring_back(&w.snapshot);
    check_same(op, back);
    /* The same state, the same bytes, but for the order of users. */
    write_down(back, &about, &again);
    ck_assert_uint_eq(again.length, w.bytes.length);
    /* And it goes on the same way. */
    learn(op, LFREC_EVENT_RATE, "new", "i1,\"\xC3\xA9", 4, 2);
    learn(back, LFREC_EVENT_RATE, "new", "i1,\"\xC3\xA9", 4, 2);
    check_same(op, back);
    lfrec_operator_close(back);
    lfrec_operator_close(op);
    discard(&w);
    lfrec_buffer_free(&again);
}

START_TEST(state_comes_back_without_a_model)
{
    check_round(false);
}
END_TEST

START_TEST(state_comes_back_with_the_model_and_who_waits_for_a_list)
{
    check_round(true);
}
END_TEST

START_TEST(an_empty_state_comes_back_empty)
{
    lfrec_operator *op = new_operator();
    lfrec_snapshot_about about = about_all();
    about.partition_count = 0;
    struct written w = write_and_open(op, &about);
    ck_assert_uint_eq(w.snapshot.user_count, 0);
    lfrec_operator *back = bring_back(&w.snapshot);
    check_same(op, back);
    lfrec_operator_close(back);
    lfrec_operator_close(op);
    discard(&w);
}
END_TEST

START_TEST(one_partition_alone_comes_back_beside_others_that_are_there)
{
    lfrec_operator *op = filled_operator(true), *live = filled_operator(true);
    lfrec_snapshot_about about = about_all();
    struct written w = write_and_open(op, &about);
    lfrec_operator_drop_partition(live, 1);
    uint64_t without = lfrec_operator_stats_of(live).users;
    ck_assert(lfrec_snapshot_restore_partition(&w.snapshot, live, 1));
    ck_assert_uint_gt(lfrec_operator_stats_of(live).users, without);
    check_same(op, live);
    ck_assert(!lfrec_snapshot_restore_partition(&w.snapshot, live, 1)); /* whose ratings are there cannot come again */
    lfrec_operator_close(op);
    lfrec_operator_close(live);
    discard(&w);
}
END_TEST

START_TEST(users_of_partitions_that_are_not_named_are_left_out_and_so_are_their_sums)
{
    lfrec_operator *op = filled_operator(true);
    lfrec_snapshot_about about = about_all();
    about.partition_count = 1;
    struct written w = write_and_open(op, &about);
    lfrec_operator *back = bring_back(&w.snapshot);
    lfrec_operator_drop_partition(op, 1);
    lfrec_operator_drop_partition(op, 2);
    check_same(op, back);
    lfrec_operator_close(back);
    lfrec_operator_close(op);
    discard(&w);
}
END_TEST

static bool nothing_arrived(void *context, uint32_t slot)
{
    (void)context;
    (void)slot;
    return true;
}

static bool two_goodbyes(void *context, bool (*each)(void *to, lfrec_id id, int32_t partition), void *to)
{
    (void)context;
    return each(to, id_of("gone"), 2) && each(to, id_of("elsewhere"), 9);
}

START_TEST(lists_and_goodbyes_under_way_are_still_to_come)
{
    lfrec_operator *op = filled_operator(false);
    lfrec_snapshot_about about = about_all();
    about.under_way = nothing_arrived;
    about.goodbyes = two_goodbyes;
    struct written w = write_and_open(op, &about);
    lfrec_operator *back = bring_back(&w.snapshot);
    lfrec_operator_stats stats = lfrec_operator_stats_of(back);
    ck_assert_uint_eq(stats.stale_users, stats.users + 1);
    taken = 0;
    ck_assert_uint_eq(lfrec_operator_republish(back, 1000), 0);
    ck_assert_uint_eq(taken, stats.users + 1); /* "gone" is told goodbye; "elsewhere" is another instance's */
    ck_assert_uint_eq(lfrec_store_find_user(lfrec_operator_state_of(back).store, id_of("gone")), LFREC_NO_INDEX);
    lfrec_operator_close(back);
    lfrec_operator_close(op);
    discard(&w);
}
END_TEST

static bool goodbye_of_one_who_is_back(void *context, bool (*each)(void *to, lfrec_id id, int32_t partition), void *to)
{
    (void)context;
    return each(to, id_of("u1"), 1);
}

START_TEST(who_is_back_before_the_goodbye_arrived_is_there_once)
{
    lfrec_operator *op = filled_operator(false);
    lfrec_snapshot_about about = about_all();
    about.goodbyes = goodbye_of_one_who_is_back;
    lfrec_snapshot_user user;
    struct written w = write_and_open(op, &about);
    int times = 0;
    for (size_t at = 0; lfrec_snapshot_next_user(&w.snapshot, &at, &user);) {
        times += user.id.length == 2 && memcmp(user.id.bytes, "u1", 2) == 0;
    }
    ck_assert_int_eq(times, 1);
    lfrec_operator_close(op);
    discard(&w);
}
END_TEST

/* The means in a followed model stay its own, as they came from all users. */
START_TEST(a_model_that_is_followed_keeps_its_means)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    lfrec_operator *op = filled_operator(true);
    lfrec_snapshot_about about = about_all();
    struct written w = write_and_open(op, &about);
    float mean = lfrec_operator_state_of(op).model.mean;
    for (int follow = 0; follow < 2; follow++) {
        lfrec_operator *back = new_operator();
        ck_assert_msg(lfrec_snapshot_restore_model(&w.snapshot, back, error), "%s", error);
        if (follow) {
            lfrec_operator_follow(back);
        }
        ck_assert(lfrec_snapshot_restore_partition(&w.snapshot, back, 0)); /* a part of the users */
        float now = lfrec_operator_state_of(back).model.mean;
        ck_assert_int_eq(memcmp(&now, &mean, sizeof now) == 0, follow);
        lfrec_operator_close(back);
    }
    lfrec_operator_close(op);
    discard(&w);
}
END_TEST

START_TEST(every_changed_or_missing_byte_is_found)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    lfrec_operator *op = filled_operator(true);
    lfrec_snapshot_about about = about_all();
    lfrec_buffer bytes = {0};
    lfrec_snapshot snapshot;
    write_down(op, &about, &bytes);
    for (size_t i = 0; i < bytes.length; i += i < 64 ? 1 : 7) {
        bytes.bytes[i] = (char)(bytes.bytes[i] ^ 1 << (i % 8));
        error[0] = '\0';
        ck_assert(!lfrec_snapshot_open(&snapshot, bytes.bytes, bytes.length, error));
        ck_assert_str_ne(error, "");
        bytes.bytes[i] = (char)(bytes.bytes[i] ^ 1 << (i % 8));
        ck_assert(!lfrec_snapshot_open(&snapshot, bytes.bytes, i, error));
    }
    ck_assert(lfrec_snapshot_open(&snapshot, bytes.bytes, bytes.length, error));
    lfrec_snapshot_close(&snapshot);
    lfrec_operator_close(op);
    lfrec_buffer_free(&bytes);
}
END_TEST

/* A file whose checksum is right is not believed either. */
START_TEST(contradictions_under_a_good_checksum_are_found)
{
    static const struct {
        size_t at;
        uint8_t to;
        const char *says;
    } lies[] = {
        {8, 2, "format is version 2"},
        {28, 0xFF, "scale"},                    /* the lowest rating becomes NaN or larger than the highest */
        {36, 0xFF, "too early|not one|larger"}, /* the cluster's id becomes longer than a name may be */
    };
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    lfrec_operator *op = filled_operator(false);
    lfrec_snapshot_about about = about_all();
    lfrec_buffer bytes = {0};
    lfrec_snapshot snapshot;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        write_down(op, &about, &bytes);
        uint8_t *file = (uint8_t *)bytes.bytes;
        file[lies[i].at] = lies[i].to;
        file[lies[i].at + (i == 1 ? 3 : 0)] = lies[i].to;
        lfrec_set(file + bytes.length - 8, lfrec_fnv(LFREC_FNV_START, file, bytes.length - 8), 8);
        ck_assert(!lfrec_snapshot_open(&snapshot, bytes.bytes, bytes.length, error));
        ck_assert_msg(strchr(lies[i].says, '|') || strstr(error, lies[i].says), "%s", error);
    }
    /* The last rating of the last user: its value is 8 bytes and the checksum before the end. */
    write_down(op, &about, &bytes);
    uint8_t *file = (uint8_t *)bytes.bytes;
    lfrec_set(file + bytes.length - 12, lfrec_bits_of(1.25f), 4);
    lfrec_set(file + bytes.length - 8, lfrec_fnv(LFREC_FNV_START, file, bytes.length - 8), 8);
    ck_assert(!lfrec_snapshot_open(&snapshot, bytes.bytes, bytes.length, error));
    ck_assert_msg(strstr(error, "sums are not those of the ratings"), "%s", error);
    lfrec_operator_close(op);
    lfrec_buffer_free(&bytes);
}
END_TEST

START_TEST(a_model_of_more_factors_is_left_out_and_the_rest_comes_back)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    lfrec_operator *op = NULL, *small = new_operator();
    lfrec_operator_options options = lfrec_operator_options_for(40, 0.5f, 5);
    ck_assert(lfrec_operator_open(&op, &options, take_list, &taken, error));
    char item[16];
    for (int i = 0; i < 60; i++) {
        snprintf(item, sizeof item, "i%d", i);
        learn(op, LFREC_EVENT_RATE, i % 2 ? "a" : "b", item, 3, 0);
    }
    train(op);
    lfrec_snapshot_about about = about_all();
    struct written w = write_and_open(op, &about);
    ck_assert(!lfrec_snapshot_restore_model(&w.snapshot, small, error));
    ck_assert_msg(strstr(error, "factors"), "%s", error);
    ck_assert(lfrec_snapshot_restore_partition(&w.snapshot, small, 0));
    lfrec_operator_stats stats = lfrec_operator_stats_of(small);
    ck_assert_uint_eq(stats.ratings, 60);
    ck_assert_uint_eq(stats.model_version, 0);
    lfrec_operator_close(small);
    lfrec_operator_close(op);
    discard(&w);
}
END_TEST

START_TEST(witness_tells_events_apart)
{
    uint64_t one = lfrec_snapshot_witness(5, "u", 1, "value", 5);
    ck_assert_uint_eq(one, lfrec_snapshot_witness(5, "u", 1, "value", 5));
    ck_assert_uint_ne(one, lfrec_snapshot_witness(6, "u", 1, "value", 5));
    ck_assert_uint_ne(one, lfrec_snapshot_witness(5, "uv", 2, "alue", 4));
    ck_assert_uint_ne(lfrec_snapshot_witness(5, NULL, 0, "", 0), lfrec_snapshot_witness(5, "", 0, NULL, 0));
    ck_assert_uint_ne(lfrec_snapshot_witness(5, "u", 1, "a\0", 2), lfrec_snapshot_witness(5, "u", 1, "a", 1));
}
END_TEST

/* ---- files ---- */

static void make_folder(void)
{
    strcpy(folder, "/tmp/lfrec-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/state", folder);
}

static void remove_folder(void)
{
    char name[80];
    static const char *const suffixes[] = {"", ".tmp", ".lock"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

static void write_file(lfrec_operator *op)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    lfrec_snapshot_writer *writer = NULL;
    lfrec_snapshot_about about = about_all();
    ck_assert_msg(lfrec_snapshot_writer_open(&writer, path, 1000, error), "%s", error);
    ck_assert(lfrec_snapshot_writer_due(writer, 0));
    write_down(op, &about, lfrec_snapshot_writer_buffer(writer));
    lfrec_snapshot_writer_start(writer, 5);
    ck_assert(!lfrec_snapshot_writer_due(writer, 99999)); /* one is on its way */
    ck_assert_int_eq(lfrec_snapshot_writer_step(writer, true, 10), LFREC_SNAPSHOT_WRITTEN);
    ck_assert_int_eq(lfrec_snapshot_writer_step(writer, true, 10), LFREC_SNAPSHOT_NOTHING);
    lfrec_snapshot_stats stats = lfrec_snapshot_writer_stats(writer);
    ck_assert_uint_eq(stats.written, 1);
    ck_assert_uint_gt(stats.last_bytes, 100);
    ck_assert(stats.last_seconds > 0 && stats.all_seconds >= stats.last_seconds && stats.last_at > 1.6e9);
    ck_assert(!lfrec_snapshot_writer_due(writer, 1009));
    ck_assert(lfrec_snapshot_writer_due(writer, 1010));
    lfrec_snapshot_writer_close(writer);
}

START_TEST(a_file_is_written_and_read_back)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    lfrec_snapshot_bytes bytes;
    lfrec_snapshot snapshot;
    lfrec_operator *op = filled_operator(true);
    ck_assert_int_eq(lfrec_snapshot_load(path, &bytes, &snapshot, error), LFREC_SNAPSHOT_NONE);
    write_file(op);
    struct stat about;
    char part[80];
    snprintf(part, sizeof part, "%s.tmp", path);
    ck_assert_int_ne(stat(part, &about), 0);
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_eq(about.st_mode & 077, 0); /* who rated what is nobody else's business */
    ck_assert_int_eq(lfrec_snapshot_load(path, &bytes, &snapshot, error), LFREC_SNAPSHOT_GOOD);
    lfrec_operator *back = bring_back(&snapshot);
    check_same(op, back);
    lfrec_operator_close(back);
    lfrec_operator_close(op);
    lfrec_snapshot_unload(&bytes, &snapshot);
}
END_TEST

START_TEST(a_failed_write_keeps_the_old_file_and_backs_off)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX], part[80];
    lfrec_snapshot_bytes bytes;
    lfrec_snapshot snapshot;
    lfrec_operator *op = filled_operator(false);
    lfrec_snapshot_about about = about_all();
    lfrec_snapshot_writer *writer = NULL;
    write_file(op);
    snprintf(part, sizeof part, "%s.tmp", path);
    ck_assert_int_eq(symlink("/dev/full", part), 0);
    ck_assert(lfrec_snapshot_writer_open(&writer, path, 100, error));
    write_down(op, &about, lfrec_snapshot_writer_buffer(writer));
    lfrec_snapshot_writer_start(writer, 0);
    ck_assert_int_eq(lfrec_snapshot_writer_step(writer, true, 0), LFREC_SNAPSHOT_FAILED);
    ck_assert_uint_eq(lfrec_snapshot_writer_stats(writer).failed, 1);
    ck_assert(!lfrec_snapshot_writer_due(writer, 999));
    ck_assert(lfrec_snapshot_writer_due(writer, 1000));
    lfrec_snapshot_writer_back_off(writer, 1000); /* none could be made at all */
    ck_assert(!lfrec_snapshot_writer_due(writer, 2999));
    ck_assert(lfrec_snapshot_writer_due(writer, 3000));
    lfrec_snapshot_writer_close(writer);
    ck_assert_int_eq(lfrec_snapshot_load(path, &bytes, &snapshot, error), LFREC_SNAPSHOT_GOOD);
    lfrec_snapshot_unload(&bytes, &snapshot);
    lfrec_operator_close(op);
}
END_TEST

START_TEST(another_process_cannot_take_the_same_file)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX];
    int lock = lfrec_snapshot_lock(path, error), status;
    ck_assert_int_ge(lock, 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(lfrec_snapshot_lock(path, error) < 0 && strstr(error, "another process") ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    close(lock);
    child = fork();
    if (child == 0) {
        _exit(lfrec_snapshot_lock(path, error) >= 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(the_dump_is_what_lfrec_kafka_reads)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX], *text = NULL, *said = NULL;
    size_t length = 0, said_length = 0;
    lfrec_operator *op = new_operator();
    learn(op, LFREC_EVENT_RATE, "u,1", "plain", 4.5f, 0);
    learn(op, LFREC_EVENT_RATE, "u,1", "a\"b", 3, 0);
    write_file(op);
    FILE *out = open_memstream(&text, &length), *about = open_memstream(&said, &said_length);
    ck_assert_msg(lfrec_snapshot_dump(path, out, about, error), "%s", error);
    fclose(out);
    fclose(about);
    ck_assert_str_eq(text, "\"u,1\",plain,4.5\n\"u,1\",\"a\"\"b\",3\n");
    ck_assert_msg(strstr(said, "partition 2: up to offset 5000000000"), "%s", said);
    free(text);
    free(said);
    lfrec_operator_close(op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *bytes = tcase_create("bytes"), *files = tcase_create("files");
    tcase_add_test(bytes, state_comes_back_without_a_model);
    tcase_add_test(bytes, state_comes_back_with_the_model_and_who_waits_for_a_list);
    tcase_add_test(bytes, an_empty_state_comes_back_empty);
    tcase_add_test(bytes, one_partition_alone_comes_back_beside_others_that_are_there);
    tcase_add_test(bytes, users_of_partitions_that_are_not_named_are_left_out_and_so_are_their_sums);
    tcase_add_test(bytes, lists_and_goodbyes_under_way_are_still_to_come);
    tcase_add_test(bytes, who_is_back_before_the_goodbye_arrived_is_there_once);
    tcase_add_test(bytes, a_model_that_is_followed_keeps_its_means);
    tcase_add_test(bytes, every_changed_or_missing_byte_is_found);
    tcase_add_test(bytes, contradictions_under_a_good_checksum_are_found);
    tcase_add_test(bytes, a_model_of_more_factors_is_left_out_and_the_rest_comes_back);
    tcase_add_test(bytes, witness_tells_events_apart);
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_add_test(files, a_file_is_written_and_read_back);
    tcase_add_test(files, a_failed_write_keeps_the_old_file_and_backs_off);
    tcase_add_test(files, another_process_cannot_take_the_same_file);
    tcase_add_test(files, the_dump_is_what_lfrec_kafka_reads);
    tcase_set_timeout(bytes, 60);
    tcase_set_timeout(files, 60);
    suite_add_tcase(suite, bytes);
    suite_add_tcase(suite, files);
    return run_suite(suite);
}
