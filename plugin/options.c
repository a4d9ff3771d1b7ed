#include "options.h"
#include "number.h"
#include "options_table.h"
#include "utf8.h"
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, SHOWN_MAX = 60 };

static bool fail(char error[LFREC_CONFIG_ERROR_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(char error[LFREC_CONFIG_ERROR_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(error, LFREC_CONFIG_ERROR_MAX, format, arguments) < 0) {
        error[0] = '\0';
    }
    va_end(arguments);
    return false;
}

static char *copy_bytes(const char *bytes, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, bytes, length);
        copy[length] = '\0';
    }
    return copy;
}

static char *copy_text(const char *text)
{
    return copy_bytes(text, strlen(text));
}

/* ---- one of our properties ---- */

static const struct lfrec_option *find_option(const char *name)
{
    for (size_t i = 0; i < LFREC_OPTION_COUNT; i++) {
        if (strcmp(lfrec_option_table[i].name, name) == 0) {
            return &lfrec_option_table[i];
        }
    }
    return NULL;
}

static bool parse_topic(const char *value, char *out)
{
    size_t length = strlen(value);
    if (length == 0 || length > LFREC_TOPIC_MAX || strcmp(value, ".") == 0 || strcmp(value, "..") == 0) {
        return false;
    }
    if (strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != length) {
        return false;
    }
    memcpy(out, value, length + 1);
    return true;
}

static bool parse_unsigned(const char *value, uint64_t least, uint64_t most, uint64_t *out)
{
    uint64_t number = 0;
    if (*value == '\0') {
        return false;
    }
    for (; *value; value++) {
        if (*value < '0' || *value > '9') {
            return false;
        }
        unsigned digit = (unsigned)(*value - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *out = number;
    return number >= least && number <= most;
}

static bool parse_real(const char *value, float *out)
{
    lfrec_number number;
    return lfrec_number_read(value, strlen(value), &number) == LFREC_NUMBER_READ && lfrec_number_as_float(number.value, out);
}

static bool parse_boolean(const char *value, bool *out)
{
    *out = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
    return *out || strcmp(value, "false") == 0 || strcmp(value, "0") == 0;
}

static bool parse_word(const char *value, const char *const *words, const int *meanings, size_t count, int *out)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value, words[i]) == 0) {
            *out = meanings[i];
            return true;
        }
    }
    return false;
}

static bool parse_address(const char *value, char *out)
{
    lfrec_address address;
    size_t length = strlen(value);
    if (length >= LFREC_ADDRESS_MAX || (length > 0 && !lfrec_address_read(value, &address))) {
        return false;
    }
    memcpy(out, value, length + 1);
    return true;
}

