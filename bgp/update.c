#include "bgp/update.h"

#include "bgp/msg.h"
#include "lib/own.h"

// ---- Reading ----

static void raise(struct bgp_update *u, enum bgp_fault_kind kind, enum bgp_verb verb)
{
	bgp_fault_raise(&u->fault, &(struct bgp_fault){ .kind = kind, .verb = verb });
}

// RFC 7606 section 3, d: routes without their mandatory attributes are withdrawn.
static void check_mandatory(struct bgp_update *u, const struct bgp_codec *codec)
{
	bool classic = rd_more(&u->nlri);
	const struct {
		bool wanted;
		uint8_t code;
	} mandatory[] = {
		{ true, BGP_ATTR_ORIGIN },
		{ true, BGP_ATTR_AS_PATH },
		{ classic, BGP_ATTR_NEXT_HOP },
		{ codec->ibgp, BGP_ATTR_LOCAL_PREF },
	};

	if (!classic && !bgp_path_has(&u->path, BGP_ATTR_MP_REACH))
		return;
	for (size_t i = 0; i < countof(mandatory); i++) {
		struct bgp_fault f = {
			.kind = BGP_FAULT_ATTR_MISSING,
			.verb = BGP_VERB_WITHDRAW,
			.attr = mandatory[i].code,
		};
		if (mandatory[i].wanted && !bgp_path_has(&u->path, mandatory[i].code))
			bgp_fault_raise(&u->fault, &f);
	}
}

// RFC 7606 section 5.2: attributes that belong to no route, and wrong ones at that: routes may
// have been missed, so that there is nothing to withdraw.
static void check_routes_found(struct bgp_update *u)
{
	const struct bgp_path *p = &u->path;
	bool reach = bgp_path_has(p, BGP_ATTR_MP_REACH);
	bool unreach_only = p->count == 1 && bgp_path_has(p, BGP_ATTR_MP_UNREACH);

	if (rd_more(&u->nlri) || reach || unreach_only)
		return;
	if (u->fault.verb > BGP_VERB_DISCARD)
		u->fault.verb = BGP_VERB_RESET;
}

static unsigned end_of_rib(const struct bgp_update *u)
{
	const struct bgp_path *p = &u->path;

	if (rd_more(&u->withdrawn) || rd_more(&u->nlri))
		return 0;
	if (p->count == 0)
		return BGP_FAMILY_IP4;
	bool unreach_only = p->count == 1 && bgp_path_has(p, BGP_ATTR_MP_UNREACH);
	return unreach_only && !rd_more(&p->unreach.nlri) ? p->unreach.family : 0;
}

//	+-----------------+-----------+-----------------+------------+------+
//	| withdrawn n (2) | withdrawn | attributes n(2) | attributes | NLRI |
//	+-----------------+-----------+-----------------+------------+------+
void bgp_update_decode(struct bgp_update *ret, struct rd r, const struct bgp_codec *codec)
{
	struct bgp_update u = { .paths = codec->paths_in & BGP_FAMILY_IP4 };
	size_t withdrawn_len = rd_u16(&r);
	struct rd withdrawn = rd_sub(&r, withdrawn_len);
	size_t attrs_len = rd_u16(&r);
	struct rd attrs = rd_sub(&r, attrs_len);

	if (r.bad) { // section 6.3
		raise(&u, BGP_FAULT_UPDATE_LENGTH, BGP_VERB_RESET);
	} else if (!bgp_nlri_is_sound(withdrawn, BGP_FAMILY_IP4, u.paths) ||
		   !bgp_nlri_is_sound(r, BGP_FAMILY_IP4, u.paths)) { // RFC 7606 section 5.3
		raise(&u, BGP_FAULT_NETWORK, BGP_VERB_RESET);
	} else {
		u.withdrawn = withdrawn;
		u.nlri = r;
		u.fault = bgp_path_decode_of(&u.path, attrs, codec, rd_more(&u.nlri));
		check_mandatory(&u, codec);
		check_routes_found(&u);
	}
	if (u.fault.kind == BGP_FAULT_NONE)
		u.end_of_rib = end_of_rib(&u);
	*ret = u;
}

bool bgp_nlri_next(struct rd *r, unsigned family, struct ip_prefix *ret)
{
	return bgp_nlri_next_path(r, family, false, ret, NULL);
}

static size_t count(struct rd r, unsigned family, bool paths)
{
	struct ip_prefix p;
	size_t n = 0;

	while (bgp_nlri_next_path(&r, family, paths, &p, NULL))
		n++;
	return n;
}

static size_t count_mp(const struct bgp_mp *mp)
{
	return count(mp->nlri, mp->family, mp->paths);
}

void bgp_update_count(const struct bgp_update *u, size_t *announced, size_t *withdrawn)
{
	const struct bgp_path *p = &u->path;
	bool reset = u->fault.verb == BGP_VERB_RESET;
	size_t routes = count(u->nlri, BGP_FAMILY_IP4, u->paths) + count_mp(&p->reach);
	size_t gone = count(u->withdrawn, BGP_FAMILY_IP4, u->paths) + count_mp(&p->unreach);

	if (u->fault.verb == BGP_VERB_WITHDRAW) { // RFC 7606 section 2
		gone += routes;
		routes = 0;
	}
	*announced = reset ? 0 : routes;
	*withdrawn = reset ? 0 : gone;
}

