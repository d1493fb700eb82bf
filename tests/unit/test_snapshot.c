#include "tests/unit/config_file.h"

static void snapshot_load_golden_messages(void **state)
{
    (void)state;
    unsetenv("OPENAI_API_KEY");
    assert_int_equal(mkdir("conf.d", 0700), 0);
    write_text("gateway.conf", "include = conf.d/*.conf\n\n\n\n\n\n\n\n\n\n[server]\nlistne = x\n"
                               "\n\n\n\n\n\nworkers    = abc\n");
    write_text("conf.d/openai.conf", "\n[provider \"openai\"]\n"
                                     "base_url = https://api.openai.com/v1\n"
                                     "key = env:OPENAI_API_KEY\n"
                                     "[model \"m\"]\n"
                                     "endpoints = transcription\n"
                                     "offer = openai/m\n"
                                     "max_output = 5\n"
                                     "price = audio_ms 1.85 per hour\n");
    assert_null(loads(
        "gateway.conf:12:1: error: unknown key \"listne\" in [server]; did you mean \"listen\"?\n"
        "gateway.conf:19:14: error: \"abc\" is not a number of threads (want 1..256, or auto)\n"
        "conf.d/openai.conf:4:7: error: environment variable OPENAI_API_KEY is not set (needed by "
        "provider \"openai\")\n"
        "conf.d/openai.conf:9:9: warning: the price is not a whole number of pico-USD a unit: it "
        "is rounded to 513889, and what is written comes to 1.850000400000 USD\n"
        "gateway: configuration test FAILED (3 errors, 1 warning)\n"));
}

static const struct faulty faulty_lines[] = {
    {"listen = x\n", "1:1: error: \"listen\" stands before the first [section]"},
    {"[server\nzebra = 1\n", "1:8: error: \"]\" is missing"},
    {"[]\n", "1:2: error: a section's name is missing (want [kind] or [kind \"name\"])"},
    {"[server] x\n", "1:10: error: unexpected text behind \"]\""},
    {"[server x]\n", "1:9: error: unexpected text in a section's head (want [kind] or [kind "
                     "\"name\"])"},
    {"[model \"m]\n", "1:8: error: the closing quote is missing"},
    {"[model \"m\\x\"]\n", "1:11: error: unknown escape (want \\\" \\\\ \\n or \\t)"},
    {"[server]\nlisten\n", "2:1: error: \"listen\" has no \"=\" (want key = value)"},
    {"[server]\nlisten 1\n",
     "2:7: error: unexpected text (want key = value, [section] or # comment)"},
    {"[server]\n= 1\n", "2:1: error: unexpected text (want key = value, [section] or # comment)"},
    {"[server]\nlisten = \"127.0.0.1:1\n", "2:10: error: the closing quote is missing"},
    {"[server]\nlisten = \"127.0.0.1:1\" x\n",
     "2:24: error: unexpected text behind the closing quote"},
    {"[sever]\nlisten = 1\n", "1:1: error: unknown section [sever]; did you mean [server]?"},
    {"[modle \"x\"]\n", "1:1: error: unknown section [modle]; did you mean [model]?"},
    {"[listener]\n", "1:1: error: unknown section [listener]"},
    {"[server \"a\"]\nlisten = 1\n", "1:1: error: [server] takes no name"},
    {"[provider]\n", "1:1: error: [provider] needs a name (want [provider \"name\"])"},
    {"[server]\n[server]\n", "2:1: error: [server] stands twice; the first is at gateway.conf:1"},
    {"[server]\ncors = on\ncors = on\n",
     "3:1: error: \"cors\" is set twice; the first is at line 2"},
    {"[server]\ncors = yes\n", "2:8: error: \"yes\" is not a switch (want on or off)"},
    {"[server]\nhead_timeout = 30\n",
     "2:16: error: \"30\" has no unit (want a time like 30s or 250ms)"},
    {"[admin]\nsokcet = x\n",
     "2:1: error: unknown key \"sokcet\" in [admin]; did you mean \"socket\"?"},
    {"[database]\nzebra = x\n", "2:1: error: unknown key \"zebra\" in [database]"},
};

