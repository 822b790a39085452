#include "lab/config.h"

// It says whose it is, serves the streams of the world, and keeps what is put. Nothing here ever ends a
// connection that is idle or slow: what breaks one is the network.
void config_nginx(const struct lab_node *site, const char *dir, struct strbuf *b)
{
	sb_printf(b,
		"user root;\n"
		"daemon off;\n"
		"worker_processes 1;\n"
		"worker_rlimit_nofile 65536;\n"
		"pid nginx.pid;\n"
		"error_log stderr warn;\n"
		"events { worker_connections 16384; }\n"
		"http {\n"
		"\taccess_log off;\n"
		"\tsendfile on;\n"
		"\tkeepalive_timeout 24h;\n"
		"\tkeepalive_time 24h;\n"
		"\tkeepalive_requests 1000000000;\n"
		"\tclient_header_timeout 24h;\n"
		"\tclient_body_timeout 24h;\n"
		"\tsend_timeout 24h;\n"
		"\tclient_max_body_size 0;\n"
		"\tclient_body_temp_path upload.part;\n"
		"\tproxy_temp_path tmp;\n"
		"\tfastcgi_temp_path tmp;\n"
		"\tuwsgi_temp_path tmp;\n"
		"\tscgi_temp_path tmp;\n"
		"\tserver {\n"
		"\t\tlisten 80 backlog=4096;\n"
		"\t\tlisten [::]:80 ipv6only=on backlog=4096;\n"
		"\t\tlocation = /node { default_type text/plain; return 200 \"%s\\n\"; }\n"
		"\t\tlocation /stream/ { root %s/..; }\n"
		"\t\tlocation /upload/ { root %s; dav_methods PUT; create_full_put_path on; }\n"
		"\t}\n"
		"}\n",
		site->name, dir, dir);
}