/* false: the value is not allowed, and *options is as before. */
static bool parse_value(lfrec_config *options, const struct lfrec_option *option, const char *value)
{
    void *field = (char *)options + option->offset;
    switch (option->type) {
    case LFREC_OPTION_TOPIC_OR_EMPTY:
        if (*value == '\0') {
            *(char *)field = '\0';
            return true;
        }
        return parse_topic(value, field);
    case LFREC_OPTION_TOPIC: return parse_topic(value, field);
    case LFREC_OPTION_FORMAT: {
        static const char *const words[] = {"auto", "json", "csv"};
        static const int meanings[] = {LFREC_FORMAT_AUTO, LFREC_FORMAT_JSON, LFREC_FORMAT_CSV};
        int format;
        if (!parse_word(value, words, meanings, 3, &format)) {
            return false;
        }
        *(lfrec_format *)field = (lfrec_format)format;
        return true;
    }
    case LFREC_OPTION_REAL: return parse_real(value, field);
    case LFREC_OPTION_COUNT32: {
        uint64_t number;
        if (!parse_unsigned(value, option->least, option->most, &number)) {
            return false;
        }
        *(uint32_t *)field = (uint32_t)number; /* most <= UINT32_MAX */
        return true;
    }
    case LFREC_OPTION_COUNT64: {
        uint64_t number;
        if (!parse_unsigned(value, option->least, option->most, &number)) {
            return false;
        }
        *(uint64_t *)field = number;
        return true;
    }
    case LFREC_OPTION_REASONS: {
        uint64_t number;
        if (strcmp(value, "true") == 0) {
            number = 3;
        } else if (strcmp(value, "false") == 0) {
            number = 0;
        } else if (!parse_unsigned(value, option->least, option->most, &number)) {
            return false;
        }
        *(uint32_t *)field = (uint32_t)number;
        return true;
    }
    case LFREC_OPTION_ROLE: {
        static const char *const words[] = {"all", "trainer", "scorer"};
        static const int meanings[] = {LFREC_ROLE_ALL, LFREC_ROLE_TRAINER, LFREC_ROLE_SCORER};
        int role;
        if (!parse_word(value, words, meanings, 3, &role)) {
            return false;
        }
        *(lfrec_role *)field = (lfrec_role)role;
        return true;
    }
    case LFREC_OPTION_DELIVERY: {
        static const char *const words[] = {"at-least-once", "exactly-once"};
        static const int meanings[] = {LFREC_AT_LEAST_ONCE, LFREC_EXACTLY_ONCE};
        int mode;
        if (!parse_word(value, words, meanings, 2, &mode)) {
            return false;
        }
        *(lfrec_delivery_mode *)field = (lfrec_delivery_mode)mode;
        return true;
    }
    case LFREC_OPTION_BOOLEAN: {
        bool on;
        if (!parse_boolean(value, &on)) {
            return false;
        }
        *(bool *)field = on;
        return true;
    }
    case LFREC_OPTION_ADDRESS: return parse_address(value, field);
    case LFREC_OPTION_LEVEL: {
        static const char *const words[] = {"error", "warning", "info", "debug"};
        static const int meanings[] = {3, 4, 6, 7};
        return parse_word(value, words, meanings, 4, field);
    }
    case LFREC_OPTION_LOG_FORMAT: {
        static const char *const words[] = {"text", "logfmt", "json"};
        static const int meanings[] = {LFREC_LOG_TEXT, LFREC_LOG_LOGFMT, LFREC_LOG_JSON};
        int format;
        if (!parse_word(value, words, meanings, 3, &format)) {
            return false;
        }
        *(lfrec_log_format *)field = (lfrec_log_format)format;
        return true;
    }
    case LFREC_OPTION_PATH: {
        size_t length = strlen(value);
        if (length > LFREC_PATH_MAX) {
            return false;
        }
        memcpy(field, value, length + 1);
        return true;
    }
    }
    return false;
}

/* A value for an error text: its beginning, whole characters, no control characters. */
static void show(const char *value, char out[SHOWN_MAX + 4])
{
    size_t length = strlen(value);
    size_t kept = lfrec_utf8_valid_prefix(value, length < SHOWN_MAX ? length : SHOWN_MAX);
    for (size_t i = 0; i < kept; i++) {
        bool control = (unsigned char)value[i] < 0x20 || value[i] == 0x7F;
        out[i] = value[i];
        if (control) {
            out[i] = '?';
        }
    }
    memcpy(out + kept, kept < length ? "..." : "", kept < length ? 4 : 1);
}