#define OFFER "offer = good/x\n"
#define PRICE "price = requests 1 per request\n"

static const struct faulty faulty_models[] = {
    {OFFER PRICE, "1:1: error: model \"m\" has no endpoints"},
    {"endpoints = chat\n" PRICE, "1:1: error: model \"m\" has no offer"},
    {"endpoints = chat\n" OFFER, "1:1: error: model \"m\" has no price"},
    {"endpoints = chat chta\n" OFFER PRICE,
     "2:18: error: unknown endpoint \"chta\"; did you mean \"chat\"?"},
    {"endpoints = chat chat\n" OFFER PRICE, "2:18: error: \"chat\" is named twice"},
    {"endpoints = chat\ndefault_for = chat image\n" OFFER PRICE,
     "3:20: error: unknown endpoint \"image\"; did you mean \"images\"?"},
    {"endpoints = chat\ndefault_for = images\n" OFFER PRICE,
     "3:15: error: model \"m\" does not serve images"},
    {"endpoints = chat\n" OFFER PRICE "drop = top_p, Model\n",
     "5:15: error: \"model\" cannot be dropped"},
    {"endpoints = chat\n" OFFER PRICE "drop = top_p n top_p\n",
     "5:16: error: \"top_p\" is named twice"},
    {"endpoints = chat\n" OFFER PRICE "drop = ,\n", "5:8: error: the list is empty"},
    {"endpoints = chat\noffer = god/x\n" PRICE,
     "3:9: error: unknown provider \"god\"; did you mean \"good\"?"},
    {"endpoints = chat\noffer = good\n" PRICE,
     "3:9: error: \"good\" is not an offer (want PROVIDER/MODEL)"},
    {"endpoints = chat\noffer = good/x weight=0\n" PRICE,
     "3:23: error: \"0\" is out of range (want 1..1000000)"},
    {"endpoints = chat\noffer = good/x wait=1\n" PRICE,
     "3:16: error: unexpected \"wait=1\" (want priority=N or weight=N)"},
    {"endpoints = chat\noffer = good/x weight=1 weight=1\n" PRICE,
     "3:25: error: \"weight\" is set twice"},
    {"endpoints = chat\n" OFFER OFFER PRICE, "4:9: error: the offer good/x stands twice"},
    {"endpoints = chat\n" OFFER "price = in_txt 1 per token\n",
     "4:9: error: unknown counter \"in_txt\"; did you mean \"in_text\"?"},
    {"endpoints = chat\n" OFFER "price = in_text 1 per image\n",
     "4:23: error: \"image\" is not a unit of in_text (want token)"},
    {"endpoints = chat\n" OFFER "price = in_text one per token\n",
     "4:17: error: \"one\" is not an amount of USD (want one like 0.15)"},
    {"endpoints = chat\n" OFFER PRICE PRICE,
     "5:9: error: requests is priced twice; the first is at line 4"},
    {"endpoints = chat\n" OFFER "price = in_text 1 per 1M tokens\n",
     "1:1: error: model \"m\" has no price for chat (want in_text and out_text, or requests)"},
    {"endpoints = responses\n" OFFER
     "price = in_text 1 per 1M tokens\nprice = out_text 1 per 1M tokens tier=flex\n",
     "1:1: error: model \"m\" has no price for responses (want in_text and out_text, or requests)"},
    {"endpoints = images\n" OFFER "price = in_text 1 per 1M tokens\n",
     "1:1: error: model \"m\" has no price for images (want images, or in_text and out_image, or "
     "requests)"},
    {"endpoints = translation\n" OFFER "price = characters 1 per character\n",
     "1:1: error: model \"m\" has no price for translation (want audio_ms, or in_text and "
     "out_text, "
     "or requests)"},
    {"endpoints = speech\n" OFFER "price = audio_ms 0.06 per minute\n",
     "1:1: error: model \"m\" has no price for speech (want characters, or in_text and out_audio, "
     "or requests)"},
    {"endpoints = rerank\n" OFFER "price = images 1 per image\n",
     "1:1: error: model \"m\" has no price for rerank (want search_units, or in_text, or "
     "requests)"},
    {"endpoints = video\n" OFFER "price = in_text 1 per 1M tokens\n",
     "1:1: error: model \"m\" has no price for video (want video_ms, or requests)"},
    {"endpoints = embeddings\n" OFFER "price = out_text 1 per 1M tokens\n",
     "1:1: error: model \"m\" has no price for embeddings (want in_text, or requests)"},
    {"endpoints = chat\n" OFFER PRICE "max_output = 10\ndefault_output = 11\n",
     "6:18: error: default_output is more than max_output (10)"},
    {"endpoints = chat\n" OFFER PRICE "max_output = 10\ncontext = 9\n",
     "5:14: error: max_output is more than context (9)"},
    {"endpoints = chat\n" OFFER PRICE "context = 9k\n",
     "5:11: error: \"9k\" is not a number (want 0..1073741824)"},
    {"endpoints = chat\n" OFFER PRICE "ratio = 1\n",
     "5:1: error: unknown key \"ratio\" in [model \"m\"]"},
};

