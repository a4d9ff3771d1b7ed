/* test_options.c - command line, property files, and errors that say what, where and what is allowed, but never a secret. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/options.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static lfrec_config options;
static char error[LFREC_CONFIG_ERROR_MAX];

static void free_options(void)
{
    lfrec_config_free(&options);
}

/* Arguments up to a NULL. The options of the call before are freed. */
static int parse(const char *const *arguments)
{
    char *argv[32] = {(char[]){"lfrec-kafka"}};
    int argc = 1;
    for (; arguments[argc - 1]; argc++) {
        ck_assert_int_lt(argc, 31);
        argv[argc] = strdup(arguments[argc - 1]);
    }
    lfrec_config_free(&options);
    int status = lfrec_config_parse(&options, argc, argv, error);
    for (int i = 1; i < argc; i++) {
        free(argv[i]);
    }
    ck_assert(status == 0 || status == 2);
    ck_assert_msg((status == 0) == (error[0] == '\0'), "%d: %s", status, error);
    return status;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void assert_good(int status)
{
    ck_assert_msg(status == 0, "%s", error);
}

static void assert_error(int status, const char *words)
{
    ck_assert_int_eq(status, LFREC_OPTIONS_EXIT_USAGE);
    ck_assert_msg(strstr(error, words) != NULL, "'%s' is not in: %s", words, error);
}

static char path[] = "/tmp/lfrec-options-XXXXXX";

static const char *file_of(const char *text, size_t length)
{
    strcpy(path, "/tmp/lfrec-options-XXXXXX");
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, text, length), (ssize_t)length);
    close(file);
    return path;
}

static int parse_file(const char *text)
{
    file_of(text, strlen(text));
    int status = PARSE("-b", "localhost:9092", "-F", path);
    unlink(path);
    return status;
}

static char *printed(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    print(out);
    fclose(out);
    return text;
}

static void print_dump(FILE *out)
{
    lfrec_config_dump(&options, out);
}

static void print_help(FILE *out)
{
    lfrec_config_help(out, "lfrec-kafka");
}

START_TEST(the_defaults_are_the_documented_ones)
{
    assert_good(PARSE("-b", "h:1"));
    ck_assert_int_eq(options.action, LFREC_ACTION_RUN);
    ck_assert_str_eq(options.input_topic, "ratings");
    ck_assert_str_eq(options.output_topic, "recommendations");
    ck_assert_str_eq(options.dead_letter_topic, "ratings-dead-letter");
    ck_assert_int_eq(options.format, LFREC_FORMAT_AUTO);
    ck_assert(options.scale_min == 0.5f && options.scale_max == 5.0f);
    ck_assert_uint_eq(options.factors, 14);
    ck_assert_uint_eq(options.ranking, 64);
    ck_assert_uint_eq(options.top_n, 10);
    ck_assert_uint_eq(options.min_support, 3);
    ck_assert_uint_eq(options.retrain_events, 10000);
    ck_assert_uint_eq(options.retrain_seconds, 300);
    ck_assert_uint_eq(options.explain, 0);
    ck_assert(!options.embedded && !options.pipe && !options.quiet);
    ck_assert_int_eq(options.log_level, 6);
    ck_assert_str_eq(lfrec_config_client_value(&options, LFREC_CLIENT_CONSUMER, "bootstrap.servers"), "h:1");
    ck_assert_str_eq(lfrec_config_client_value(&options, LFREC_CLIENT_PRODUCER, "bootstrap.servers"), "h:1");
    ck_assert_str_eq(lfrec_config_client_value(&options, LFREC_CLIENT_CONSUMER, "group.id"), "lfrec");
    ck_assert_ptr_null(lfrec_config_client_value(&options, LFREC_CLIENT_PRODUCER, "group.id"));
}
END_TEST

