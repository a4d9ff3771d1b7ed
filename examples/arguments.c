/* arguments.c - see arguments.h. */
#include "arguments.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *program = "?"; /* its name, once the command line is known */

int complain(int code, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fprintf(stderr, "%s: ", program);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return code;
}

static bool set_number(const argument *a, const char *text, double *field)
{
    char *end;
    const bool whole = a->kind == ARGUMENT_WHOLE;
    *field = strtod(text, &end);
    return (*end == '\0' && *field >= a->least && *field <= a->most && (!whole || *field == (double)(uint64_t)*field)) ||
           complain(0, "--%s %s: must be a %snumber from %g to %g", a->name, text, whole ? "whole " : "", a->least, a->most);
}

static bool set_word(const argument *a, const char *text, int *field)
{
    char list[128] = "";
    for (int k = 0; a->words[k] != NULL; k++) {
        if (strcmp(text, a->words[k]) == 0) {
            *field = k;
            return true;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", k == 0 ? "" : a->words[k + 1] ? ", " : " or ", a->words[k]);
    }
    return complain(0, "--%s %s: must be %s", a->name, text, list);
}

static bool set(const argument *a, const char *text, void *field)
{
    switch (a->kind) {
    case ARGUMENT_TEXT: *(const char **)field = text; break;
    case ARGUMENT_NUMBER:
    case ARGUMENT_WHOLE: return set_number(a, text, field);
    case ARGUMENT_WORD: return set_word(a, text, field);
    case ARGUMENT_FLAG: *(bool *)field = true; break;
    }
    return true;
}

bool arguments_parse(const argument *table, size_t count, int argc, char **argv, void *fields, bool *help)
{
    const char *slash = strrchr(argv[0], '/');
    program = slash ? slash + 1 : argv[0];
    for (int k = 1; k < argc; k++) {
        const char *name = argv[k];
        *help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
        if (*help) return true;
        if (strncmp(name, "--", 2) != 0)
            return complain(0, "%s: what is that? Options begin with --; see --help", name);
        size_t length = strcspn(name += 2, "="), c = 0;
        while (c < count && (strlen(table[c].name) != length || strncmp(table[c].name, name, length) != 0)) c++;
        if (c == count) return complain(0, "--%.*s: there is no such option; see --help", (int)length, name);
        const bool flag = table[c].kind == ARGUMENT_FLAG, attached = name[length] == '=';
        const char *text = attached ? name + length + 1 : flag || k + 1 == argc ? "" : argv[++k];
        if (flag ? attached : *text == '\0')
            return complain(0, "--%s: %s; see --help", table[c].name, flag ? "has no value" : "needs a value");
        if (!set(&table[c], text, (char *)fields + table[c].offset)) return false;
    }
    return true;
}

void arguments_print(const argument *table, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        const char *line = table[k].help;
        char left[40];
        snprintf(left, sizeof left, "--%s %s", table[k].name, table[k].value ? table[k].value : "");
        for (size_t length; *line != '\0'; line += length + (line[length] != '\0')) {
            length = strcspn(line, "\n");
            printf("  %-20s %.*s\n", left, (int)length, line);
            left[0] = '\0';
        }
    }
    puts("  --help               this text");
}