static void snapshot_load_faulty_files_say_exactly_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(faulty_lines); i++)
        refuses("", &faulty_lines[i]);
    for (size_t i = 0; i < COUNT(faulty_models); i++)
        refuses("[model \"m\"]\n", &faulty_models[i]);
}

static void snapshot_load_bad_names_are_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {"[provider \"\"]\n", "[provider \"a/b\"]\n",
                                        "[provider \"a b\"]\n"};
    for (size_t i = 0; i < COUNT(heads); i++) {
        struct buf out;
        char text[256];
        buf_init(&out, 4096);
        snprintf(text, sizeof text, "%sbase_url = builtin:sandbox\n" GOOD, heads[i]);
        write_text("gateway.conf", text);
        assert_null(snapshot_load("gateway.conf", &out));
        assert_true(buf_add_char(&out, '\0'));
        assert_non_null(strstr(out.p, "gateway.conf:1:1: error: "));
        assert_non_null(strstr(out.p, " is not a provider's name "));
        buf_release(&out);
    }
    static const struct faulty names[] = {
        {"[model \"a b\"]\n" OFFER PRICE "endpoints = chat\n",
         "1:1: error: \"a b\" is not a model's name (want 1..256 bytes without spaces, commas, "
         "quotes, * or a leading !)"},
    };
    refuses("", &names[0]);
}

static void default_models_are_one_an_endpoint(void **state)
{
    (void)state;
    write_text("gateway.conf", "include = more.conf\n" GOOD "default_for = chat\n");
    write_text("more.conf", "[model \"a\"]\nendpoints = chat images\n" OFFER PRICE
                            "default_for = images chat\n");
    assert_null(loads("more.conf:5:15: error: chat has a default model already, at "
                      "gateway.conf:8\n"
                      "gateway: configuration test FAILED (1 error)\n"));
    write_text("more.conf",
               "[model \"a\"]\nendpoints = chat images\n" OFFER PRICE "default_for = images\n");
    struct snapshot *snapshot = loads("");
    assert_non_null(snapshot);
    assert_string_equal(snapshot->default_models[ENDPOINT_chat]->name, "good");
    assert_string_equal(snapshot->default_models[ENDPOINT_images]->name, "a");
    assert_null(snapshot->default_models[ENDPOINT_speech]);
    snapshot_drop(&snapshot);
}

