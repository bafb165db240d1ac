/*
 * Copyright (c) 2026 The dpdkzcrx authors.
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at:
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

/* A fuzzer for virtqueues.  The input is a program: the guest writes
 * descriptors, tables and indices, honest ones or any, and the device takes,
 * describes, copies, reads, puts back and publishes buffers in between.
 *
 * Built three times: FUZZ_PACKED chooses the kind of virtqueue,
 * FUZZ_INDIRECT has all buffers go through indirect tables. */

#include <string.h>

#include "fuzz.h"
#include "zcrx-vring.h"
#include "zcrx-vring-plain.h"

#define MEM_SIZE 2048
#define N_REGIONS 3
#define MAX_TAKE 16

#define DESC_AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define DESC_USED (1 << VRING_PACKED_DESC_F_USED)

/* The second begins where the first ends, but lies elsewhere; the third ends
 * with the address space. */
static const uint64_t region_gpa[N_REGIONS] = {
    0x10000, 0x10000 + MEM_SIZE, UINT64_MAX - MEM_SIZE + 1,
};

static struct zcrx_gpa_map map;
static uint8_t *mem[N_REGIONS];
static struct zcrx_vring vq;
static struct zcrx_vring_config config;

/* What was taken, in order, and is outstanding. */
static struct zcrx_head taken[ZCRX_VRING_MAX_SIZE];
static unsigned int n_taken;

/* Packed: where the guest writes next. */
static uint16_t guest_slot;
static bool guest_wrap;

static uint64_t
get_gpa(struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in);
    uint64_t gpa = region_gpa[how % N_REGIONS];

    if (how & 0x80) {
        return fuzz_u64(in);
    } else if (how & 0x40) {
        return gpa + MEM_SIZE + (int8_t) fuzz_u8(in);
    }
    return gpa + fuzz_u16(in) % MEM_SIZE;
}

static uint32_t
get_len(struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in);

    return how & 0x80 ? fuzz_u32(in) : how & 0x40 ? fuzz_u16(in) : how;
}

/* Any descriptor, most often of the kind that a driver would write. */
static struct vring_desc
get_desc(struct fuzz_input *in)
{
    struct vring_desc desc = {
        .addr = get_gpa(in),
        .len = get_len(in),
        .flags = config.rx ? VRING_DESC_F_WRITE : 0,
        .next = fuzz_u8(in),
    };

    desc.flags ^= fuzz_u8(in) & 7;
    return desc;
}

/* Writes table entry 'i' at 'p', of the kind that the virtqueue has. */
static void
write_desc(void *p, const struct vring_desc *desc)
{
    if (config.packed) {
        struct vring_packed_desc packed = {
            .addr = desc->addr, .len = desc->len,
            .id = desc->next, .flags = desc->flags,
        };

        memcpy(p, &packed, sizeof packed);
    } else {
        memcpy(p, desc, sizeof *desc);
    }
}

/* The guest writes a table of descriptors to its memory and returns a
 * descriptor of that. */
static struct vring_desc
get_table(struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in);
    unsigned int n = how % 8 + 1;
    unsigned int region = how / 8 % N_REGIONS;
    unsigned int pos = fuzz_u16(in) % (MEM_SIZE
                                       - 8 * sizeof(struct vring_desc));
    struct vring_desc desc = {
        .addr = region_gpa[region] + pos,
        .len = n * sizeof desc,
        .flags = VRING_DESC_F_INDIRECT,
    };

    for (unsigned int i = 0; i < n; i++) {
        struct vring_desc entry = get_desc(in);

        write_desc(&mem[region][pos + i * sizeof entry], &entry);
    }
    if (how & 0x80) {
        desc.flags ^= fuzz_u8(in) & 7;
        desc.len ^= get_len(in);
    }
    return desc;
}

/* The guest writes a descriptor to the ring, and makes it available. */
static void
offer(struct fuzz_input *in)
{
    bool through_table = FUZZ_INDIRECT && config.indirect;
    struct vring_desc desc = through_table ? get_table(in) : get_desc(in);
    uint16_t id = fuzz_u8(in);

    if (!(id & 0x80)) {
        id %= config.size + (id & 0x40 ? 1 : 0);
    }
    if (config.packed) {
        struct vring_packed_desc *ring = config.desc;

        desc.next = id;
        desc.flags |= guest_wrap ? DESC_AVAIL : DESC_USED;
        write_desc(&ring[guest_slot], &desc);
        if (++guest_slot == config.size) {
            guest_slot = 0;
            guest_wrap = !guest_wrap;
        }
    } else {
        struct vring_desc *table = config.desc;
        struct vring_avail *avail = config.avail;

        table[id % config.size] = desc;
        avail->ring[avail->idx++ & (config.size - 1)] = id;
    }
}

