/* What stands between the options and the profile: the environment and the config file. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "app.h"

/* Fills what the options left open, as often as it is called; 0, or the exit code and it is said what is wrong. */
int config_apply(struct app *app);
/* Puts the config file's and the environment's values over a profile's, and the profile's own environment. */
void config_override(const struct app *app, struct profile *profile);

#endif