static void snapshot_load_reports_all_errors(void **state)
{
    (void)state;
    write_text("gateway.conf", "[server]\ncors = 1\nworkers = 0\n[provider \"p\"]\nauth = x\n"
                               "[model \"m\"]\nendpoints = chat\noffer = q/x\n" PRICE);
    assert_null(loads("gateway.conf:2:8: error: \"1\" is not a switch (want on or off)\n"
                      "gateway.conf:3:11: error: \"0\" is not a number of threads (want 1..256, or "
                      "auto)\n"
                      "gateway.conf:4:1: error: provider \"p\" has no base_url\n"
                      "gateway.conf:5:8: error: \"x\" is not one of bearer, api-key, x-api-key\n"
                      "gateway.conf:8:9: error: unknown provider \"q\"; did you mean \"p\"?\n"
                      "gateway: configuration test FAILED (5 errors)\n"));
}

static void snapshot_load_good_file_fills_everything(void **state)
{
    (void)state;
    setenv("GATEWAY_TEST_KEY", "sk-abc", 1);
    write_text("b.key", "sk-from-file\r\n");
    write_text(
        "gateway.conf",
        "[model \"vendor/z\"]\nendpoints = chat responses\n"
        "offer = a/up/stream priority=2 weight=3\noffer = b/x\n"
        "price = in_text 1 per 1M tokens\nprice = out_text 2 per 1M tokens\n"
        "max_output = 100\nowned_by = vendor\n"
        "[provider \"a\"]\nbase_url = https://a.example:8443/v1//\nkey = env:GATEWAY_TEST_KEY\n"
        "organization = org-1\nauth = x-api-key\ndrain = 0s\naccept_sse = force\n"
        "embeddings_base64 = strip\n"
        "images_retry_ambiguous = on\n"
        "[provider \"b\"]\nbase_url = http://localhost:11434/v1\nallow_private = on\n"
        "key = file:b.key\nkey = env:GATEWAY_TEST_KEY\nenabled = off\n"
        "[model \"a\"]\nendpoints = images\noffer = a/i\nprice = images 1 per image\n");
    struct snapshot *snapshot = loads("");
    assert_non_null(snapshot);
    const struct provider *a = snapshot_provider(snapshot, STR("a"));
    assert_int_equal(a->index, 0);
    assert_string_equal(a->base_url, "https://a.example:8443/v1");
    assert_string_equal(a->keys[0].secret, "sk-abc");
    assert_string_equal(a->organization, "org-1");
    assert_null(a->project);
    assert_int_equal(a->auth, AUTH_X_API_KEY);
    assert_int_equal(a->accept_sse, ACCEPT_SSE_FORCE);
    assert_int_equal(a->embeddings_base64, EMBEDDINGS_STRIP);
    assert_true(a->images_retry_ambiguous);
    assert_int_equal(a->drain_ms, 0);
    assert_int_equal(a->whole_timeout_ms, 280000);
    assert_int_equal(a->max_connections, 256);
    assert_true(a->inject_stream_usage && a->enabled && !a->allow_private);
    assert_string_equal(snapshot_provider(snapshot, STR("b"))->keys[0].secret, "sk-from-file");
    const struct provider *b = snapshot_provider(snapshot, STR("b"));
    assert_int_equal(b->key_count, 2);
    assert_string_equal(b->keys[1].secret, "sk-abc");
    assert_true(b->keys[1].mark == a->keys[0].mark && b->keys[1].mark != b->keys[0].mark);
    assert_int_equal(snapshot_provider(snapshot, STR("b"))->accept_sse, ACCEPT_SSE_AUTO);
    assert_false(snapshot_provider(snapshot, STR("b"))->images_retry_ambiguous);
    const struct model *z = snapshot_model(snapshot, STR("vendor/z"));
    assert_non_null(z);
    assert_true(model_serves(z, ENDPOINT_chat) && model_serves(z, ENDPOINT_responses));
    assert_false(model_serves(z, ENDPOINT_images));
    assert_int_equal(z->offer_count, 2);
    assert_ptr_equal(z->offers[0].provider, a);
    assert_string_equal(z->offers[0].upstream_model, "up/stream");
    assert_int_equal(z->offers[0].priority, 2);
    assert_int_equal(z->offers[0].weight, 3);
    assert_int_equal(z->offers[1].priority, 1);
    assert_int_equal(z->default_output, 4096);
    assert_int_equal(z->max_output, 100);
    assert_string_equal(z->owned_by, "vendor");
    assert_string_equal(snapshot->models[0].name, "a");
    assert_null(snapshot_model(snapshot, STR("b")));
    assert_false(snapshot_uses_sandbox(snapshot));
    assert_string_equal(snapshot->database_path, "gateway.db");
    snapshot_drop(&snapshot);
    assert_null(snapshot);
}

