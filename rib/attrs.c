// Splitting an attribute field into the strings that are kept, and writing it again.
#include "rib/attrs.h"

#include <errno.h>
#include <string.h>

#include "lib/own.h"
#include "rib/codes.h"

// ---- One attribute ----

static bool next_raw(struct rd *r, uint8_t *flags, uint8_t *code, struct rd *value)
{
	if (!rd_more(r))
		return false;
	*flags = rd_u8(r);
	*code = rd_u8(r);
	size_t len = *flags & FLAG_EXTENDED ? rd_u16(r) : rd_u8(r);
	*value = rd_sub(r, len);
	return !r->bad;
}

bool rib_attrs_next(struct rd *rest, uint8_t *flags, uint8_t *code, struct rd *value)
{
	return next_raw(rest, flags, code, value);
}

bool rib_attrs_get(const struct rib_attrs *a, uint8_t want, struct rd *value)
{
	struct rd r = a->rest, v;
	uint8_t flags, code;

	while (next_raw(&r, &flags, &code, &v)) {
		if (code > want)
			return false;
		if (code == want) {
			*value = v;
			return true;
		}
	}
	return false;
}

static void write_attr(struct wr *w, uint8_t flags, uint8_t code, const void *value, size_t n)
{
	bool extended = n > UINT8_MAX;

	wr_u8(w, (uint8_t)((flags & ~FLAG_EXTENDED) | (extended ? FLAG_EXTENDED : 0)));
	wr_u8(w, code);
	if (extended)
		wr_u16(w, (uint16_t)n);
	else
		wr_u8(w, (uint8_t)n);
	wr_bytes(w, value, n);
}

// ---- Splitting ----

struct raw {
	uint8_t flags, code;
	struct rd value;
};

enum { RAW_MAX = 256 }; // codes there are

struct field {
	struct raw list[RAW_MAX]; // in order of code, each once
	unsigned count;
};

// Optional, not transitive, and known to stand in routes of a neighbour.
static bool is_local_attr(uint8_t code)
{
	return code == ATTR_MED || code == ATTR_ORIGINATOR_ID || code == ATTR_CLUSTER_LIST ||
	       code == ATTR_AIGP || code == ATTR_MP_REACH;
}

// RFC 4271 section 5. Their flags say nothing: they are always those of a transitive attribute.
static bool is_well_known(uint8_t code)
{
	return (code >= ATTR_ORIGIN && code <= ATTR_NEXT_HOP) || code == ATTR_LOCAL_PREF ||
	       code == ATTR_ATOMIC_AGGREGATE;
}

static bool is_kept(const struct rib_attrs_from *from, uint8_t flags, uint8_t code)
{
	if (code < 64 && from->drop >> code & 1)
		return false;
	return flags & FLAG_TRANSITIVE || is_local_attr(code);
}

// RFC 7606 section 3, g: the first of a code counts.
static void sort_in(struct field *f, const struct raw *a)
{
	unsigned i = f->count;

	while (i > 0 && f->list[i - 1].code > a->code)
		i--;
	if (i > 0 && f->list[i - 1].code == a->code)
		return;
	memmove(&f->list[i + 1], &f->list[i], (f->count - i) * sizeof(f->list[0]));
	f->list[i] = *a;
	f->count++;
}

static int read_field(struct field *f, struct rd r, const struct rib_attrs_from *from)
{
	struct raw a;

	f->count = 0;
	while (next_raw(&r, &a.flags, &a.code, &a.value)) {
		if (is_well_known(a.code)) // BIRD's tables have NEXT_HOP and LOCAL_PREF without any
			a.flags = FLAG_TRANSITIVE;
		if (is_kept(from, a.flags, a.code))
			sort_in(f, &a);
	}
	return r.bad ? -EBADMSG : 0;
}

static const struct raw *find(const struct field *f, uint8_t code)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->list[i].code == code)
			return &f->list[i];
	return NULL;
}

// RFC 6793 section 4.2.3: AS4_PATH and AS4_AGGREGATOR count, unless AGGREGATOR names an AS that
// fits in two octets: then the last to aggregate did not know of them.
static bool as4_counts(const struct field *f)
{
	const struct raw *a = find(f, ATTR_AGGREGATOR);
	struct rd r = a ? a->value : (struct rd){};

	return !a || rd_u16(&r) == AS_TRANS;
}

static int split_path(struct rib_attrs *ret, struct rib_attrs_room *room, const struct field *f,
	const struct rib_attrs_from *from)
{
	const struct raw *path = find(f, ATTR_AS_PATH), *path4 = find(f, ATTR_AS4_PATH);
	struct wr w = wr_init(room->path, sizeof(room->path));
	struct rd none = rd_init("", 0);

	if (from->as4) {
		ret->path = path ? path->value : none;
		return rib_path_is_sound(ret->path) ? 0 : -EBADMSG;
	}
	bool merge = path4 && as4_counts(f);
	int rc = rib_path_merge(&w, path ? path->value : none, merge ? path4->value : none);
	if (rc < 0 || w.bad || wr_len(&w) > UINT16_MAX)
		return -EBADMSG;
	ret->path = rd_init(room->path, wr_len(&w));
	return 0;
}

// MP_REACH_NLRI whole: AFI (2), SAFI (1), length (1), next hop, ...; or from the length on.
// A whole one begins with the upper octet of an AFI, which is 0.
static struct rd reach_hop(struct rd value)
{
	struct rd r = value;

	if (rd_more(&r) && *r.p == 0)
		(void)rd_bytes(&r, 3);
	size_t n = rd_u8(&r);
	return rd_sub(&r, n);
}

