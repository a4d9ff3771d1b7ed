/* format.h - how an event's bytes are written: the one word that options, codec and line splitter share. */
#ifndef LFREC_FORMAT_H
#define LFREC_FORMAT_H

typedef enum lfrec_format {
    LFREC_FORMAT_AUTO, /* per value: JSON when its first byte that is not white space is '{' or '[', else CSV */
    LFREC_FORMAT_JSON,
    LFREC_FORMAT_CSV
} lfrec_format;

#endif
