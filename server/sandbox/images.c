#include "server/sandbox/images.h"

#include <stdio.h>
#include <stdlib.h>

#include <zlib.h>

#include "base/base64.h"
#include "server/sandbox/asked.h"
#include "server/sandbox/call.h"
#include "server/sandbox/picture.h"
#include "server/sandbox/words.h"

#define PICTURES_MAX 10
#define PREVIEWS_MAX 3
#define SIDE_UNSAID 1024
#define PICTURE_BYTES_MAX ((size_t)32 << 20)
/* Tokens as gpt-image-1 counts them: a picture by its quality and area, at most what its largest
 * takes; a picture that is given, of whatever size, as one of 512 x 512. */
#define TOKENS_MAX 6240
#define GIVEN_TOKENS 194

/* One request as it is answered. */
struct images {
    struct sandbox_call *call;
    bool is_edit, stream, as_url;
    struct picture picture; /* the first */
    int64_t count, previews;
    struct str quality;
    char size[24];
    int64_t created;
    int64_t text_tokens, given_tokens, picture_tokens;
};

/* --- reading the request ------------------------------------------------------------------- */

/* False when it is refused. */
static bool refuse(const struct images *images, const char *param, const char *message)
{
    sandbox_reply_error(images->call, 400, param, NULL, message);
    return false;
}

static bool read_side(struct str text, unsigned *side)
{
    uint64_t number;
    if (!str_u64(text, PICTURE_SIDE_MAX, &number) || number < PICTURE_SIDE_MIN)
        return false;
    *side = (unsigned)number;
    return true;
}

static bool read_size(struct images *images)
{
    struct str size = asked_text(images->call, "size");
    struct picture *picture = &images->picture;
    picture->width = picture->height = SIDE_UNSAID;
    size_t x = str_index(size, 'x');
    if (size.n > 0 && !str_eq(size, STR("auto")) &&
        !(read_side(str_slice(size, 0, x), &picture->width) &&
          read_side(str_from(size, x + 1), &picture->height)))
        return refuse(images, "size", "The sandbox draws sizes of 16x16 to 4096x4096, and auto.");
    snprintf(images->size, sizeof images->size, "%ux%u", picture->width, picture->height);
    return true;
}

/* What a picture of a million (2^20) pixels takes. */
static int64_t tokens_of_quality(struct str quality)
{
    if (str_eq(quality, STR("low")))
        return 272;
    return str_eq(quality, STR("high")) || str_eq(quality, STR("hd")) ? 4160 : 1056;
}

static void read_quality(struct images *images)
{
    int64_t pixels = (int64_t)images->picture.width * images->picture.height;
    images->quality = asked_text(images->call, "quality");
    if (images->quality.n == 0 || str_eq(images->quality, STR("auto")))
        images->quality = STR("medium");
    int64_t tokens = (tokens_of_quality(images->quality) * pixels + (1 << 20) - 1) >> 20;
    images->picture_tokens = tokens < TOKENS_MAX ? tokens : TOKENS_MAX;
}

static bool images_read(struct images *images)
{
    struct sandbox_call *call = images->call;
    struct str prompt = asked_text(call, "prompt");
    struct str format = asked_text(call, "output_format");
    images->count = asked_number(call, "n", PICTURES_MAX + 1, 1);
    if (prompt.n == 0)
        return refuse(images, "prompt", "prompt is required.");
    if (images->count == 0 || images->count > PICTURES_MAX)
        return refuse(images, "n", "n must be in 1..10.");
    if (format.n > 0 && !str_eq(format, STR("png")))
        return refuse(images, "output_format", "The sandbox draws PNG pictures only.");
    if (!read_size(images))
        return false;
    read_quality(images);
    images->stream = asked_flag(call, "stream");
    images->previews = asked_number(call, "partial_images", PREVIEWS_MAX, 0);
    images->as_url = str_eq(asked_text(call, "response_format"), STR("url"));
    images->text_tokens = words_tokens(prompt);
    images->picture.seed = (uint32_t)crc32(0, (const Bytef *)prompt.p, (uInt)prompt.n);
    return true;
}

static void add_given(struct images *images, struct str bytes)
{
    images->picture.seed =
        (uint32_t)crc32(images->picture.seed, (const Bytef *)bytes.p, (uInt)bytes.n);
    images->given_tokens += GIVEN_TOKENS;
}