START_TEST(every_property_of_ours_is_set)
{
    assert_good(PARSE("-bh:1", "-Gg", "-tin", "-Xlfrec.output.topic=out",
                      "-Xlfrec.dead.letter.topic=", "-Xlfrec.format=csv", "-Xlfrec.scale.min=-1.5",
                      "-Xlfrec.scale.max=10", "-Xlfrec.factors=32", "-Xlfrec.top.n=7", "-Xlfrec.min.support=0",
                      "-Xlfrec.explain=true", "-Xlfrec.retrain.events=0", "-Xlfrec.retrain.seconds=60",
                      "-Xlfrec.retrain.threads=3", "-Xlfrec.epochs=5", "-Xlfrec.publish.rate=50",
                      "-Xlfrec.seed=18446744073709551615", "-Xlfrec.embedded.partitions=2", "-Xlfrec.log.level=error"));
    ck_assert_str_eq(options.input_topic, "in");
    ck_assert_str_eq(options.output_topic, "out");
    ck_assert_str_eq(options.dead_letter_topic, "");
    ck_assert_int_eq(options.format, LFREC_FORMAT_CSV);
    ck_assert(options.scale_min == -1.5f && options.scale_max == 10.0f);
    ck_assert_uint_eq(options.factors, 32);
    ck_assert_uint_eq(options.top_n, 7);
    ck_assert_uint_eq(options.min_support, 0);
    ck_assert_uint_eq(options.explain, 3);
    ck_assert_uint_eq(options.retrain_events, 0);
    ck_assert_uint_eq(options.retrain_seconds, 60);
    ck_assert_uint_eq(options.retrain_threads, 3);
    ck_assert_uint_eq(options.epochs, 5);
    ck_assert_uint_eq(options.publish_rate, 50);
    ck_assert_uint_eq(options.seed, UINT64_MAX);
    ck_assert_uint_eq(options.embedded_partitions, 2);
    ck_assert_int_eq(options.log_level, 3);
    ck_assert_str_eq(lfrec_config_client_value(&options, LFREC_CLIENT_CONSUMER, "group.id"), "g");
}
END_TEST

START_TEST(explain_takes_a_number_or_a_truth_value)
{
    static const struct {
        const char *pair;
        uint32_t reasons;
    } cases[] = {{"lfrec.explain=true", 3}, {"lfrec.explain=false", 0}, {"lfrec.explain=0", 0}, {"lfrec.explain=5", 5}};
    for (size_t i = 0; i < 4; i++) {
        assert_good(PARSE("-b", "h", "-X", cases[i].pair));
        ck_assert_uint_eq(options.explain, cases[i].reasons);
    }
    assert_error(PARSE("-b", "h", "-X", "lfrec.explain=yes"), "must be true, false or an integer from 0 to 1000");
}
END_TEST

START_TEST(librdkafka_properties_are_collected_in_order_with_their_client)
{
    assert_good(PARSE("-b", "h:1", "-X", "linger.ms=5", "-X", "consumer.fetch.wait.max.ms=10", "-X",
                      "producer.linger.ms=0", "-X", "group.id=a=b", "-X", "client.id="));
    static const struct {
        const char *name, *value, *origin;
        lfrec_client client;
    } expected[] = {{"bootstrap.servers", "h:1", "-b", LFREC_CLIENT_BOTH},
                    {"linger.ms", "5", "-X", LFREC_CLIENT_BOTH},
                    {"fetch.wait.max.ms", "10", "-X", LFREC_CLIENT_CONSUMER},
                    {"linger.ms", "0", "-X", LFREC_CLIENT_PRODUCER},
                    {"group.id", "a=b", "-X", LFREC_CLIENT_BOTH},
                    {"client.id", "", "-X", LFREC_CLIENT_BOTH}};
    ck_assert_uint_eq(options.property_count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < options.property_count; i++) {
        ck_assert_str_eq(options.properties[i].name, expected[i].name);
        ck_assert_str_eq(options.properties[i].value, expected[i].value);
        ck_assert_str_eq(options.properties[i].origin, expected[i].origin);
        ck_assert_int_eq(options.properties[i].client, expected[i].client);
    }
    ck_assert_str_eq(lfrec_config_client_value(&options, LFREC_CLIENT_PRODUCER, "linger.ms"), "0");
    ck_assert_str_eq(lfrec_config_client_value(&options, LFREC_CLIENT_CONSUMER, "linger.ms"), "5");
}
END_TEST

