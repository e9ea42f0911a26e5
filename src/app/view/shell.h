/* Commands that people are shown to type. */
#ifndef APP_SHELL_H
#define APP_SHELL_H

#include "text.h"

/* A word as a shell takes it: in single quotes if it has to be. */
void text_add_shell(struct text *text, const char *word);
/* A file's name for a thing of that name: what a shell or a folder would trip over is '_'. */
void text_add_file_name(struct text *text, const char *name);

#endif