static bool set_ours(lfrec_config *options, const char *name, const char *value, const char *origin,
                     char error[LFREC_CONFIG_ERROR_MAX])
{
    const struct lfrec_option *option = find_option(name);
    if (!option) {
        const char *near = lfrec_config_nearest(name);
        return fail(error, "%s (%s): unknown property%s%s%s; --help lists them all", name, origin,
                    near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
    }
    if (!parse_value(options, option, value)) {
        char shown[SHOWN_MAX + 4], allowed[LFREC_OPTION_TEXT_MAX];
        show(value, shown);
        lfrec_option_allowed(option, allowed);
        return fail(error, "%s=%s (%s): must be %s", name, shown, origin, allowed);
    }
    char *copy = copy_text(origin);
    if (!copy) {
        return fail(error, "out of memory");
    }
    size_t row = (size_t)(option - lfrec_option_table);
    free(options->origins[row]);
    options->origins[row] = copy;
    return true;
}

/* ---- librdkafka's properties ---- */

static void free_property(lfrec_property *property)
{
    free(property->name);
    free(property->value);
    free(property->origin);
}

static bool collect(lfrec_config *options, lfrec_client client, const char *name, const char *value, const char *origin,
                    char error[LFREC_CONFIG_ERROR_MAX])
{
    if (options->property_count == options->property_capacity) {
        size_t capacity = options->property_capacity ? 2 * options->property_capacity : 16;
        lfrec_property *grown = realloc(options->properties, capacity * sizeof *grown);
        if (!grown) {
            return fail(error, "out of memory");
        }
        options->properties = grown;
        options->property_capacity = capacity;
    }
    lfrec_property property = {copy_text(name), copy_text(value), copy_text(origin), client};
    if (!property.name || !property.value || !property.origin) {
        free_property(&property);
        return fail(error, "out of memory");
    }
    options->properties[options->property_count++] = property;
    return true;
}

const char *lfrec_config_client_value(const lfrec_config *options, lfrec_client client, const char *name)
{
    for (size_t i = options->property_count; i > 0; i--) {
        const lfrec_property *property = &options->properties[i - 1];
        if ((property->client & client) == client && strcmp(property->name, name) == 0) {
            return property->value;
        }
    }
    return NULL;
}

/* ---- any property ---- */

/* Names are checked before they are ever shown: nothing that is not one, a slipped password for example, gets into an error. */
static bool is_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= 128 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == length;
}

bool lfrec_config_set(lfrec_config *options, const char *name, const char *value, const char *origin,
                      char error[LFREC_CONFIG_ERROR_MAX])
{
    static const char ours[] = "lfrec.", consumer[] = "consumer.", producer[] = "producer.";
    if (!is_name(name)) {
        return fail(error, "%s: expected NAME=VALUE, where a name is letters, digits, '.', '_' and '-'", origin);
    }
    if (strncmp(name, ours, sizeof ours - 1) == 0) {
        return set_ours(options, name, value, origin, error);
    }
    lfrec_client client = LFREC_CLIENT_BOTH;
    const char *rest = name;
    if (strncmp(name, consumer, sizeof consumer - 1) == 0) {
        client = LFREC_CLIENT_CONSUMER;
        rest += sizeof consumer - 1;
    } else if (strncmp(name, producer, sizeof producer - 1) == 0) {
        client = LFREC_CLIENT_PRODUCER;
        rest += sizeof producer - 1;
    }
    if (*rest == '\0') {
        return fail(error, "%s (%s): a librdkafka property has to follow the prefix", name, origin);
    }
    if (strncmp(rest, ours, sizeof ours - 1) == 0) {
        return fail(error, "%s (%s): lfrec.* properties take no prefix", name, origin);
    }
    return collect(options, client, rest, value, origin, error);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool set_line(lfrec_config *options, const char *line, size_t length, const char *origin,
                     char error[LFREC_CONFIG_ERROR_MAX])
{
    while (length > 0 && is_blank(line[0])) {
        line++;
        length--;
    }
    while (length > 0 && is_blank(line[length - 1])) {
        length--;
    }
    if (length == 0 || line[0] == '#') {
        return true;
    }
    const char *equals = memchr(line, '=', length);
    if (!equals || memchr(line, 0, length)) {
        return fail(error, "%s: expected NAME=VALUE or a # comment", origin);
    }
    size_t name_length = (size_t)(equals - line);
    while (name_length > 0 && is_blank(line[name_length - 1])) {
        name_length--;
    }
    const char *value = equals + 1, *end = line + length;
    while (value < end && is_blank(*value)) {
        value++;
    }
    char *name_copy = copy_bytes(line, name_length), *value_copy = copy_bytes(value, (size_t)(end - value));
    bool set = name_copy && value_copy ? lfrec_config_set(options, name_copy, value_copy, origin, error)
                                       : fail(error, "out of memory");
    free(name_copy);
    free(value_copy);
    return set;
}

bool lfrec_config_text(lfrec_config *options, const char *text, size_t length, const char *origin,
                       char error[LFREC_CONFIG_ERROR_MAX])
{
    size_t place_size = strlen(origin) + 32;
    char *place = malloc(place_size);
    if (!place) {
        return fail(error, "out of memory");
    }
    size_t at = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    bool good = true;
    for (size_t line = 1; good && at < length; line++) {
        size_t end = at;
        while (end < length && text[end] != '\n' && text[end] != '\r') {
            end++;
        }
        snprintf(place, place_size, "%s:%zu", origin, line);
        good = set_line(options, text + at, end - at, place, error);
        at = end + (end + 1 < length && text[end] == '\r' && text[end + 1] == '\n' ? 2 : 1);
    }
    free(place);
    return good;
}

bool lfrec_config_file(lfrec_config *options, const char *path, char error[LFREC_CONFIG_ERROR_MAX])
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return fail(error, "cannot read properties file %s: %s", path, strerror(errno));
    }
    char *text = malloc(FILE_MAX);
    bool good = text != NULL;
    if (!good) {
        fail(error, "out of memory");
    } else {
        size_t length = fread(text, 1, FILE_MAX, file);
        if (ferror(file)) {
            good = fail(error, "cannot read properties file %s: %s", path, strerror(errno));
        } else if (length == FILE_MAX) {
            good = fail(error, "properties file %s has 1 MiB or more: is it one?", path);
        } else {
            good = lfrec_config_text(options, text, length, path, error);
        }
    }
    free(text);
    fclose(file);
    return good;
}