START_TEST(a_later_property_replaces_an_earlier_one_wherever_it_comes_from)
{
    file_of("lfrec.top.n=20\nlfrec.factors=8\n", 31);
    assert_good(PARSE("-b", "h", "-X", "lfrec.top.n=5", "-F", path, "-X", "lfrec.factors=9", "-v", "-q", "-v"));
    unlink(path);
    ck_assert_uint_eq(options.top_n, 20);
    ck_assert_uint_eq(options.factors, 9);
    ck_assert_int_eq(options.log_level, 7);
    ck_assert(options.quiet);
}
END_TEST

START_TEST(a_properties_file_may_have_comments_blanks_and_any_line_end)
{
    assert_good(parse_file("\xEF\xBB\xBF# a comment\n\n  lfrec.top.n = 7 \r\n\t# another = one\rlfrec.factors=4\r\n"
                           "sasl.password= a#b = c \nlfrec.dead.letter.topic=\nclient.id=x"));
    ck_assert_uint_eq(options.top_n, 7);
    ck_assert_uint_eq(options.factors, 4);
    ck_assert_str_eq(options.dead_letter_topic, "");
    ck_assert_str_eq(lfrec_config_client_value(&options, LFREC_CLIENT_BOTH, "sasl.password"), "a#b = c");
    ck_assert_str_eq(lfrec_config_client_value(&options, LFREC_CLIENT_BOTH, "client.id"), "x");
}
END_TEST

START_TEST(errors_in_a_file_name_file_and_line)
{
    char words[100];
    int status = parse_file("# one\r\nlfrec.top.n=7\r\nlfrec.factors=many\r\n");
    snprintf(words, sizeof words, "lfrec.factors=many (%s:3): must be an integer from 1 to 1024", path);
    assert_error(status, words);
    status = parse_file("\rlfrec.top.n 7\r");
    snprintf(words, sizeof words, "%s:2: expected NAME=VALUE", path);
    assert_error(status, words);
    status = parse_file("=7");
    snprintf(words, sizeof words, "%s:1: expected NAME=VALUE", path);
    assert_error(status, words);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_errors)
{
    assert_error(PARSE("-b", "h", "-F", "/nonexistent/file"),
                 "cannot read properties file /nonexistent/file: No such file");
    assert_error(PARSE("-b", "h", "-F", "/tmp"), "cannot read properties file /tmp: Is a directory");
    assert_error(PARSE("-b", "h", "-F", "/dev/zero"), "1 MiB or more");
    file_of("lfrec.top.n=7\0\n", 15);
    assert_error(PARSE("-b", "h", "-F", path), "expected NAME=VALUE");
    unlink(path);
}
END_TEST