static void snapshot_knows_which_headers_pass(void **state)
{
    (void)state;
    write_text("gateway.conf", GOOD);
    struct snapshot *snapshot = loads("");
    assert_non_null(snapshot);
    assert_false(snapshot->allows_headers);
    snapshot_drop(&snapshot);
    write_text("gateway.conf", GOOD "[provider \"q\"]\nbase_url = builtin:sandbox\n"
                                    "header_allow = X-Team tracestate\n");
    snapshot = loads("");
    assert_non_null(snapshot);
    assert_true(snapshot->allows_headers);
    assert_true(snapshot_allows_header(snapshot, STR("x-team")));
    assert_true(snapshot_allows_header(snapshot, STR("TRACESTATE")));
    assert_false(snapshot_allows_header(snapshot, STR("x-teams")));
    snapshot_drop(&snapshot);
}

static void snapshot_load_warnings_do_not_fail(void **state)
{
    (void)state;
    unsetenv("GATEWAY_TEST_KEY");
    write_text("gateway.conf", "[provider \"p\"]\nbase_url = builtin:sandbox\nenabled = off\n"
                               "key = env:GATEWAY_TEST_KEY\n"
                               "[model \"m\"]\nendpoints = images\noffer = p/x\n"
                               "price = images 1 per image size=1x1\n");
    struct snapshot *snapshot =
        loads("gateway.conf:4:7: warning: environment variable GATEWAY_TEST_KEY is not set (needed "
              "by provider \"p\")\n"
              "gateway.conf:5:1: warning: every provider of model \"m\" is switched off\n"
              "gateway.conf:5:1: warning: images of model \"m\" has no price without quality= and "
              "size=: other requests are refused\n");
    assert_non_null(snapshot);
    assert_false(snapshot_uses_sandbox(snapshot));
    snapshot_drop(&snapshot);
    write_text("gateway.conf", "[provider \"q\"]\nbase_url = builtin:sandbox\n"
                               "header = X-A: env:GATEWAY_TEST_KEY\nenabled = off\n" GOOD);
    snapshot = loads("gateway.conf:3:15: warning: environment variable GATEWAY_TEST_KEY is not set "
                     "(needed by provider \"q\")\n");
    snapshot_drop(&snapshot);
    write_text("gateway.conf", "");
    snapshot =
        loads("gateway.conf: warning: no [model \"name\"] section: every request is refused\n");
    snapshot_drop(&snapshot);
}

