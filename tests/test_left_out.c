/* Files of models that the build has no part for: told from damaged ones. */
#define LFREC_NO_BAYES
#define LFREC_NO_PACKED
#define LFREC_IMPLEMENTATION
#define LFREC_STATIC
#include "lfrec.h"

#include "support.h"

enum { BYTES = 4096 };

/* A model's file with another setting and other flags, whose checksum knows of them. */
static lfrec_status status_of(uint32_t setting, uint32_t flags)
{
    static uint8_t file[BYTES];
    const lfrec_options options = lfrec_options_for(LFREC_SGD, 6, 3, 1, 5);
    lfrec_model model, loaded;
    size_t written;
    ASSERT_OK(lfrec_model_create(&model, &options, NULL));
    ASSERT_OK(lfrec_save_buffer(&model, file, BYTES, &written));
    lfrec_model_destroy(&model);
    lfrec__put32(file + 12, setting);
    lfrec__put32(file + 32, flags);
    lfrec__put32(file + 68, ~lfrec__crc(0xffffffffu, file, 68));
    lfrec__put32(file + written - 4, ~lfrec__crc(0xffffffffu, file, written - 4));
    const lfrec_status status = lfrec_load_buffer(&loaded, file, written, NULL);
    if (status == LFREC_OK) lfrec_model_destroy(&loaded);
    return status;
}

START_TEST(model_of_a_setting_that_is_left_out_is_not_called_damaged)
{
    ASSERT_OK(status_of((uint32_t)LFREC_SGD, LFREC__FLAG_SCALE_INPUT));
    ASSERT_STATUS(status_of((uint32_t)LFREC_BAYES, 0), LFREC_ERROR_UNSUPPORTED);
    ASSERT_STATUS(status_of((uint32_t)LFREC_RANKING + 1, 0), LFREC_ERROR_CORRUPT);
    ck_assert_str_ne(lfrec_status_string(LFREC_ERROR_UNSUPPORTED), lfrec_status_string((lfrec_status)99));
}
END_TEST

START_TEST(packed_model_where_packing_is_left_out_is_not_called_damaged)
{
    ASSERT_STATUS(status_of((uint32_t)LFREC_SGD, LFREC__FLAG_PACKED), LFREC_ERROR_UNSUPPORTED);
    ASSERT_STATUS(status_of((uint32_t)LFREC_SGD, 4), LFREC_ERROR_CORRUPT);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        model_of_a_setting_that_is_left_out_is_not_called_damaged,
        packed_model_where_packing_is_left_out_is_not_called_damaged,
    };
    return run_tests("left out", tests, COUNT(tests), 60);
}
