// The keeper's ingress program, measured: each run first makes the packet anew, then undoes what the
// program did to it, since the kernel does not restore a packet between the runs of one test. The
// cost of both is in the figures, and bench_nothing shows it alone.
#include "flow/ingress.bpf.h"

char licence_name[] SEC("license") = "Dual BSD/GPL";

struct bench {
	uint32_t flow_mask; // flows - 1, a power of two minus one
	uint32_t echo;      // TSecr, network order
	uint32_t turn;
	uint32_t sent;
	uint32_t wide; // IPv6, and then one flow
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, uint32_t);
	__type(value, struct bench);
	__uint(max_entries, 1);
} bench SEC(".maps");

enum {
	ECHO4 = L3 + 20 + TCP_HEADER + 8,
	ECHO6 = L3 + 40 + TCP_HEADER + 8,
	FLOWS_STEP = 2654435761u,
};

// TCP with timestamps in the usual place.
INLINE struct bench *prepare(struct xdp_md *x)
{
	void *data = frame_start(x), *end = frame_end(x);
	uint32_t zero = 0;
	struct bench *b = bpf_map_lookup_elem(&bench, &zero);

	if (!b || data + ECHO4 + 4 > end)
		return NULL;
	if (b->wide) {
		if (data + ECHO6 + 4 > end)
			return NULL;
		((struct ipv6hdr *)(data + L3))->hop_limit = 64;
		*(uint32_t *)(data + ECHO6) = b->echo;
		return b;
	}
	struct iphdr *ip = data + L3;
	struct tcphdr *tcp = data + L3 + 20;
	uint32_t flow = b->turn++ * FLOWS_STEP & b->flow_mask;
	if (b->flow_mask) { // 2^12 ports of 2^12 clients
		ip->saddr = bpf_htonl(0x0a000000 | (flow >> 12) << 8);
		tcp->source = bpf_htons(1024 + (flow & 0xfff));
	}
	ip->ttl = 64;
	*(uint32_t *)(data + ECHO4) = b->echo;
	return b;
}

INLINE void undo(struct xdp_md *x, struct bench *b)
{
	void *data = frame_start(x), *end = frame_end(x);

	if (data + L3 + WRAP4 + L3 > end)
		return;
	b->sent++;
	mac_copy(data + WRAP4, data);
	mac_copy(data + WRAP4 + ETH_ALEN, data + ETH_ALEN);
	*(uint16_t *)(data + WRAP4 + 2 * ETH_ALEN) = bpf_htons(b->wide ? ETH_P_IPV6 : ETH_P_IP);
	bpf_xdp_adjust_head(x, WRAP4); // a failure is seen as a verdict of the next run
}

SEC("xdp")
int bench_empty(struct xdp_md *)
{
	return XDP_PASS;
}

SEC("xdp")
int bench_nothing(struct xdp_md *x)
{
	prepare(x);
	return XDP_PASS;
}

SEC("xdp")
int bench_keeper(struct xdp_md *x)
{
	struct bench *b = prepare(x);

	if (!b)
		return XDP_ABORTED;
	int verdict = keeper(x);
	if (verdict == XDP_TX)
		undo(x, b);
	return verdict;
}
