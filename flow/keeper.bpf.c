// The keeper's two programs. doc/keeper.md says what they do and why; the
// order of steps is in ingress.bpf.h, each step in its header.
#include "flow/egress.bpf.h"
#include "flow/ingress.bpf.h"

char licence_name[] SEC(
	"license") = "Dual BSD/GPL"; // for helpers that the kernel keeps to GPL programs

SEC("xdp")
int nearcast_in(struct xdp_md *x)
{
	return keeper(x);
}

SEC("tc")
int nearcast_out(struct __sk_buff *skb)
{
	return egress(skb);
}