/* ---- what depends on more than one ---- */

static const char *origin_of(const lfrec_config *options, const char *name)
{
    const char *origin = options->origins[find_option(name) - lfrec_option_table];
    return origin ? origin : "default";
}

static bool check_topics_differ(const lfrec_config *options, const char *one, const char *one_topic, const char *other,
                                const char *other_topic, char error[LFREC_CONFIG_ERROR_MAX])
{
    if (strcmp(one_topic, other_topic) != 0) {
        return true;
    }
    return fail(error, "%s=%s (%s) and %s (%s) must be different topics", one, one_topic, origin_of(options, one),
                other, origin_of(options, other));
}

static bool check_brokers(lfrec_config *options, char error[LFREC_CONFIG_ERROR_MAX])
{
    static const char *const names[] = {"bootstrap.servers", "metadata.broker.list"};
    for (size_t i = 0; i < options->property_count; i++) {
        const lfrec_property *property = &options->properties[i];
        if (strcmp(property->name, names[0]) != 0 && strcmp(property->name, names[1]) != 0) {
            continue;
        }
        if (options->embedded) {
            return fail(error, "%s (%s) and lfrec.embedded=true (%s): the embedded broker is the only one, leave one of the two out",
                        property->name, property->origin, origin_of(options, "lfrec.embedded"));
        }
    }
    static const lfrec_client clients[] = {LFREC_CLIENT_CONSUMER, LFREC_CLIENT_PRODUCER};
    for (size_t i = 0; !options->embedded && i < 2; i++) {
        if (!lfrec_config_client_value(options, clients[i], names[0]) &&
            !lfrec_config_client_value(options, clients[i], names[1])) {
            return fail(error, "no broker for the %s: give -b HOST:PORT, or lfrec.embedded=true to try it without one, or --pipe",
                        clients[i] == LFREC_CLIENT_CONSUMER ? "consumer" : "producer");
        }
    }
    return true;
}

