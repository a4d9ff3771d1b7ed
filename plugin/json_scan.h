/* json_scan.h - the fast way to read a plain flat JSON object. It never refuses: it is sure, or it leaves the value to json_read. */
#ifndef LFREC_JSON_SCAN_H
#define LFREC_JSON_SCAN_H

#include "fields.h"

/* true: the value is one JSON object without duplicate keys, and *fields are its fields, borrowed from the value. false: anything else
 * (not JSON; nesting; a backslash; a number with an exponent or many digits; more unknown keys than it remembers), *fields undefined.
 * The value must be valid UTF-8. */
bool lfrec_json_scan(const char *value, size_t length, lfrec_fields *fields);

#endif
