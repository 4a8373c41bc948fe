/* suggest: distances and the text appended to messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/near_name.h"

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(dnb_edit_distance("", ""), 0);
    assert_int_equal(dnb_edit_distance("", "abc"), 3);
    assert_int_equal(dnb_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(dnb_edit_distance("Conv5", "conv5"), 0);
    assert_int_equal(dnb_edit_distance("cnov5", "conv5"), 1); /* a swap is one step */
    char a[300], b[300];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    a[299] = b[299] = '\0';
    assert_int_equal(dnb_edit_distance(a, b), 128);
}

static void test_nearest_first(void **state)
{
    (void)state;
    const char *names[] = {"fc1", "conv1_relu", "conv4", "layer4.2.conv3", "conv5", "pool"};
    char text[128] = "x.act.h5: no layer 'conv55'";
    dnb_suggest(text, sizeof text, "conv55", names, 6);
    assert_string_equal(
        text, "x.act.h5: no layer 'conv55'; nearest are 'conv5', 'conv4', 'pool' (6 in all)");
    text[0] = '\0';
    dnb_suggest(text, sizeof text, "layer4", names, 6);
    assert_ptr_equal(strstr(text, "; nearest are 'layer4.2.conv3'"), text);
    strcpy(text, "no");
    dnb_suggest(text, sizeof text, "x", names, 2);
    assert_string_equal(text, "no; there is 'fc1', 'conv1_relu'");
}

static void test_small_buffers_and_null(void **state)
{
    (void)state;
    const char *names[] = {"abc"};
    char text[8] = "no x";
    dnb_suggest(text, sizeof text, "x", names, 1);
    assert_string_equal(text, "no x; t");
    dnb_suggest(NULL, 0, "x", names, 1);
    dnb_err err;
    (void)dnb_fail(&err, DNB_ENOTFOUND, "no x");
    assert_int_equal(dnb_fail_suggest(&err, DNB_ENOTFOUND, "x", names, 1), DNB_ENOTFOUND);
    assert_string_equal(err.message, "no x; there is 'abc'");
    assert_int_equal(dnb_fail_suggest(NULL, DNB_ENOTFOUND, "x", names, 1), DNB_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_nearest_first),
        cmocka_unit_test(test_small_buffers_and_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
