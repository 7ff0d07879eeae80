/* Small files made in memory: .npy, zip, tar. Include it behind cmocka.h. */
#ifndef WELD_TESTS_SMALL_FILES_H
#define WELD_TESTS_SMALL_FILES_H
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t make_npy(unsigned char *out, const char *descr, const char *shape, const void *data,
                       size_t n)
{
    char header[128];
    int length = snprintf(header, sizeof header,
                          "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape);
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (unsigned char)length;
    out[9] = 0;
    memcpy(out + 10, header, (size_t)length);
    memcpy(out + 10 + length, data, n);
    return 10 + (size_t)length + n;
}

static void put_word(unsigned char *p, uint32_t value, int n)
{
    for (int k = 0; k < n; k++)
        p[k] = (unsigned char)(value >> 8 * k);
}

static uint32_t crc32_of(const unsigned char *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    for (size_t k = 0; k < n; k++) {
        crc ^= p[k];
        for (int b = 0; b < 8; b++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

typedef struct zip {
    unsigned char bytes[2048], central[512];
    size_t size, central_size;
    int count;
} zip;

static void zip_add(zip *z, const char *name, const unsigned char *data, size_t n)
{
    unsigned char fields[26] = {20, 0}; /* version, flags, method, time, date, crc, sizes, name */
    size_t offset = z->size, length = strlen(name);
    put_word(fields + 10, crc32_of(data, n), 4);
    put_word(fields + 14, (uint32_t)n, 4);
    put_word(fields + 18, (uint32_t)n, 4);
    put_word(fields + 22, (uint32_t)length, 2);
    memcpy(z->bytes + offset, "PK\3\4", 4);
    memcpy(z->bytes + offset + 4, fields, 26);
    memcpy(z->bytes + offset + 30, name, length);
    memcpy(z->bytes + offset + 30 + length, data, n);
    z->size += 30 + length + n;
    unsigned char *c = z->central + z->central_size;
    memcpy(c, "PK\1\2\24\0", 6);
    memcpy(c + 6, fields, 26);
    put_word(c + 42, (uint32_t)offset, 4);
    memcpy(c + 46, name, length);
    z->central_size += 46 + length;
    z->count++;
}

static void zip_end(zip *z)
{
    unsigned char *e = z->bytes + z->size + z->central_size;
    memcpy(z->bytes + z->size, z->central, z->central_size);
    memcpy(e, "PK\5\6", 4);
    put_word(e + 8, (uint32_t)z->count, 2);
    put_word(e + 10, (uint32_t)z->count, 2);
    put_word(e + 12, (uint32_t)z->central_size, 4);
    put_word(e + 16, (uint32_t)z->size, 4);
    z->size += z->central_size + 22;
}

static size_t tar_file(unsigned char *out, const char *name, size_t n)
{
    unsigned sum = 0;
    memset(out, 0, 512);
    strcpy((char *)out, name);
    snprintf((char *)out + 100, 8, "0000644");
    snprintf((char *)out + 124, 12, "%011zo", n);
    snprintf((char *)out + 136, 12, "%011o", 0u);
    memset(out + 148, ' ', 8);
    out[156] = '0';
    memcpy(out + 257, "ustar\00000", 8);
    for (int k = 0; k < 512; k++)
        sum += out[k];
    snprintf((char *)out + 148, 8, "%06o", sum);
    memset(out + 512, 0, (n + 511) / 512 * 512);
    return 512 + (n + 511) / 512 * 512;
}

#endif
