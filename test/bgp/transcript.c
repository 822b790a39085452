#include "test/bgp/transcript.h"

#include "bgp/msg.h"
#include "bgp/open.h"
#include "test/unit.h"

static const char *const dirs[] = { [BGP_OUT] = "out", [BGP_IN] = "in" };

static void write_open(struct strbuf *log, struct rd body)
{
	struct bgp_open o;
	char text[IP_TEXT];
	struct bgp_fault f = bgp_open_parse(&o, body);

	assert_int_equal(f.kind, BGP_FAULT_NONE);
	struct ip_addr id = ip_from_u32(o.id);
	sb_printf(log, " as %u hold %u id %s (", o.as, o.hold_time_s, ip_print(&id, text));
	bgp_caps_print(log, &o.caps);
	sb_char(log, ')');
}

static void write_notification(struct strbuf *log, struct rd body)
{
	struct bgp_notification n = bgp_notification_parse(body);

	sb_printf(log, " %u/%u", n.code, n.subcode);
	if (rd_more(&n.data))
		sb_char(log, ' ');
	while (rd_more(&n.data))
		sb_printf(log, "%02x", rd_u8(&n.data));
}

static void write_prefixes(struct strbuf *log, const char *verb, struct rd list, bool paths)
{
	struct ip_prefix p;
	uint32_t id;
	char text[PREFIX_TEXT];

	if (rd_more(&list))
		sb_printf(log, " %s", verb);
	while (bgp_nlri_next_path(&list, BGP_FAMILY_IP4, paths, &p, &id)) {
		sb_printf(log, " %s", prefix_print(&p, text));
		if (paths)
			sb_printf(log, " path %u", id);
	}
}

static void write_refresh(struct strbuf *log, const struct bgp_msg *m)
{
	static const char *const verbs[] = {
		[BGP_REFRESH_REQUEST] = "please",
		[BGP_REFRESH_BEGIN] = "begin",
		[BGP_REFRESH_END] = "end",
	};
	struct bgp_refresh r;

	assert_int_equal(bgp_refresh_parse(&r, m).kind, BGP_FAULT_NONE);
	assert_in_range(r.subtype, 0, BGP_REFRESH_END);
	sb_printf(log, " %s %s", verbs[r.subtype], bgp_family_name(r.family));
}

static void write_update(struct strbuf *log, struct rd body, const struct bgp_codec *codec)
{
	struct bgp_update u;

	bgp_update_decode(&u, body, codec);
	assert_int_equal(u.fault.kind, BGP_FAULT_NONE);
	if (u.end_of_rib) {
		sb_printf(log, " end %s", bgp_family_name(u.end_of_rib));
		return;
	}
	write_prefixes(log, "withdraw", u.withdrawn, u.paths);
	write_prefixes(log, "announce", u.nlri, u.paths);
	if (u.path.count)
		sb_str(log, " with ");
	bgp_path_print(&u.path, log);
}

void transcribe_message(
	struct strbuf *log, const void *bytes, size_t len, const struct bgp_codec *codec)
{
	struct bgp_msg m;
	struct bgp_fault f;

	assert_int_equal(bgp_msg_frame_up_to(&m, &f, bytes, len, BGP_MSG_EXTENDED_MAX), 0);
	assert_int_equal(m.size, len);
	sb_str(log, bgp_msg_name(m.type));
	if (m.type == BGP_MSG_OPEN)
		write_open(log, m.body);
	else if (m.type == BGP_MSG_NOTIFICATION)
		write_notification(log, m.body);
	else if (m.type == BGP_MSG_ROUTE_REFRESH)
		write_refresh(log, &m);
	else if (m.type == BGP_MSG_UPDATE)
		write_update(log, m.body, codec);
}

static void write_event(struct strbuf *log, const struct bgp_action *a)
{
	static const char *const verbs[] = {
		[BGP_EVENT_ANNOUNCED] = "announced",
		[BGP_EVENT_WITHDRAWN] = "withdrawn",
		[BGP_EVENT_UNSENDABLE] = "unsendable",
	};
	char text[PREFIX_TEXT];

	switch (a->event) {
	case BGP_EVENT_STATE:
		sb_printf(log, "state %s -> %s", bgp_state_name(a->from), bgp_state_name(a->to));
		break;
	case BGP_EVENT_ESTABLISHED:
		sb_str(log, "established");
		break;
	case BGP_EVENT_DOWN:
		sb_printf(log, "down %u/%u%s: %s", a->error.code, a->error.subcode,
			a->error.sent ? " sent" : "", a->error.text);
		break;
	case BGP_EVENT_RECEIVED:
		sb_printf(log, "received%s%s", a->error.text[0] ? ": " : "", a->error.text);
		break;
	case BGP_EVENT_ANNOUNCED:
	case BGP_EVENT_WITHDRAWN:
	case BGP_EVENT_UNSENDABLE:
		sb_printf(log, "%s %s", verbs[a->event], prefix_print(&a->prefix, text));
		break;
	}
}

void transcribe(struct strbuf *log, const struct bgp_action *a, const struct bgp_codec *codec)
{
	switch (a->kind) {
	case BGP_DO_CONNECT:
		sb_str(log, "connect");
		break;
	case BGP_DO_SEND:
		sb_printf(log, "%s ", dirs[a->dir]);
		transcribe_message(log, a->data, a->len, codec);
		break;
	case BGP_DO_CLOSE:
		sb_printf(log, "%s close", dirs[a->dir]);
		break;
	case BGP_DO_EVENT:
		write_event(log, a);
		break;
	}
	sb_char(log, '\n');
}

void transcribe_all(struct strbuf *log, struct bgp_peer *p, const struct bgp_codec *codec)
{
	struct bgp_action a;

	while (bgp_peer_next(p, &a))
		transcribe(log, &a, codec);
}
