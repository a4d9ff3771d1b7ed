/* bench_codec.c - nanoseconds per event: the scanner, jansson, CSV, and the encoder. Prints the best of several rounds. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/codec.h"
#include "../../plugin/json_read.h"
#include "../../plugin/json_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVENTS = 100000, ROUNDS = 7, VALUE_MAX = 160 };

static char (*values)[VALUE_MAX];
static size_t lengths[EVENTS];
static double sink; /* what was read, so that reading is not optimized away */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void make(const char *format)
{
    uint32_t random = 1;
    for (int i = 0; i < EVENTS; i++) {
        random = random * 1664525u + 1013904223u;
        int length = snprintf(values[i], VALUE_MAX, format, random % 6040 + 1, (random >> 8) % 3952 + 1,
                              (random >> 20) % 5 + 1, 956703932 + random % 90000000);
        lengths[i] = (size_t)length;
    }
}

static void decode_all(const lfrec_codec *codec)
{
    lfrec_decoded decoded;
    char text[LFREC_BAD_TEXT_MAX];
    for (int i = 0; i < EVENTS; i++) {
        if (lfrec_decode(codec, NULL, 0, values[i], lengths[i], &decoded, text) != LFREC_BAD_NOTHING) {
            fprintf(stderr, "%s: %s\n", values[i], text);
            exit(EXIT_FAILURE);
        }
        sink += (double)decoded.event.rating + (double)decoded.event.user.length;
    }
}

static void scan_all(const lfrec_codec *codec)
{
    (void)codec;
    lfrec_fields fields;
    for (int i = 0; i < EVENTS; i++) {
        sink += lfrec_json_scan(values[i], lengths[i], &fields) ? (double)fields.of[0].length : 0.0;
    }
}

static void jansson_all(const lfrec_codec *codec)
{
    (void)codec;
    lfrec_fields fields;
    char user[LFREC_ID_MAX], item[LFREC_ID_MAX], text[LFREC_BAD_TEXT_MAX];
    for (int i = 0; i < EVENTS; i++) {
        lfrec_json_read(values[i], lengths[i], &fields, user, item, text);
        sink += (double)fields.of[0].length;
    }
}

static void encode_all(const lfrec_codec *codec)
{
    (void)codec;
    static const lfrec_reason_out reasons[3] = {
        {{"1193", 4}, 5.0f, 0.3141f}, {{"661", 3}, 3.5f, -0.1f}, {{"914", 3}, 4.0f, 0.05f}};
    lfrec_recommended items[10];
    for (int i = 0; i < 10; i++) {
        items[i] = (lfrec_recommended){{"2355", 4}, 4.8765f - (float)i * 0.0371f, reasons, 3};
    }
    lfrec_recommendation list = {.user = {"1234", 4}, .model_version = 12, .rated = 165, .items = items, .count = 10};
    lfrec_buffer buffer = {0};
    for (int i = 0; i < EVENTS; i++) {
        buffer.length = 0;
        if (lfrec_encode_recommendation(&list, &buffer) != LFREC_ENCODED) {
            exit(EXIT_FAILURE);
        }
        sink += (double)buffer.length;
    }
    lfrec_buffer_free(&buffer);
}

static void measure(const char *what, void (*all)(const lfrec_codec *))
{
    static const lfrec_codec codec = {LFREC_FORMAT_AUTO, 0.5f, 5.0f};
    double best = 1e300;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        all(&codec);
        double each = (now() - start) / EVENTS;
        best = each < best ? each : best;
    }
    printf("codec: %-46s %7.1f ns\n", what, best);
}

int main(void)
{
    values = malloc(EVENTS * sizeof *values);
    if (!values) {
        return EXIT_FAILURE;
    }
    make("{\"user\":\"%u\",\"item\":\"%u\",\"rating\":%u,\"ts\":%u}");
    measure("JSON, scanner alone", scan_all);
    measure("JSON, decoded", decode_all);
    measure("JSON, jansson alone", jansson_all);
    make("{\"user\":\"%u\",\"item\":\"%u\",\"rating\":%u,\"ts\":%u,\"x\":[]}");
    measure("JSON with a nested field, decoded (jansson)", decode_all);
    make("%u,%u,%u,%u");
    measure("CSV, decoded", decode_all);
    measure("a list of 10 with 3 reasons each, encoded", encode_all);
    free(values);
    return sink > 0.0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
