#include "version.h"
#include "../lfrec.h"

const char lfrec_plugin_version[] = LFREC_VERSION;