static void precedence_environment_over_include_over_main(void **state)
{
    (void)state;
    write_text("x.conf", "[server]\nmax_requests = 20\nworkers = 2\n");
    write_text("gateway.conf", "include = x.conf\n[server]\nmax_requests = 10\nworkers = 1\n"
                               "cors = on\n" GOOD);
    setenv("GATEWAY_SERVER_WORKERS", "3", 1);
    struct snapshot *snapshot = loads("");
    assert_non_null(snapshot);
    assert_int_equal(snapshot->settings.server_max_requests, 20);
    assert_int_equal(snapshot->settings.server_workers, 3);
    assert_true(snapshot->settings.server_cors);
    const struct setting *workers = setting_find(STR("server"), STR("workers"));
    const struct setting *requests = setting_find(STR("server"), STR("max_requests"));
    assert_string_equal(snapshot->origins[setting_index(workers)], "environment");
    assert_string_equal(snapshot->origins[setting_index(requests)], "x.conf:2");
    snapshot_drop(&snapshot);
    setenv("GATEWAY_SERVER_WORKERS", "many", 1);
    assert_null(loads("environment: error: GATEWAY_SERVER_WORKERS: \"many\" is not a number of "
                      "threads (want 1..256, or auto)\n"
                      "gateway: configuration test FAILED (1 error)\n"));
    unsetenv("GATEWAY_SERVER_WORKERS");
    setenv("GATEWAY_SERVER_WORKRES", "3", 1);
    setenv("GATEWAY_SERVER_PORT", "tcp://1", 1);
    snapshot = loads("environment: warning: GATEWAY_SERVER_WORKRES is no setting; did you mean "
                     "GATEWAY_SERVER_WORKERS?\n");
    snapshot_drop(&snapshot);
    unsetenv("GATEWAY_SERVER_WORKRES");
    unsetenv("GATEWAY_SERVER_PORT");
}

static void paths_are_relative_to_the_file(void **state)
{
    (void)state;
    char path[256];
    struct buf out;
    buf_init(&out, 4096);
    write_text("gateway.conf", "[database]\npath = /var/x.db\n" GOOD);
    snprintf(path, sizeof path, "%s/gateway.conf", folder);
    struct snapshot *snapshot = snapshot_load(path, &out);
    assert_non_null(snapshot);
    assert_string_equal(snapshot->database_path, "/var/x.db");
    snprintf(path, sizeof path, "%s/admin.sock", folder);
    assert_string_equal(snapshot->socket_path, path);
    snapshot_drop(&snapshot);
    buf_release(&out);
}

static void socket_path_too_long_as_a_whole_is_refused(void **state)
{
    (void)state;
    char text[1024];
    char path[256];
    struct buf out;
    buf_init(&out, 4096);
    snprintf(text, sizeof text, "[admin]\nsocket = %0100d\n" GOOD, 0);
    write_text("gateway.conf", text);
    snprintf(path, sizeof path, "%s/gateway.conf", folder);
    assert_null(snapshot_load(path, &out));
    assert_true(buf_add_char(&out, '\0'));
    assert_non_null(strstr(out.p, "bytes long; a unix socket takes 107\n"));
    buf_release(&out);
}

static void restart_list_names_key_and_origin(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    write_text("gateway.conf", GOOD "[server]\nworkers = 1\n");
    struct snapshot *now = loads("");
    write_text("gateway.conf",
               GOOD "[server]\nlisten = 127.0.0.1:1\ncors = on\n[database]\npath = y\n");
    struct snapshot *next = loads("");
    assert_true(next->generation > now->generation);
    assert_true(snapshot_restart_list(now, next, &out));
    assert_true(buf_add_char(&out, '\0'));
    assert_string_equal(out.p, "[server] listen (gateway.conf:8), [server] workers (default), "
                               "[database] path (gateway.conf:11)");
    buf_clear(&out);
    assert_true(snapshot_restart_list(next, next, &out));
    assert_int_equal(out.n, 0);
    buf_release(&out);
    snapshot_drop(&now);
    snapshot_drop(&next);
}

static void snapshot_drop_only_the_last_frees(void **state)
{
    (void)state;
    write_text("gateway.conf", GOOD);
    struct snapshot *first = loads("");
    struct snapshot *second = snapshot_retain(first);
    snapshot_drop(&first);
    assert_non_null(snapshot_model(second, STR("good")));
    snapshot_drop(&second);
    snapshot_drop(&second);
}

