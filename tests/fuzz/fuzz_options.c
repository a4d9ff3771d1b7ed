/* fuzz_options.c - any bytes as a properties file.
 *
 * Checked: no crash; an error says something; a name that passes for one has only harmless characters; what was accepted can be dumped,
 * and the dump is a properties file that is accepted too; no secret of some length is in the dump or in an error. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/options.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)    \
    do {                      \
        if (!(condition)) {   \
            __builtin_trap(); \
        }                     \
    } while (0)

static void check_dump(const lfrec_config *options)
{
    char *dump = NULL, error[LFREC_CONFIG_ERROR_MAX];
    size_t length = 0;
    FILE *out = open_memstream(&dump, &length);
    REQUIRE(out != NULL);
    lfrec_config_dump(options, out);
    fclose(out);
    for (size_t i = 0; i < options->property_count; i++) {
        const lfrec_property *property = &options->properties[i];
        REQUIRE(strspn(property->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                strlen(property->name));
        /* "HUNTER2" stands for a secret: a value that has it is not to be seen where the name is a secret's. */
        if (lfrec_property_is_secret(property->name)) {
            REQUIRE(strcmp(lfrec_property_shown(property->name, property->value), "[hidden]") == 0);
        }
    }
    lfrec_config again;
    lfrec_config_init(&again);
    REQUIRE(lfrec_config_text(&again, dump, length, "dump", error));
    REQUIRE(again.factors == options->factors && again.seed == options->seed && again.scale_min == options->scale_min);
    REQUIRE(again.property_count == options->property_count);
    lfrec_config_free(&again);
    free(dump);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lfrec_config options;
    char error[LFREC_CONFIG_ERROR_MAX] = "";
    lfrec_config_init(&options);
    if (lfrec_config_text(&options, (const char *)data, size, "fuzz", error)) {
        REQUIRE(error[0] == '\0');
        bool good = lfrec_config_check(&options, error);
        REQUIRE(good == (error[0] == '\0'));
        check_dump(&options);
    } else {
        REQUIRE(strstr(error, "fuzz:") != NULL);
        for (const char *p = error; *p; p++) {
            REQUIRE((unsigned char)*p >= 0x20);
        }
    }
    lfrec_config_free(&options);
    return 0;
}
