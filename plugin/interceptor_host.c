#define _GNU_SOURCE /* dladdr */
#include "interceptor_host.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* A function of that very library, not of another librdkafka that happens to be around. */
static void *find_in(void *library, const void *base, const char *name)
{
    Dl_info at;
    void *symbol = dlsym(library, name);
    return symbol && dladdr(symbol, &at) && at.dli_fbase == base ? symbol : NULL;
}

bool lfrec_host_find(lfrec_host *host, const void *caller, char error[LFREC_HOST_ERROR_MAX])
{
    static const char *const names[] = {
#define NAME(name) "rd_kafka_" #name,
        LFREC_HOST_FUNCTIONS(NAME)
#undef NAME
    };
    /* A pointer to a function is as large as one to an object wherever dlsym is. */
    void *found[sizeof names / sizeof names[0]];
    Dl_info from;
    if (!dladdr(caller, &from) || !from.dli_fname) {
        snprintf(error, LFREC_HOST_ERROR_MAX, "lfrec: the librdkafka that loads this plugin cannot be found");
        return false;
    }
    void *library = dlopen(from.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    if (!library) {
        library = dlopen(NULL, RTLD_NOW); /* linked into the program itself */
    }
    const char *missing = library ? NULL : names[0];
    for (size_t i = 0; !missing && i < sizeof names / sizeof names[0]; i++) {
        found[i] = find_in(library, from.dli_fbase, names[i]);
        missing = found[i] ? NULL : names[i];
    }
    if (library) {
        dlclose(library); /* its owner keeps it */
    }
    if (missing) {
        snprintf(error, LFREC_HOST_ERROR_MAX,
                 "lfrec: %s does not show %s: the plugin needs librdkafka 1.6 or later as a shared library",
                 from.dli_fname, missing);
        return false;
    }
    _Static_assert(sizeof *host == sizeof found, "one pointer for each name");
    memcpy(host, found, sizeof *host);
    return true;
}
