/* json_read.h - the thorough way to read a JSON event: jansson says whether it is JSON and what its strings are. */
#ifndef LFREC_JSON_READ_H
#define LFREC_JSON_READ_H

#include "fields.h"

/* LFREC_BAD_NOTHING and *fields: strings in user and item, numbers borrowed from the value. Or the reason and its text. The value must
 * be valid UTF-8. */
lfrec_bad lfrec_json_read(const char *value, size_t length, lfrec_fields *fields, char user[LFREC_ID_MAX],
                          char item[LFREC_ID_MAX], char text[LFREC_BAD_TEXT_MAX]);

#endif
