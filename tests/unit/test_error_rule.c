#include "config/error_rule.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void adds(struct error_rules *rules, const char *text)
{
    size_t at = 0;
    struct buf why;
    buf_init(&why, 1024);
    if (!error_rules_add(rules, str_of(text), &at, &why))
        fail_msg("%s: %.*s", text, STR_ARG(buf_str(&why)));
    buf_release(&why);
}

static void first_rule_that_fits_counts(void **state)
{
    (void)state;
    struct error_rules rules = {NULL, 0};
    adds(&rules, "parameter invalid_prompt");
    adds(&rules, "blocked  risk_control ");
    adds(&rules, "account your plan has ended");
    adds(&rules, "rate your plan");
    static const struct {
        const char *code, *type, *message;
        int meaning; /* -1 = none */
    } rows[] = {
        {"invalid_prompt", "", "", ERROR_MEANING_parameter},
        {"", "RISK_CONTROL", "", ERROR_MEANING_blocked},
        {"risk_control_2", "", "risk_control", -1}, /* a word is a whole code */
        {"", "", "Sorry: Your Plan has ended.", ERROR_MEANING_account},
        {"", "", "Sorry: your plan is slow", ERROR_MEANING_rate},
        {"your plan", "", "", -1}, /* words are of the message */
        {"", "", "", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct error_rule *rule = error_rules_find(
            &rules, str_of(rows[i].code), str_of(rows[i].type), str_of(rows[i].message));
        assert_int_equal(rule != NULL ? (int)rule->meaning : -1, rows[i].meaning);
    }
    struct buf out;
    buf_init(&out, 1024);
    assert_true(error_rules_show("error", &rules, &out) && buf_add_char(&out, '\0'));
    assert_string_equal(out.p, "error = parameter invalid_prompt\nerror = blocked risk_control\n"
                               "error = account your plan has ended\nerror = rate your plan\n");
    buf_release(&out);
    error_rules_release(&rules);
}

static void what_is_no_rule_is_explained(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        const char *why;
    } rows[] = {
        {"", 0, "the rule is empty (want MEANING CODE)"},
        {"blokced x", 0, "\"blokced\" is no meaning of an error; did you mean \"blocked\"?"},
        {"whatever x", 0,
         "\"whatever\" is no meaning of an error (want blocked, account, rate, context, "
         "parameter, model or server)"},
        {"server", 6,
         "the rule has no code and no words (want MEANING CODE, or MEANING and a few words of the "
         "message)"},
    };
    struct error_rules rules = {NULL, 0};
    struct buf why;
    buf_init(&why, 1024);
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t at = 999;
        assert_false(error_rules_add(&rules, str_of(rows[i].text), &at, &why));
        assert_true(buf_add_char(&why, '\0'));
        assert_string_equal(why.p, rows[i].why);
        assert_int_equal(at, rows[i].at);
    }
    size_t at = 999;
    for (unsigned i = 0; i < ERROR_RULES_MAX; i++)
        adds(&rules, "server again");
    assert_false(error_rules_add(&rules, STR("server more"), &at, &why));
    buf_release(&why);
    error_rules_release(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_rule_that_fits_counts),
        cmocka_unit_test(what_is_no_rule_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