static void snapshot_find_file_order(void **state)
{
    (void)state;
    unsetenv("GATEWAY_CONFIG");
    char *found = snapshot_find_file("f.conf", "d");
    assert_string_equal(found, "f.conf");
    free(found);
    found = snapshot_find_file(NULL, "d");
    assert_string_equal(found, "d/gateway.conf");
    free(found);
    assert_int_equal(mkdir("gateway-data", 0700), 0);
    write_text("gateway-data/gateway.conf", GOOD);
    found = snapshot_find_file(NULL, NULL);
    assert_string_equal(found, "gateway-data/gateway.conf");
    free(found);
    setenv("GATEWAY_CONFIG", "e.conf", 1);
    found = snapshot_find_file(NULL, NULL);
    assert_string_equal(found, "e.conf");
    free(found);
    unsetenv("GATEWAY_CONFIG");
}

/* Shown text without its key lines is a file that gives the same text again. */
static void snapshot_show_reads_back_and_hides_secrets(void **state)
{
    (void)state;
    struct buf first;
    struct buf second;
    size_t n = 0;
    buf_init(&first, 1 << 16);
    buf_init(&second, 1 << 16);
    setenv("GATEWAY_TEST_KEY", "sk-abc", 1);
    write_text("gateway.conf",
               GOOD "price = requests 0.02 per request tier=flex\ndefault_for = chat\ndrop = a, "
                    "b\nowned_by = \" x\\\"\"\n"
                    "[provider \"k\"]\nbase_url = builtin:sandbox\nkey = env:GATEWAY_TEST_KEY\n"
                    "path = chat /a/{model}\npath = rerank /b\nquery = c=d\n"
                    "header = X-Region: eu west\nheader = X-Key: Bearer env:GATEWAY_TEST_KEY\n"
                    "header_allow = tracestate X-Team\n");
    struct snapshot *snapshot = loads("");
    assert_true(snapshot_show(snapshot, &first));
    snapshot_drop(&snapshot);
    char *text = buf_take(&first, &n);
    assert_null(strstr(text, "sk-abc"));
    assert_non_null(strstr(text, "header = X-Region: eu west\nheader = X-Key: Bearer ***\n"
                                 "header_allow = tracestate, X-Team\n"));
    char *key = strstr(text, "key = ***\n");
    assert_non_null(key);
    *key = '#';
    key = strstr(text, "header = X-Key");
    assert_non_null(key);
    *key = '#';
    write_text("gateway.conf", text);
    snapshot = loads("");
    assert_non_null(snapshot);
    assert_true(snapshot_show(snapshot, &second));
    snapshot_drop(&snapshot);
    assert_non_null(strstr(text, "offer = good/m priority=1 weight=1\n"));
    assert_non_null(strstr(text, "path = chat /a/{model}\npath = rerank /b\nquery = c=d\n"));
    assert_non_null(strstr(text, "default_for = chat\n"));
    assert_non_null(strstr(text, "drop = a, b\n"));
    assert_true(buf_add_char(&second, '\0'));
    assert_non_null(strstr(second.p, "path = chat /a/{model}\npath = rerank /b\nquery = c=d\n"));
    assert_string_equal(strstr(text, "[model "), strstr(second.p, "[model "));
    free(text);
    buf_release(&first);
    buf_release(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(snapshot_load_golden_messages),
        TEST(snapshot_load_faulty_files_say_exactly_what),
        TEST(snapshot_load_bad_names_are_refused),
        TEST(default_models_are_one_an_endpoint),
        TEST(snapshot_load_reports_all_errors),
        TEST(snapshot_load_good_file_fills_everything),
        TEST(snapshot_knows_which_headers_pass),
        TEST(snapshot_load_warnings_do_not_fail),
        TEST(precedence_environment_over_include_over_main),
        TEST(paths_are_relative_to_the_file),
        TEST(socket_path_too_long_as_a_whole_is_refused),
        TEST(restart_list_names_key_and_origin),
        TEST(snapshot_drop_only_the_last_frees),
        TEST(snapshot_find_file_order),
        TEST(snapshot_show_reads_back_and_hides_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
