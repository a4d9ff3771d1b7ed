/* main.c - see --help. Lines for scripts stand alone: `rmse: X`. Exit code 0; 1 when the data or a training fails; 2 for a wrong command
 * line. */
#include "evaluate.h"

#include <errno.h>
#include <string.h>
#include <time.h>

int failed(const char *what, lfrec_status status)
{
    return complain(EXIT_DATA, "%s: %s", what, lfrec_status_string(status));
}

double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *setting_name(lfrec_setting setting)
{
    return setting == LFREC_ARTICLE ? "article"
           : setting == LFREC_SGD   ? "sgd"
           : setting == LFREC_BAYES ? "bayes"
                                    : "ranking";
}

int main(int argc, char **argv)
{
    choices chosen;
    if (!parse(argc, argv, &chosen)) return EXIT_USAGE;
    int code = 0;
    if (chosen.help) {
        print_help();
    } else if (chosen.prequential != NULL) {
        code = evaluate_stream(&chosen);
    } else if (chosen.data != NULL) {
        code = evaluate_table(&chosen);
    } else if (chosen.curves != NULL) {
        code = evaluate_curves(&chosen);
    } else {
        code = evaluate_files(&chosen);
    }
    if (code == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        return complain(EXIT_DATA, "standard output: %s", strerror(errno));
    return code;
}
