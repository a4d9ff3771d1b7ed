/* arguments.h - what programs share: command lines by a table, --NAME VALUE or --NAME=VALUE, and complaints. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum argument_kind {
    ARGUMENT_TEXT,   /* const char *, never empty */
    ARGUMENT_NUMBER, /* double, from least to most */
    ARGUMENT_WHOLE,  /* double, likewise, without a fraction */
    ARGUMENT_WORD,   /* int, the place in words */
    ARGUMENT_FLAG    /* bool; it has no value */
} argument_kind;

typedef struct argument {
    const char *name, *value; /* --NAME VALUE in the help */
    const char *help;         /* lines */
    argument_kind kind;       /* of the field that is set */
    size_t offset;            /* where that is */
    double least, most;
    const char *words[4]; /* NULL after the last */
} argument;

/* Sets the fields of those that are given; the others stay as they are, and so does all after --help, which sets *help. false: the reason
 * has been told. */
bool arguments_parse(const argument *table, size_t count, int argc, char **argv, void *fields, bool *help);
/* Two columns to standard output, --help at the end. */
void arguments_print(const argument *table, size_t count);

/* "PROGRAM: text" to standard error, after what is on standard output; returns code. */
int complain(int code, const char *format, ...);

#endif
