/* A profile that says what no built-in one needs; for the engines `red` and `blue`. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "profile.h"

extern const char sample[];
extern const struct engines red, blue;

#endif
