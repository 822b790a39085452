// A capture file, its packets down to TCP, and the streams put together from them. The reader
// always moves on, and what waits is bounded.
#include <errno.h>
#include <stdlib.h>

#include "lib/own.h"
#include "lib/pcap.h"
#include "lib/tcpflow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_flow(const struct flow *flow)
{
	if (flow->len > FLOW_BYTES_MAX || flow->waiting > FLOW_BYTES_MAX)
		abort();
}

static void take_packet(struct flows *flows, const struct pcap_item *item)
{
	struct tcp_segment s;

	if (packet_tcp(&s, item->link_type, item->data) < 0)
		return;
	if (rd_left(&s.payload) > rd_left(&item->data))
		abort();
	struct flow *flow = flows_add(flows, &s);
	check_flow(flow);
	struct flow *reverse = flows_reverse(flows, flow);
	if (reverse && reverse != flow && flows_reverse(flows, reverse) != flow)
		abort();
	if (s.fin) // now and then somebody reads
		flow_take(flow, flow->len / 2);
}

static void finish(struct flows *flows)
{
	struct flow *flow;

	while ((flow = flows_pending(flows))) {
		size_t waiting = flow->waiting;

		if (!flow_skip_gap(flow))
			flow_take(flow, flow->len);
		else if (flow->waiting >= waiting)
			abort();
		check_flow(flow);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(flows_free) struct flows *flows = flows_new(8, NULL);
	struct pcap p = {};
	size_t at = 0;

	while (at < size) {
		struct pcap_item item = {};
		int rc = pcap_next(&p, &item, data + at, size - at);
		if (rc == -EAGAIN && item.size <= size - at)
			abort(); // asked for what is there
		if (rc < 0)
			break;
		if (item.size == 0 || item.size > size - at)
			abort();
		if (item.packet)
			take_packet(flows, &item);
		at += item.size;
	}
	finish(flows);
	return 0;
}
