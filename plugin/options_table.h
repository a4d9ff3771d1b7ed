/* options_table.h - one row for each property of ours: what options.c parses and options_print.c prints. Private to the two. */
#ifndef LFREC_OPTIONS_TABLE_H
#define LFREC_OPTIONS_TABLE_H

#include "options.h"

enum lfrec_option_type {
    LFREC_OPTION_TOPIC,          /* char[LFREC_TOPIC_MAX + 1] */
    LFREC_OPTION_TOPIC_OR_EMPTY, /* the same */
    LFREC_OPTION_FORMAT,         /* lfrec_format */
    LFREC_OPTION_REAL,           /* float */
    LFREC_OPTION_COUNT32,        /* uint32_t, from least to most */
    LFREC_OPTION_COUNT64,        /* uint64_t, from least to most */
    LFREC_OPTION_REASONS,        /* as COUNT32, or true and false for 3 and 0 */
    LFREC_OPTION_ROLE,           /* lfrec_role */
    LFREC_OPTION_BOOLEAN,        /* bool */
    LFREC_OPTION_ADDRESS,        /* char[LFREC_ADDRESS_MAX] */
    LFREC_OPTION_LEVEL,          /* int */
    LFREC_OPTION_LOG_FORMAT,     /* lfrec_log_format */
    LFREC_OPTION_DELIVERY,       /* lfrec_delivery_mode */
    LFREC_OPTION_PATH            /* char[LFREC_PATH_MAX + 1] */
};

struct lfrec_option {
    const char *name;
    enum lfrec_option_type type;
    size_t offset; /* in lfrec_config */
    const char *initial;
    uint64_t least, most;
    const char *help;
};

extern const struct lfrec_option lfrec_option_table[LFREC_OPTION_COUNT];

#define LFREC_OPTION_TEXT_MAX 512u /* holds any value, and any description of what is allowed */

/* "an integer from 1 to 1000" */
void lfrec_option_allowed(const struct lfrec_option *option, char out[LFREC_OPTION_TEXT_MAX]);

/* The present value, as it could be given. */
void lfrec_option_value(const lfrec_config *options, const struct lfrec_option *option, char out[LFREC_OPTION_TEXT_MAX]);

#endif