// ---- Writing ----

// RFC 7606 section 5.1: the attribute with the routes comes first. Its length has two
// octets, since it is not known before the last prefix.
static void begin_mp(struct bgp_update_writer *u, enum bgp_attr_code code)
{
	wr_u8(&u->w, BGP_FLAG_OPTIONAL | BGP_FLAG_EXTENDED);
	wr_u8(&u->w, (uint8_t)code);
	u->field_at = wr_len16_open(&u->w);
	wr_u16(&u->w, bgp_afi_of(u->family));
	wr_u8(&u->w, BGP_SAFI_UNICAST);
}

static void begin_withdraw(struct bgp_update_writer *u)
{
	if (!u->mp) {
		u->field_at = wr_len16_open(&u->w);
		u->tail_len = 2; // no attributes: their length, 0
		return;
	}
	wr_u16(&u->w, 0);
	u->attrs_at = wr_len16_open(&u->w);
	begin_mp(u, BGP_ATTR_MP_UNREACH);
}

static void begin_announce(
	struct bgp_update_writer *u, const struct bgp_attrs *attrs, const struct bgp_codec *codec)
{
	wr_u16(&u->w, 0);
	u->attrs_at = wr_len16_open(&u->w);
	if (!u->mp) {
		bgp_attrs_encode(&u->w, attrs, codec, true);
		wr_len16_close(&u->w, u->attrs_at);
		u->attrs_at = 0; // settled
		return;
	}
	begin_mp(u, BGP_ATTR_MP_REACH);
	bool local = codec->link_local.family == IP6; // RFC 2545 section 3
	wr_u8(&u->w, local ? 32 : 16);
	wr_bytes(&u->w, codec->next_hop6.b, 16);
	if (local)
		wr_bytes(&u->w, codec->link_local.b, 16);
	wr_u8(&u->w, 0);

	struct wr tail = wr_init(u->tail, sizeof(u->tail));
	bgp_attrs_encode(&tail, attrs, codec, false);
	u->tail_len = wr_len(&tail);
}

void bgp_update_begin(struct bgp_update_writer *u, uint8_t *buf, unsigned family,
	const struct bgp_attrs *attrs, const struct bgp_codec *codec)
{
	u->max = bgp_codec_max(codec);
	u->w = wr_init(buf, u->max);
	u->family = family;
	u->withdraw = !attrs;
	u->mp = family != BGP_FAMILY_IP4 || codec->ip4_via_ip6;
	u->paths = codec->paths_out & family;
	u->field_at = u->attrs_at = u->tail_len = 0;
	bgp_msg_begin(&u->w, BGP_MSG_UPDATE);
	if (attrs)
		begin_announce(u, attrs, codec);
	else
		begin_withdraw(u);
	u->list_at = u->list_end = wr_len(&u->w);
}

enum { PATH_ID = 1 }; // there is one path a prefix

bool bgp_update_add(struct bgp_update_writer *u, const struct ip_prefix *prefix)
{
	size_t size = (u->paths ? 4 : 0) + 1 + (prefix->len + 7u) / 8;

	if (wr_len(&u->w) + size + u->tail_len > u->max)
		return false;
	if (u->paths)
		wr_u32(&u->w, PATH_ID);
	prefix_write(&u->w, prefix);
	u->list_end = wr_len(&u->w);
	return true;
}

size_t bgp_update_end(struct bgp_update_writer *u)
{
	if (u->field_at)
		wr_len16_close(&u->w, u->field_at);
	if (u->withdraw && !u->mp)
		wr_u16(&u->w, 0);
	else
		wr_bytes(&u->w, u->tail, u->tail_len);
	if (u->attrs_at)
		wr_len16_close(&u->w, u->attrs_at);
	return bgp_msg_end(&u->w);
}

//	IPv4: an UPDATE of nothing. Other families: an MP_UNREACH_NLRI without routes.
size_t bgp_end_of_rib_build(struct wr *w, unsigned family)
{
	bgp_msg_begin(w, BGP_MSG_UPDATE);
	wr_u16(w, 0);
	size_t attrs_at = wr_len16_open(w);
	if (family != BGP_FAMILY_IP4) {
		wr_u8(w, BGP_FLAG_OPTIONAL);
		wr_u8(w, BGP_ATTR_MP_UNREACH);
		wr_u8(w, 3);
		wr_u16(w, bgp_afi_of(family));
		wr_u8(w, BGP_SAFI_UNICAST);
	}
	wr_len16_close(w, attrs_at);
	return bgp_msg_end(w);
}

struct rd bgp_update_list(const struct bgp_update_writer *u)
{
	return rd_init(u->w.start + u->list_at, u->list_end - u->list_at);
}
