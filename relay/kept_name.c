#include "relay/kept_name.h"

#include <stdio.h>
#include <string.h>

static bool is_type_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-';
}

/* "video/mp4; codecs=..." as "video/mp4", in a name "video-mp4": the kinds before the slash have no
 * hyphen. */
static void set_type(struct kept *kept, struct str type)
{
    type = str_trim(str_slice(type, 0, str_index(type, ';')));
    size_t slash = str_index(type, '/');
    bool is_plain = type.n < sizeof kept->type && slash > 0 && slash + 1 < type.n;
    for (size_t i = 0; i < type.n; i++)
        is_plain = is_plain &&
                   (i == slash || (is_type_byte(type.p[i]) && (i > slash || type.p[i] != '-')));
    if (!is_plain)
        type = STR("video/mp4");
    snprintf(kept->type, sizeof kept->type, "%.*s", STR_ARG(type));
}

static void set_name(struct kept *kept, const char *public_id)
{
    char flat[KEPT_TYPE_SIZE];
    memcpy(flat, kept->type, sizeof flat);
    flat[strcspn(flat, "/")] = '-';
    snprintf(kept->name, sizeof kept->name, "%s.%s", public_id, flat);
}

void kept_name(struct kept *kept, const char *public_id, struct str type)
{
    set_type(kept, type);
    set_name(kept, public_id);
}

static bool is_public_id(struct str id)
{
    if (id.n != TASK_PUBLIC_SIZE - 1 || !str_starts(id, STR("task_")))
        return false;
    for (size_t i = 5; i < id.n; i++)
        if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'z') ||
              (id.p[i] >= 'A' && id.p[i] <= 'Z')))
            return false;
    return true;
}

bool kept_read_name(struct kept *kept, char public_id[TASK_PUBLIC_SIZE], struct str name)
{
    char type[KEPT_TYPE_SIZE];
    struct str id = str_slice(name, 0, str_index(name, '.'));
    struct str flat = str_from(name, id.n + 1);
    if (!is_public_id(id) || flat.n == 0 || flat.n >= sizeof type)
        return false;
    snprintf(public_id, TASK_PUBLIC_SIZE, "%.*s", STR_ARG(id));
    snprintf(type, sizeof type, "%.*s", STR_ARG(flat));
    type[strcspn(type, "-")] = '/';
    kept_name(kept, public_id, str_of(type));
    return str_eq(str_of(kept->name), name);
}
