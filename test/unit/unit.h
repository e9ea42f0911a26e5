/* What every unit test includes: cmocka with what it needs before it, and failing allocations. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Ours is a function. */
#undef fail

/* After so many more allocations of this program every further one fails; ALLOCATION_NEVER ends that. */
#define ALLOCATION_NEVER (-1L)
void allocation_fail_after(long count);

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#endif
