#include "relay/multipart_head.h"

#include <string.h>

#include "relay/parameter.h"

void multipart_head_begin(struct multipart_head *head)
{
    memset(head, 0, offsetof(struct multipart_head, bytes));
}

/* Of the escapes only those of the quote and the backslash are read alike everywhere. */
static bool name_take(struct multipart_head *head, const struct parameter *parameter)
{
    if (head->has_name)
        return false;
    head->has_name = true;
    struct str raw = parameter->raw;
    for (size_t i = 0; i < raw.n; i++) {
        if (parameter->quoted && raw.p[i] == '\\') {
            i++; /* a quoted text never ends in a lone backslash */
            if (raw.p[i] != '"' && raw.p[i] != '\\')
                return false;
        }
        if (head->name_n < MULTIPART_NAME_MAX)
            head->name[head->name_n++] = raw.p[i];
        else
            head->name_cut = true;
    }
    return true;
}

static bool disposition_take(struct multipart_head *head, struct str value)
{
    struct parameter parameter;
    enum parameter_result result;
    if (head->has_disposition || !str_eq_nocase(parameter_cut_head(&value), STR("form-data")))
        return false;
    head->has_disposition = true;
    while ((result = parameter_cut(&value, &parameter)) == PARAMETER_FOUND) {
        struct str name = parameter.name;
        if (str_eq_nocase(name, STR("name"))) {
            if (!name_take(head, &parameter))
                return false;
        } else if (str_starts_nocase(name, STR("name*"))) {
            return false; /* some readers decode it, some do not */
        } else if (str_eq_nocase(name, STR("filename")) ||
                   str_starts_nocase(name, STR("filename*"))) {
            head->has_filename = true;
        }
    }
    return result == PARAMETER_NONE;
}

static bool type_take(struct multipart_head *head, struct str value)
{
    if (head->has_type)
        return false;
    head->has_type = true;
    head->type = value;
    return true;
}

/* RFC 7578, 4.7: nobody sends an encoding that changes bytes, but some readers would undo it. */
static bool encoding_is_none(struct str value)
{
    return str_eq_nocase(value, STR("binary")) || str_eq_nocase(value, STR("8bit")) ||
           str_eq_nocase(value, STR("7bit"));
}

static bool line_take(struct multipart_head *head, struct str line, struct str delimiter)
{
    size_t colon = str_index(line, ':');
    if (colon == 0 || colon == line.n || str_starts(line, delimiter))
        return false;
    for (size_t i = 0; i < colon; i++) {
        if (!parameter_is_token(line.p[i]))
            return false;
    }
    struct str name = str_slice(line, 0, colon);
    struct str value = str_trim(str_from(line, colon + 1));
    if (str_eq_nocase(name, STR("content-disposition")))
        return disposition_take(head, value);
    if (str_eq_nocase(name, STR("content-type")))
        return type_take(head, value);
    if (str_eq_nocase(name, STR("content-transfer-encoding")))
        return encoding_is_none(value);
    return true;
}

static enum multipart_head_result fault(struct multipart_head *head, size_t at)
{
    head->fault = at;
    return MULTIPART_HEAD_BAD;
}

static enum multipart_head_result line_end(struct multipart_head *head, struct str delimiter)
{
    struct str line = {head->bytes + head->line_begin, head->n - head->line_begin - 2};
    if (line.n == 0)
        return head->has_name ? MULTIPART_HEAD_DONE : fault(head, 0);
    if (!line_take(head, line, delimiter))
        return fault(head, head->line_begin);
    head->line_begin = head->n;
    return MULTIPART_HEAD_MORE;
}

enum multipart_head_result multipart_head_add(struct multipart_head *head, char c,
                                              struct str delimiter)
{
    bool after_cr = head->n > head->line_begin && head->bytes[head->n - 1] == '\r';
    bool is_control = ((unsigned char)c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f;
    if (is_control || after_cr != (c == '\n') || head->n == MULTIPART_HEAD_MAX)
        return fault(head, head->n);
    head->bytes[head->n++] = c;
    return c == '\n' ? line_end(head, delimiter) : MULTIPART_HEAD_MORE;
}
