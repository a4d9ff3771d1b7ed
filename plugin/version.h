/* version.h - the project's version, for files that cannot include lfrec.h beside options.h (both have a struct lfrec_config). */
#ifndef LFREC_PLUGIN_VERSION_H
#define LFREC_PLUGIN_VERSION_H

extern const char lfrec_plugin_version[]; /* "1.2.3" */

#endif
