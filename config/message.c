#include "config/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/array.h"

#define TEXT_MAX 1024

void messages_init(struct messages *messages)
{
    CHECK(messages != NULL);
    memset(messages, 0, sizeof *messages);
}

void messages_release(struct messages *messages)
{
    for (unsigned i = 0; i < messages->n; i++)
        free(messages->list[i].text);
    free(messages->list);
    messages_init(messages);
}

void messages_no_memory(struct messages *messages)
{
    messages->out_of_memory = true;
}

/* An operator's terminal must not be driven by what a file or a variable holds. */
static void tame(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

/* Takes the text only when it returns true. */
static bool keep(struct messages *messages, const struct message *message)
{
    struct message *list = array_room(messages->list, messages->n, sizeof *list);
    if (list == NULL)
        return false;
    messages->list = list;
    messages->list[messages->n] = *message;
    messages->list[messages->n].number = messages->n;
    messages->n++;
    return true;
}

static void addv(struct messages *messages, const struct message *as, const char *format,
                 va_list args) PRINTF_LIKE(3, 0);

/* Counts first: even a message that is not kept must make the check fail. */
static void addv(struct messages *messages, const struct message *as, const char *format,
                 va_list args)
{
    CHECK(as->place.file != NULL);
    if (as->severity == SEVERITY_ERROR)
        messages->errors++;
    else
        messages->warnings++;
    if (messages->n >= MESSAGES_MAX)
        return;
    char text[TEXT_MAX];
    vsnprintf(text, sizeof text, format, args);
    tame(text);
    struct message message = *as;
    message.text = str_dup(str_of(text));
    if (message.text != NULL && keep(messages, &message))
        return;
    free(message.text);
    messages_no_memory(messages);
}

void messages_add(struct messages *messages, enum severity severity, const struct place *place,
                  const char *format, ...)
{
    const struct message as = {.place = *place, .severity = severity};
    va_list args;
    va_start(args, format);
    addv(messages, &as, format, args);
    va_end(args);
}

void messages_error(struct messages *messages, const struct place *place, const char *format, ...)
{
    const struct message as = {.place = *place, .severity = SEVERITY_ERROR};
    va_list args;
    va_start(args, format);
    addv(messages, &as, format, args);
    va_end(args);
}

static int compare_unsigned(unsigned a, unsigned b)
{
    return a < b ? -1 : a > b;
}

/* By place; messages of one place stay as they came, since qsort alone does not promise that. */
static int compare(const void *left, const void *right)
{
    const struct message *a = left;
    const struct message *b = right;
    int order = compare_unsigned(a->place.order, b->place.order);
    if (order == 0)
        order = compare_unsigned(a->place.line, b->place.line);
    if (order == 0)
        order = compare_unsigned(a->place.column, b->place.column);
    return order != 0 ? order : compare_unsigned(a->number, b->number);
}

static bool write_one(const struct message *message, struct buf *out)
{
    const char *severity = message->severity == SEVERITY_ERROR ? "error" : "warning";
    const struct place *place = &message->place;
    if (place->line == 0)
        return buf_addf(out, "%s: %s: %s\n", place->file, severity, message->text);
    return buf_addf(out, "%s:%u:%u: %s: %s\n", place->file, place->line, place->column, severity,
                    message->text);
}

static bool write_count(const struct messages *messages, struct buf *out)
{
    if (!buf_addf(out, "gateway: configuration test FAILED (%u error%s", messages->errors,
                  messages->errors == 1 ? "" : "s"))
        return false;
    if (messages->warnings > 0 &&
        !buf_addf(out, ", %u warning%s", messages->warnings, messages->warnings == 1 ? "" : "s"))
        return false;
    return buf_add_str(out, STR(")\n"));
}

bool messages_write(struct messages *messages, struct buf *out)
{
    if (messages->n > 1)
        qsort(messages->list, messages->n, sizeof *messages->list, compare);
    for (unsigned i = 0; i < messages->n; i++)
        if (!write_one(&messages->list[i], out))
            return false;
    unsigned hidden = messages->errors + messages->warnings - messages->n;
    if (messages->out_of_memory)
        return buf_add_str(out, STR("gateway: out of memory while reading the configuration\n"));
    if (hidden > 0 && !buf_addf(out, "gateway: %u more messages are not shown\n", hidden))
        return false;
    return messages->errors == 0 || write_count(messages, out);
}