START_TEST(unknown_properties_of_ours_are_refused_with_the_nearest_name)
{
    static const char *const pairs[][2] = {{"lfrec.topn=3", "lfrec.top.n?"},
                                           {"lfrec.factor=3", "lfrec.factors?"},
                                           {"lfrec.retrain.event=3", "lfrec.retrain.events?"},
                                           {"lfrec.Seed=3", "lfrec.seed?"},
                                           {"lfrec.scale_max=3", "lfrec.scale.max?"},
                                           {"lfrec.embeded=true", "lfrec.embedded?"},
                                           {"lfrec.fromat=csv", "lfrec.format?"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_error(PARSE("-b", "h", "-X", pairs[i][0]), "(-X): unknown property, did you mean ");
        assert_error(PARSE("-b", "h", "-X", pairs[i][0]), pairs[i][1]);
    }
    assert_error(PARSE("-b", "h", "-X", "lfrec.zzzzzzzzzzzz=1"), "lfrec.zzzzzzzzzzzz (-X): unknown property; --help");
    assert_error(PARSE("-b", "h", "-X", "lfrec.=1"), "unknown property");
}
END_TEST

START_TEST(names_near_to_ours_are_found_for_others_to_suggest)
{
    ck_assert_str_eq(lfrec_config_nearest("top.n"), "lfrec.top.n");
    ck_assert_str_eq(lfrec_config_nearest("seed"), "lfrec.seed");
    ck_assert_str_eq(lfrec_config_nearest("lfrc.top.n"), "lfrec.top.n");
    ck_assert_str_eq(lfrec_config_nearest("lfrec.input.topics"), "lfrec.input.topic");
    ck_assert_ptr_null(lfrec_config_nearest("bootstrap.servers"));
    ck_assert_ptr_null(lfrec_config_nearest(""));
    ck_assert_ptr_null(lfrec_config_nearest("x"));
    char name[1000];
    memset(name, 'l', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_ptr_null(lfrec_config_nearest(name));
}
END_TEST

START_TEST(ill_typed_and_out_of_range_values_say_what_is_allowed)
{
    static const char *const cases[][2] = {
        {"lfrec.factors=-4", "lfrec.factors=-4 (-X): must be an integer from 1 to 1024"},
        {"lfrec.factors=0", "from 1 to 1024"},
        {"lfrec.factors=1025", "from 1 to 1024"},
        {"lfrec.factors=16.0", "must be an integer"},
        {"lfrec.factors=0x10", "must be an integer"},
        {"lfrec.factors=", "must be an integer"},
        {"lfrec.factors= 16", "must be an integer"},
        {"lfrec.factors=4294967312", "from 1 to 1024"},
        {"lfrec.seed=18446744073709551616", "from 0 to 18446744073709551615"},
        {"lfrec.seed=99999999999999999999999", "from 0 to"},
        {"lfrec.scale.min=low", "must be a number"},
        {"lfrec.scale.min=nan", "must be a number"},
        {"lfrec.scale.max=inf", "must be a number"},
        {"lfrec.scale.max=1e39", "must be a number"},
        {"lfrec.scale.max=4,5", "must be a number"},
        {"lfrec.embedded=maybe", "must be true or false"},
        {"lfrec.format=xml", "must be auto, json or csv"},
        {"lfrec.log.level=loud", "must be error, warning, info or debug"},
        {"lfrec.input.topic=", "must be a topic name"},
        {"lfrec.input.topic=a b", "must be a topic name"},
        {"lfrec.output.topic=..", "must be a topic name"},
        {"lfrec.dead.letter.topic=\xC3\xA9", "must be empty or a topic name"},
        {"lfrec.top.n=1\n2", "lfrec.top.n=1?2 (-X)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_error(PARSE("-b", "h", "-X", cases[i][0]), cases[i][1]);
    }
    char pair[400] = "lfrec.input.topic=";
    memset(pair + strlen(pair), 't', 250);
    assert_error(PARSE("-b", "h", "-X", pair), "...");
    pair[strlen(pair) - 1] = '\0';
    assert_good(PARSE("-b", "h", "-X", pair));
}
END_TEST

START_TEST(what_depends_on_two_properties_is_checked)
{
    assert_error(PARSE("-b", "h", "-X", "lfrec.scale.min=5"),
                 "lfrec.scale.min=5 (-X) must be below lfrec.scale.max=5 (default)");
    assert_error(PARSE("--pipe", "-X", "lfrec.scale.max=-1"), "must be below lfrec.scale.max=-1 (-X)");
    assert_error(PARSE("-b", "h", "-t", "x", "-X", "lfrec.output.topic=x"),
                 "lfrec.input.topic=x (-t) and lfrec.output.topic (-X) must be different topics");
    assert_error(PARSE("-b", "h", "-t", "ratings-dead-letter"), "must be different topics");
    assert_error(PARSE("-b", "h", "-X", "lfrec.output.topic=ratings-dead-letter"), "must be different topics");
    assert_error(PARSE("-b", "h", "-X", "lfrec.embedded=true"), "bootstrap.servers (-b) and lfrec.embedded=true (-X)");
    assert_error(PARSE("-G", "g"), "no broker for the consumer: give -b HOST:PORT");
    assert_error(PARSE("-X", "consumer.bootstrap.servers=h"), "no broker for the producer");
    assert_good(PARSE("-X", "consumer.bootstrap.servers=h", "-X", "producer.metadata.broker.list=h"));
    assert_good(PARSE("-X", "lfrec.embedded=true"));
    assert_good(PARSE("--pipe"));
    ck_assert(options.pipe);
}
END_TEST

START_TEST(prefixes_are_checked)
{
    assert_error(PARSE("-b", "h", "-X", "consumer.=1"), "has to follow the prefix");
    assert_error(PARSE("-b", "h", "-X", "producer.lfrec.top.n=1"), "take no prefix");
}
END_TEST

START_TEST(command_line_mistakes_are_errors)
{
    assert_error(PARSE("-b"), "-b: a value has to follow");
    assert_error(PARSE("-b", "h", "-Z"), "-Z: unknown option");
    assert_error(PARSE("-b", "h", "--frobnicate"), "--frobnicate: unknown option");
    assert_error(PARSE("-b", "h", "--pipe=x"), "--pipe=...: unknown option");
    assert_error(PARSE("-b", "h", "ratings"), "ratings: unexpected argument");
    assert_error(PARSE("-b", "h", "--", "-q"), "-q: unexpected argument");
    assert_error(PARSE("-b", "h", "-X", "novalue"), "-X novalue: expected NAME=VALUE");
    assert_error(PARSE("-b", "h", "-X", "a b=c"), "-X: expected NAME=VALUE");
    assert_error(PARSE("-b", "h", "-X", "=c"), "-X: expected NAME=VALUE");
    assert_error(PARSE("-b", "h", "-q\xC3"), "-?: unknown option");
}
END_TEST

START_TEST(help_version_and_check_config_are_actions)
{
    assert_good(PARSE("--help"));
    ck_assert_int_eq(options.action, LFREC_ACTION_HELP);
    assert_good(PARSE("-h", "--nonsense"));
    ck_assert_int_eq(options.action, LFREC_ACTION_HELP);
    assert_good(PARSE("--help=man"));
    ck_assert_int_eq(options.action, LFREC_ACTION_MAN);
    assert_good(PARSE("--version"));
    ck_assert_int_eq(options.action, LFREC_ACTION_VERSION);
    assert_good(PARSE("-b", "h", "--check-config"));
    ck_assert_int_eq(options.action, LFREC_ACTION_CHECK_CONFIG);
    assert_error(PARSE("--check-config", "-X", "lfrec.factors=no"), "lfrec.factors=no");
}
END_TEST

START_TEST(roles_that_cannot_be_are_refused)
{
    assert_good(PARSE("-b", "h", "-X", "lfrec.role=scorer", "-X", "lfrec.snapshot.path=/tmp/s"));
    assert_error(PARSE("-b", "h", "-X", "lfrec.role=boss"), "lfrec.role=boss (-X): must be all, trainer or scorer");
    assert_error(PARSE("--pipe", "-X", "lfrec.role=trainer"), "leave it out with --pipe");
    assert_error(PARSE("-b", "h", "-X", "lfrec.role=trainer", "-X", "lfrec.snapshot.path=/tmp/s"),
                 "a trainer keeps no snapshot");
    assert_error(PARSE("-b", "h", "-X", "lfrec.role=trainer", "-X", "lfrec.model.topic=ratings"),
                 "must be different topics");
}
END_TEST

START_TEST(help_and_man_page_list_every_property)
{
    static const char *const names[] = {"input.topic",
                                        "output.topic",
                                        "dead.letter.topic",
                                        "format",
                                        "scale.min",
                                        "scale.max",
                                        "factors",
                                        "ranking",
                                        "top.n",
                                        "min.support",
                                        "max.users",
                                        "max.items",
                                        "explain",
                                        "retrain.events",
                                        "retrain.seconds",
                                        "retrain.threads",
                                        "epochs",
                                        "publish.rate",
                                        "role",
                                        "model.topic",
                                        "trainer.users",
                                        "seed",
                                        "embedded",
                                        "embedded.partitions",
                                        "http.listen",
                                        "delivery",
                                        "snapshot.path",
                                        "snapshot.interval.ms",
                                        "log.level",
                                        "log.format",
                                        "log.file"};
    ck_assert_uint_eq(sizeof names / sizeof *names, LFREC_OPTION_COUNT);
    char *help = printed(print_help), *man = printed(lfrec_config_man);
    for (size_t i = 0; i < LFREC_OPTION_COUNT; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n  lfrec.%s (default ", names[i]);
        ck_assert_msg(strstr(help, line) != NULL, "%s", names[i]);
        snprintf(line, sizeof line, ".TP\n\\fBlfrec.%s\\fR (default ", names[i]);
        ck_assert_msg(strstr(man, line) != NULL, "%s", names[i]);
    }
    for (const char *line = help; *line; line += strcspn(line, "\n") + 1) {
        ck_assert_uint_le(strcspn(line, "\n"), 120);
    }
    free(help);
    free(man);
}
END_TEST

START_TEST(the_dump_is_a_properties_file_that_gives_the_same_options)
{
    assert_good(PARSE("-b", "h:1,h:2", "-X", "lfrec.scale.max=10", "-X", "lfrec.scale.min=0.1", "-X",
                      "lfrec.explain=true", "-X", "consumer.fetch.wait.max.ms=10", "-X",
                      "lfrec.dead.letter.topic=", "-X", "lfrec.seed=18446744073709551615", "-q"));
    char *first = printed(print_dump);
    ck_assert_ptr_nonnull(strstr(first, "# -X\nlfrec.scale.max=10\n"));
    ck_assert_ptr_nonnull(strstr(first, "# default\nlfrec.factors=14\n"));
    ck_assert_ptr_nonnull(strstr(first, "# -X\nconsumer.fetch.wait.max.ms=10\n"));
    file_of(first, strlen(first));
    assert_good(PARSE("-F", path));
    unlink(path);
    char *second = printed(print_dump);
    const char *a = first, *b = second;
    while (*a && *b) { /* the same but for the comments that tell the origin */
        size_t a_length = strcspn(a, "\n"), b_length = strcspn(b, "\n");
        ck_assert(*a == '#' || (a_length == b_length && memcmp(a, b, a_length) == 0));
        a += a_length + (a[a_length] == '\n');
        b += b_length + (b[b_length] == '\n');
    }
    ck_assert_int_eq(*a, *b);
    free(first);
    free(second);
}
END_TEST

static const char *const secret_names[] = {"sasl.password",
                                           "ssl.key.password",
                                           "ssl.keystore.password",
                                           "sasl.jaas.config",
                                           "ssl.key.pem",
                                           "sasl.oauthbearer.client.secret",
                                           "sasl.oauthbearer.config",
                                           "sasl.oauthbearer.token.endpoint.url",
                                           "sasl.pasword",
                                           "ssl.key.passwort",
                                           "SASL.PASSWORD",
                                           "my.secret",
                                           "access.token",
                                           "sasl.passwrd"};

START_TEST(secrets_are_hidden_in_dumps)
{
    static const char *const prefixes[] = {"", "consumer.", "producer."};
    for (size_t i = 0; i < sizeof secret_names / sizeof *secret_names; i++) {
        char pair[100];
        snprintf(pair, sizeof pair, "%s%s=hunter2", prefixes[i % 3], secret_names[i]);
        assert_good(PARSE("-b", "h", "-X", pair));
        char *dump = printed(print_dump);
        ck_assert_msg(strstr(dump, "hunter2") == NULL, "%s", secret_names[i]);
        ck_assert_ptr_nonnull(strstr(dump, "=[hidden]\n"));
        free(dump);
        ck_assert(lfrec_property_is_secret(pair));
        ck_assert_str_eq(lfrec_property_shown(secret_names[i], "hunter2"), "[hidden]");
    }
    static const char *const open_names[] = {
        "sasl.username",     "sasl.mechanism",   "ssl.ca.location",          "security.protocol",
        "bootstrap.servers", "ssl.key.location", "consumer.sasl.mechanisms", "key.deserializer"};
    for (size_t i = 0; i < sizeof open_names / sizeof *open_names; i++) {
        ck_assert_msg(!lfrec_property_is_secret(open_names[i]), "%s", open_names[i]);
        ck_assert_str_eq(lfrec_property_shown(open_names[i], "value"), "value");
    }
}
END_TEST

START_TEST(secrets_are_in_no_error)
{
    static const char *const lines[] = {
        "-X|sasl.password=hunter2|-X|lfrec.topn=3",
        "-X|sasl.password=|hunter2",
        "-X|sasl.pasword=|hunter2",
        "-X|sasl.password hunter2",
        "-X|sasl.password hunter=2hunter2",
        "--sasl.password=hunter2",
        "sasl.password=hunter2",
        "-X|consumer.sasl.password=hunter2|-X|lfrec.factors=x",
        "-X|lfrec.sasl.password=hunter2",
        "-X|lfrec.pasword=hunter2",
        "-X|sasl.password=hunter2|-G",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char copy[200];
        const char *arguments[10] = {"-b", "h"};
        snprintf(copy, sizeof copy, "%s", lines[i]);
        size_t count = 2;
        for (char *at = strtok(copy, "|"); at; at = strtok(NULL, "|")) {
            arguments[count++] = at;
        }
        ck_assert_int_eq(parse(arguments), LFREC_OPTIONS_EXIT_USAGE);
        ck_assert_msg(strstr(error, "hunter2") == NULL, "%s", error);
    }
    static const char *const files[] = {
        "sasl.password hunter2\n", "sasl.password: hunter2\n",          "hunter2\n",
        "hun ter2=hunter2\n",      "ssl.key.pem=-----BEGIN\nhunter2\n", "lfrec.pasword=hunter2\n"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ck_assert_int_eq(parse_file(files[i]), LFREC_OPTIONS_EXIT_USAGE);
        ck_assert_msg(strstr(error, "hunter2") == NULL, "%s", error);
    }
}
END_TEST

START_TEST(control_characters_do_not_reach_the_terminal)
{
    assert_good(PARSE("-b", "h\x1B[2J", "-X", "ssl.ca.pem=a\nb"));
    char *dump = printed(print_dump);
    ck_assert_ptr_null(strchr(dump, '\x1B'));
    ck_assert_ptr_nonnull(strstr(dump, "ssl.ca.pem=a\\nb\n"));
    free(dump);
    assert_error(PARSE("-b", "h", "-X", "lfrec.factors=\x1B[2J"), "lfrec.factors=?[2J");
    assert_error(PARSE("-b", "h", "\x1B[2J"), "?[2J: unexpected argument");
}
END_TEST

#define ADD(name) tcase_add_test(tests, name)

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, NULL, free_options);
    ADD(the_defaults_are_the_documented_ones);
    ADD(every_property_of_ours_is_set);
    ADD(explain_takes_a_number_or_a_truth_value);
    ADD(librdkafka_properties_are_collected_in_order_with_their_client);
    ADD(a_later_property_replaces_an_earlier_one_wherever_it_comes_from);
    ADD(a_properties_file_may_have_comments_blanks_and_any_line_end);
    ADD(errors_in_a_file_name_file_and_line);
    ADD(files_that_cannot_be_read_are_errors);
    ADD(unknown_properties_of_ours_are_refused_with_the_nearest_name);
    ADD(names_near_to_ours_are_found_for_others_to_suggest);
    ADD(ill_typed_and_out_of_range_values_say_what_is_allowed);
    ADD(what_depends_on_two_properties_is_checked);
    ADD(prefixes_are_checked);
    ADD(command_line_mistakes_are_errors);
    ADD(help_version_and_check_config_are_actions);
    ADD(roles_that_cannot_be_are_refused);
    ADD(help_and_man_page_list_every_property);
    ADD(the_dump_is_a_properties_file_that_gives_the_same_options);
    ADD(secrets_are_hidden_in_dumps);
    ADD(secrets_are_in_no_error);
    ADD(control_characters_do_not_reach_the_terminal);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