/* The guest writes what it likes into a ring or its memory. */
static void
scribble(struct fuzz_input *in)
{
    uint8_t where = fuzz_u8(in);
    uint16_t pos = fuzz_u16(in);

    switch (where % 4) {
    case 0:
        mem[where / 4 % N_REGIONS][pos % MEM_SIZE] = fuzz_u8(in);
        break;
    case 1:
        ((uint8_t *) config.desc)[pos % (16 * config.size)] = fuzz_u8(in);
        break;
    case 2:
        if (config.packed) {
            ((uint8_t *) config.avail)[pos % 4] = fuzz_u8(in);
        } else {
            ((uint8_t *) config.avail)[pos % (6 + 2 * config.size)]
                = fuzz_u8(in);
        }
        break;
    default:
        if (config.packed) {
            guest_slot = pos % config.size;
            guest_wrap = where & 4;
        } else {
            ((struct vring_avail *) config.avail)->idx += pos;
        }
        break;
    }
}

/* Some buffers were taken: none may be out already. */
static void
note_taken(const struct zcrx_head *head)
{
    ORACLE(head->id < config.size);
    for (unsigned int i = 0; i < n_taken; i++) {
        ORACLE(taken[i].id != head->id);
    }
    ORACLE(zcrx_vring_is_outstanding(&vq, head->id));
    taken[n_taken++] = *head;
}

/* Returns true if the 'len' bytes at 'p' are the guest's. */
static bool
is_memory(const void *p, uint64_t len)
{
    for (int i = 0; i < N_REGIONS; i++) {
        uintptr_t offset = (uintptr_t) p - (uintptr_t) mem[i];

        if (offset < MEM_SIZE && len <= MEM_SIZE - offset) {
            return true;
        }
    }
    return false;
}

static void
take_rx(unsigned int n)
{
    struct zcrx_rx_buf bufs[MAX_TAKE];
    bool broken = vq.error;
    uint16_t got = zcrx_vring_take_rx(&vq, bufs, n);

    ORACLE(got <= n && !(broken && got));
    for (uint16_t i = 0; i < got; i++) {
        const struct zcrx_rx_buf *buf = &bufs[i];

        note_taken(&buf->head);
        ORACLE(!buf->hdr || is_memory(buf->hdr, vq.hdr_len));
        ORACLE(buf->contig && buf->contig <= buf->room);
        ORACLE(is_memory(buf->data, buf->contig));
        ORACLE(buf->iova == (uintptr_t) buf->data);
        /* As the VF would. */
        memset(buf->data, 0x5a, buf->contig);
        if (buf->hdr) {
            memset(buf->hdr, 0, vq.hdr_len);
        }
    }
}

/* What take_plain() was given, and how many there were. */
struct plain {
    struct zcrx_plain_limits limits;
    uint16_t n;
};

static void
look_at_plain(void *plain_, uint16_t id, uintptr_t addr, uint16_t len)
{
    const struct zcrx_head head = { id };
    struct plain *plain = plain_;

    plain->n++;
    note_taken(&head);
    ORACLE(len >= plain->limits.min && len <= plain->limits.max);
    ORACLE(is_memory((void *) addr, len));
    memset((void *) addr, 0x5a, len);
}

static void
take_plain(unsigned int n, uint16_t min, uint16_t more)
{
    struct plain plain = { .limits = { 1 + min, 1 + min + more } };
    bool broken = vq.error;
    uint16_t got = zcrx_vring_take_plain(&vq, n, plain.limits, look_at_plain,
                                         &plain);

    ORACLE(got <= n && got == plain.n && !(broken && got));
}

static void
take(unsigned int n)
{
    struct zcrx_head heads[MAX_TAKE];
    bool broken = vq.error;
    uint16_t got = zcrx_vring_take(&vq, heads, n);

    ORACLE(got <= n && !(broken && got));
    for (uint16_t i = 0; i < got; i++) {
        note_taken(&heads[i]);
    }
}

static void
forget_taken(unsigned int i)
{
    memmove(&taken[i], &taken[i + 1], (n_taken - i - 1) * sizeof taken[0]);
    n_taken--;
}

static void
publish(unsigned int i, uint32_t len)
{
    const struct zcrx_used used = { .id = taken[i].id, .len = len };

    zcrx_vring_publish(&vq, &used, 1);
    ORACLE(!zcrx_vring_is_outstanding(&vq, used.id));
    forget_taken(i);
    zcrx_vring_must_notify(&vq);
}

static void
copy_in(struct fuzz_input *in)
{
    static const char frame[3000] = "frame";
    struct zcrx_used used[ZCRX_MAX_MERGE];
    uint8_t how = fuzz_u8(in);
    const struct zcrx_head *head = how & 1 && n_taken ? &taken[0] : NULL;
    uint32_t len = how & 2 ? fuzz_u16(in) % sizeof frame : how;
    uint32_t total = 0;
    uint16_t n = 0;

    if (zcrx_vring_copy_in(&vq, head, frame, len, 0, used, &n)
        == ZCRX_COPY_OK) {
        ORACLE(n && n <= ZCRX_MAX_MERGE && !vq.error);
        for (uint16_t i = 0; i < n; i++) {
            const struct zcrx_head used_head = { used[i].id };

            total += used[i].len;
            if (!head) {
                note_taken(&used_head);
            }
        }
        ORACLE(total == vq.hdr_len + len);
        for (uint16_t i = 0; i < n; i++) {
            publish(head ? 0 : n_taken - n + i, used[i].len);
        }
    } else {
        ORACLE(!n);
    }
}