/* The pictures to edit: files of a form, or references, which are not followed. */
static bool read_given(struct images *images)
{
    const json_t *references = json_object_get(images->call->json, "images");
    const struct upload_file *file;
    for (unsigned i = 0; (file = upload_file(&images->call->upload, STR("image"), i)) != NULL; i++)
        add_given(images, file->bytes);
    for (size_t i = 0; i < json_array_size(references); i++) {
        char *text = json_dumps(json_array_get(references, i),
                                JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
        add_given(images, str_of(text));
        free(text);
    }
    return images->given_tokens > 0 || refuse(images, "image", "A picture to edit is required.");
}

/* --- what every answer has ----------------------------------------------------------------- */

/* The text of a picture in Base64, behind `prefix`; NULL without memory. */
static json_t *drawn(const struct images *images, int64_t index, unsigned cells, const char *prefix)
{
    struct picture picture = images->picture;
    struct buf png, text;
    json_t *json = NULL;
    picture.seed += (uint32_t)index;
    picture.cells = cells;
    buf_init(&png, PICTURE_BYTES_MAX);
    buf_init(&text, 2 * PICTURE_BYTES_MAX);
    if (picture_add_png(&png, &picture) && buf_add_str(&text, str_of(prefix)) &&
        base64_add(&text, png.p, png.n))
        json = json_stringn_nocheck(text.p, text.n);
    buf_release(&png);
    buf_release(&text);
    return json;
}

/* Of so many pictures.  Of a stream each picture tells it, of all that came until then: the last
 * one tells it all. */
static json_t *usage_of(const struct images *images, int64_t pictures)
{
    int64_t in = images->text_tokens + images->given_tokens;
    int64_t out = images->picture_tokens * pictures;
    return json_pack("{s:I, s:{s:I, s:I}, s:I, s:{s:i, s:I}, s:I}", "input_tokens", (json_int_t)in,
                     "input_tokens_details", "text_tokens", (json_int_t)images->text_tokens,
                     "image_tokens", (json_int_t)images->given_tokens, "output_tokens",
                     (json_int_t)out, "output_tokens_details", "text_tokens", 0, "image_tokens",
                     (json_int_t)out, "total_tokens", (json_int_t)in + out);
}

/* Adds how the pictures are made. */
static void add_manner(const struct images *images, json_t *json)
{
    json_object_set_new(json, "size", json_string(images->size));
    json_object_set_new(json, "quality", json_stringn(images->quality.p, images->quality.n));
    json_object_set_new(json, "background", json_string("opaque"));
    json_object_set_new(json, "output_format", json_string("png"));
}

/* --- as JSON ------------------------------------------------------------------------------- */

static void images_reply_json(const struct images *images)
{
    json_t *data = json_array();
    bool drawn_all = true;
    for (int64_t i = 0; drawn_all && i < images->count; i++) {
        json_t *text =
            drawn(images, i, PICTURE_CELLS, images->as_url ? "data:image/png;base64," : "");
        drawn_all = text != NULL &&
                    json_array_append_new(
                        data, json_pack("{s:o}", images->as_url ? "url" : "b64_json", text)) == 0;
    }
    json_t *json = json_pack("{s:I, s:o, s:o}", "created", (json_int_t)images->created, "data",
                             data, "usage", usage_of(images, images->count));
    add_manner(images, json);
    if (drawn_all)
        sandbox_reply_json(images->call, json);
    else
        json_decref(json);
}

/* --- as a stream --------------------------------------------------------------------------- */

/* Takes `text` and `json`, the members that only this event has. */
static void add_event(const struct images *images, const char *name, json_t *text, json_t *json)
{
    char type[64];
    snprintf(type, sizeof type, "image_%s.%s", images->is_edit ? "edit" : "generation", name);
    json_object_set_new(json, "type", json_string(type));
    json_object_set_new(json, "created_at", json_integer(images->created));
    add_manner(images, json);
    if (json_object_set_new(json, "b64_json", text) != 0)
        images->call->script.failed = true;
    script_add_event(&images->call->script, images->call->switches.word_us, json);
}

static void images_reply_stream(const struct images *images)
{
    struct script *script = &images->call->script;
    int64_t events = images->count * (images->previews + 1), cut = images->call->switches.cut;
    script_init(script);
    /* A series that is too short is cut before its end. */
    script->cut = cut >= 0;
    if (script->cut)
        events = cut < events ? cut : events - 1;
    for (int64_t i = 0; i < events; i++) {
        int64_t picture = i / (images->previews + 1), preview = i % (images->previews + 1);
        if (preview < images->previews)
            add_event(images, "partial_image", drawn(images, picture, 1u << preview, ""),
                      json_pack("{s:I}", "partial_image_index", (json_int_t)preview));
        else
            add_event(images, "completed", drawn(images, picture, PICTURE_CELLS, ""),
                      json_pack("{s:o}", "usage", usage_of(images, picture + 1)));
    }
    sandbox_reply_script(images->call);
}

static void images_answer(const struct images *images)
{
    if (images->stream)
        images_reply_stream(images);
    else
        images_reply_json(images);
}

void sandbox_images_generate(struct sandbox_call *call)
{
    struct images images = {.call = call, .created = sandbox_now()};
    if (images_read(&images))
        images_answer(&images);
}

void sandbox_images_edit(struct sandbox_call *call)
{
    struct images images = {.call = call, .is_edit = true, .created = sandbox_now()};
    if (images_read(&images) && read_given(&images))
        images_answer(&images);
}
