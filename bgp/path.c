// Reading the path attribute field of an UPDATE with the verdicts of RFC 7606.
#include "bgp/attr.h"

// RFC 4271 section 4.3; RFC 7606 section 4 for what does not fit.
bool bgp_attr_next(struct rd *r, struct bgp_raw_attr *ret)
{
	if (!rd_more(r))
		return false;
	const uint8_t *start = r->p;
	uint8_t flags = rd_u8(r);
	uint8_t code = rd_u8(r);
	size_t len = flags & BGP_FLAG_EXTENDED ? rd_u16(r) : rd_u8(r);
	struct rd value = rd_sub(r, len);

	if (r->bad)
		return false;
	*ret = (struct bgp_raw_attr){
		.flags = flags,
		.code = code,
		.start = start,
		.size = (size_t)(r->p - start),
		.value = value,
	};
	return true;
}

static struct ip_prefix read_route(struct rd *r, unsigned family, bool paths, uint32_t *id)
{
	*id = paths ? rd_u32(r) : 0;
	return prefix_read(r, family == BGP_FAMILY_IP6 ? IP6 : IP4);
}

bool bgp_nlri_is_sound(struct rd r, unsigned family, bool paths)
{
	uint32_t id;

	while (rd_more(&r))
		(void)read_route(&r, family, paths, &id);
	return rd_done(&r);
}

bool bgp_nlri_next_path(
	struct rd *r, unsigned family, bool paths, struct ip_prefix *ret, uint32_t *id)
{
	uint32_t ignored;

	if (!rd_more(r))
		return false;
	struct ip_prefix p = read_route(r, family, paths, id ? id : &ignored);
	if (r->bad)
		return false;
	*ret = p;
	return true;
}

static bool is_known(uint8_t code)
{
	return bgp_attr_find(code) != NULL;
}

static bool is_transitive_unknown(const struct bgp_raw_attr *a)
{
	uint8_t both = BGP_FLAG_OPTIONAL | BGP_FLAG_TRANSITIVE;

	return (a->flags & both) == both && !is_known(a->code);
}

bool bgp_path_next_unknown(struct rd *r, struct bgp_raw_attr *ret)
{
	struct bgp_raw_attr a;

	while (bgp_attr_next(r, &a)) {
		if (!is_transitive_unknown(&a))
			continue;
		a.flags |= BGP_FLAG_PARTIAL;
		*ret = a;
		return true;
	}
	return false;
}

// From the wrong kind of neighbour: RFC 7606 sections 7.5, 7.9 and 7.10, RFC 6793 section 6.
static bool is_expected(const struct bgp_attr_row *row, const struct bgp_codec *codec)
{
	if (row->from == BGP_FROM_INTERNAL)
		return codec->ibgp;
	if (row->from == BGP_FROM_AS2)
		return !codec->as4;
	return true;
}

static struct bgp_fault check(
	const struct bgp_raw_attr *a, const struct bgp_attr_row *row, const struct bgp_codec *codec)
{
	uint8_t both = BGP_FLAG_OPTIONAL | BGP_FLAG_TRANSITIVE;
	size_t len = rd_left(&a->value);
	struct bgp_fault f = { .verb = row->verb };

	if (!is_expected(row, codec)) {
		f.kind = BGP_FAULT_ATTR_UNEXPECTED;
		f.verb = BGP_VERB_DISCARD;
	} else if ((a->flags & both) != row->flags) { // RFC 7606 section 3, c
		f.kind = BGP_FAULT_ATTR_FLAGS;
		f.verb = BGP_VERB_WITHDRAW;
	} else if (len < row->min || len > row->max || len % row->step) {
		f.kind = BGP_FAULT_ATTR_LENGTH;
	}
	return f;
}

static bool carries_routes(uint8_t code)
{
	return code == BGP_ATTR_MP_REACH || code == BGP_ATTR_MP_UNREACH;
}

// Routes are to be withdrawn because of wrong flags: they must be known for that, RFC 7606
// section 3, j.
static void find_routes(struct bgp_path *p, struct rd value, const struct bgp_attr_row *row,
	const struct bgp_codec *codec, struct bgp_fault *f)
{
	struct bgp_fault inside = { .verb = row->verb };

	if (rd_left(&value) < row->min)
		inside.kind = BGP_FAULT_ATTR_LENGTH;
	else
		row->decode(p, &value, codec, &inside);
	bgp_fault_raise(f, &inside);
}

