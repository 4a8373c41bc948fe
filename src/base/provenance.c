/* Provenance records (cJSON) and content hashes (xxHash). */
#include "dnnbrain/provenance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <xxhash.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "dnnbrain/runtime.h"

struct dnb_provenance {
    cJSON *object;
    char *text; /* printed form, refreshed on every change */
};

static dnb_status refresh(dnb_provenance *p, dnb_err *err)
{
    char *text = cJSON_PrintUnformatted(p->object);
    if (!text)
        return dnb_fail_memory(err, "provenance", 0);
    cJSON_free(p->text);
    p->text = text;
    return DNB_OK;
}

/* Stores item under key, taking ownership of item. */
static dnb_status put(dnb_provenance *p, const char *key, cJSON *item, dnb_err *err)
{
    cJSON_bool ok = 0;
    if (item && cJSON_HasObjectItem(p->object, key))
        ok = cJSON_ReplaceItemInObjectCaseSensitive(p->object, key, item);
    else if (item)
        ok = cJSON_AddItemToObject(p->object, key, item);
    if (!ok) {
        cJSON_Delete(item);
        return dnb_fail_memory(err, "provenance", strlen(key));
    }
    return refresh(p, err);
}

dnb_status dnb_provenance_set(dnb_provenance *p, const char *key, const char *value, dnb_err *err)
{
    return p ? put(p, key, cJSON_CreateString(value), err) : DNB_OK;
}

dnb_status dnb_provenance_set_number(dnb_provenance *p, const char *key, double value, dnb_err *err)
{
    return p ? put(p, key, cJSON_CreateNumber(value), err) : DNB_OK;
}

/* One command-line word as a shell would need it. */
static void add_word(dnb_strbuf *b, const char *word)
{
    if (word[0] && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=./,:@%") == strlen(word)) {
        dnb_strbuf_add(b, word);
        return;
    }
    dnb_strbuf_add(b, "'");
    for (; *word; word++) {
        if (*word == '\'')
            dnb_strbuf_add(b, "'\\''");
        else
            dnb_strbuf_addn(b, word, 1);
    }
    dnb_strbuf_add(b, "'");
}

dnb_status dnb_provenance_new(dnb_provenance **out, int argc, const char *const *argv, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_provenance *p = NULL;
    dnb_strbuf command = {0};
    char *text = NULL;
    char program[64];
    DNB_NEW(p, 1, "provenance");
    p->object = cJSON_CreateObject();
    if (!p->object) {
        status = dnb_fail_memory(err, "provenance", 0);
        goto done;
    }
    snprintf(program, sizeof program, "dnnbrain %s", dnb_version());
    DNB_TRY(dnb_provenance_set(p, "program", program, err));
    if (argv) {
        for (int i = 0; i < argc; i++) {
            if (i)
                dnb_strbuf_add(&command, " ");
            add_word(&command, argv[i]);
        }
        DNB_TRY(dnb_strbuf_take(&command, &text, err));
        DNB_TRY(dnb_provenance_set(p, "command", text, err));
    }
    *out = p;
    p = NULL;
done:
    dnb_strbuf_release(&command);
    dnb_free(text);
    dnb_provenance_free(p);
    return status;
}

void dnb_provenance_free(dnb_provenance *p)
{
    if (!p)
        return;
    cJSON_Delete(p->object);
    cJSON_free(p->text);
    dnb_free(p);
}

const char *dnb_provenance_json(const dnb_provenance *p)
{
    return p && p->text ? p->text : "{}";
}

static void digest_hex(XXH128_hash_t h, char out[33])
{
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, h);
    for (size_t i = 0; i < sizeof c.digest; i++)
        snprintf(out + 2 * i, 3, "%02x", c.digest[i]);
}

void dnb_hash_bytes(const void *data, size_t size, char out[33])
{
    digest_hex(XXH3_128bits(data, size), out);
}

dnb_status dnb_hash_file(const char *path, char out[33], dnb_err *err)
{
    dnb_status status = DNB_OK;
    enum { CHUNK = 1 << 20 };
    unsigned char *buf = NULL;
    XXH3_state_t *state = XXH3_createState();
    FILE *f = fopen(path, "rb");
    if (!f) {
        status = dnb_fail(err, DNB_EIO, "%s: cannot open: %s", path, strerror(errno));
        goto done;
    }
    DNB_NEW(buf, CHUNK, "hash buffer");
    if (!state || XXH3_128bits_reset(state) != XXH_OK) {
        status = dnb_fail_memory(err, "hash state", 0);
        goto done;
    }
    for (size_t n; (n = fread(buf, 1, CHUNK, f)) > 0;)
        XXH3_128bits_update(state, buf, n);
    if (ferror(f)) {
        status = dnb_fail(err, DNB_EIO, "%s: cannot read: %s", path, strerror(errno));
        goto done;
    }
    digest_hex(XXH3_128bits_digest(state), out);
done:
    XXH3_freeState(state);
    if (f)
        fclose(f);
    dnb_free(buf);
    return status;
}