bool lfrec_config_check(lfrec_config *options, char error[LFREC_CONFIG_ERROR_MAX])
{
    if (!(options->scale_min < options->scale_max)) {
        char low[LFREC_OPTION_TEXT_MAX], high[LFREC_OPTION_TEXT_MAX];
        lfrec_option_value(options, find_option("lfrec.scale.min"), low);
        lfrec_option_value(options, find_option("lfrec.scale.max"), high);
        return fail(error, "lfrec.scale.min=%s (%s) must be below lfrec.scale.max=%s (%s)", low,
                    origin_of(options, "lfrec.scale.min"), high, origin_of(options, "lfrec.scale.max"));
    }
    if (options->role == LFREC_ROLE_TRAINER && *options->snapshot_path) {
        return fail(error, "lfrec.snapshot.path (%s): a trainer keeps no snapshot, it reads its sample of users anew; leave it out",
                    origin_of(options, "lfrec.snapshot.path"));
    }
    if (options->role != LFREC_ROLE_ALL && options->pipe) {
        return fail(error, "lfrec.role (%s) is for Kafka: leave it out with --pipe", origin_of(options, "lfrec.role"));
    }
    if ((options->role != LFREC_ROLE_ALL && (!check_topics_differ(options, "lfrec.input.topic", options->input_topic,
                                                                  "lfrec.model.topic", options->model_topic, error) ||
                                             !check_topics_differ(options, "lfrec.output.topic", options->output_topic,
                                                                  "lfrec.model.topic", options->model_topic, error))) ||
        !check_topics_differ(options, "lfrec.input.topic", options->input_topic, "lfrec.output.topic",
                             options->output_topic, error) ||
        !check_topics_differ(options, "lfrec.input.topic", options->input_topic, "lfrec.dead.letter.topic",
                             options->dead_letter_topic, error) ||
        !check_topics_differ(options, "lfrec.output.topic", options->output_topic, "lfrec.dead.letter.topic",
                             options->dead_letter_topic, error)) {
        return false;
    }
    if (options->pipe) {
        return true; /* no Kafka */
    }
    if (options->role == LFREC_ROLE_TRAINER && *options->snapshot_path) {
        return fail(error, "lfrec.snapshot.path (%s) is not for lfrec.role=trainer, which reads a sample of users anew: leave it out",
                    origin_of(options, "lfrec.snapshot.path"));
    }
    if (options->role == LFREC_ROLE_TRAINER && options->delivery == LFREC_EXACTLY_ONCE) {
        return fail(error, "lfrec.delivery=exactly-once (%s) is not for lfrec.role=trainer, which publishes no lists: leave it out",
                    origin_of(options, "lfrec.delivery"));
    }
    if (!check_brokers(options, error)) {
        return false;
    }
    if (!lfrec_config_client_value(options, LFREC_CLIENT_CONSUMER, "group.id")) {
        return collect(options, LFREC_CLIENT_CONSUMER, "group.id", "lfrec", "default", error);
    }
    return true;
}

/* ---- the whole command line ---- */

void lfrec_config_init(lfrec_config *options)
{
    memset(options, 0, sizeof *options);
    for (size_t i = 0; i < LFREC_OPTION_COUNT; i++) {
        parse_value(options, &lfrec_option_table[i], lfrec_option_table[i].initial);
    }
}

bool lfrec_config_retrains(const lfrec_config *options)
{
    return options->retrain_events > 0 || options->retrain_seconds > 0;
}

void lfrec_config_free(lfrec_config *options)
{
    if (!options) {
        return;
    }
    for (size_t i = 0; i < options->property_count; i++) {
        free_property(&options->properties[i]);
    }
    free(options->properties);
    for (size_t i = 0; i < LFREC_OPTION_COUNT; i++) {
        free(options->origins[i]);
    }
    memset(options, 0, sizeof *options);
}

/* NAME=VALUE from -X. */
static bool set_pair(lfrec_config *options, const char *pair, char error[LFREC_CONFIG_ERROR_MAX])
{
    const char *equals = strchr(pair, '=');
    if (!equals) {
        return is_name(pair) && !lfrec_property_is_secret(pair) ? fail(error, "-X %s: expected NAME=VALUE", pair)
                                                                : fail(error, "-X: expected NAME=VALUE");
    }
    char *name = copy_bytes(pair, (size_t)(equals - pair));
    bool set = name ? lfrec_config_set(options, name, equals + 1, "-X", error) : fail(error, "out of memory");
    free(name);
    return set;
}

/* What can be shown of an argument that was not understood: a value may be a secret. */
static bool fail_argument(const char *what, const char *argument, char error[LFREC_CONFIG_ERROR_MAX])
{
    char shown[SHOWN_MAX + 4];
    show(argument, shown);
    char *equals = strchr(shown, '=');
    if (equals) {
        *equals = '\0';
    }
    return fail(error, "%s%s: %s; see --help", shown, equals ? "=..." : "", what);
}

