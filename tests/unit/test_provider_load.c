#include "tests/unit/config_file.h"

/* Each stands in [provider "p"]. */
static const struct faulty faulty_providers[] = {
    {"", "1:1: error: provider \"p\" has no base_url"},
    {"base_url = ftp://h\n", "2:12: error: base_url is not a base URL (want https://host/v1)"},
    {"base_url = https://\n", "2:12: error: base_url names no host"},
    {"base_url = https://u:pw@h.example\n",
     "2:12: error: base_url holds a user or password; use key = env:NAME instead"},
    {"base_url = https://h.example/v1?k=1\n", "2:12: error: base_url holds a query (?)"},
    {"base_url = https://h.example/v1#x\n", "2:12: error: base_url holds a fragment (#)"},
    {"base_url = https://h.example:99999/\n",
     "2:12: error: \"99999\" is not a port (want 1..65535)"},
    {"base_url = https://h..example\n", "2:12: error: \"h..example\" is not a host"},
    {"base_url = https://2130706433/\n", "2:12: error: \"2130706433\" is not a host"},
    {"base_url = https://h.example/v1/../x\n", "2:12: error: base_url holds a \"..\" segment"},
    {"base_url = https://h.example/v1/chat/completions\n",
     "2:12: error: base_url ends with \"/chat/completions\"; write it without"},
    {"base_url = http://h.example/v1\n",
     "2:12: error: http:// is for private addresses only; use https://"},
    {"base_url = http://8.8.8.8/v1\nallow_private = on\n",
     "2:12: error: http:// is for private addresses only; use https://"},
    {"base_url = http://127.0.0.1:11434/v1\n",
     "2:12: error: \"127.0.0.1\" is a private address; set allow_private = on"},
    {"base_url = https://[fd00::1]/v1\n",
     "2:12: error: \"fd00::1\" is a private address; set allow_private = on"},
    {"base_url = https://169.254.169.254/\n",
     "2:12: error: \"169.254.169.254\" is a private address; set allow_private = on"},
    {"base_url = builtin:sandbox\nkey = sk-verysecret\n",
     "3:7: error: a secret must not stand in this file (want env:NAME, file:PATH or cred:NAME)"},
    {"base_url = builtin:sandbox\nkey = env:sk-very/secret\n",
     "3:7: error: a secret must not stand in this file (want env:NAME, file:PATH or cred:NAME)"},
    {"base_url = builtin:sandbox\nkey = file:sk-secret\n",
     "3:7: error: a secret must not stand in this file (want env:NAME, file:PATH or cred:NAME)"},
    {"base_url = builtin:sandbox\nkey = cred:sk-secret\n",
     "3:7: error: a secret must not stand in this file (want env:NAME, file:PATH or cred:NAME)"},
    {"base_url = builtin:sandbox\nkey = env:proj-secret\n",
     "3:7: error: a secret must not stand in this file (want env:NAME, file:PATH or cred:NAME)"},
    {"base_url = builtin:sandbox\nkey = cred:../secret\n",
     "3:7: error: a secret must not stand in this file (want env:NAME, file:PATH or cred:NAME)"},
    {"base_url = builtin:sandbox\nkey = file:missing.key\n",
     "3:7: error: cannot open missing.key: No such file or directory (needed by provider \"p\")"},
    {"base_url = builtin:sandbox\nkey = cred:openai\n",
     "3:7: error: credential \"openai\" is not there: CREDENTIALS_DIRECTORY is not set (systemd "
     "sets it for LoadCredential=) (needed by provider \"p\")"},
    {"base_url = builtin:sandbox\nkey = env:GATEWAY_TEST_EMPTY\n",
     "3:7: error: environment variable GATEWAY_TEST_EMPTY is empty (needed by provider \"p\")"},
    {"base_url = builtin:sandbox\nkey = env:GATEWAY_TEST_KEY\nkey = env:GATEWAY_TEST_KEY\n",
     "4:7: error: this key is given already (provider \"p\")"},
    {"base_url = builtin:sandbox\nauth = baerer\n",
     "3:8: error: \"baerer\" is not one of bearer, api-key, x-api-key; did you mean \"bearer\"?"},
    {"base_url = builtin:sandbox\npath = images /x\npath = chat /{model}\n",
     "3:8: error: \"images\" is no endpoint with a path (want chat, completions, responses, "
     "image_generations, image_edits, embeddings, transcription, translation, speech, rerank, "
     "moderation, video, video_poll, video_content, video_remix)"},
    {"base_url = builtin:sandbox\npath =  \"chat /a/{mod}\"\n",
     "3:18: error: only {model} stands for something, and once"},
    {"base_url = builtin:sandbox\npath = chat /a\npath = chat /b\n",
     "4:8: error: chat has a path already"},
    {"base_url = builtin:sandbox\nquery = api-key=x\n",
     "3:9: error: \"api-key\" looks like a secret, which must not stand in this file"},
    {"base_url = builtin:sandbox\nquery = a=1\nquery = b=2\n",
     "4:1: error: \"query\" is set twice; the first is at line 3"},
    {"base_url = builtin:sandbox\nheader = X-Auth-Token: abcdefgh\n",
     "3:24: error: a secret must not stand in this file (want env:NAME, file:PATH or cred:NAME as "
     "the last word)"},
    {"base_url = builtin:sandbox\nheader = X-A: Bearer env:GATEWAY_TEST_EMPTY\n",
     "3:15: error: environment variable GATEWAY_TEST_EMPTY is empty (needed by provider \"p\")"},
    {"base_url = builtin:sandbox\nheader = Content-Length: 3\n",
     "3:10: error: the gateway decides on \"Content-Length\" itself"},
    {"base_url = builtin:sandbox\nheader = X-A: b\nheader = x-a: c\n",
     "4:10: error: \"x-a\" is set twice"},
    {"base_url = builtin:sandbox\nheader_allow = traceparent, cookie\n",
     "3:29: error: the gateway decides on \"cookie\" itself"},
    {"base_url = builtin:sandbox\nheader_allow = X-Auth-Token\n",
     "3:16: error: \"X-Auth-Token\" looks like a secret; a client's must not reach a provider"},
    {"base_url = builtin:sandbox\nheader_allow = x-a\nheader = X-A: b\n",
     "3:16: error: \"x-a\" is set by header already"},
    {"base_url = builtin:sandbox\nembeddings_base64 = covert\n",
     "3:21: error: \"covert\" is not one of native, convert, strip; did you mean \"convert\"?"},
    {"base_url = builtin:sandbox\naccept_sse = on\n",
     "3:14: error: \"on\" is not one of auto, force"},
    {"base_url = builtin:sandbox\nimages_retry_ambiguous = yes\n",
     "3:26: error: \"yes\" is not a switch (want on or off)"},
    {"base_url = builtin:sandbox\norganization = \"a\\nb\"\n",
     "3:17: error: the value holds a control character"},
    {"base_url = builtin:sandbox\ndrain = 20\n",
     "3:9: error: \"20\" has no unit (want a time like 20s or 250ms)"},
    {"base_url = builtin:sandbox\nmax_connections = 0\n",
     "3:19: error: \"0\" is out of range (want 1..65536)"},
    {"base_url = builtin:sandbox\nbaseurl = x\n",
     "3:1: error: unknown key \"baseurl\" in [provider \"p\"]; did you mean \"base_url\"?"},
    {"base_url = builtin:sandbox\nbase_url = builtin:sandbox\n",
     "3:1: error: \"base_url\" is set twice; the first is at line 2"},
};

static void provider_that_is_wrong_says_exactly_what(void **state)
{
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    setenv("GATEWAY_TEST_EMPTY", "", 1);
    setenv("GATEWAY_TEST_KEY", "sk-abc", 1);
    for (size_t i = 0; i < COUNT(faulty_providers); i++)
        refuses("[provider \"p\"]\n", &faulty_providers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(provider_that_is_wrong_says_exactly_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