/* Reads a buffer, as for transmission. */
static void
read_chain(unsigned int i, uint32_t max)
{
    static char frame[4 * MEM_SIZE];
    struct zcrx_chain chain;
    uint32_t n;

    zcrx_chain_init(&chain, &vq, &taken[i]);
    n = zcrx_chain_read(&chain, frame, max % sizeof frame);
    ORACLE(n <= max % sizeof frame);
    while (zcrx_chain_next(&chain)) {
        ORACLE(chain.len);
        ORACLE(is_memory(zcrx_gpa_to_hva(chain.region, chain.gpa),
                         chain.len));
    }
}

static void
put_back_all(void)
{
    zcrx_vring_put_back_all(&vq);
    n_taken = 0;
    for (uint32_t i = 0; i < config.size; i++) {
        ORACLE(!zcrx_vring_is_outstanding(&vq, i));
    }
}

static void
run(struct fuzz_input *in)
{
    while (in->left) {
        uint8_t op = fuzz_u8(in);
        unsigned int n = op / 16 + 1;

        switch (op % 16) {
        case 0: case 1: case 2: case 3: case 4:
            while (n--) {
                offer(in);
            }
            break;
        case 5: case 6:
            scribble(in);
            break;
        case 7:
            if (config.rx) {
                take_plain(n, fuzz_u8(in), fuzz_u16(in) % MEM_SIZE);
                break;
            }
            /* Fall through. */
        case 8:
            if (config.rx) {
                take_rx(n);
                break;
            }
            /* Fall through. */
        case 9:
            take(n);
            break;
        case 10:
            n = n < n_taken ? n : n_taken;
            zcrx_vring_untake(&vq, &taken[n_taken - n], n);
            n_taken -= n;
            break;
        case 11:
            for (; n && n_taken; n--) {
                publish(op & 0x80 ? n_taken - 1 : 0, n);
            }
            break;
        case 12:
            if (config.rx) {
                copy_in(in);
            } else if (n_taken) {
                read_chain(n % n_taken, fuzz_u16(in));
            }
            break;
        case 13:
            /* Once each: this is for buffers that others overtake. */
            if (n_taken && (!config.packed
                            || !vq.saved[taken[0].id])) {
                zcrx_vring_save(&vq, &taken[0]);
            }
            break;
        case 14:
            put_back_all();
            break;
        default:
            zcrx_vring_n_avail(&vq);
            zcrx_vring_suppress_kicks(&vq);
            break;
        }
        ORACLE(vq.n_outstanding == n_taken);
        ORACLE(!config.packed || vq.n_desc_outstanding <= config.size);
        ORACLE(zcrx_vring_strerror(vq.error));
    }
}

static void
init_map(void)
{
    zcrx_gpa_map_init(&map);
    for (int i = 0; i < N_REGIONS; i++) {
        struct zcrx_gpa_region region = {
            .gpa = region_gpa[i],
            .size = MEM_SIZE,
            .page_size = 4096,
        };

        /* Each by itself, for AddressSanitizer. */
        mem[i] = calloc(1, MEM_SIZE);
        region.hva = (uintptr_t) mem[i];
        ORACLE(!zcrx_gpa_map_add(&map, &region));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint8_t features = fuzz_u8(&in);
    uint8_t ring_size = fuzz_u8(&in);
    uint16_t start = fuzz_u16(&in);

    config = (struct zcrx_vring_config) {
        .packed = FUZZ_PACKED,
        .callfd = -1,
        .rx = features & 1,
        .version_1 = FUZZ_PACKED || features & 2,
        .mergeable = features & 4,
        .event_idx = features & 8,
        .indirect = FUZZ_INDIRECT || features & 16,
    };
    if (FUZZ_PACKED) {
        config.size = ring_size % 32 + 1;
        guest_slot = start % config.size;
        guest_wrap = true;
        config.last_avail = config.last_used = guest_slot | 1 << 15;
        config.avail = calloc(1, 4);
        config.used = calloc(1, 4);
    } else {
        config.size = 1 << ring_size % 6;
        config.last_avail = config.last_used = start;
        config.avail = calloc(1, 6 + 2 * config.size);
        config.used = calloc(1, 6 + 8 * config.size);
        ((struct vring_avail *) config.avail)->idx = start;
        ((struct vring_used *) config.used)->idx = start;
    }
    config.desc = calloc(config.size, 16);
    init_map();
    n_taken = 0;
    ORACLE(!zcrx_vring_init(&vq, &config, &map));

    run(&in);

    put_back_all();
    zcrx_vring_destroy(&vq);
    zcrx_gpa_map_destroy(&map);
    for (int i = 0; i < N_REGIONS; i++) {
        free(mem[i]);
    }
    free(config.desc);
    free(config.avail);
    free(config.used);
    return 0;
}