static struct bgp_fault decode_known(struct bgp_path *p, const struct bgp_raw_attr *a,
	const struct bgp_attr_row *row, const struct bgp_codec *codec)
{
	struct bgp_fault f = check(a, row, codec);
	struct rd value = a->value;

	if (f.kind == BGP_FAULT_NONE)
		row->decode(p, &value, codec, &f);
	else if (f.kind == BGP_FAULT_ATTR_FLAGS && carries_routes(row->code))
		find_routes(p, value, row, codec, &f);
	uint64_t bit = UINT64_C(1) << row->code;
	if (f.kind != BGP_FAULT_NONE && f.verb == BGP_VERB_DISCARD)
		return f;
	p->seen |= bit;
	p->bad |= f.kind != BGP_FAULT_NONE ? bit : 0;
	return f;
}

// RFC 4271 section 6.3: a well-known attribute must be known.
static struct bgp_fault decode_unknown(struct bgp_path *p, const struct bgp_raw_attr *a)
{
	if (!(a->flags & BGP_FLAG_OPTIONAL))
		return (struct bgp_fault){ .kind = BGP_FAULT_ATTR_UNKNOWN, .verb = BGP_VERB_RESET };
	p->unknown += is_transitive_unknown(a);
	return (struct bgp_fault){};
}

// RFC 7606 section 3, g: the first one counts; two of the attributes that carry
// routes make the routes unknowable.
static struct bgp_fault twice(const struct bgp_raw_attr *a)
{
	return (struct bgp_fault){
		.kind = BGP_FAULT_ATTR_TWICE,
		.verb = carries_routes(a->code) ? BGP_VERB_RESET : BGP_VERB_DISCARD,
	};
}

static struct bgp_fault decode_one(
	struct bgp_path *p, const struct bgp_raw_attr *a, const struct bgp_codec *codec, bool again)
{
	const struct bgp_attr_row *row = bgp_attr_find(a->code);

	if (again)
		return twice(a);
	return row ? decode_known(p, a, row, codec) : decode_unknown(p, a);
}

// Whether an attribute means nothing in this UPDATE, whatever is in it. RFC 4760 section 3:
// NEXT_HOP, where no routes stand behind the attributes.
static bool is_ignored(uint8_t code, bool nlri)
{
	return code == BGP_ATTR_NEXT_HOP && !nlri;
}

struct bgp_fault bgp_path_decode(
	struct bgp_path *ret, struct rd field, const struct bgp_codec *codec)
{
	return bgp_path_decode_of(ret, field, codec, true);
}

struct bgp_fault bgp_path_decode_of(
	struct bgp_path *ret, struct rd field, const struct bgp_codec *codec, bool nlri)
{
	struct bgp_fault worst = {};
	struct bgp_raw_attr a;
	uint64_t met[4] = {}; // of every code 0..255

	*ret = (struct bgp_path){ .raw = field };
	while (bgp_attr_next(&field, &a)) {
		uint64_t bit = UINT64_C(1) << a.code % 64;
		struct bgp_fault f = {};

		if (!is_ignored(a.code, nlri))
			f = decode_one(ret, &a, codec, met[a.code / 64] & bit);
		met[a.code / 64] |= bit;
		ret->count++;
		f.attr = a.code;
		f.data = a.start;
		f.data_len = a.size;
		bgp_fault_raise(&worst, &f);
	}
	if (field.bad) // RFC 7606 section 4: the routes can still be found
		bgp_fault_raise(&worst, &(struct bgp_fault){ .kind = BGP_FAULT_ATTR_LIST,
						.verb = BGP_VERB_WITHDRAW });
	return worst;
}

void bgp_path_print(const struct bgp_path *p, struct strbuf *b)
{
	const char *between = "";

	for (const struct bgp_attr_row *row = bgp_attr_table; row->name; row++) {
		if (!bgp_path_has(p, row->code))
			continue;
		sb_printf(b, "%s%s ", between, row->name);
		size_t before = b->len;
		if (p->bad >> row->code & 1)
			sb_str(b, "(malformed)");
		else
			row->print(p, b);
		if (b->len == before)
			b->s[--b->len] = '\0'; // the name says it all: no blank after it
		between = ", ";
	}
}