enum { OPTION_VERSION = 256, OPTION_PIPE, OPTION_CHECK_CONFIG, OPTION_DUMP_SNAPSHOT };

static bool apply(lfrec_config *options, int letter, const char *argument, char error[LFREC_CONFIG_ERROR_MAX])
{
    switch (letter) {
    case 'b': return lfrec_config_set(options, "bootstrap.servers", argument, "-b", error);
    case 'G': return lfrec_config_set(options, "consumer.group.id", argument, "-G", error);
    case 't': return lfrec_config_set(options, "lfrec.input.topic", argument, "-t", error);
    case 'F': return lfrec_config_file(options, argument, error);
    case 'X': return set_pair(options, argument, error);
    case 'q': options->quiet = true; return lfrec_config_set(options, "lfrec.log.level", "warning", "-q", error);
    case 'v': return lfrec_config_set(options, "lfrec.log.level", "debug", "-v", error);
    case 'h':
        options->action = argument && strcmp(argument, "man") == 0 ? LFREC_ACTION_MAN : LFREC_ACTION_HELP;
        return true;
    case OPTION_VERSION: options->action = LFREC_ACTION_VERSION; return true;
    case OPTION_PIPE: options->pipe = true; return true;
    case OPTION_DUMP_SNAPSHOT:
        options->dumped = argument;
        options->action = LFREC_ACTION_DUMP_SNAPSHOT;
        return true;
    case OPTION_CHECK_CONFIG: options->action = LFREC_ACTION_CHECK_CONFIG; return true;
    default: return fail(error, "-%c: unknown option", letter);
    }
}

static bool parse(lfrec_config *options, int argc, char *const argv[], char error[LFREC_CONFIG_ERROR_MAX])
{
    static const struct option long_options[] = {
        {"help", optional_argument, NULL, 'h'},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"pipe", no_argument, NULL, OPTION_PIPE},
        {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
        {"dump-snapshot", required_argument, NULL, OPTION_DUMP_SNAPSHOT},
        {NULL, 0, NULL, 0},
    };
    optind = 0; /* glibc and musl: start afresh */
    opterr = 0;
    for (;;) {
        int before = optind > 0 ? optind : 1;
        int letter = getopt_long(argc, argv, "+:b:G:t:F:X:qvh", long_options, NULL);
        if (letter == -1) {
            break;
        }
        if (letter == ':' && optopt >= OPTION_VERSION) {
            return fail(error, "%s: a value has to follow; see --help", argv[before]);
        }
        if (letter == ':') {
            return fail(error, "-%c: a value has to follow; see --help", optopt);
        }
        if (letter == '?') {
            if (strncmp(argv[before], "--", 2) == 0) {
                return fail_argument("unknown option", argv[before], error);
            }
            return fail(error, "-%c: unknown option; see --help", optopt >= 0x20 && optopt < 0x7F ? optopt : '?');
        }
        if (!apply(options, letter, optarg, error)) {
            return false;
        }
        if (options->action == LFREC_ACTION_HELP || options->action == LFREC_ACTION_MAN ||
            options->action == LFREC_ACTION_VERSION || options->action == LFREC_ACTION_DUMP_SNAPSHOT) {
            return true;
        }
    }
    if (optind < argc) {
        /* "-X sasl.password= 1234" leaves the password alone behind it. */
        if (optind > 1 && lfrec_property_is_secret(argv[optind - 1])) {
            return fail(error, "argument %d: unexpected; see --help", optind);
        }
        return fail_argument("unexpected argument (properties are given as -X NAME=VALUE)", argv[optind], error);
    }
    return lfrec_config_check(options, error);
}

int lfrec_config_parse(lfrec_config *options, int argc, char *const argv[], char error[LFREC_CONFIG_ERROR_MAX])
{
    error[0] = '\0';
    lfrec_config_init(options);
    return parse(options, argc, argv, error) ? 0 : LFREC_OPTIONS_EXIT_USAGE;
}
