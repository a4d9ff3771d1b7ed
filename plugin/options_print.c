/* options_print.c - the option table, printed: --help, the man page, --check-config. */
#include "options_table.h"
#include <string.h>

/* Breaks text at blanks so that lines end before `width`, each indented. */
static void print_wrapped(FILE *out, const char *text, size_t indent, size_t width)
{
    while (*text) {
        size_t length = strlen(text), cut = length;
        if (length > width - indent) {
            cut = width - indent;
            while (cut > 0 && text[cut] != ' ') {
                cut--;
            }
            cut = cut > 0 ? cut : width - indent; /* one long word */
        }
        fprintf(out, "%*s%.*s\n", (int)indent, "", (int)cut, text);
        text += cut;
        text += strspn(text, " ");
    }
}

void lfrec_config_help(FILE *out, const char *program)
{
    fprintf(out,
            "Usage: %s -b HOST:PORT [-G GROUP] [-t TOPIC] [-F FILE]... [-X NAME=VALUE]... [-q] [-v]\n"
            "       %s -X lfrec.embedded=true [-X NAME=VALUE]...\n"
            "       %s --pipe [-F FILE]... [-X NAME=VALUE]...\n"
            "Reads rating events from a Kafka topic and writes fresh recommendations to another.\n"
            "\n"
            "  -b HOST:PORT[,...]  brokers to start from (bootstrap.servers)\n"
            "  -G GROUP            consumer group (consumer.group.id; default lfrec)\n"
            "  -t TOPIC            topic to read (lfrec.input.topic)\n"
            "  -F FILE             properties file: NAME=VALUE lines, # comments\n"
            "  -X NAME=VALUE       one property; from left to right, later ones replace earlier ones\n"
            "  -q                  quiet: warnings and errors only, no progress line\n"
            "  -v                  verbose: debug messages too\n"
            "  --pipe              events on standard input, recommendations on standard output, no Kafka\n"
            "  --check-config      validate, print the effective configuration without secrets, and leave\n"
            "  --dump-snapshot FILE  print the ratings of a snapshot as CSV, and leave\n"
            "  -h, --help          this text (--help=man: the properties as man page source)\n"
            "  --version           version numbers\n"
            "\n"
            "Properties: lfrec.* are listed here. consumer.NAME and producer.NAME go to one of librdkafka's\n"
            "clients, any other NAME to both.\n",
            program, program, program);
    for (size_t i = 0; i < LFREC_OPTION_COUNT; i++) {
        const struct lfrec_option *option = &lfrec_option_table[i];
        char allowed[LFREC_OPTION_TEXT_MAX];
        lfrec_option_allowed(option, allowed);
        fprintf(out, "\n  %s (default %s)\n", option->name, *option->initial ? option->initial : "empty");
        print_wrapped(out, option->help, 6, 100);
        fprintf(out, "      Must be %s.\n", allowed);
    }
}

static void print_roff(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '-') {
            fputs("\\-", out);
        } else if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '\'') {
            fputs("\\(aq", out);
        } else {
            fputc(*text, out);
        }
    }
}

void lfrec_config_man(FILE *out)
{
    for (size_t i = 0; i < LFREC_OPTION_COUNT; i++) {
        const struct lfrec_option *option = &lfrec_option_table[i];
        char allowed[LFREC_OPTION_TEXT_MAX];
        lfrec_option_allowed(option, allowed);
        fputs(".TP\n\\fB", out);
        print_roff(out, option->name);
        fputs("\\fR (default ", out);
        print_roff(out, *option->initial ? option->initial : "empty");
        fputs(")\n", out);
        print_roff(out, option->help);
        fputs(" Must be ", out);
        print_roff(out, allowed);
        fputs(".\n", out);
    }
}

/* Control characters would break the line, or the terminal. */
static void print_value(FILE *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n') {
            fputs("\\n", out);
        } else if ((unsigned char)*value < 0x20 || *value == 0x7F) {
            fputc('?', out);
        } else {
            fputc(*value, out);
        }
    }
}

static const char *prefix_of(lfrec_client client)
{
    return client == LFREC_CLIENT_CONSUMER ? "consumer." : client == LFREC_CLIENT_PRODUCER ? "producer." : "";
}

void lfrec_config_dump(const lfrec_config *options, FILE *out)
{
    for (size_t i = 0; i < LFREC_OPTION_COUNT; i++) {
        char value[LFREC_OPTION_TEXT_MAX];
        lfrec_option_value(options, &lfrec_option_table[i], value);
        fputs("# ", out);
        print_value(out, options->origins[i] ? options->origins[i] : "default");
        fprintf(out, "\n%s=%s\n", lfrec_option_table[i].name, value);
    }
    for (size_t i = 0; i < options->property_count; i++) {
        const lfrec_property *property = &options->properties[i];
        fputs("# ", out);
        print_value(out, property->origin);
        fprintf(out, "\n%s%s=", prefix_of(property->client), property->name);
        print_value(out, lfrec_property_shown(property->name, property->value));
        fputc('\n', out);
    }
}