static int split_hop(struct rib_attrs *ret, struct rib_attrs_room *room, const struct field *f,
	const struct rib_attrs_from *from)
{
	const struct raw *hop = find(f, ATTR_NEXT_HOP), *reach = find(f, ATTR_MP_REACH);
	struct wr w = wr_init(room->hop, sizeof(room->hop));

	if (from->next_hop.family != IP_NONE) {
		wr_bytes(&w, from->next_hop.b, ip_bytes((enum ip_family)from->next_hop.family));
		if (from->link_local.family == IP6)
			wr_bytes(&w, from->link_local.b, 16);
		ret->hop = rd_init(room->hop, wr_len(&w));
		return 0;
	}
	struct rd value = reach ? reach_hop(reach->value) : hop ? hop->value : rd_init("", 0);
	size_t n = rd_left(&value);
	if (value.bad || (n != 0 && n != 4 && n != 16 && n != 32))
		return -EBADMSG;
	ret->hop = value;
	return 0;
}

// Four octets for the AS in every case, so that equal aggregators are equal strings.
static void write_aggregator(struct wr *w, const struct field *f, const struct raw *a, bool as4)
{
	const struct raw *wide = find(f, ATTR_AS4_AGGREGATOR);
	struct rd r = a->value;
	uint8_t value[8];
	struct wr v = wr_init(value, sizeof(value));

	if (as4 || rd_left(&r) != 6) {
		write_attr(w, a->flags, a->code, r.p, rd_left(&r));
		return;
	}
	uint32_t as = rd_u16(&r);
	if (as == AS_TRANS && wide && rd_left(&wide->value) == 8) {
		write_attr(w, a->flags, a->code, wide->value.p, 8);
		return;
	}
	wr_u32(&v, as);
	wr_bytes(&v, r.p, 4);
	write_attr(w, a->flags, a->code, value, sizeof(value));
}

static bool is_apart(uint8_t code, bool as4)
{
	bool wide = code == ATTR_AS4_PATH || code == ATTR_AS4_AGGREGATOR;

	return code == ATTR_AS_PATH || code == ATTR_NEXT_HOP || code == ATTR_MP_REACH ||
	       (wide && !as4);
}

static void split_rest(struct rib_attrs *ret, struct rib_attrs_room *room, const struct field *f,
	const struct rib_attrs_from *from)
{
	struct wr w = wr_init(room->rest, sizeof(room->rest));

	for (unsigned i = 0; i < f->count; i++) {
		const struct raw *a = &f->list[i];
		if (is_apart(a->code, from->as4))
			continue;
		if (a->code == ATTR_AGGREGATOR)
			write_aggregator(&w, f, a, from->as4);
		else
			write_attr(&w, a->flags, a->code, a->value.p, rd_left(&a->value));
	}
	ret->rest = rd_init(room->rest, wr_len(&w));
}

int rib_attrs_split(struct rib_attrs *ret, struct rib_attrs_room *room, struct rd field,
	const struct rib_attrs_from *from)
{
	struct rib_attrs a;
	struct field f;

	if (read_field(&f, field, from) < 0 || split_path(&a, room, &f, from) < 0 ||
		split_hop(&a, room, &f, from) < 0)
		return -EBADMSG;
	split_rest(&a, room, &f, from);
	*ret = a;
	return 0;
}

// ---- Writing ----

void rib_attrs_write(struct wr *w, const struct rib_attrs *a)
{
	struct rd r = a->rest, v;
	uint8_t flags, code;
	size_t hop = rd_left(&a->hop);
	bool path_done = false, reach_done = hop <= 4;

	// rest is in order of code; the three that are kept apart go where they belong.
	for (bool more = true; more;) {
		more = next_raw(&r, &flags, &code, &v);
		if (!path_done && (!more || code > ATTR_AS_PATH)) {
			write_attr(w, FLAG_TRANSITIVE, ATTR_AS_PATH, a->path.p, rd_left(&a->path));
			if (hop == 4)
				write_attr(w, FLAG_TRANSITIVE, ATTR_NEXT_HOP, a->hop.p, 4);
			path_done = true;
		}
		if (!reach_done && (!more || code > ATTR_MP_REACH)) {
			wr_u8(w, FLAG_OPTIONAL);
			wr_u8(w, ATTR_MP_REACH);
			wr_u8(w, (uint8_t)(hop + 1));
			wr_u8(w, (uint8_t)hop);
			wr_bytes(w, a->hop.p, hop);
			reach_done = true;
		}
		if (more)
			write_attr(w, flags, code, v.p, rd_left(&v));
	}
}

// ---- Values ----

struct ip_addr rib_attrs_next_hop(const struct rib_attrs *a, struct ip_addr *link_local)
{
	size_t n = rd_left(&a->hop);

	if (link_local)
		*link_local = n == 32 ? ip_from_bytes(IP6, a->hop.p + 16) : (struct ip_addr){};
	if (n == 4)
		return ip_from_bytes(IP4, a->hop.p);
	return n >= 16 ? ip_from_bytes(IP6, a->hop.p) : (struct ip_addr){};
}

uint32_t rib_attrs_u32(const struct rib_attrs *a, uint8_t code, uint32_t fallback)
{
	struct rd v;

	if (!rib_attrs_get(a, code, &v) || rd_left(&v) != 4)
		return fallback;
	return rd_u32(&v);
}

unsigned rib_attrs_origin(const struct rib_attrs *a)
{
	struct rd v;

	if (!rib_attrs_get(a, ATTR_ORIGIN, &v))
		return ORIGIN_INCOMPLETE;
	return rd_u8(&v);
}

const char *rib_origin_name(unsigned origin)
{
	static const char *const names[] = { "igp", "egp", "incomplete" };

	return origin < countof(names) ? names[origin] : "unknown";
}
