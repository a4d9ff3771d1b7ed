/* fuzz_snapshot.c - any bytes as a snapshot. The checksum and the length are made right first, so that what is behind them is reached.
 *
 * Checked: no crash; an error says something; what was accepted can be walked, restored into an operator and written down again, and then has
 * as many ratings as it said. */
#define _POSIX_C_SOURCE 200809L
#include "../../plugin/operator_state.h"
#include "../../plugin/snapshot.h"
#include "../../plugin/bytes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)    \
    do {                      \
        if (!(condition)) {   \
            __builtin_trap(); \
        }                     \
    } while (0)

static bool take(void *context, const lfrec_recommendation *list)
{
    (void)context;
    (void)list;
    return true;
}

static void restore(const lfrec_snapshot *snapshot)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX] = "";
    lfrec_operator *op = NULL;
    lfrec_operator_options options = lfrec_operator_options_for(4, snapshot->scale_min, snapshot->scale_max);
    if (!lfrec_operator_open(&op, &options, take, NULL, error)) {
        return;
    }
    bool model = lfrec_snapshot_restore_model(snapshot, op, error);
    REQUIRE(model || error[0] != '\0');
    bool all = true;
    for (uint32_t i = 0; i < snapshot->partition_count; i++) {
        all &= lfrec_snapshot_restore_partition(snapshot, op, snapshot->partitions[i].id);
    }
    lfrec_operator_republish(op, 100);
    lfrec_snapshot_about about = {.cluster = snapshot->cluster,
                                  .topic = snapshot->topic,
                                  .made = snapshot->made,
                                  .scale_min = snapshot->scale_min,
                                  .scale_max = snapshot->scale_max,
                                  .partitions = snapshot->partitions,
                                  .partition_count = snapshot->partition_count};
    lfrec_buffer bytes = {0};
    if (all && lfrec_snapshot_write(op, &about, &bytes)) {
        lfrec_snapshot again;
        REQUIRE(lfrec_snapshot_open(&again, bytes.bytes, bytes.length, error));
        REQUIRE(again.ratings == snapshot->ratings);
        lfrec_snapshot_close(&again);
    }
    lfrec_buffer_free(&bytes);
    lfrec_operator_close(op);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[LFREC_SNAPSHOT_ERROR_MAX] = "";
    uint8_t *bytes = malloc(size + 1);
    if (!bytes) {
        return 0;
    }
    if (size > 0) {
        memcpy(bytes, data, size);
    }
    if (size >= 28) {
        lfrec_set(bytes + 12, size, 8);
        lfrec_set(bytes + size - 8, lfrec_fnv(LFREC_FNV_START, bytes, size - 8), 8);
    }
    lfrec_snapshot snapshot;
    if (lfrec_snapshot_open(&snapshot, bytes, size, error)) {
        restore(&snapshot);
        lfrec_snapshot_close(&snapshot);
    } else {
        REQUIRE(error[0] != '\0');
    }
    free(bytes);
    return 0;
}
