/* operator_config.h - the operator's options out of the configuration: the same for every face of the operator. */
#ifndef LFREC_OPERATOR_CONFIG_H
#define LFREC_OPERATOR_CONFIG_H

#include "operator.h"
#include "options.h"

static inline lfrec_operator_options lfrec_operator_options_from(const lfrec_config *config)
{
    lfrec_operator_options options = lfrec_operator_options_for(config->factors, config->scale_min, config->scale_max);
    options.ranking = config->ranking;
    options.top_n = config->top_n;
    options.reasons = config->explain;
    options.min_support = config->min_support;
    options.epochs = config->epochs;
    options.most_users = config->most_users;
    options.most_items = config->most_items;
    options.threads = config->retrain_threads;
    options.seed = config->seed;
    options.lists_ahead = config->role != LFREC_ROLE_TRAINER;
    return options;
}

#endif
