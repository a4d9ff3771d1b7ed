/* csv.h - one CSV row user,item,rating[,ts] (RFC 4180: quotes around a field, doubled within it). */
#ifndef LFREC_CSV_H
#define LFREC_CSV_H

#include "fields.h"

/* LFREC_BAD_NOTHING and *fields: borrowed from the row, or in user and item where quotes had to be undone; an empty rating or ts is null.
 * Or the reason and its text. One line end (CR, LF or CRLF) behind the row is allowed. White space belongs to the fields. */
lfrec_bad lfrec_csv_read(const char *row, size_t length, lfrec_fields *fields, char user[LFREC_ID_MAX],
                         char item[LFREC_ID_MAX], char text[LFREC_BAD_TEXT_MAX]);

#endif
